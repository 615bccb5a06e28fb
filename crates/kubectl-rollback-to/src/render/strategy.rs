//! How the rollout will go, in words.

use cluster_model::rollout::Id;
use cluster_model::rollout::update_strategy::{Moves, Strategy};
use cluster_model::text::count;
use plugin_client::Line;

use crate::resume_command::GoOn;

/// More names than this become a range.
const NAMES: i64 = 3;

/// One line each; the first is the strategy, the others are caveats.
pub fn rollout(strategy: &Strategy, id: &Id, go_on: &GoOn<'_>) -> Vec<Line> {
    let mut lines = vec![how(strategy, id)];
    if strategy.paused {
        let paused = Line::new().warn("paused");
        lines.insert(
            0,
            match go_on {
                GoOn::Kubectl => paused
                    .plain(": no pods are updated until ")
                    .command(format!("kubectl rollout resume {}", id.typed())),
                GoOn::Owner(owner) => paused.plain(format!(": {} controls when it continues", owner.who)),
                GoOn::Unknown(why) => paused.plain(format!(
                    ": no pods are updated; unknown whether a progressive rollout controls it: {why}"
                )),
            },
        );
    }
    if strategy.min_ready_seconds > 0 && moves_by_itself(strategy) {
        lines.push(
            format!(
                "a pod counts as available after {}s ready (minReadySeconds)",
                strategy.min_ready_seconds
            )
            .into(),
        );
    }
    lines
}

/// Does anything happen without a deletion or a resume?
fn moves_by_itself(strategy: &Strategy) -> bool {
    strategy.desired > 0 && !strategy.paused && strategy.moves != Moves::OnDelete
}

fn how(strategy: &Strategy, id: &Id) -> Line {
    let n = strategy.desired;
    let words = match (&strategy.moves, id.kind.rules().is_per_node()) {
        (_, true) if n == 0 => "no node matches now: no pods are updated".to_owned(),
        (_, _) if n == 0 => "it is scaled to 0: the template takes effect when it is scaled up".to_owned(),
        (Moves::Rolling { surge, unavailable }, true) => nodes(n, *surge, *unavailable),
        (Moves::Rolling { surge, unavailable }, _) => {
            let least = match n - unavailable {
                0 => "possibly none available during the rollout".to_owned(),
                least => format!("at least {least} of {n} kept available"),
            };
            format!("RollingUpdate: up to {} at once, {least}", pods(n + surge))
        }
        (Moves::Descending { at_once, kept, first_ordinal }, _) => {
            return descending(id, n, *at_once, *kept, *first_ordinal);
        }
        (Moves::Recreate, _) => {
            let all = if n == 1 { "the pod stops".to_owned() } else { format!("all {n} pods stop") };
            return Line::new()
                .warn("Recreate: downtime")
                .plain(format!(", {all} before the first new one starts"));
        }
        (Moves::OnDelete, _) => {
            return Line::new()
                .warn("OnDelete: no pods are updated automatically")
                .plain(", each pod gets the new template only when it is deleted");
        }
        (Moves::Unknown(name), _) => {
            format!("{name}: unknown strategy; the controller decides which pods are updated")
        }
    };
    words.into()
}

fn pods(n: i64) -> String {
    count(usize::try_from(n).unwrap_or_default(), "pod")
}

fn nodes(n: i64, surge: i64, unavailable: i64) -> String {
    let of =
        |some: i64| if some == 1 { format!("1 of {n} nodes") } else { format!("up to {some} of {n} nodes") };
    let mut parts = Vec::new();
    if surge > 0 {
        parts.push(format!("on {} at a time the new pod starts before the old one stops", of(surge)));
    }
    if unavailable > 0 {
        parts.push(format!("{} at a time without the pod", of(unavailable)));
    }
    format!("RollingUpdate: {}", parts.join(", "))
}

