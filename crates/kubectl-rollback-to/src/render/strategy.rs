//! How the rollout will go, in words.

use cluster_model::rollout::{Id, Kind};
use cluster_model::text::count;
use plugin_client::Line;

use crate::go_on::GoOn;
use crate::strategy::{Moves, Strategy};

/// More names than this become a range.
const NAMES: i64 = 3;

/// One line each; the first says how, the others what to mind.
pub fn rollout(strategy: &Strategy, id: &Id, go_on: &GoOn<'_>) -> Vec<Line> {
    let mut lines = vec![how(strategy, id)];
    if strategy.paused {
        let paused = Line::new().warn("paused");
        lines.insert(
            0,
            match go_on {
                GoOn::Kubectl => paused
                    .plain(": nothing moves until ")
                    .command(format!("kubectl rollout resume {}", id.typed())),
                GoOn::Owner(owner) => paused.plain(format!(": {} decides when it goes on", owner.who)),
                GoOn::Unknown(why) => paused.plain(format!(
                    ": nothing moves; whether a progressive rollout holds it is not known: {why}"
                )),
            },
        );
    }
    if strategy.min_ready_seconds > 0 && moves_by_itself(strategy) {
        lines.push(format!("a pod counts once it has been ready for {}s", strategy.min_ready_seconds).into());
    }
    lines
}

/// Does anything happen without a deletion or a resume?
pub fn moves_by_itself(strategy: &Strategy) -> bool {
    strategy.desired > 0 && !strategy.paused && strategy.moves != Moves::OnDelete
}

fn how(strategy: &Strategy, id: &Id) -> Line {
    let n = strategy.desired;
    let words = match (&strategy.moves, id.kind) {
        (_, Kind::DaemonSet) if n == 0 => "it fits on no node now: no pod moves".to_owned(),
        (_, _) if n == 0 => "it has no replicas now: the template waits until it is scaled up".to_owned(),
        (Moves::Rolling { surge, unavailable }, Kind::DaemonSet) => nodes(n, *surge, *unavailable),
        (Moves::Rolling { surge, unavailable }, _) => {
            let least = match n - unavailable {
                0 => "possibly none available on the way".to_owned(),
                least => format!("at least {least} of {n} kept available"),
            };
            format!("RollingUpdate: up to {} at once, {least}", pods(n + surge))
        }
        (Moves::Descending { at_once, kept, first_ordinal }, _) => {
            return descending(id, n, *at_once, *kept, *first_ordinal);
        }
        (Moves::Recreate, _) => {
            let all = if n == 1 { "the pod ends".to_owned() } else { format!("all {n} pods end") };
            return Line::new()
                .warn("Recreate: a full stop")
                .plain(format!(", {all} before the first new one starts"));
        }
        (Moves::OnDelete, _) => {
            return Line::new()
                .warn("OnDelete: nothing moves by itself")
                .plain(", each pod takes the template only when it is deleted");
        }
        (Moves::Unknown(name), _) => {
            format!("{name}: a strategy that is not known here, so what moves is up to the controller")
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
    let mut said = Vec::new();
    if surge > 0 {
        said.push(format!("on {} at a time the new pod starts before the old one ends", of(surge)));
    }
    if unavailable > 0 {
        said.push(format!("{} at a time without the pod", of(unavailable)));
    }
    format!("RollingUpdate: {}", said.join(", "))
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
            .warn("the partition keeps every pod back")
            .plain(": nothing moves until it is lowered");
    }
    let pace = match at_once {
        1 => "one pod after another".to_owned(),
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
        .warn(format!("the partition keeps {} back", pods(kept)))
        .plain(format!(" ({})", names(0, kept - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::go_on::tests::kruise;
    use crate::snapshot::Reverts;

    fn told(kind: Kind, desired: i64, moves: Moves) -> String {
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
                "RollingUpdate: up to 1 pod at once, possibly none available on the way",
            ),
            (
                Deployment,
                0,
                rolling(0, 0),
                "it has no replicas now: the template waits until it is scaled up",
            ),
            (
                Deployment,
                3,
                Moves::Recreate,
                "Recreate: a full stop, all 3 pods end before the first new one starts",
            ),
            (
                Deployment,
                1,
                Moves::Recreate,
                "Recreate: a full stop, the pod ends before the first new one starts",
            ),
            (DaemonSet, 10, rolling(0, 1), "RollingUpdate: 1 of 10 nodes at a time without the pod"),
            (DaemonSet, 10, rolling(0, 3), "RollingUpdate: up to 3 of 10 nodes at a time without the pod"),
            (
                DaemonSet,
                10,
                rolling(2, 0),
                "RollingUpdate: on up to 2 of 10 nodes at a time the new pod starts before the old one ends",
            ),
            (DaemonSet, 0, rolling(0, 1), "it fits on no node now: no pod moves"),
            (StatefulSet, 3, down(1, 0, 0), "RollingUpdate: one pod after another, from db-2 down to db-0"),
            (StatefulSet, 1, down(1, 0, 0), "RollingUpdate: pod db-0 alone"),
            (StatefulSet, 9, down(2, 0, 5), "RollingUpdate: up to 2 pods at a time, from db-13 down to db-5"),
            (
                StatefulSet,
                5,
                down(1, 2, 0),
                "RollingUpdate: one pod after another, from db-4 down to db-2; the partition keeps 2 pods back (db-0, db-1)",
            ),
            (
                StatefulSet,
                9,
                down(1, 8, 0),
                "RollingUpdate: pod db-8 alone; the partition keeps 8 pods back (db-0 to db-7)",
            ),
            (
                StatefulSet,
                3,
                down(1, 3, 0),
                "the partition keeps every pod back: nothing moves until it is lowered",
            ),
            (
                StatefulSet,
                3,
                Moves::OnDelete,
                "OnDelete: nothing moves by itself, each pod takes the template only when it is deleted",
            ),
            (
                StatefulSet,
                3,
                Moves::Unknown("Sideways".into()),
                "Sideways: a strategy that is not known here, so what moves is up to the controller",
            ),
        ] {
            assert_eq!(told(kind, desired, moves), words);
        }
    }

    #[test]
    fn what_to_mind() {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        let moves = Moves::Rolling { surge: 1, unavailable: 0 };
        let told = |paused, min_ready_seconds| -> Vec<String> {
            let strategy = Strategy { desired: 1, moves: moves.clone(), paused, min_ready_seconds };
            rollout(&strategy, &id, &GoOn::Kubectl).iter().map(Line::text).collect()
        };
        let how = "RollingUpdate: up to 2 pods at once, at least 1 of 1 kept available";
        assert_eq!(told(false, 10), [how, "a pod counts once it has been ready for 10s"]);
        assert_eq!(
            told(true, 10),
            ["paused: nothing moves until kubectl rollout resume deployment/web -n shop", how]
        );
        let strategy = Strategy { desired: 1, moves: moves.clone(), paused: true, min_ready_seconds: 0 };
        let owner = kruise(Reverts::Perhaps("steps".into()));
        for (go_on, words) in [
            (GoOn::Owner(&owner), "paused: OpenKruise rollout x decides when it goes on"),
            (
                GoOn::Unknown("forbidden"),
                "paused: nothing moves; whether a progressive rollout holds it is not known: forbidden",
            ),
        ] {
            assert_eq!(rollout(&strategy, &id, &go_on)[0].text(), words);
        }
    }
}
