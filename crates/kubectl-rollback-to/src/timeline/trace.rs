//! What narrows the times of later activations: they are not written down, but what followed them is.

use cluster_model::managed_fields::template_writer::written;
use cluster_model::managed_fields::written_by_controller;
use cluster_model::raw::Raw;
use cluster_model::rollout::Rollout;
use cluster_model::rollout::update_strategy::Moves;
use k8s_openapi::jiff::Timestamp;

use super::activation::Activation;
use super::scaling::Scaling;
use super::window::{self, Bound, Window};

/// The desired replicas of its Deployment, as of the last time a ReplicaSet was scaled.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

/// When a rollout took the last pods of a ReplicaSet. `None` also if that was the Deployment being scaled to 0, which is no sign of
/// a rollout: then the desired replicas beside the ReplicaSet's own are 0 too (`deployment_util.go`, SetReplicasAnnotations).
pub fn emptied(rollout: &Rollout, scalings: &[Scaling], revision: usize) -> Option<Timestamp> {
    let kept = rollout.revisions.get(revision)?;
    let object = &kept.object;
    if !rollout.id.kind.rules().revisions_own_pods() || object.number("/spec/replicas") != Some(0) {
        return None;
    }
    object.annotation(DESIRED)?.parse().ok().filter(|desired: &i64| *desired > 0)?;
    let by_event =
        || scalings.iter().rev().find(|s| s.revision == revision && !s.up && s.to == 0).map(|s| s.last);
    written_by_controller(rollout, kept).or_else(by_event)
}

pub fn narrow(rollout: &Rollout, activations: &[Activation], scalings: &[Scaling], windows: &mut [Window]) {
    if rollout.id.kind.rules().revisions_own_pods() {
        for index in 0..activations.len() {
            after_the_fact(rollout, activations, scalings, windows, index);
        }
        for index in 1..activations.len() {
            from_events(activations, scalings, surges(rollout), windows, index);
        }
    }
    if let Some(last) = activations.len().checked_sub(1)
        && rollout.current() == Some(activations[last].revision)
    {
        from_the_workload(rollout, &activations[last], windows, last);
    }
}

/// What the controller did to ReplicaSets came after the template was written.
fn after_the_fact(
    rollout: &Rollout,
    activations: &[Activation],
    scalings: &[Scaling],
    windows: &mut [Window],
    index: usize,
) {
    let revision = activations[index].revision;
    if activations[index + 1..].iter().any(|later| later.revision == revision) {
        return;
    }
    // The controller wrote the number then, so its latest write is not older.
    if activations[index].number.is_some() && activations[index].at.is_none() {
        window::narrow(windows, index, None, written_by_controller(rollout, &rollout.revisions[revision]));
    }
    if activations.get(index + 1).is_some_and(|next| next.at.is_none()) && !activations[index].lost_after {
        window::narrow(windows, index + 1, None, emptied(rollout, scalings, revision));
    }
}

/// A ReplicaSet that is rolled back to is scaled up again, the one before it down.
fn from_events(
    activations: &[Activation],
    scalings: &[Scaling],
    surges: bool,
    windows: &mut [Window],
    index: usize,
) {
    let (own, before) = (activations[index].revision, activations[index - 1].revision);
    // Of events that repeat only the first and the last time are kept: good for the newest activation alone.
    let newest = activations[index + 1..].iter().all(|later| later.revision != own);
    if activations[index].at.is_some() || activations[index - 1].lost_after || !newest {
        return;
    }
    let window = windows[index];
    // Older ones may belong to its earlier life.
    let Some(surely_gone) = windows[index - 1].latest else { return };
    let times = |revision: usize, up: bool| {
        let of = scalings.iter().filter(move |s| s.revision == revision && s.up == up);
        of.flat_map(|s| [(s.from, s.first), (s.from, s.last)]).filter(move |(_, at)| window.holds(*at))
    };
    let ups = || times(own, true).filter(|(_, at)| *at > surely_gone);
    let from_none = ups().filter(|(from, _)| *from == Some(0)).map(|(_, at)| at).max();
    // A controller that does not report from how many: its first step.
    let first_step = || ups().filter(|(from, _)| from.is_none()).map(|(_, at)| at).min();
    let Some(up) = from_none.or_else(first_step) else { return };
    let downs = || times(before, false).map(|(_, at)| at);
    let followed = downs().any(|down| down >= up);
    let (earliest, latest) = match downs().min() {
        Some(_) if followed && surges => (Some(up), Some(up)),
        // Without a surge the old pods go first: the template was written with the first of them or after.
        Some(down) if down < up => (Some(down), Some(up)),
        Some(_) => (Some(up), Some(up)),
        // Scaling a Deployment from 0 looks the same, but then there is nothing left to scale down.
        None => (None, Some(up)),
    };
    window::narrow(windows, index, earliest, latest);
}

/// Does a rollout begin with new pods?
fn surges(rollout: &Rollout) -> bool {
    // Whatever it was scaled to at the time.
    let desired = rollout.desired().max(1);
    let moves = rollout.id.kind.rules().moves(&rollout.object, desired);
    !matches!(moves, Moves::Recreate | Moves::Rolling { surge: 0, .. })
}

/// Who wrote the live template, and the status of its rollout.
fn from_the_workload(rollout: &Rollout, activation: &Activation, windows: &mut [Window], index: usize) {
    let name = &rollout.revisions[activation.revision].name;
    let conditions = rollout.object.list("/status/conditions").iter();
    let about_it = conditions
        .filter(|c| c["type"] == "Progressing" && c.text("/message").contains(&format!("\"{name}\"")));
    for condition in about_it {
        window::narrow(windows, index, None, condition.time("/lastUpdateTime"));
    }
    let Some(written) = written(&rollout.object) else { return };
    if written.only_template {
        window::narrow(windows, index, Some(written.at), Some(written.at));
    } else if windows[index].latest.is_none() {
        // Its manager holds other fields too, and may have written those later.
        window::narrow(windows, index, None, Some(written.at));
    }
}

/// The end of the newest stretch: none as long as the live template is its own.
pub fn ended(rollout: &Rollout, began: Window) -> Option<Bound> {
    if rollout.current().is_some() {
        return None;
    }
    let mut end = Window { earliest: began.earliest, latest: None };
    // An older write is not the one that ended it.
    if let Some(written) =
        written(&rollout.object).filter(|written| began.latest.is_some_and(|latest| latest <= written.at))
    {
        let earliest = written.only_template.then_some(written.at);
        end.narrow(earliest, Some(written.at));
    }
    Some(end.bound())
}
