//! What happens to a container from outside: the kernel or an operator ends it.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::Cluster;

impl Cluster {
    /// SIGKILL for every process of a container of the real node; `id` as a pod's status has it.
    #[track_caller]
    pub fn kill_container(&self, id: &str) {
        let name = id.rsplit('/').next().unwrap_or_default();
        assert!(!name.is_empty(), "a container without an ID");
        let processes = processes_of(name);
        assert!(!processes.is_empty(), "container {id} has no process");
        for process in processes {
            // One may end because of another.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn processes_of(container: &str) -> Vec<Pid> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let groups = fs::read_to_string(entry.path().join("cgroup")).ok()?;
        groups.contains(container).then(|| Pid::from_raw(pid)).flatten()
    });
    pids.collect()
}
