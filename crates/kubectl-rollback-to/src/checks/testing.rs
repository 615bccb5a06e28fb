//! Tables over checks: a fixture in which a finding fires, and one minimal edit after which it does not.

use cluster_model::build::{self, PodBuild, merge};
use cluster_model::rollout::{Kind, Rollout};
use cluster_model::{Finding, Known, Severity, feasibility};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{Case, check, ids};
use crate::choose::{Past, Target};
use crate::health::{Health, Verdict};
use crate::options::Options;
use crate::snapshot::{Found, ServerDryRun, Snapshot, Surroundings};
use crate::timeline::{Bound, Stretch, Timeline};
use cluster_model::references::Reference;

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// So many minutes ago.
pub fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - 60 * minutes).unwrap()
}

/// Workload `web` in namespace `shop` with revisions 1 (image web:1, run until an hour ago) and 2 (web:2, three ready pods):
/// from 2 to 1, with everything seen and in order.
pub struct Fixture {
    pub snapshot: Snapshot,
    pub timeline: Timeline,
    pub health: Vec<Health>,
    pub target: Target,
    pub dry_run: ServerDryRun,
    pub options: Options,
}

/// A container with small requests.
pub fn container(edit: Value) -> Value {
    let mut container = json!({"name": "web", "image": "web:1", "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}});
    merge(&mut container, edit);
    container
}

pub fn template(edit: Value) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container(edit)]}})
}

fn live(kind: Kind) -> Value {
    let mut object = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "w", "generation": 2,
            "managedFields": [{"manager": "kubectl", "operation": "Update"}]},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "revisionHistoryLimit": 10,
            "template": template(json!({"image": "web:2"}))},
        "status": {"desiredNumberScheduled": 3},
    });
    let spec = match kind {
        Kind::Deployment => {
            json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}})
        }
        Kind::StatefulSet => json!({"podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}),
        Kind::DaemonSet => json!({"replicas": null,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}),
    };
    merge(&mut object, json!({"spec": spec}));
    object
}

fn histories(kind: Kind) -> Vec<Value> {
    let owner = json!([{"uid": "w", "controller": true}]);
    (1..=2)
        .map(|number| {
            let template = template(json!({"image": format!("web:{number}")}));
            let name = format!("web-{number}");
            let meta = json!({"name": name, "uid": name, "ownerReferences": owner, "labels": {kind.hash_label(): name},
                "annotations": {"deployment.kubernetes.io/revision": number.to_string(),
                    "deployment.kubernetes.io/desired-replicas": "3"}});
            match kind {
                Kind::Deployment => json!({"metadata": meta, "spec": {"template": template}}),
                _ => json!({"metadata": meta, "revision": number, "data": {"spec": {"template": template}}}),
            }
        })
        .collect()
}

/// Ready on node `n1`, made from revision `number`.
pub fn pod(kind: Kind, name: &str, number: i64) -> Pod {
    let hash = format!("web-{number}");
    let owner = if kind == Kind::Deployment { hash.as_str() } else { "w" };
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "Owner", "name": "web", "uid": owner, "controller": true});
    build::pod(&format!("shop/{name}"), "n1").label("app", "web").label(kind.hash_label(), &hash).edit(
        json!({"metadata": {"ownerReferences": [owner]}, "spec": {"containers": [container(json!({}))]}}),
    )
}

