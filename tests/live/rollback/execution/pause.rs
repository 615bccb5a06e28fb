//! Pauses a rollback between its plan and its write: there the user's own diff program runs, and this one waits.

use std::path::PathBuf;
use std::process::Command;

use ::testbed::{Room, wait};

use super::PATIENCE;
use crate::plugin::Run;

pub struct Pause {
    /// Numbered: who is here, and who may go on.
    directory: PathBuf,
}

impl Pause {
    pub fn new(room: &Room<'_>) -> Self {
        let directory = room.cluster().dir().join(format!("pause-{}", room.namespace()));
        std::fs::create_dir(&directory).unwrap();
        let at = directory.display();
        // Ends with its test too: then the directory is gone. Exit code 1 means that there are differences.
        let script = format!(
            "#!/bin/sh\nn=1\nuntil mkdir {at}/here-$n 2>/dev/null; do n=$((n+1)); [ -d {at} ] || exit 1; done\n\
             while [ -d {at} ] && [ ! -e {at}/go-$n ]; do sleep 0.02; done\nexit 1\n"
        );
        let (text, program) = (directory.join("text"), directory.join("program"));
        std::fs::write(&text, script).unwrap();
        // Not written here: a child that another test forks just then would keep it open, and it could not be run.
        let made = Command::new("install").args(["-m", "755"]).args([&text, &program]).status();
        assert!(made.unwrap().success());
        Self { directory }
    }

    /// The rollback needs `--diff=full` for it.
    pub fn hold<'r>(&self, run: Run<'r>) -> Run<'r> {
        run.env("KUBECTL_EXTERNAL_DIFF", self.directory.join("program").display().to_string())
    }

    /// Waits until somebody waits here for the `n`th time, the first being 1.
    #[track_caller]
    pub fn reached(&self, n: usize) {
        let here = self.directory.join(format!("here-{n}"));
        wait(&format!("plan {n}"), PATIENCE, || here.is_dir().then_some(()));
    }

    /// Whoever waits for the `n`th time, or will, goes on.
    pub fn go_on(&self, n: usize) {
        std::fs::write(self.directory.join(format!("go-{n}")), "").unwrap();
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
