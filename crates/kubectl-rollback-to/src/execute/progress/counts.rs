//! The pods in numbers, and those that keep their template.

use cluster_model::PodExt;

use super::pods::SeenPod;
use crate::outcome::PodState;
use crate::outcome::cause::{Counts, KeptPods};

pub(super) fn counts(pods: &[SeenPod<'_>], available: i64, total: i64) -> Counts {
    let count = |of: &dyn Fn(&SeenPod<'_>) -> bool| pods.iter().filter(|seen| of(seen)).count();
    Counts {
        available,
        total,
        starting: count(&|seen| seen.state == PodState::Starting && !seen.pod.is_ready()),
        ready: count(&|seen| seen.state == PodState::Starting && seen.pod.is_ready()),
        failing: count(&|seen| seen.state == PodState::Failing && !seen.finished),
        old: count(&|seen| seen.is_old() && seen.kept.is_none()),
        terminating: count(&|seen| seen.state == PodState::Terminating),
    }
}

pub(super) fn kept_pods(pods: &[SeenPod<'_>], updated: i64, desired: i64) -> Option<KeptPods> {
    let kept =
        || pods.iter().filter(|seen| !seen.finished).filter_map(|seen| Some((seen.kept?, seen.pod.name())));
    let (by, _) = kept().next()?;
    let mut names: Vec<String> = kept().map(|(_, name)| name.to_owned()).collect();
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    Some(KeptPods { by, names, updated, desired })
}
