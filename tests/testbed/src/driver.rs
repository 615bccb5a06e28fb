//! A thread that drives I/O, so that everybody else can make plain blocking calls.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::{Doing, Error};

pub(crate) struct Driver {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    pub fn start() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().doing("cannot start a runtime")?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The future's output, or nothing if it takes longer than `limit`.
    pub fn block_on<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        self.handle.block_on(async { tokio::time::timeout(limit, future).await.ok() })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
