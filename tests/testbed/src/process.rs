//! One component's process: started, signalled, restarted.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::components::Component;
use crate::error::{Doing, Error};
use crate::group::Group;

pub(crate) struct Process {
    component: Component,
    program: PathBuf,
    args: Vec<String>,
    log: PathBuf,
    port: u16,
    child: Child,
}

impl Process {
    pub fn start(
        group: &Group,
        assets: &Path,
        component: Component,
        args: Vec<String>,
        port: u16,
    ) -> Result<Self, Error> {
        let program = assets.join(component.program());
        let log = group.dir().join(format!("{component}.log"));
        let child = group.spawn(&program, &args, &log)?;
        Ok(Self { component, program, args, log, port, child })
    }

    pub fn restart(&mut self, group: &Group) -> Result<(), Error> {
        self.child = group.spawn(&self.program, &self.args, &self.log)?;
        Ok(())
    }

    /// SIGKILL, and until it is gone: its port is free again only then.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    pub fn listens(&self) -> bool {
        // A connection from a port to itself comes about when that is the one that the system chooses to connect from.
        TcpStream::connect(("127.0.0.1", self.port))
            .is_ok_and(|stream| stream.local_addr().ok() != stream.peer_addr().ok())
    }

    /// Why it is no longer there, in its own last words.
    pub fn ended(&mut self) -> Option<Error> {
        let status = self.child.try_wait().doing("cannot wait for a component");
        let status = match status {
            Ok(status) => status?,
            Err(error) => return Some(error),
        };
        Some(Error::new(format!("{} ended with {status}:\n{}", self.component, last_words(&self.log))))
    }

    pub fn log(&self) -> String {
        content(&self.log)
    }
}

/// The end of a log: why its program is no longer there.
pub(crate) fn last_words(log: &Path) -> String {
    let text = content(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

fn content(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
