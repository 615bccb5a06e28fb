//! The programs of the control plane: found in the cache, or built once from Go modules.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::error::{Doing, Error};
use crate::status::{self, Progress};

const GO_MOD: &str = include_str!("../control-plane/go.mod");
const GO_SUM: &str = include_str!("../control-plane/go.sum");

/// As the bed calls them; etcd's main package is named `server`.
const PROGRAMS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"];

const ELSEWHERE: &str = "or set TESTBED_ASSETS to a directory that holds the programs ready";

/// The directory with every program; built first if this machine has none yet.
pub fn assets() -> Result<PathBuf, Error> {
    if let Some(dir) = std::env::var_os("TESTBED_ASSETS") {
        return ready(PathBuf::from(dir));
    }
    let home = cache_dir()?.join(key());
    let bin = home.join("bin");
    if bin.is_dir() {
        return Ok(bin);
    }
    fs::create_dir_all(&home).doing(&format!("cannot create {}", home.display()))?;
    let _lock = lock(&home.join("lock"))?;
    if !bin.is_dir() {
        build(&home, &bin)?;
    }
    Ok(bin)
}

/// Where everything that outlives a run is kept.
pub fn cache_dir() -> Result<PathBuf, Error> {
    let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        _ => {
            return Err(Error::new("neither XDG_CACHE_HOME nor HOME is set: no place for the control plane"));
        }
    };
    Ok(base.join("kubectl-plugins-testbed"))
}

/// The version of Kubernetes that go.mod pins.
pub fn kubernetes_version() -> &'static str {
    required("k8s.io/kubernetes ")
}

fn required(prefix: &str) -> &'static str {
    GO_MOD
        .lines()
        .find_map(|line| line.trim().strip_prefix(prefix))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("unknown")
}

fn ready(dir: PathBuf) -> Result<PathBuf, Error> {
    match PROGRAMS.iter().find(|program| !dir.join(program).is_file()) {
        None => Ok(dir),
        Some(program) => {
            Err(Error::new(format!("TESTBED_ASSETS={}: {program} is not in there", dir.display())))
        }
    }
}

/// What the programs depend on: FNV-1a over the pinned modules, with the platform beside it.
fn key() -> String {
    let hash = GO_MOD.bytes().chain(GO_SUM.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{}-{}-{}-{hash:016x}", kubernetes_version(), std::env::consts::OS, std::env::consts::ARCH)
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).doing(&format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            status::line("another process is building the control plane; waiting for it");
        }
        Err(TryLockError::Error(_)) => {}
    }
    file.lock().doing(&format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn build(home: &Path, bin: &Path) -> Result<(), Error> {
    check_go()?;
    status::line(&format!(
        "building Kubernetes {}, etcd and kwok from source: about ten minutes on two cores, once; kept in {}",
        kubernetes_version(),
        bin.display()
    ));
    let work = home.join("building");
    let out = work.join("bin");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&out).doing(&format!("cannot create {}", out.display()))?;
    fs::write(work.join("go.mod"), GO_MOD).doing("cannot write go.mod")?;
    fs::write(work.join("go.sum"), GO_SUM).doing("cannot write go.sum")?;

    let packages = fetch(&work)?;
    compile(&work, &out, packages)?;
    fs::rename(out.join("server"), out.join("etcd")).doing("go build left no etcd")?;
    fs::rename(&out, bin).doing("cannot move the built programs into place")?;
    let _ = fs::remove_dir_all(&work);
    status::line("the control plane is built");
    Ok(())
}

fn check_go() -> Result<(), Error> {
    let wanted = required("go ");
    let how = format!("install Go {wanted} or newer from https://go.dev/dl, {ELSEWHERE}");
    let output = go().arg("version").output().map_err(|_| {
        Error::new(format!("Go is needed to build the control plane and was not found: {how}"))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.split_whitespace().find_map(|word| word.strip_prefix("go1.")).unwrap_or_default();
    let minor =
        |version: &str| version.split(['.', '-', 'r', 'b']).next().and_then(|n| n.parse::<u32>().ok());
    if minor(found) < wanted.strip_prefix("1.").and_then(minor) {
        return Err(Error::new(format!("Go 1.{found} is too old to build the control plane: {how}")));
    }
    Ok(())
}

fn go() -> Command {
    let mut go = Command::new("go");
    // GOGC: fewer collections in the compiler; a fifth of the time on two cores.
    go.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0").env("GOGC", "400");
    go
}

/// Downloads the modules that are needed; the answer is how many packages there are to compile.
fn fetch(work: &Path) -> Result<usize, Error> {
    let list = work.join("packages");
    let stdout = File::create(&list).doing("cannot write the list of packages")?;
    let mut modules = 0;
    run(
        go().current_dir(work).args(["list", "-deps", "tool"]).stdout(stdout),
        |line| modules += usize::from(line.starts_with("go: downloading")),
        |modules| format!("fetching Go modules  {modules}"),
    )?;
    let text = fs::read_to_string(&list).doing("cannot read the list of packages")?;
    Ok(text.lines().count())
}

fn compile(work: &Path, out: &Path, packages: usize) -> Result<(), Error> {
    let stamp = format!("-s -w -X k8s.io/component-base/version.gitVersion={}", kubernetes_version());
    let mut build = go();
    build.current_dir(work).args(["build", "-v", "-trimpath", "-ldflags", &stamp, "-o"]);
    build.arg(format!("{}/", out.display())).arg("tool").stdout(Stdio::null());
    run(
        &mut build,
        |_| (),
        // Packages that Go's own cache still has are not named again, so this may stay low.
        |compiled| {
            let linked = fs::read_dir(out).map_or(0, |entries| entries.count());
            format!(
                "building the control plane  {compiled}/{packages} packages  {linked}/{} programs linked",
                PROGRAMS.len()
            )
        },
    )
}

/// Runs one step of Go to its end, showing how many lines it has printed; its last lines make the error.
fn run(
    command: &mut Command,
    mut each: impl FnMut(&str),
    describe: impl Fn(usize) -> String,
) -> Result<(), Error> {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().doing("cannot run go")?;
    let received = lines_of(&mut child);
    let mut progress = Progress::start();
    let mut lines: Vec<String> = Vec::new();
    loop {
        progress.show(&describe(lines.len()));
        match received.recv_timeout(Duration::from_millis(250)) {
            Ok(line) => {
                each(&line);
                lines.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    progress.finish();
    if child.wait().doing("cannot wait for go")?.success() {
        return Ok(());
    }
    let tail = lines.split_off(lines.len().saturating_sub(30)).join("\n");
    Err(Error::new(format!("the control plane could not be built; go printed:\n{tail}")))
}

fn lines_of(child: &mut Child) -> std::sync::mpsc::Receiver<String> {
    let (send, receive) = channel();
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receive
}
