//! A pipe that nobody reads, once it is full, holds up whoever writes: a signal ends the run all the same.

#![cfg(unix)]

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::terminal::program;

const AT_ONCE: Duration = Duration::from_secs(2);

/// How long after the last of the signals it ended, and with which code.
fn end(deed: &str, signals: &[Signal]) -> (Duration, Option<i32>) {
    let mut command = Command::new(program());
    let command = command.arg(deed).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read: &mut dyn Read = if deed == "flood" { &mut err } else { &mut out };
    // It runs, and no more than this is ever read.
    read.read_exact(&mut [0; 10]).unwrap();
    for signal in signals {
        kill_process(Pid::from_child(&child), *signal).unwrap();
    }
    let sent = Instant::now();
    let end = testbed::poll(AT_ONCE * 10, || child.try_wait().unwrap());
    let took = sent.elapsed();
    let _ = child.kill();
    (took, end.and_then(|status| status.code()))
}

#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    for deed in ["flood", "flood-out"] {
        for signals in [&[Signal::INT][..], &[Signal::TERM], &[Signal::HUP], &[Signal::INT, Signal::TERM]] {
            let (took, code) = end(deed, signals);
            assert_eq!(code, Some(130), "{deed} {signals:?}");
            assert!(took < AT_ONCE, "{deed}: it ended {took:?} after {signals:?}");
        }
    }
}
