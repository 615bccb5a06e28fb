//! Waiting for a condition: by polling, never by sleeping for a guessed time.

use std::time::{Duration, Instant};

/// Far more than anything takes that is worth waiting for, on a machine that does much else. Only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Polls until `probe` has an answer. Panics, naming `what`, when there is none within `limit`.
#[track_caller]
pub fn wait<T>(what: &str, limit: Duration, probe: impl FnMut() -> Option<T>) -> T {
    match poll(limit, probe) {
        Some(answer) => answer,
        None => panic!("waited {limit:?} in vain for: {what}"),
    }
}

/// The same, for a caller that reports more than `what` when the time is up.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(100));
    }
}
