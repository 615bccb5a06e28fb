//! How many pods are made before others have to go. Not a check.

use cluster_model::PodExt;
use cluster_model::rollout::Rollout;
use cluster_model::rollout::update_strategy::Moves;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub desired: i64,
    /// Fewer than desired that there may be.
    pub unavailable: i64,
    /// Pods that can be made before one has to go.
    pub extra: i64,
}

impl Pace {
    pub fn of(rollout: &Rollout) -> Pace {
        let strategy = rollout.strategy();
        let (desired, surge) = (strategy.desired, strategy.surge());
        let unavailable = match strategy.moves {
            Moves::Rolling { unavailable, .. } => unavailable,
            Moves::Descending { at_once, .. } => at_once,
            Moves::Recreate | Moves::OnDelete | Moves::Unknown(_) => desired,
        };
        let live = rollout.pods.iter().filter(|pod| !pod.is_finished() && !pod.is_terminating()).count();
        let live = i64::try_from(live).unwrap_or(i64::MAX);
        let extra = desired.saturating_add(surge).saturating_sub(live).clamp(0, surge.max(0));
        Pace { desired, unavailable, extra }
    }

    /// Nothing moves until one more pod has found room.
    pub fn needs_room_first(&self) -> bool {
        self.unavailable == 0 && self.extra > 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use cluster_model::rollout::Kind;
    use serde_json::{Value, json};

    fn extra(kind: Kind, replicas: i64, update: Value) -> (i64, bool) {
        let strategy = if kind == Kind::Deployment { "strategy" } else { "updateStrategy" };
        let fixture = Fixture::of(kind).live(json!({"spec": {"replicas": replicas, strategy: update},
            "status": {"desiredNumberScheduled": replicas}}));
        let pace = Pace::of(fixture.case().rollout());
        (pace.extra, pace.needs_room_first())
    }

    /// There are three pods.
    #[test]
    fn only_as_many_more_as_there_are_not_yet() {
        let rolling = |surge: i64, unavailable: i64| json!({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        let cases = [
            (Kind::Deployment, 3, rolling(1, 0), (1, true)),
            (Kind::Deployment, 3, rolling(1, 1), (1, false)),
            (Kind::Deployment, 3, rolling(0, 1), (0, false)),
            (Kind::Deployment, 2, rolling(1, 0), (0, false)),
            (Kind::Deployment, 9, rolling(2, 0), (2, true)),
            (Kind::Deployment, 3, json!({"type": "Recreate"}), (0, false)),
            (Kind::DaemonSet, 3, rolling(2, 0), (2, true)),
            (Kind::StatefulSet, 3, json!({}), (0, false)),
        ];
        for (kind, replicas, update, expected) in cases {
            assert_eq!(extra(kind, replicas, update.clone()), expected, "{kind:?} {replicas} {update}");
        }
    }
}
