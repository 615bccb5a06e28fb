//! Writes to the terminal, to pipes and files in a thread of its own: a reader that is slow, or gone, does not block the run. Starts a thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::streams::{Stream, takes_more};
use crate::mutex::lock;

/// Unread lines on stderr beyond this many are dropped.
const MOST_WAITING: usize = 100_000;

/// A process that gets no time on a busy machine is given so many times the patience.
pub(super) const STARVED: u32 = 20;
const LOOK: Duration = Duration::from_secs(1);

type Write = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Stream, Write)>,
    /// The last frame, drawn when nothing else waits; an older one is of no use.
    frame: Option<Write>,
    /// Under way.
    writing: Option<Stream>,
    written: u64,
    is_started: bool,
}

impl State {
    fn is_unread(&self) -> bool {
        self.writing.is_some_and(|stream| !takes_more(stream))
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.frame.is_none() && self.writing.is_none()
    }
}

impl Writer {
    /// In the order of the calls, whatever the stream.
    pub fn write(&self, stream: Stream, write: impl FnOnce() + Send + 'static) {
        self.change(|state| {
            if stream == Stream::Out || state.waiting.len() < MOST_WAITING {
                state.waiting.push_back((stream, Box::new(write)));
            }
        });
    }

    pub fn write_frame(&self, draw: impl FnOnce() + Send + 'static) {
        self.change(|state| state.frame = Some(Box::new(draw)));
    }

    /// After the last frame.
    pub fn end_frames(&self, clear: impl FnOnce() + Send + 'static) {
        self.change(|state| {
            let last = state.frame.take().into_iter().chain([Box::new(clear) as Write]);
            state.waiting.extend(last.map(|write| (Stream::Err, write)));
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.0.state);
        change(&mut state);
        if !std::mem::replace(&mut state.is_started, true) {
            let writer = self.clone();
            thread::spawn(move || writer.run());
        }
        drop(state);
        self.0.changed.notify_all();
    }

    fn run(&self) {
        loop {
            let mut state = lock(&self.0.state);
            let (stream, write) = loop {
                let frame = |state: &mut State| state.frame.take().map(|frame| (Stream::Err, frame));
                match state.waiting.pop_front().or_else(|| frame(&mut state)) {
                    Some(next) => break next,
                    None => state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            state.writing = Some(stream);
            drop(state);
            write();
            let mut state = lock(&self.0.state);
            state.writing = None;
            state.written += 1;
            drop(state);
            self.0.changed.notify_all();
        }
    }

    /// Does a write wait for a reader? Otherwise it waits for the processor, or for nothing.
    pub fn is_unread(&self) -> bool {
        lock(&self.0.state).is_unread()
    }

    /// Waits until all is written. With `patience`: gives up once nothing was read for so long.
    pub fn flush(&self, patience: Option<Duration>) {
        let mut state = lock(&self.0.state);
        let (mut written, mut since) = (state.written, Instant::now());
        while !state.is_idle() {
            if state.written != written {
                (written, since) = (state.written, Instant::now());
            }
            let waited = since.elapsed();
            if patience.is_some_and(|patience| {
                waited >= patience * STARVED || waited >= patience && state.is_unread()
            }) {
                return;
            }
            let longest = patience.map_or(LOOK, |patience| (patience / 4).min(LOOK));
            let waited = self.0.changed.wait_timeout(state, longest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stderr is not read: what waits for stdout behind it is written all the same.
    pub fn pass_by_stderr(&self, patience: Duration) {
        let mut state = lock(&self.0.state);
        if state.writing != Some(Stream::Err) {
            return;
        }
        let all = std::mem::take(&mut state.waiting);
        drop(state);
        let other = Writer::default();
        for (stream, write) in all {
            if stream == Stream::Out {
                other.write(stream, write);
            }
        }
        other.flush(Some(patience));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const SOON: Duration = Duration::from_millis(20);

    #[test]
    fn a_reader_that_is_gone_blocks_nothing_and_stdout_is_still_written() {
        let writer = Writer::default();
        let (gone, read) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        writer.write(Stream::Err, move || {
            let _ = read.recv();
        });
        writer.write(Stream::Err, || panic!("never read"));
        writer.write(Stream::Out, move || {
            let _ = report.send("report");
        });
        writer.flush(Some(SOON));
        assert!(reported.try_recv().is_err(), "it waits its turn");
        writer.pass_by_stderr(SOON * 50);
        assert_eq!(reported.recv(), Ok("report"));
        drop(gone);
    }

    /// A machine that is busy may not let it write for longer than a reader would be waited for.
    #[test]
    fn a_slow_writer_is_not_taken_for_a_reader_that_is_gone() {
        let writer = Writer::default();
        let patience = Duration::from_millis(500);
        let (_never, held) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        writer.write(Stream::Err, move || {
            let _ = held.recv_timeout(patience * 2);
        });
        writer.write(Stream::Out, move || {
            let _ = report.send("report");
        });
        writer.flush(Some(patience));
        assert_eq!(reported.try_recv(), Ok("report"));
    }

    #[test]
    fn all_is_written_in_order_and_of_frames_the_last_one() {
        let writer = Writer::default();
        let (gate, opened) = mpsc::channel::<()>();
        let (line, lines) = mpsc::channel();
        let text = |text: &'static str| {
            let line = line.clone();
            move || {
                let _ = line.send(text);
            }
        };
        writer.write(Stream::Err, move || {
            let _ = opened.recv();
        });
        writer.write_frame(text("a frame that is not seen"));
        writer.write(Stream::Out, text("out"));
        writer.write_frame(text("frame"));
        writer.write(Stream::Err, text("err"));
        writer.end_frames(text("cleared"));
        drop(gate);
        writer.flush(None);
        let seen: Vec<&str> = lines.try_iter().collect();
        assert_eq!(seen, ["out", "err", "frame", "cleared"]);
    }
}
