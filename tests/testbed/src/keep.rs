//! `testbed up` and `down`: a cluster that outlives the command that started it.
//!
//! `up` starts a keeper, which owns the cluster and holds a lock on the state file for as long as it lives.
//! `down` ends the keeper; the cluster's own guard does the rest.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testbed::{Error, build_plugins, build_plugins_aloud, status, wait};

use crate::print;
use crate::run::start;

const PATIENCE: Duration = Duration::from_secs(600);

pub fn up(nodes: usize) -> Result<ExitCode, Error> {
    let path = state_file()?;
    if !kept(&path) {
        // Here, where progress is seen, not in the keeper.
        testbed::assets()?;
        build_plugins_aloud()?;
        launch(nodes, &path)?;
    }
    let state = State::read(&path)?;
    status::line("running; end it with `testbed down`");
    print(&state.exports)
}

pub fn down() -> Result<ExitCode, Error> {
    let path = state_file()?;
    if !kept(&path) {
        let _ = fs::remove_file(&path);
        status::line("no cluster is kept");
        return Ok(ExitCode::SUCCESS);
    }
    let state = State::read(&path)?;
    if let Some(pid) = Pid::from_raw(state.keeper) {
        let _ = kill_process(pid, Signal::KILL);
    }
    wait("the cluster to end", PATIENCE, || (!kept(&path) && !state.dir.exists()).then_some(()));
    let _ = fs::remove_file(path.with_extension("log"));
    let _ = fs::remove_file(&path);
    status::line("the cluster is gone");
    Ok(ExitCode::SUCCESS)
}

/// The keeper: lives until it is killed.
pub fn keep(nodes: usize, path: &Path) -> Result<ExitCode, Error> {
    let failed = |error| Error::new(format!("cannot write {}: {error}", path.display()));
    let cluster = start(nodes, false)?;
    let mut search = vec![testbed::assets()?, build_plugins()?.to_owned()];
    search.dedup();
    let search: Vec<String> = search.iter().map(|dir| dir.display().to_string()).collect();
    let kubeconfig = cluster.kubeconfig().display();
    let state = format!(
        "{}\n{}\nexport KUBECONFIG='{kubeconfig}'\nexport XDG_STATE_HOME='{}'\nexport PATH='{}':\"$PATH\"\n",
        std::process::id(),
        cluster.dir().display(),
        cluster.dir().join("state").display(),
        search.join(":")
    );
    // Locked before it gets its name: whoever sees it finds a keeper that lives.
    let fresh = path.with_extension("new");
    let file = File::create(&fresh).map_err(failed)?;
    file.lock().map_err(failed)?;
    fs::write(&fresh, state).and_then(|()| fs::rename(&fresh, path)).map_err(failed)?;
    loop {
        std::thread::park();
    }
}

struct State {
    keeper: i32,
    dir: PathBuf,
    exports: String,
}

impl State {
    fn read(path: &Path) -> Result<Self, Error> {
        let bad = || Error::new(format!("{} is not what `testbed up` writes; remove it", path.display()));
        let text = fs::read_to_string(path).map_err(|_| bad())?;
        let mut parts = text.splitn(3, '\n');
        let mut next = || parts.next().ok_or_else(bad);
        let keeper = next()?.parse().map_err(|_| bad())?;
        Ok(Self { keeper, dir: PathBuf::from(next()?), exports: next()?.trim_end().to_owned() })
    }
}

fn state_file() -> Result<PathBuf, Error> {
    let dir = testbed::cache_dir()?;
    fs::create_dir_all(&dir)
        .map_err(|error| Error::new(format!("cannot create {}: {error}", dir.display())))?;
    Ok(dir.join("kept"))
}

/// A keeper lives: it holds the lock.
fn kept(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

fn launch(nodes: usize, path: &Path) -> Result<(), Error> {
    let log = path.with_extension("log");
    let failed = |error: std::io::Error| Error::new(format!("cannot start the keeper: {error}"));
    let mut keeper = Command::new(this_program().map_err(failed)?)
        .arg("keep")
        .arg(nodes.to_string())
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).map_err(failed)?)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    status::line("starting the cluster");
    let ended = wait("the cluster to start", PATIENCE, || {
        if kept(path) {
            return Some(None);
        }
        keeper.try_wait().ok().flatten().map(Some)
    });
    match ended {
        None => Ok(()),
        Some(_) => Err(Error::new(fs::read_to_string(&log).unwrap_or_default().trim_end())),
    }
}

/// Building the plugins may have replaced this very file; Linux still has what is running.
fn this_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
