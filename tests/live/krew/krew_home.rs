//! A user's home with krew and kubectl in it, and nothing of the machine's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::testbed::{assets, release_tools};

/// Where nobody listens: a request to anything but loopback fails at once.
const NO_PROXY_THERE: &str = "http://127.0.0.1:9";

pub struct KrewHome {
    home: PathBuf,
    bin: PathBuf,
    index: String,
    kubeconfig: PathBuf,
}

impl KrewHome {
    /// Below `work`. `index` takes the place of krew's own.
    pub fn new(work: &Path, index: &str, kubeconfig: Option<&Path>) -> Self {
        let home = work.join("home");
        let bin = home.join("bin");
        fs::create_dir_all(home.join("krew/bin")).unwrap();
        fs::create_dir_all(&bin).unwrap();
        symlink(assets().unwrap().join("kubectl"), bin.join("kubectl")).unwrap();
        symlink(release_tools().unwrap().join("krew"), bin.join("kubectl-krew")).unwrap();
        symlink(git_program(), bin.join("git")).unwrap();
        let kubeconfig = kubeconfig.map_or_else(|| home.join("none"), Path::to_owned);
        KrewHome { home, bin, index: index.to_owned(), kubeconfig }
    }

    /// What it printed; panics with that if it fails.
    #[track_caller]
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        self.try_run(program, args).unwrap_or_else(|output| panic!("{program} {}:\n{output}", args.join(" ")))
    }

    /// What it printed on stdout, or, if it failed, on both streams.
    pub fn try_run(&self, program: &str, args: &[&str]) -> Result<String, String> {
        let program = if program.contains('/') { PathBuf::from(program) } else { self.bin.join(program) };
        let krew = self.home.join("krew");
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(&self.home)
            .env_clear()
            .envs(git_settings())
            .env("HOME", &self.home)
            .env("TMPDIR", &self.home)
            .env("PATH", format!("{}:{}", self.bin.display(), krew.join("bin").display()))
            .env("KREW_ROOT", krew)
            .env("KREW_DEFAULT_INDEX_URI", &self.index)
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null());
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(proxy, NO_PROXY_THERE);
        }
        let output = command.output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(out) } else { Err(format!("{out}{err}")) }
    }

    /// The names of `kubectl plugin list`, sorted, which fails over any that it warns of.
    #[track_caller]
    pub fn plugins(&self) -> Vec<String> {
        let listed = self.run("kubectl", &["plugin", "list", "--name-only"]);
        let mut names: Vec<String> =
            listed.lines().filter(|line| line.starts_with("kubectl-")).map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Where krew keeps what is installed.
    pub fn store(&self) -> PathBuf {
        self.home.join("krew/store")
    }
}

/// git in `dir`, with nobody's settings.
pub fn git(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(dir).envs(git_settings());
    git
}

fn git_settings() -> [(&'static str, &'static str); 6] {
    [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "test"),
        ("GIT_AUTHOR_EMAIL", "test@localhost"),
        ("GIT_COMMITTER_NAME", "test"),
        ("GIT_COMMITTER_EMAIL", "test@localhost"),
    ]
}

fn git_program() -> PathBuf {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&dirs).map(|dir| dir.join("git")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("krew needs git, and it is not on PATH"))
}
