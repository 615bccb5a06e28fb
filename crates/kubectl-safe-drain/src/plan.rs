//! Every pod of every node with what will be done about it, in the order it will be done. The same plan serves the dry run,
//! the question to the user and the live run.

use cluster_model::owner_graph::ControllerState;
use cluster_model::pod::Tier;
use cluster_model::{Inventory, NodeExt, PodExt};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

use crate::checks::{Recreation, recreation};
use crate::options::Options;
use crate::placement::{Place, Placements};
use crate::pod_filter::{PodFilter, pod_filter};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Evict,
    Delete,
    Keep,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub owner: String,
    pub action: Action,
    /// Why it is ignored, or what is special about its eviction; empty for a plain one.
    pub reason: String,
    pub tier: Tier,
    pub priority: i32,
    /// A controller makes another one.
    pub is_recreated: bool,
    /// The budget that limits its eviction, `namespace/name`.
    pub budget: Option<String>,
    pub grace_seconds: i64,
    /// Deleted by somebody else before the drain: only waited for.
    pub already_terminating: bool,
    /// Whether its controller would recreate it on this node.
    pub recreation: Recreation,
    /// Where its replacement can run, or why that is not known; `None` where it has none.
    pub place: Option<Place>,
}

/// Why a pod is ignored that is not in the drain's scope.
pub const NO_LONGER_SELECTED: &str = "no longer matches --pod-selector";
pub const UNSELECTED: &str = "not selected by --pod-selector";
const AWAITED: &str = "not bound yet: its volume is being provisioned on this node";

impl Step {
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// A pod that is ignored.
    pub fn keep(pod: &Pod) -> Self {
        Step {
            namespace: pod.namespace().into(),
            name: pod.name().into(),
            uid: pod.uid().into(),
            owner: pod.controller().map(|o| format!("{} {}", o.kind, o.name)).unwrap_or_default(),
            action: Action::Keep,
            reason: String::new(),
            tier: pod.tier(),
            priority: pod.priority(),
            is_recreated: true,
            budget: None,
            grace_seconds: pod.grace_seconds(),
            already_terminating: false,
            recreation: Recreation::No,
            place: None,
        }
    }

    pub fn evicts(&self) -> bool {
        self.action != Action::Keep
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    pub name: String,
    pub uid: String,
    pub cordoned_before: bool,
    /// The node's resourceVersion with this run's cordon, once it has one.
    pub cordoned_as: Option<String>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub nodes: Vec<NodePlan>,
}

impl Plan {
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.nodes.iter().flat_map(|n| &n.steps)
    }

    /// The same plan with where the pods go.
    pub fn with(mut self, placements: &Placements) -> Self {
        for step in self.nodes.iter_mut().flat_map(|node| &mut node.steps).filter(|step| step.evicts()) {
            step.place = placements.get(&step.uid).cloned();
        }
        self
    }

    pub fn evictions(&self) -> usize {
        self.steps().filter(|s| s.evicts()).count()
    }
}

pub fn plan(inventory: &Inventory, options: &Options) -> Plan {
    let nodes = inventory
        .nodes
        .iter()
        .map(|node| {
            let pods = inventory.pods.on_node(node.name());
            let mut steps: Vec<Step> = pods.map(|p| step(p, inventory, options)).collect();
            steps.extend(
                inventory
                    .awaited_on(node.name())
                    .map(|p| Step { reason: AWAITED.to_owned(), ..step(p, inventory, options) }),
            );
            let unselected = inventory.unselected.on_node(node.name());
            steps.extend(unselected.map(|p| Step { reason: UNSELECTED.to_owned(), ..Step::keep(p) }));
            steps.sort_by(|a, b| order(a).cmp(&order(b)));
            NodePlan {
                name: node.name().into(),
                uid: node.uid().into(),
                cordoned_before: node.is_cordoned(),
                cordoned_as: None,
                steps,
            }
        })
        .collect();
    Plan { nodes }
}

/// What others depend on goes last (as karpenter and kubelet's graceful shutdown do), and of one priority what nothing recreates: it uses up a
/// disruption of its budget for good. Those that are ignored come after everything.
fn order(step: &Step) -> (bool, Tier, i32, bool, &str, &str) {
    (!step.evicts(), step.tier, step.priority, !step.is_recreated, &step.namespace, &step.name)
}

