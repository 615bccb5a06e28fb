//! A healthy cluster, edits of it, and what a check finds in it. Every case differs from the healthy cluster by what it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_model::build::merge;
use cluster_model::feasibility::Cluster;
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::{Known, PodExt, Raw};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use super::check::{Check, Found};
use crate::finding::{Finding, Severity};
use crate::render::parts;
use crate::snapshot::stop::UnheardStop;
use crate::snapshot::{
    Gathered, Interner, NodeHistory, Origin, Packed, PodState, Read, Selection, ServerAnswers, Snapshot,
    strip,
};

pub const NOW: &str = "2026-01-02T00:00:00Z";

#[derive(Clone)]
pub struct World {
    pub objects: Vec<Value>,
    unknown: BTreeMap<Read, String>,
    all_namespaces: bool,
    unheard_stops: Vec<UnheardStop>,
    /// As if the server had been asked.
    pub answers: ServerAnswers,
    /// As if nodes had been watched.
    pub node_history: NodeHistory,
}

/// Deployment `web` with three replicas on three nodes in three zones, with probes, a budget and a Service.
pub fn healthy() -> World {
    let mut objects = Vec::new();
    for (n, zone) in ["a", "b", "c"].iter().enumerate() {
        let size = json!({"cpu": "8", "memory": "32Gi", "pods": "110"});
        objects.push(json!({"kind": "Node", "metadata": {"name": format!("n{}", n + 1), "uid": format!("node-{n}"),
            "labels": {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": format!("n{}", n + 1)}},
            "spec": {}, "status": {"allocatable": size,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}));
    }
    objects.push(deployment("web", 3));
    objects.push(
        json!({"kind": "ReplicaSet", "metadata": {"namespace": "shop", "name": "web-1", "uid": "rs-web",
        "ownerReferences": [owner("apps/v1", "Deployment", "web")]}, "spec": {"replicas": 3}}),
    );
    for (n, letter) in ["a", "b", "c"].iter().enumerate() {
        let mut pod = pod(&format!("web-{letter}"), "web", &format!("n{}", n + 1));
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "rs-web", "controller": true}]);
        objects.push(pod);
    }
    objects.push(budget("web", json!({"maxUnavailable": 1})));
    objects
        .push(json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "web", "uid": "svc-web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}));
    objects.push(json!({"kind": "EndpointSlice", "metadata": {"namespace": "shop", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"conditions": {"ready": true}}, {"conditions": {"ready": true}}, {"conditions": {"ready": true}}]}));
    for name in ["kube-controller-manager", "kube-scheduler"] {
        objects.push(
            json!({"kind": "Lease", "metadata": {"namespace": "kube-system", "name": name, "uid": name},
            "spec": {"leaseDurationSeconds": 15, "renewTime": "2026-01-01T23:59:55.000000Z"}}),
        );
    }
    World {
        objects,
        unknown: BTreeMap::new(),
        all_namespaces: false,
        unheard_stops: Vec::new(),
        answers: ServerAnswers::default(),
        node_history: NodeHistory::default(),
    }
}

pub fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true})
}

pub fn template(app: &str) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
    let toleration =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30});
    json!({"metadata": {"labels": {"app": app}}, "spec": {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "containers": [{"name": "main", "image": "shop:1", "resources": {"requests": {"memory": "64Mi"}}, "ports": [{"name": "http", "containerPort": 8080}],
            "livenessProbe": probe("/live"), "readinessProbe": probe("/ready")}],
        "tolerations": [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")],
    }})
}

pub fn deployment(app: &str, replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": app, "uid": format!("Deployment-{app}"), "generation": 1},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "template": template(app)},
        "status": {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}})
}

/// StatefulSet `db` with pods on the first nodes.
pub fn stateful_set(name: &str, replicas: usize) -> Vec<Value> {
    let mut set = deployment(name, i64::try_from(replicas).unwrap());
    merge(&mut set, json!({"kind": "StatefulSet", "metadata": {"uid": format!("StatefulSet-{name}")}}));
    let mut all = vec![set];
    for n in 0..replicas {
        let mut pod = pod(&format!("{name}-{n}"), name, &format!("n{}", n % 3 + 1));
        pod["metadata"]["ownerReferences"] = json!([owner("apps/v1", "StatefulSet", name)]);
        all.push(pod);
    }
    all
}

/// A Ready pod without an owner.
pub fn pod(name: &str, app: &str, node: &str) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": name,
        "uid": format!("pod-{name}"), "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"}],
            "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-01-01T00:00:02Z"}}}]}});
    merge(&mut pod, template(app));
    pod["spec"]["nodeName"] = json!(node);
    pod
}

/// Over the three pods of `web`, all healthy.
pub fn budget(name: &str, rule: Value) -> Value {
    let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": name, "uid": format!("pdb-{name}"), "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3}});
    merge(&mut budget["spec"], rule);
    budget
}

