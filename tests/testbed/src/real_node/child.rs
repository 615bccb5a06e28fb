//! One program of a real node.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use crate::error::Error;
use crate::group::Group;
use crate::process::last_words;
use crate::wait::poll;

/// Far above what a loaded machine needs.
const START: Duration = Duration::from_secs(60);

/// Dropping it ends the program.
pub struct Program {
    name: &'static str,
    log: PathBuf,
    child: Child,
}

impl Program {
    pub fn start(
        group: &Group,
        name: &'static str,
        file: &Path,
        args: &[String],
        log: PathBuf,
    ) -> Result<Self, Error> {
        let child = group.spawn(file, args, &log)?;
        Ok(Self { name, log, child })
    }

    /// Waits until `probe` has an answer; the error has the program's last words.
    pub fn until<T>(&mut self, what: &str, mut probe: impl FnMut() -> Option<T>) -> Result<T, Error> {
        let answer = poll(START, || match self.child.try_wait() {
            Ok(None) => probe().map(Ok),
            Ok(Some(status)) => Some(Err(format!("{} ended with {status}", self.name))),
            Err(error) => Some(Err(format!("cannot wait for {}: {error}", self.name))),
        });
        let late = || Err(format!("{what}: not within {START:?}"));
        answer.unwrap_or_else(late).map_err(|why| Error::new(format!("{why}:\n{}", last_words(&self.log))))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
