//! Archives and manifests as the `release` program makes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::testbed::{plugins_dir, program};

/// The platform that the tests run on, as archives name it.
pub const HERE: &str = if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-amd64" };

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One version of every plugin.
pub struct Release {
    archives: PathBuf,
    manifests: PathBuf,
    version: String,
}

impl Release {
    /// The plugins under test, without their debugging information: krew hashes, copies and unpacks them several times.
    pub fn of_the_plugins(work: &Path, version: &str, url: &str) -> Self {
        let programs = work.join("programs");
        fs::create_dir(&programs).unwrap();
        for entry in fs::read_dir(plugins_dir()).unwrap() {
            let plugin = entry.unwrap().path();
            let stripped = programs.join(plugin.file_name().unwrap());
            let strip = Command::new("strip").arg(&plugin).arg("-o").arg(&stripped).status();
            assert!(strip.unwrap().success(), "cannot strip {}", plugin.display());
        }
        Self::make(work, version, url, &programs, &[HERE])
    }

    /// `script` as the program of every plugin, on these platforms.
    pub fn of(work: &Path, version: &str, url: &str, script: &str, platforms: &[&str]) -> Self {
        let programs = work.join(format!("{version}-programs"));
        fs::create_dir(&programs).unwrap();
        for plugin in release(&["list"]).lines() {
            fs::write(programs.join(format!("kubectl-{}", plugin.replace('-', "_"))), script).unwrap();
        }
        Self::make(work, version, url, &programs, platforms)
    }

    fn make(work: &Path, version: &str, url: &str, programs: &Path, platforms: &[&str]) -> Self {
        let archives = work.join(version);
        let manifests = work.join(format!("{version}-manifests"));
        let made = Release { archives, manifests, version: version.to_owned() };
        let (dir, root) = (made.archives.to_str().unwrap(), root());
        for plugin in release(&["list"]).lines() {
            let binary = programs.join(format!("kubectl-{}", plugin.replace('-', "_")));
            let binary = format!("--binary={}", binary.display());
            for platform in platforms {
                let root = format!("--root={}", root.display());
                release(&[
                    "archive",
                    plugin,
                    "--platform",
                    platform,
                    "--version",
                    version,
                    &binary,
                    &root,
                    "-o",
                    dir,
                ]);
            }
        }
        let base_url = format!("{url}/{version}");
        let output = made.manifests.to_str().unwrap();
        release(&[
            "manifests",
            "--archives",
            dir,
            "--version",
            version,
            "--base-url",
            &base_url,
            "-o",
            output,
        ]);
        made.check().unwrap_or_else(|output| panic!("{output}"));
        made
    }

    pub fn archive(&self, plugin: &str, platform: &str) -> PathBuf {
        self.archives.join(format!("{plugin}-{}-{platform}.tar.gz", self.version))
    }

    pub fn manifest(&self, plugin: &str) -> PathBuf {
        self.manifests.join(format!("{plugin}.yaml"))
    }

    pub fn manifests(&self) -> Vec<PathBuf> {
        manifests_in(&self.manifests)
    }

    /// What `release check` prints, as `Err` if it found something.
    pub fn check(&self) -> Result<String, String> {
        let manifests = self.manifests();
        let mut args = vec!["check", "--archives", self.archives.to_str().unwrap()];
        args.extend(manifests.iter().filter_map(|path| path.to_str()));
        try_release(&args)
    }
}

/// Its manifests, sorted.
pub fn manifests_in(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut manifests: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    manifests.sort();
    assert!(!manifests.is_empty(), "no manifests in {}", dir.display());
    manifests
}

/// Runs `release ARGS` and returns what it printed; panics with that if it fails.
#[track_caller]
pub fn release(args: &[&str]) -> String {
    try_release(args).unwrap_or_else(|output| panic!("release {}:\n{output}", args.join(" ")))
}

fn try_release(args: &[&str]) -> Result<String, String> {
    let output = Command::new(program("release")).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}