/// Claim `name` with one access mode, bound to the PersistentVolume `pv-NAME`.
pub fn claim(name: &str, mode: &str) -> Value {
    json!({"kind": "PersistentVolumeClaim", "metadata": {"namespace": "shop", "name": name,
        "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"accessModes": [mode], "volumeName": format!("pv-{name}")}})
}

/// A container that is not up, or came up again.
pub fn container(edit: Value) -> Value {
    let mut status = json!({"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 3});
    merge(&mut status, edit);
    json!({"status": {"containerStatuses": [status]}})
}

pub fn not_ready() -> Value {
    not_ready_since("2026-01-01T00:00:00Z")
}

pub fn not_ready_since(at: &str) -> Value {
    json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Ready", "status": "False", "lastTransitionTime": at}]}})
}

/// An Event of the last hour, about the object with this UID.
pub fn event(uid: &str, reason: &str, message: &str, last: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "shop", "name": format!("{uid}.{reason}.{last}")},
        "involvedObject": {"namespace": "shop", "uid": uid, "fieldPath": "spec.containers{main}"},
        "reason": reason, "message": message, "count": 1, "firstTimestamp": last, "lastTimestamp": last})
}

/// The kubelet's, of a container that it restarts for its probe.
pub fn killed(pod: &str, probe: &str, at: &str) -> Value {
    event(
        &format!("pod-{pod}"),
        "Killing",
        &format!("Container main failed {probe} probe, will be restarted"),
        at,
    )
}

impl World {
    /// `edit` merged over the object, as in `Deployment/web`.
    #[track_caller]
    pub fn edit(mut self, key: &str, edit: Value) -> Self {
        let object = self.objects.iter_mut().find(|it| named(it, key));
        merge(object.unwrap_or_else(|| panic!("there is no {key}")), edit);
        self
    }

    /// The same for every object of a kind.
    pub fn edit_all(mut self, kind: &str, edit: Value) -> Self {
        self.objects.iter_mut().filter(|it| it["kind"] == kind).for_each(|it| merge(it, edit.clone()));
        self
    }

    #[track_caller]
    pub fn without(mut self, key: &str) -> Self {
        let before = self.objects.len();
        self.objects.retain(|it| !named(it, key));
        assert!(self.objects.len() < before, "there is no {key}");
        self
    }

    pub fn with(mut self, object: Value) -> Self {
        self.objects.push(object);
        self
    }

    pub fn with_all(mut self, objects: Vec<Value>) -> Self {
        self.objects.extend(objects);
        self
    }

    /// As if the kind could not be read.
    pub fn unknown(mut self, read: Read) -> Self {
        self.unknown.insert(read, "forbidden".to_owned());
        self
    }

    /// As if a container had been looked into.
    pub fn unheard(mut self, stop: UnheardStop) -> Self {
        self.unheard_stops.push(stop);
        self
    }

    pub fn in_all_namespaces(mut self) -> Self {
        self.all_namespaces = true;
        self
    }

    pub fn snapshot(&self) -> Snapshot {
        self.selected(&Selection::All)
    }

    pub fn selected(&self, selection: &Selection) -> Snapshot {
        let snapshot = Snapshot::of(self.gathered(), selection, self.all_namespaces);
        Snapshot {
            unheard_stops: self.unheard_stops.clone(),
            answers: Some(self.answers.clone()),
            node_history: Some(self.node_history.clone()),
            ..snapshot
        }
    }

    pub fn gathered(&self) -> Gathered {
        let of = |read: Read| -> Vec<Value> {
            let mut objects: Vec<Value> =
                self.objects.iter().filter(|it| it["kind"] == read.api().0).cloned().collect();
            objects.iter_mut().for_each(prune);
            objects
        };
        fn known<T>(world: &World, read: Read, all: Vec<T>) -> Known<Vec<T>> {
            world.unknown.get(&read).map_or(Known::Seen(all), |why| Known::Unknown(why.clone()))
        }
        let nodes: Vec<Node> =
            of(Read::Nodes).into_iter().map(|it| serde_json::from_value(it).unwrap()).collect();
        let pods: Vec<Pod> =
            of(Read::Pods).into_iter().map(|it| serde_json::from_value(it).unwrap()).collect();
        let mut scheduling = Cluster::default();
        let (mut own, mut controllers, mut interner) = (Vec::new(), BTreeMap::new(), Interner::default());
        for pod in &pods {
            scheduling.add_pod(pod);
            let uid: Arc<str> = pod.uid().into();
            Gathered::note_controller(&mut controllers, &uid, pod, &mut interner);
            own.push(Arc::new(PodState::of(pod, uid, &mut interner)));
        }
        nodes.iter().for_each(|node| scheduling.add_node(node));
        scheduling.finish();
        if self.objects.iter().any(|it| it["kind"] == Read::Claims.api().0) {
            scheduling.volumes = Volumes::read();
            let typed = |it: &Value| serde_json::from_value(it.clone()).unwrap();
            of(Read::Claims).iter().for_each(|it| scheduling.volumes.add_claim(&typed(it)));
            let typed = |it: &Value| serde_json::from_value(it.clone()).unwrap();
            of(Read::Volumes).iter().for_each(|it| scheduling.volumes.add_volume(&typed(it)));
        }
        let kept = |read: Read, mut object: Value| {
            strip::object(&mut object);
            Packed::of(read, &object)
        };
        // Secrets are read only on demand: here if there are any.
        let has_secrets =
            self.unknown.contains_key(&Read::Secrets) || self.objects.iter().any(|it| it["kind"] == "Secret");
        let kinds = Read::ALL.into_iter().filter(|read| match read {
            Read::Pods | Read::Nodes => false,
            Read::Secrets => has_secrets,
            _ => true,
        });
        Gathered {
            now: NOW.parse().unwrap(),
            pods: known(self, Read::Pods, own),
            nodes: known(self, Read::Nodes, nodes),
            objects: kinds
                .map(|read| {
                    (read, known(self, read, of(read).into_iter().map(|it| kept(read, it)).collect()))
                })
                .collect(),
            scheduling: Known::Seen(Arc::new(scheduling)),
            controllers,
            origin: Origin::default(),
        }
    }

    /// As `deployment/web error`, and what could not be checked as `unchecked`.
    pub fn found(&self, check: &Check) -> Vec<String> {
        let snapshot = self.snapshot();
        let mut found = Found::by(check);
        (check.run)(&snapshot, &mut found);
        found.findings.iter().for_each(assert_commands_are_complete);
        let shown = |it: &Finding| format!("{} {}", it.subject, it.severity.word());
        let unchecked = found.unchecked.iter().map(|_| "unchecked".to_owned());
        found.findings.iter().map(shown).chain(unchecked).collect()
    }

    /// The message of the only finding.
    #[track_caller]
    pub fn message(&self, check: &Check) -> String {
        let snapshot = self.snapshot();
        let mut found = Found::by(check);
        (check.run)(&snapshot, &mut found);
        assert_eq!(found.findings.len(), 1, "{:?}", found.findings);
        found.findings[0].message.clone()
    }
}

/// An edit removes a field by null.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn named(object: &Value, key: &str) -> bool {
    key.split_once('/').is_some_and(|(kind, name)| object["kind"] == kind && object.name() == name)
}

/// Each command in a remedy about an object of a namespace names that namespace, and what is shown as a command, to be copied, has nothing
/// behind it and no placeholder in it.
#[track_caller]
fn assert_commands_are_complete(finding: &Finding) {
    const OF_THE_CLUSTER: [&str; 3] = ["taint node ", "uncordon ", "get namespace "];
    let Finding { id, remedy, subject, .. } = finding;
    for command in remedy.split("kubectl ").skip(1) {
        let is_of_cluster = OF_THE_CLUSTER.iter().any(|verb| command.starts_with(verb));
        let namespace = format!(" -n {}", subject.namespace);
        assert!(is_of_cluster || command.contains(&namespace), "{id} lacks{namespace}: {remedy}");
    }
    let (_, command) = parts(finding);
    let is_placeholder = |word: &str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
    assert!(
        !command.split(' ').any(|word| is_placeholder(word) || word.ends_with([',', ';'])),
        "{id} shows what cannot be typed: {command}"
    );
}

/// Each case by its name: the cluster, and what is found in it. Whatever the check does not declare as read is not read: without it the
/// same is found.
#[track_caller]
pub fn cases(check: &Check, cases: &[(&str, World, &[&str])]) {
    assert_eq!(healthy().found(check), [""; 0], "of a healthy cluster");
    for (name, world, expected) in cases {
        assert_eq!(world.found(check), *expected, "{name}");
        for read in Read::ALL.into_iter().filter(|read| !check.reads.contains(read)) {
            let mut less = world.clone();
            less.objects.retain(|it| it["kind"] != read.api().0);
            if less.objects.len() == world.objects.len() {
                continue;
            }
            assert_eq!(less.found(check), *expected, "{name}: {read} is read but not declared");
        }
        for found in *expected {
            let declared = |severity: &Severity| found.ends_with(severity.word());
            assert!(
                found == &"unchecked" || check.severities.iter().any(declared),
                "{name}: the severity of {found} is not declared"
            );
        }
    }
    assert!(cases.iter().any(|(_, _, expected)| !expected.is_empty()), "no case fires");
    assert!(cases.iter().any(|(_, _, expected)| expected.is_empty()), "no case is silent");
}