impl Fixture {
    pub fn of(kind: Kind) -> Fixture {
        let pods = (0..3).map(|ordinal| pod(kind, &format!("web-{ordinal}"), 2)).collect();
        let rollout = Rollout::new(kind, live(kind), &histories(kind), pods);
        let target = template(json!({}));
        let mut returned = rollout.object.clone();
        merge(&mut returned, json!({"metadata": {"generation": 3}, "spec": {"template": target}}));
        let mut snapshot = Snapshot::empty(now());
        snapshot.rollouts = vec![rollout];
        snapshot.around.insert("shop".into(), Surroundings::empty());
        snapshot.owners.insert("w".into(), Vec::new());
        let room = json!({"status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"}}});
        let nodes = [build::node("n1", room)];
        let healthy = || Health { verdict: Verdict::Healthy, evidence: "served 3 pods".into() };
        let fixture = Fixture {
            snapshot,
            timeline: Timeline {
                stretches: vec![
                    Stretch {
                        revision: 0,
                        from: Bound::Unknown,
                        until: Some(Bound::Exact(ago(60))),
                        then_lost: false,
                    },
                    Stretch { revision: 1, from: Bound::Exact(ago(60)), until: None, then_lost: false },
                ],
            },
            health: vec![healthy(), healthy()],
            target: Target {
                revision: Some(0),
                template: target,
                change_cause: None,
                cause_inherited: false,
                chosen_by: "--to-revision 1".into(),
                evidence: String::new(),
            },
            dry_run: ServerDryRun { workload: Ok(returned), changes: true, pod: Known::Seen(Ok(())) },
            options: Options::default(),
        };
        fixture.in_cluster(&nodes, &[])
    }

    /// In a cluster of these nodes, with its own pods and others.
    pub fn in_cluster(mut self, nodes: &[Node], others: &[Pod]) -> Fixture {
        let mut alone = feasibility::Cluster::default();
        nodes.iter().for_each(|node| alone.add_node(node));
        alone.finish();
        let mut whole = alone.clone();
        others.iter().chain(&self.snapshot.rollouts[0].pods).for_each(|pod| whole.add_pod(pod));
        whole.finish();
        (self.snapshot.nodes, self.snapshot.scheduling) = (Known::Seen(alone), Known::Seen(whole));
        self
    }

    pub fn rollout(&mut self) -> &mut Rollout {
        &mut self.snapshot.rollouts[0]
    }

    pub fn around(&mut self) -> &mut Surroundings {
        self.snapshot.around.get_mut("shop").unwrap()
    }

    /// `edit` merged over the live workload.
    pub fn live(mut self, edit: Value) -> Fixture {
        merge(&mut self.rollout().object, edit);
        self
    }

    /// `edit` merged over the template rolled back to, as planned and as the server would keep it.
    pub fn then(mut self, edit: Value) -> Fixture {
        merge(&mut self.target.template, edit.clone());
        if let Ok(object) = &mut self.dry_run.workload {
            merge(&mut object["spec"]["template"], edit);
        }
        self
    }

    /// The one container of the template rolled back to.
    pub fn then_container(self, edit: Value) -> Fixture {
        self.then(json!({"spec": {"containers": [container(edit)]}}))
    }

    pub fn refers(mut self, kind: &'static str, name: &str, found: Known<Option<Value>>) -> Fixture {
        let namespace = if kind.ends_with("Class") { "" } else { "shop" };
        let reference = Reference { kind, namespace: namespace.into(), name: name.into() };
        let found = match found {
            Known::Seen(object) => Known::Seen(object.map(|object| Found { object })),
            Known::Unknown(why) => Known::Unknown(why),
        };
        self.snapshot.references.insert(reference, found);
        self
    }

    pub fn case(&self) -> Case<'_> {
        Case {
            snapshot: &self.snapshot,
            past: Past {
                rollout: &self.snapshot.rollouts[0],
                timeline: &self.timeline,
                health: &self.health,
                now: now(),
            },
            target: &self.target,
            dry_run: &self.dry_run,
            options: &self.options,
        }
    }

    pub fn found(&self) -> Vec<Finding> {
        check(&self.case())
    }

    /// The findings of one id.
    pub fn of_id(&self, id: &str) -> Vec<Finding> {
        self.found().into_iter().filter(|finding| finding.id == id).collect()
    }

    /// The message of the only finding of one id.
    pub fn message_of(&self, id: &str) -> String {
        let mut found = self.of_id(id);
        assert_eq!(found.len(), 1, "{id} in {:?}", self.found());
        found.remove(0).message
    }
}

/// The finding fires in `bad` and not in `good`.
pub fn fires(id: &str, severity: Severity, bad: &Fixture, good: &Fixture) {
    assert!(ids().any(|known| known == id), "{id} is not in the catalogue");
    let hit = bad.of_id(id);
    assert!(!hit.is_empty(), "{id} must fire; found {:?}", bad.found());
    for finding in &hit {
        assert_eq!(finding.severity, severity, "{finding:?}");
        assert!(!finding.message.is_empty() && !finding.message.ends_with('.'), "{finding:?}");
        assert!(!finding.subject.is_empty(), "{finding:?}");
        assert!(severity < Severity::Warning || !finding.remedy.is_empty(), "{id} needs a remedy");
    }
    assert_eq!(good.of_id(id), [], "{id} must not fire in the good fixture");
}
