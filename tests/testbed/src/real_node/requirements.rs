//! What a real node needs of the machine, and how to get it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error};

/// Programs that Debian has in packages.
pub struct Programs {
    pub containerd: PathBuf,
    pub ctr: PathBuf,
    pub runc: PathBuf,
    pub busybox: PathBuf,
    /// The folder of the CNI plugins.
    pub cni: PathBuf,
}

const CNI_PLUGINS: [&str; 3] = ["ptp", "host-local", "loopback"];

impl Programs {
    pub fn find() -> Result<Self, Error> {
        if !cfg!(target_os = "linux") {
            return Err(Error::new("a real node needs Linux: it is a kubelet on this machine"));
        }
        let mut missing: Vec<(&str, &str)> = Vec::new();
        let mut need = |name: &'static str, package: &'static str, found: Option<PathBuf>| {
            if found.is_none() {
                missing.push((name, package));
            }
            found.unwrap_or_default()
        };
        let programs = Self {
            containerd: need("containerd", "containerd", program("containerd")),
            ctr: need("ctr", "containerd", program("ctr")),
            runc: need("runc", "runc", program("runc")),
            busybox: need(
                "a static busybox",
                "busybox-static",
                program("busybox").filter(|path| is_static(path)),
            ),
            cni: need("the CNI plugins ptp and host-local", "containernetworking-plugins", cni()),
        };
        if !missing.is_empty() {
            return Err(Error::new(explain(&missing)));
        }
        if rustix::process::geteuid().is_root() {
            Ok(programs)
        } else {
            Err(Error::new("a real node needs root: it makes cgroups, mounts and network interfaces"))
        }
    }
}

fn explain(missing: &[(&str, &str)]) -> String {
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    format!(
        "a real node needs {}; on Debian: apt-get install --no-install-recommends {}",
        names.join(", "),
        packages.join(" ")
    )
}

/// On PATH, or where root's programs are, which PATH may leave out.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let dirs = std::env::split_paths(&path).chain(usual.map(PathBuf::from));
    dirs.map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn cni() -> Option<PathBuf> {
    let has_all = |dir: &PathBuf| CNI_PLUGINS.iter().all(|plugin| dir.join(plugin).is_file());
    ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"].map(PathBuf::from).into_iter().find(has_all)
}

/// It names no loader: it runs in an image that contains nothing else.
fn is_static(path: &Path) -> bool {
    let program = fs::read(path).doing("cannot read busybox").unwrap_or_default();
    !program.is_empty() && ![&b"/ld-linux"[..], b"/ld-musl"].iter().any(|loader| contains(&program, loader))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    // A loader is named in the first page of a program.
    let head = &bytes[..bytes.len().min(4096)];
    head.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_is_named_once() {
        let text = explain(&[("containerd", "containerd"), ("ctr", "containerd"), ("runc", "runc")]);
        assert_eq!(
            text,
            "a real node needs containerd, ctr, runc; on Debian: apt-get install --no-install-recommends containerd runc"
        );
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        let dir = std::env::temp_dir().join(format!("testbed-static-{}", std::process::id()));
        for (text, expected) in
            [("\x7fELF /lib64/ld-linux-x86-64.so.2", false), ("\x7fELF", true), ("", false)]
        {
            fs::write(&dir, text).unwrap();
            assert_eq!(is_static(&dir), expected, "{text:?}");
        }
        fs::remove_file(dir).unwrap();
    }
}