pub fn step(pod: &Pod, inventory: &Inventory, options: &Options) -> Step {
    let filter = pod_filter(pod, inventory, options);
    let go = if options.disable_eviction { Action::Delete } else { Action::Evict };
    let (action, reason) = match filter {
        PodFilter::Skip(why) => (Action::Keep, why.to_owned()),
        PodFilter::Terminating => (go, "already terminating".to_owned()),
        PodFilter::Evict if pod.is_finished() => (go, "finished".to_owned()),
        PodFilter::Evict if pod.controller().is_none() => {
            (go, "no controller: will not be recreated".to_owned())
        }
        PodFilter::Evict => match inventory.controller_of(pod).map(|controller| controller.state) {
            Some(ControllerState::Missing) => (go, "controller not found: will not be recreated".to_owned()),
            Some(ControllerState::Terminating(_)) => {
                (go, "controller is being deleted: will not be recreated".to_owned())
            }
            _ => (go, String::new()),
        },
    };
    let budget = (action == Action::Evict)
        .then(|| inventory.budgets_of(pod).into_iter().find(|b| b.counts(pod)).map(|b| b.key().to_owned()))
        .flatten();
    Step {
        owner: inventory.top_controller_of(pod).map(|it| it.key.short_label()).unwrap_or_default(),
        action,
        reason,
        budget,
        grace_seconds: options.grace_period.unwrap_or(pod.grace_seconds()),
        already_terminating: filter == PodFilter::Terminating,
        is_recreated: inventory.is_recreated(pod),
        recreation: if action == Action::Keep { Recreation::No } else { recreation(pod, inventory) },
        ..Step::keep(pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{being_deleted, inventory_of};
    use cluster_model::build::{PodBuild, pod};
    use proptest::prelude::*;

    fn names(plan: &Plan) -> Vec<&str> {
        plan.steps().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn low_priority_first_and_ignored_pods_last() {
        let pods = vec![
            pod("a/node-critical", "n1").priority(2_000_001_000),
            pod("a/cluster-critical", "n1").priority(2_000_000_000),
            pod("a/high", "n1").priority(1000),
            pod("a/low", "n1").priority(-5),
            pod("a/plain", "n1"),
            pod("a/daemon", "n1").owned_by("apps/v1", "DaemonSet", "d"),
        ];
        let plan = plan(&inventory_of(pods), &Options::default());
        assert_eq!(names(&plan), ["low", "plain", "high", "cluster-critical", "node-critical", "daemon"]);
        assert_eq!(plan.evictions(), 5);
    }

    #[test]
    fn of_one_priority_pods_that_nothing_recreates_go_last() {
        let pods = vec![pod("a/a-bare", "n1").unmanaged(), pod("a/b", "n1"), pod("a/high", "n1").priority(5)];
        assert_eq!(names(&plan(&inventory_of(pods), &Options::default())), ["b", "a-bare", "high"]);
    }

    #[test]
    fn pods_of_a_controller_that_is_being_deleted_are_not_recreated() {
        let inventory = being_deleted(inventory_of(vec![pod("a/p", "n1")]));
        let step = &plan(&inventory, &Options::default()).nodes[0].steps[0];
        let expected = ("controller is being deleted: will not be recreated", false);
        assert_eq!((step.reason.as_str(), step.is_recreated), expected);
    }

    #[test]
    fn the_grace_period_flag_wins() {
        let pods = vec![pod("a/p", "n1")];
        let seconds = |grace_period| {
            plan(&inventory_of(pods.clone()), &Options { grace_period, ..Options::default() }).nodes[0].steps
                [0]
            .grace_seconds
        };
        assert_eq!((seconds(None), seconds(Some(7)), seconds(Some(0))), (30, 7, 0));
    }

    fn any_pod() -> impl Strategy<Value = Pod> {
        (
            0..40u8,
            prop_oneof![Just("DaemonSet"), Just("ReplicaSet"), Just("")],
            prop::sample::select(vec![-5, 0, 1000, 2_000_000_000, 2_000_001_000]),
            any::<bool>(),
        )
            .prop_map(|(n, kind, priority, mirror)| {
                let mut p = pod(&format!("a/p{n}"), "n1").priority(priority);
                p = if kind.is_empty() { p.unmanaged() } else { p.owned_by("apps/v1", kind, "o") };
                if mirror { p.annotation("kubernetes.io/config.mirror", "x") } else { p }
            })
    }

    proptest! {
        #[test]
        fn static_and_daemonset_pods_never_leave_and_order_is_stable(mut pods in proptest::collection::vec(any_pod(), 0..12)) {
            pods.sort_by_key(|p| p.name().to_owned());
            pods.dedup_by_key(|p| p.name().to_owned());
            let mut shuffled = pods.clone();
            shuffled.reverse();
            let (one, two) = (plan(&inventory_of(pods.clone()), &Options::default()), plan(&inventory_of(shuffled), &Options::default()));
            prop_assert_eq!(&one, &two);
            prop_assert_eq!(one.steps().count(), pods.len(), "every pod is in the plan once");
            for step in one.steps().filter(|s| s.evicts()) {
                let pod = pods.iter().find(|p| p.name() == step.name).unwrap();
                prop_assert!(!pod.is_mirror() && !pod.is_daemonset_pod());
            }
        }
    }
}
