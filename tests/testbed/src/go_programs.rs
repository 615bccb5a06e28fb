//! Programs of Go modules: found in the cache, or built once.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::error::{Doing, Error};
use crate::status::{self, Progress};

/// Programs that one go.mod pins, as tools of it.
pub struct GoPrograms {
    /// In sentences.
    pub name: &'static str,
    /// What is built, and how long it takes.
    pub effort: &'static str,
    pub go_mod: &'static str,
    pub go_sum: &'static str,
    /// The module whose version names the directory in the cache.
    pub module: &'static str,
    /// Ends the name of that directory, if another set of programs has the same go.mod.
    pub suffix: &'static str,
    /// What is built: main packages that are tools in go.mod, or `tool` for all of them.
    pub packages: &'static [&'static str],
    pub programs: &'static [&'static str],
    /// What `go build` calls differently.
    pub renamed: &'static [(&'static str, &'static str)],
    /// For the linker.
    pub stamp: fn(&GoPrograms) -> String,
    /// Names a directory with the programs ready.
    pub variable: &'static str,
}

impl GoPrograms {
    /// The directory with every program; built first if this machine has none yet.
    pub fn dir(&self) -> Result<PathBuf, Error> {
        if let Some(dir) = std::env::var_os(self.variable) {
            return self.ready(PathBuf::from(dir));
        }
        let home = cache_dir()?.join(self.key());
        let bin = home.join("bin");
        if bin.is_dir() {
            return Ok(bin);
        }
        fs::create_dir_all(&home).doing(&format!("cannot create {}", home.display()))?;
        let _lock = lock(&home.join("lock"), self.name)?;
        if !bin.is_dir() {
            self.build(&home, &bin)?;
        }
        Ok(bin)
    }

    /// The version that go.mod pins of the module that names these programs.
    pub fn version(&self) -> &'static str {
        self.required(&format!("{} ", self.module))
    }

    fn required(&self, prefix: &str) -> &'static str {
        let version = self.go_mod.lines().find_map(|line| line.trim().strip_prefix(prefix));
        version.and_then(|rest| rest.split_whitespace().next()).unwrap_or("unknown")
    }

    fn elsewhere(&self) -> String {
        format!("or set {} to a directory that holds the programs ready", self.variable)
    }

    fn ready(&self, dir: PathBuf) -> Result<PathBuf, Error> {
        match self.programs.iter().find(|program| !dir.join(program).is_file()) {
            None => Ok(dir),
            Some(program) => {
                Err(Error::new(format!("{}={}: {program} is not in there", self.variable, dir.display())))
            }
        }
    }

    /// What the programs depend on: FNV-1a over the pinned modules, with the platform beside it.
    fn key(&self) -> String {
        let modules = self.go_mod.bytes().chain(self.go_sum.bytes());
        let hash = modules.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("{}-{os}-{arch}-{hash:016x}{}", self.version(), self.suffix)
    }

    fn build(&self, home: &Path, bin: &Path) -> Result<(), Error> {
        self.check_go()?;
        status::line(&format!("building {}, once; kept in {}", self.effort, bin.display()));
        let work = home.join("building");
        let out = work.join("bin");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&out).doing(&format!("cannot create {}", out.display()))?;
        fs::write(work.join("go.mod"), self.go_mod).doing("cannot write go.mod")?;
        fs::write(work.join("go.sum"), self.go_sum).doing("cannot write go.sum")?;

        let packages = self.fetch(&work)?;
        self.compile(&work, &out, packages)?;
        for (from, to) in self.renamed {
            fs::rename(out.join(from), out.join(to)).doing(&format!("go build left no {to}"))?;
        }
        fs::rename(&out, bin).doing("cannot move the built programs into place")?;
        let _ = fs::remove_dir_all(&work);
        status::line(&format!("{} is built", self.name));
        Ok(())
    }

    fn check_go(&self) -> Result<(), Error> {
        let wanted = self.required("go ");
        let how = format!("install Go {wanted} or newer from https://go.dev/dl, {}", self.elsewhere());
        let output = go().arg("version").output().map_err(|_| {
            Error::new(format!("Go is needed to build {} and was not found: {how}", self.name))
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.split_whitespace().find_map(|word| word.strip_prefix("go1.")).unwrap_or_default();
        let minor =
            |version: &str| version.split(['.', '-', 'r', 'b']).next().and_then(|n| n.parse::<u32>().ok());
        if minor(found) < wanted.strip_prefix("1.").and_then(minor) {
            return Err(Error::new(format!("Go 1.{found} is too old to build {}: {how}", self.name)));
        }
        Ok(())
    }

    /// Downloads the modules that are needed; the answer is how many packages there are to compile.
    fn fetch(&self, work: &Path) -> Result<usize, Error> {
        let list = work.join("packages");
        let stdout = File::create(&list).doing("cannot write the list of packages")?;
        let mut modules = 0;
        self.run(
            go().current_dir(work).args(["list", "-deps"]).args(self.packages).stdout(stdout),
            |line| modules += usize::from(line.starts_with("go: downloading")),
            |modules| format!("fetching Go modules  {modules}"),
        )?;
        let text = fs::read_to_string(&list).doing("cannot read the list of packages")?;
        Ok(text.lines().count())
    }

    fn compile(&self, work: &Path, out: &Path, packages: usize) -> Result<(), Error> {
        let mut build = go();
        build.current_dir(work).args(["build", "-v", "-trimpath", "-ldflags", &(self.stamp)(self), "-o"]);
        build.arg(format!("{}/", out.display())).args(self.packages).stdout(Stdio::null());
        self.run(
            &mut build,
            |_| (),
            // Packages that Go's own cache still has are not named again, so this may stay low.
            |compiled| {
                let linked = fs::read_dir(out).map_or(0, |entries| entries.count());
                format!(
                    "building {}  {compiled}/{packages} packages  {linked}/{} programs linked",
                    self.name,
                    self.programs.len()
                )
            },
        )
    }

    /// Runs one step of Go to its end, showing how many lines it has printed; its last lines make the error.
    fn run(
        &self,
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
        Err(Error::new(format!("{} could not be built; go printed:\n{tail}", self.name)))
    }
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

fn lock(path: &Path, name: &str) -> Result<File, Error> {
    let file = File::create(path).doing(&format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            status::line(&format!("another process is building {name}; waiting for it"));
        }
        Err(TryLockError::Error(_)) => {}
    }
    file.lock().doing(&format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn go() -> Command {
    let mut go = Command::new("go");
    // GOGC: fewer collections in the compiler; a fifth of the time on two cores.
    go.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0").env("GOGC", "400");
    go
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
