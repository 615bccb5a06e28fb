//! Which pods are used for container kills, and in which order. Pure.

use cluster_model::text::count;

use super::ladder::Way;
use super::node::unfit;
use super::target::is_usable;
use crate::proof::member::Member;
use crate::snapshot::{Read, Snapshot, Workload};

/// Rounds without `--rounds`, if there are as many pods.
const ROUNDS: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillPlan {
    pub container: String,
    /// Each is used once: a second end of the same container would be followed by a wait.
    pub victims: Vec<Member>,
    pub means: Means,
}

/// From where the signal is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// The container itself. The way is that of the first one; each is looked at again before its signal.
    Inside(Way),
    /// An ephemeral container of that image, added to each of the pods: what it sees decides whether there is a way, and which.
    Ephemeral { image: String },
}

impl KillPlan {
    /// What becomes part of the pods, and stays there.
    pub fn debug_image(&self) -> Option<&str> {
        match &self.means {
            Means::Inside(_) => None,
            Means::Ephemeral { image } => Some(image),
        }
    }
}

/// The members on nodes where a command in a pod runs in its container; or why there is none.
pub fn on_fit_nodes(snapshot: &Snapshot, members: &[Member]) -> Result<Vec<Member>, String> {
    if let Some((read, why)) = snapshot.missing(&[Read::Nodes]) {
        return Err(format!("whether its nodes run containers is not known: {read}: {why}"));
    }
    let reason = |member: &Member| match snapshot.node(&member.node) {
        Some(node) => unfit(node),
        None => Some(format!("node {} is not there", member.node)),
    };
    let first = members.iter().find_map(reason);
    let fit: Vec<Member> = members.iter().filter(|it| reason(it).is_none()).cloned().collect();
    match (fit.is_empty(), first) {
        (false, _) => Ok(fit),
        (true, why) => Err(why.unwrap_or_else(|| "it has no pod".to_owned())),
    }
}

/// Those whose container would be started again at once.
pub fn usable(
    snapshot: &Snapshot,
    workload: &Workload,
    members: Vec<Member>,
    container: &str,
) -> Vec<Member> {
    let is_fit = |member: &Member| {
        let pod = workload.pods.iter().find(|it| *it.uid == *member.uid);
        pod.is_some_and(|it| is_usable(it, container, snapshot.now))
    };
    members.into_iter().filter(is_fit).collect()
}

/// How many rounds there will be.
pub fn rounds(asked: Option<usize>, pods: usize) -> Result<usize, String> {
    match asked {
        None => Ok(pods.min(ROUNDS)),
        Some(asked) if asked <= pods => Ok(asked),
        Some(asked) => Err(format!(
            "--rounds={asked} needs as many pods, and {} can be used: a second kill of one container measures the wait of the kubelet",
            count(pods, "pod")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, container, healthy};
    use serde_json::json;

    fn real(world: World) -> World {
        world.edit_all("Node", json!({"status": {"nodeInfo": {"architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.1.4",
            "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.37.0", "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": ""}}}))
    }

    fn victims(world: &World) -> Result<Vec<String>, String> {
        let snapshot = world.snapshot();
        let workload = snapshot.selected().find(|it| it.subject.name == "web").unwrap();
        let members: Vec<Member> = workload.active().map(Member::from).collect();
        let members = on_fit_nodes(&snapshot, &members)?;
        Ok(usable(&snapshot, workload, members, "main").into_iter().map(|it| it.name).collect())
    }

    #[test]
    fn pods_on_other_nodes_and_those_that_would_wait_are_left_alone() {
        let all = real(healthy());
        assert_eq!(victims(&all).unwrap().len(), 3);
        let kwok = json!({"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}});
        let mixed = all.clone().edit("Node/n1", kwok.clone());
        assert_eq!(victims(&mixed).unwrap(), ["web-b", "web-c"]);
        assert!(victims(&all.clone().edit_all("Node", kwok)).unwrap_err().contains("kwok"), "F14");
        assert!(victims(&healthy()).unwrap_err().contains("no container runtime"));
        assert!(victims(&all.clone().unknown(Read::Nodes)).unwrap_err().contains("not known"));
        let restarted = container(
            json!({"ready": true, "restartCount": 1, "state": {"running": {"startedAt": "2026-01-01T23:55:00Z"}}}),
        );
        assert_eq!(victims(&all.edit("Pod/web-b", restarted)).unwrap(), ["web-a", "web-c"]);
    }

    #[test]
    fn no_container_is_killed_twice() {
        assert_eq!((rounds(None, 2), rounds(None, 9), rounds(Some(2), 2)), (Ok(2), Ok(3), Ok(2)));
        assert!(rounds(Some(3), 2).unwrap_err().contains("2 pods can be used"));
    }
}
