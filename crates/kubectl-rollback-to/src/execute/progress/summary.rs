//! What is happening, in one line.

use cluster_model::PodExt;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::text::count;

use super::pods::SeenPod;
use crate::outcome::PodState;

pub(super) fn of(pods: &[SeenPod<'_>], state: PodState) -> usize {
    pods.iter().filter(|seen| seen.state == state && !(seen.finished && state == PodState::Failing)).count()
}

/// `2 of 3 updated pods available, 1 starting`: those of the older template may serve all the while
pub(super) fn counts(pods: &[SeenPod<'_>], done: i64, total: i64) -> String {
    let of = |state| of(pods, state);
    let terminating = of(PodState::Terminating);
    let moving = of(PodState::Starting) + of(PodState::Failing);
    let old = pods.iter().filter(|seen| seen.is_old() && seen.kept.is_none()).count();
    if terminating > 0 && moving == 0 && old == 0 && done < total {
        // Recreate and OrderedReady make no new pod before the old one is gone.
        return format!("waiting for old pods to terminate: {terminating} terminating");
    }
    let ready = pods.iter().filter(|seen| seen.state == PodState::Starting && seen.pod.is_ready()).count();
    let parts = [
        (of(PodState::Starting) - ready, "starting"),
        (ready, "Ready for less than minReadySeconds"),
        (of(PodState::Failing), "failing"),
        (old, "old"),
        (terminating, "terminating"),
    ];
    let mut says = format!("{done} of {} available", updated_pods(total));
    for (n, word) in parts {
        if n > 0 {
            says = format!("{says}, {n} {word}");
        }
    }
    says
}

fn updated_pods(n: i64) -> String {
    count(usize::try_from(n).unwrap_or_default(), "updated pod")
}

/// What the update strategy leaves as it is.
pub(super) fn note(pods: &[SeenPod<'_>], moves: &Moves, total: i64, desired: i64) -> Option<String> {
    let mut kept: Vec<&str> =
        pods.iter().filter(|s| s.kept.is_some() && !s.finished).map(|s| s.pod.name()).collect();
    kept.sort_by_key(|name| (name.len(), *name));
    if kept.is_empty() {
        return None;
    }
    Some(match moves {
        Moves::OnDelete => match kept.len() {
            1 => format!("OnDelete: {} still runs the old template", kept[0]),
            n => format!("OnDelete: {n} pods still run the old template"),
        },
        _ => format!("{total} of {desired}: the partition excludes {}", names(&kept)),
    })
}

/// `web-0`, `web-0 and web-1`, `web-0, web-1 and 3 more`
fn names(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_listed_as_one_would_say_them() {
        for (given, told) in [
            (&["web-0"][..], "web-0"),
            (&["web-0", "web-1"], "web-0 and web-1"),
            (&["web-0", "web-1", "web-2"], "web-0, web-1 and 1 more"),
        ] {
            assert_eq!(super::names(given), told);
        }
    }
}
