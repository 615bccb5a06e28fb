//! A pipe that is not read does not block the run: it goes on, and a signal or its deadline ends it, with its report where that is read.

#![cfg(unix)]

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::terminal::program;

/// It would never end otherwise.
const AT_ONCE: Duration = Duration::from_secs(30);

/// How it ended after the signals, and what was read of the other stream.
fn end(deed: &str, signals: &[Signal]) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    let command = command.arg(deed).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (unread, read): (&mut dyn Read, &mut dyn Read) =
        if deed == "flood-out" { (&mut out, &mut err) } else { (&mut err, &mut out) };
    // It runs, and no more than this is ever read.
    unread.read_exact(&mut [0; 10]).unwrap();
    for signal in signals {
        kill_process(Pid::from_child(&child), *signal).unwrap();
    }
    let end = testbed::poll(AT_ONCE, || child.try_wait().unwrap());
    let _ = child.kill();
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    (end.and_then(|status| status.code()), text)
}

#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    for deed in ["flood", "flood-out"] {
        for signals in [&[Signal::INT][..], &[Signal::TERM], &[Signal::HUP]] {
            let (code, read) = end(deed, signals);
            assert_eq!(code, Some(130), "{deed} {signals:?}");
            assert_eq!(read.contains("report"), deed == "flood", "{deed} {signals:?}: {read}");
        }
    }
}

#[test]
fn a_deadline_ends_a_run_whose_output_nobody_reads_and_its_report_is_written() {
    let (code, read) = end("flood-late", &[]);
    assert_eq!((code, read.as_str()), (Some(124), "report\n"));
}
