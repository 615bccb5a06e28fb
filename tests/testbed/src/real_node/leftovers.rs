//! What a real node changes on the machine, noted before it is changed, so that it is put back however the node ends.
//!
//! The note is a file in /run, and its lock is held for as long as the node's owner or the guard lives. The guard puts
//! everything back when the owner has ended, also by SIGKILL. If the guard was killed too, the next node does it.

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{PipeWriter, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use crate::error::{Doing, Error};
use crate::status;
use crate::wait::poll;

const NOTE: &str = "/run/testbed-node";
const CLEANUP: &str = include_str!("cleanup.sh");
/// Waits until the owner has ended; a terminal's Ctrl-C is not for it.
const GUARD: &str = "trap '' INT TERM HUP QUIT\nread -r _\n";

/// Another node may be running its tests.
const ANOTHER: Duration = Duration::from_secs(600);

/// Made by the kubelet, by containerd and by CNI plugins at fixed places.
const FOLDERS: [&str; 6] = [
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/log/pods",
    "/run/containerd",
    "/opt/containerd",
];

/// What the kubelet and CNI plugins set. `ip_forward` comes before the interfaces' own: it resets them.
const SYSCTLS: [&str; 7] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
];

/// By the kubelet, and by containerd for what is no pod.
const CGROUPS: [&str; 2] = ["kubepods", "k8s.io"];

pub struct Guard {
    child: Child,
    lifeline: Option<PipeWriter>,
}

/// What the clean-up has to know.
pub struct Changes<'a> {
    pub dir: &'a Path,
    pub link: &'a str,
    /// The first three bytes of the pods' addresses.
    pub pods: [u8; 3],
    pub busybox: &'a Path,
}

/// The lock of the only real node of this machine.
fn claim() -> Result<File, Error> {
    let what = format!("cannot lock {NOTE}");
    // Its holder removes the name at the end, so a lock that was waited for may be of a file without one.
    for _ in 0..100 {
        let file = File::options().create(true).append(true).open(NOTE).doing(&what)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            status::line(
                "another real node runs on this machine, or is being cleaned up; waiting for its end",
            );
            let locked = poll(ANOTHER, || file.try_lock().ok());
            locked.ok_or_else(|| Error::new(format!("another real node did not end within {ANOTHER:?}")))?;
        }
        if is_there(&file) {
            return Ok(file);
        }
    }
    Err(Error::new(what))
}

fn is_there(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let named = fs::metadata(NOTE).map(|it| it.ino());
    matches!((file.metadata(), named), (Ok(held), Ok(named)) if held.ino() == named)
}

/// Of a node whose guard was killed as well.
fn remove_leftovers() -> Result<(), Error> {
    let text = fs::read_to_string(NOTE).doing(&format!("cannot read {NOTE}"))?;
    if text.is_empty() {
        return Ok(());
    }
    status::line("removing what an earlier real node has left behind");
    let copy = format!("{NOTE}.old");
    fs::write(&copy, text).doing(&format!("cannot write {copy}"))?;
    let ended = Command::new("sh").args(["-c", CLEANUP, "testbed-node-cleanup", &copy]).status();
    if !ended.doing("cannot run sh")?.success() {
        return Err(Error::new("an earlier real node could not be removed: see above; nothing was started"));
    }
    fs::write(NOTE, "").doing(&format!("cannot write {NOTE}"))
}

impl Guard {
    /// Waits until no other real node is there, notes what is about to be changed, and starts the guard that puts it back.
    pub fn start(changes: &Changes<'_>) -> Result<Self, Error> {
        let claim = claim()?;
        remove_leftovers()?;
        let noted = refuse_another_kubelet().and_then(|()| note(changes));
        let written = noted.and_then(|text| fs::write(NOTE, text).doing(&format!("cannot write {NOTE}")));
        if written.is_err() {
            let _ = fs::remove_file(NOTE);
        }
        written?;
        let (read, lifeline) = pipe().doing("cannot open a pipe")?;
        let child = Command::new("sh")
            .args(["-c", &format!("{GUARD}{CLEANUP}"), "testbed-node-guard", NOTE])
            .stdin(read)
            // Holds the lock for as long as the guard lives.
            .stdout(claim)
            .process_group(0)
            .spawn()
            .doing("cannot start sh")?;
        Ok(Self { child, lifeline: Some(lifeline) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.child.wait();
    }
}

/// Two kubelets would end each other's pods: each removes the cgroups that it does not know.
fn refuse_another_kubelet() -> Result<(), Error> {
    for root in cgroup_roots()? {
        for name in ["kubepods", "kubepods.slice"] {
            let group = root.join(name);
            if group.exists() {
                return Err(Error::new(format!(
                    "this machine is a Kubernetes node already: {} is there; a second kubelet would end its pods",
                    group.display()
                )));
            }
        }
    }
    Ok(())
}

fn cgroup_roots() -> Result<Vec<PathBuf>, Error> {
    let mounts = fs::read_to_string("/proc/self/mounts").doing("cannot read /proc/self/mounts")?;
    Ok(cgroup_mounts(&mounts))
}

fn cgroup_mounts(mounts: &str) -> Vec<PathBuf> {
    let each = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        matches!(kind, "cgroup" | "cgroup2").then(|| PathBuf::from(at))
    });
    each.collect()
}

fn note(changes: &Changes<'_>) -> Result<String, Error> {
    let [a, b, c] = changes.pods;
    // As /proc/net/route has addresses: the last byte first; the clean-up compares the end.
    let mut note = format!(
        "dir {}\nlink {}\npods {c:02X}{b:02X}{a:02X}\nbusybox {}\n",
        changes.dir.display(),
        changes.link,
        changes.busybox.display()
    );
    let mut add = |key: &str, value: &str| {
        let _ = writeln!(note, "{key} {value}");
    };
    let roots = cgroup_roots()?;
    for name in CGROUPS.into_iter().filter(|name| !roots.iter().any(|root| root.join(name).exists())) {
        add("cgroup", name);
    }
    for folder in FOLDERS.into_iter().filter(|folder| !Path::new(folder).exists()) {
        add("absent", folder);
    }
    let sysctls = SYSCTLS.iter().map(|name| Path::new("/proc/sys").join(name));
    for path in sysctls.chain(of_interfaces()) {
        if let Ok(value) = fs::read_to_string(&path) {
            add("sysctl", &format!("{} {}", path.display(), value.trim_end()));
        }
    }
    Ok(note)
}

fn of_interfaces() -> Vec<PathBuf> {
    let interfaces = fs::read_dir("/proc/sys/net/ipv4/conf").into_iter().flatten().flatten();
    interfaces
        .flat_map(|interface| ["forwarding", "accept_redirects"].map(|name| interface.path().join(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_of_both_versions_are_found() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let expected = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        assert_eq!(cgroup_mounts(mounts), expected);
    }
}
