//! A container crashes.

use cluster_model::Raw;
use cluster_model::healing::restart_policy::{AfterExit, final_exit};

use super::cell::Cell;
use crate::checks::crashing;
use crate::snapshot::{Recreated, Snapshot, Workload};

pub fn crash(workload: &Workload, snapshot: &Snapshot) -> Cell {
    let cell = restarted(workload, snapshot);
    if snapshot.origin.is_manifests() {
        return cell;
    }
    // A pod is not ready while one of its containers is not.
    cell.while_serve(workload.ready().count().saturating_sub(1))
}

fn restarted(workload: &Workload, snapshot: &Snapshot) -> Cell {
    if let Some((_, container)) = crashing::first(workload, snapshot) {
        let reason = format!("container {} is restarted and ends again (HC601)", container.name);
        return Cell::wont(reason).observed();
    }
    let is_manifest = snapshot.origin.is_manifests();
    if !is_manifest && workload.active().next().is_none() {
        return Cell::unknown("it has no pod now");
    }
    if let Some(why) = super::unstartable(workload) {
        return Cell::unknown(format!("it is not known whether a container starts again: {why}"));
    }
    if !is_manifest && workload.active().all(|pod| pod.node.is_empty()) {
        return Cell::unknown("none of its pods has a node yet");
    }
    if !is_manifest && workload.active().all(|pod| snapshot.is_down(&pod.node)) {
        return Cell::unknown("none of its nodes is Ready: nobody there restarts a container");
    }
    if workload.containers().is_empty() {
        return Cell::unknown("its template is not known");
    }
    for container in workload.containers() {
        let name = container.text("/name");
        match final_exit(workload.spec(), container, |code| code != 0) {
            Some((code, AfterExit::StaysDead)) => {
                return Cell::wont(format!(
                    "container {name} does not run again after exit code {code} (HC110)"
                ));
            }
            Some((code, _)) => {
                return match &workload.recreated {
                    Recreated::ByController => {
                        let start_up = workload.start_up(snapshot).map(|it| it.median);
                        Cell::heals(
                            0,
                            start_up,
                            format!("exit code {code} ends the pod, and its controller makes another one"),
                        )
                    }
                    Recreated::Never | Recreated::OwnerMissing | Recreated::OwnerGoing => {
                        Cell::wont(format!("exit code {code} ends the pod, and nothing recreates it"))
                    }
                    Recreated::ByOperator | Recreated::Unknown(_) => Cell::unknown(format!(
                        "exit code {code} ends the pod, and it is not known what recreates it"
                    )),
                };
            }
            None => {}
        }
    }
    let came_back = workload.active().flat_map(|pod| &pod.containers).find_map(|container| {
        let (ended, since) = (container.ended.as_ref()?, container.running_since?);
        (container.restarts > 0 && container.is_ready && ended.code != 0)
            .then(|| ended.finished.map(|at| since.duration_since(at).as_secs().max(0)))
    });
    match came_back {
        Some(seconds) => {
            Cell::heals(0, seconds, "a container that crashed runs again and is ready").observed()
        }
        None => Cell::heals(
            0,
            None,
            "the kubelet restarts it: at once, then with waits of 10 s that double up to 5 min",
        ),
    }
}