fn descending(id: &Id, n: i64, at_once: i64, kept: i64, first: i64) -> Line {
    let name = |index: i64| format!("{}-{}", id.name, first + index);
    let names = |from: i64, to: i64| {
        if to - from < NAMES {
            (from..=to).map(name).collect::<Vec<_>>().join(", ")
        } else {
            format!("{} to {}", name(from), name(to))
        }
    };
    if kept >= n {
        return Line::new()
            .warn("the partition excludes all pods")
            .plain(": no pods are updated until it is lowered");
    }
    let pace = match at_once {
        1 => "one pod at a time".to_owned(),
        several => format!("up to {} at a time", pods(several)),
    };
    let line = Line::new().plain(if n - kept == 1 {
        format!("RollingUpdate: pod {} alone", name(n - 1))
    } else {
        format!("RollingUpdate: {pace}, from {} down to {}", name(n - 1), name(kept))
    });
    if kept == 0 {
        return line;
    }
    line.plain("; ")
        .warn(format!("the partition excludes {}", pods(kept)))
        .plain(format!(" ({})", names(0, kept - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resume_command::tests::kruise;
    use crate::snapshot::Reverts;
    use cluster_model::rollout::Kind;

    fn shown(kind: Kind, desired: i64, moves: Moves) -> String {
        let id = Id { kind, namespace: "shop".into(), name: "db".into(), uid: "u".into() };
        let strategy = Strategy { desired, moves, paused: false, min_ready_seconds: 0 };
        let lines = rollout(&strategy, &id, &GoOn::Kubectl);
        assert_eq!(lines.len(), 1);
        lines[0].text()
    }

    #[test]
    fn each_strategy_in_words() {
        use Kind::{DaemonSet, Deployment, StatefulSet};
        let rolling = |surge, unavailable| Moves::Rolling { surge, unavailable };
        let down = |at_once, kept, first_ordinal| Moves::Descending { at_once, kept, first_ordinal };
        for (kind, desired, moves, words) in [
            (
                Deployment,
                3,
                rolling(1, 0),
                "RollingUpdate: up to 4 pods at once, at least 3 of 3 kept available",
            ),
            (
                Deployment,
                4,
                rolling(0, 1),
                "RollingUpdate: up to 4 pods at once, at least 3 of 4 kept available",
            ),
            (
                Deployment,
                1,
                rolling(0, 1),
                "RollingUpdate: up to 1 pod at once, possibly none available during the rollout",
            ),
            (
                Deployment,
                0,
                rolling(0, 0),
                "it is scaled to 0: the template takes effect when it is scaled up",
            ),
            (
                Deployment,
                3,
                Moves::Recreate,
                "Recreate: downtime, all 3 pods stop before the first new one starts",
            ),
            (
                Deployment,
                1,
                Moves::Recreate,
                "Recreate: downtime, the pod stops before the first new one starts",
            ),
            (DaemonSet, 10, rolling(0, 1), "RollingUpdate: 1 of 10 nodes at a time without the pod"),
            (DaemonSet, 10, rolling(0, 3), "RollingUpdate: up to 3 of 10 nodes at a time without the pod"),
            (
                DaemonSet,
                10,
                rolling(2, 0),
                "RollingUpdate: on up to 2 of 10 nodes at a time the new pod starts before the old one stops",
            ),
            (DaemonSet, 0, rolling(0, 1), "no node matches now: no pods are updated"),
            (StatefulSet, 3, down(1, 0, 0), "RollingUpdate: one pod at a time, from db-2 down to db-0"),
            (StatefulSet, 1, down(1, 0, 0), "RollingUpdate: pod db-0 alone"),
            (StatefulSet, 9, down(2, 0, 5), "RollingUpdate: up to 2 pods at a time, from db-13 down to db-5"),
            (
                StatefulSet,
                5,
                down(1, 2, 0),
                "RollingUpdate: one pod at a time, from db-4 down to db-2; the partition excludes 2 pods (db-0, db-1)",
            ),
            (
                StatefulSet,
                9,
                down(1, 8, 0),
                "RollingUpdate: pod db-8 alone; the partition excludes 8 pods (db-0 to db-7)",
            ),
            (
                StatefulSet,
                3,
                down(1, 3, 0),
                "the partition excludes all pods: no pods are updated until it is lowered",
            ),
            (
                StatefulSet,
                3,
                Moves::OnDelete,
                "OnDelete: no pods are updated automatically, each pod gets the new template only when it is deleted",
            ),
            (
                StatefulSet,
                3,
                Moves::Unknown("Sideways".into()),
                "Sideways: unknown strategy; the controller decides which pods are updated",
            ),
        ] {
            assert_eq!(shown(kind, desired, moves), words);
        }
    }

    #[test]
    fn what_to_mind() {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        let moves = Moves::Rolling { surge: 1, unavailable: 0 };
        let shown = |paused, min_ready_seconds| -> Vec<String> {
            let strategy = Strategy { desired: 1, moves: moves.clone(), paused, min_ready_seconds };
            rollout(&strategy, &id, &GoOn::Kubectl).iter().map(Line::text).collect()
        };
        let how = "RollingUpdate: up to 2 pods at once, at least 1 of 1 kept available";
        assert_eq!(shown(false, 10), [how, "a pod counts as available after 10s ready (minReadySeconds)"]);
        assert_eq!(
            shown(true, 10),
            ["paused: no pods are updated until kubectl rollout resume deployment/web -n shop", how]
        );
        let strategy = Strategy { desired: 1, moves: moves.clone(), paused: true, min_ready_seconds: 0 };
        let owner = kruise(Reverts::Perhaps("steps".into()));
        for (go_on, words) in [
            (GoOn::Owner(&owner), "paused: OpenKruise rollout x controls when it continues"),
            (
                GoOn::Unknown("forbidden"),
                "paused: no pods are updated; unknown whether a progressive rollout controls it: forbidden",
            ),
        ] {
            assert_eq!(rollout(&strategy, &id, &go_on)[0].text(), words);
        }
    }
}
