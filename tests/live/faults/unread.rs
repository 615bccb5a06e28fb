//! A pipe that nobody reads: the drain goes on, and the output is complete once somebody reads it.

use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::process::Stdio;

use ::testbed::{poll, shared, wait};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::PATIENCE;
use crate::plugin::{Owned, safe_drain};

/// Whoever writes one byte more waits for a reader.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    loop {
        match writer.write(&[b'.'; 64]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[test]
fn output_that_nobody_reads_does_not_block_a_drain() {
    for unread in ["stdout", "stderr"] {
        let room = shared().room(2);
        let node = room.nodes()[0].as_str();
        room.deployment("web", 8);
        room.ready("web", 8);
        let (mut reader, writer) = full_pipe();
        let mut command = safe_drain(&room, &[node, "--yes"]).command();
        command.stdin(Stdio::null());
        match unread {
            "stdout" => command.stdout(writer).stderr(Stdio::null()),
            _ => command.stderr(writer).stdout(Stdio::null()),
        };
        let mut child = Owned(command.spawn().unwrap());
        drop(command);
        wait(&format!("the pods to leave while {unread} is not read"), PATIENCE, || {
            room.pods_on(node).is_empty().then_some(())
        });
        // Somebody reads at last.
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        let status = poll(PATIENCE, || child.0.try_wait().unwrap());
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{unread}: {output}");
        let last = if unread == "stdout" { "drained" } else { " gone" };
        assert!(output.contains(last), "{unread}: {output}");
    }
}
