//! Workloads and budgets with one thing wrong each.

use std::fmt;

use ::testbed::{Room, annotate};
use serde_json::{Value, json};

use super::{cordon, domains};

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// What a crash loop brings about comes and goes.
const CRASHING: &str = "crashing";

pub fn changes_by_itself(name: &str) -> bool {
    name == CRASHING
}

pub struct Fixture {
    id: &'static str,
    kind: &'static str,
    name: &'static str,
    /// Whose pods are waited for.
    workload: (&'static str, usize),
    /// Its pods are then in so many of these domains at least.
    domains: (&'static str, usize),
}

impl fmt::Display for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.id, self.kind, self.name)
    }
}

impl Fixture {
    fn new(id: &'static str, kind: &'static str, name: &'static str, pods: usize) -> Self {
        let kind_of_pods = if kind == "PodDisruptionBudget" { "Deployment" } else { kind };
        Fixture { id, kind, name, workload: (kind_of_pods, pods), domains: (HOST, 1) }
    }

    pub fn key(&self) -> (String, String, String) {
        (self.id.to_owned(), self.kind.to_owned(), self.name.to_owned())
    }

    pub fn rolls_out(&self) -> Option<(&'static str, &'static str)> {
        let (kind, _) = self.workload;
        (kind != "ReplicaSet" && self.name != CRASHING).then_some((kind, self.name))
    }

    /// All of its pods have a place, in as many domains as was said.
    pub fn is_placed(&self, room: &Room<'static>) {
        if self.name == CRASHING {
            return;
        }
        room.ready(self.name, self.workload.1);
        let (label, least) = self.domains;
        let found = domains(room, self.name, label);
        assert!(found.len() >= least, "{self}: {found:?}");
    }
}

fn main(object: &mut Value) -> &mut Value {
    &mut object["spec"]["template"]["spec"]["containers"][0]
}

fn pods(object: &mut Value) -> &mut Value {
    &mut object["spec"]["template"]["spec"]
}

/// What is wrong with the objects, on two nodes in two zones.
pub fn of_objects(room: &Room<'static>) -> Vec<Fixture> {
    let mut all = budgets(room);
    all.extend(containers(room));
    all.extend(updates(room));
    for fixture in all.iter().filter(|it| it.name != CRASHING) {
        room.ready(fixture.name, fixture.workload.1);
    }
    all
}

/// Spread also after an update: without the key the old pods count too, and the new ones may all end up on one node.
fn deployment_with(room: &Room<'static>, name: &str, replicas: usize, edit: impl FnOnce(&mut Value)) {
    room.deployment_with(name, replicas, |it| {
        pods(it)["topologySpreadConstraints"][0]["matchLabelKeys"] = json!(["pod-template-hash"]);
        edit(it);
    });
}

fn budgets(room: &Room<'static>) -> Vec<Fixture> {
    const BUDGET: &str = "PodDisruptionBudget";
    let mut all = vec![
        Fixture::new("HC203", "Deployment", "plain", 2),
        Fixture::new("HC203", "StatefulSet", "stateful", 2),
        Fixture::new("HC203", "ReplicaSet", "replicas", 2),
        Fixture::new("HC203", "Deployment", "taken", 2),
        Fixture::new("HC203", "Deployment", "expressed", 2),
    ];
    deployment_with(room, "plain", 2, |_| ());
    room.statefulset("stateful", 2);
    room.apply(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "replicas"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "replicas"}}, "template": {"metadata": {"labels": {"app": "replicas"}},
        "spec": {"containers": [{"name": "main", "image": "example.invalid/app:1"}]}}}}));
    deployment_with(room, "taken", 2, |_| ());
    room.budget("taken", "nobody", json!({"maxUnavailable": 1}));
    deployment_with(room, "expressed", 2, |it| {
        it["spec"]["selector"] =
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["expressed"]}]});
    });
    let rules = [
        ("HC204", "needs-both", json!({"minAvailable": 2})),
        ("HC204", "needs-all", json!({"minAvailable": "100%"})),
        ("HC204", "spares-none", json!({"maxUnavailable": 0})),
        ("HC207", "no-rule", json!({})),
        ("HC209", "needs-none", json!({"minAvailable": 0})),
        ("HC209", "spares-all", json!({"maxUnavailable": "100%"})),
    ];
    for (id, name, rule) in rules {
        deployment_with(room, name, 2, |_| ());
        room.budget(name, name, rule);
        all.push(Fixture::new(id, BUDGET, name, 2));
    }
    room.statefulset("quorum", 2);
    room.budget("quorum", "quorum", json!({"minAvailable": 2}));
    all.push(Fixture { workload: ("StatefulSet", 2), ..Fixture::new("HC204", BUDGET, "quorum", 2) });
    deployment_with(room, CRASHING, 2, |it| annotate(it, "testbed/failure", "crash-loop"));
    room.budget(CRASHING, CRASHING, json!({"minAvailable": 1}));
    all.push(Fixture::new("HC208", BUDGET, CRASHING, 2));
    all
}

fn containers(room: &Room<'static>) -> Vec<Fixture> {
    let http = || json!({"httpGet": {"path": "/", "port": 80}});
    let sleep = json!({"preStop": {"sleep": {"seconds": 30}}});
    deployment_with(room, "asks-http", 2, |it| {
        main(it)["livenessProbe"] = http();
        main(it)["readinessProbe"] = http();
    });
    room.statefulset_with("asks-tcp", 2, |it| {
        main(it)["ports"] = json!([{"name": "db", "containerPort": 5432}]);
        main(it)["livenessProbe"] = json!({"tcpSocket": {"port": 5432}, "failureThreshold": 2});
        main(it)["readinessProbe"] = json!({"tcpSocket": {"port": "db"}});
    });
    deployment_with(room, "asks-exec", 2, |it| {
        let exec = json!({"command": ["true"]});
        main(it)["livenessProbe"] = json!({"exec": exec, "periodSeconds": 7});
        main(it)["readinessProbe"] = json!({"exec": exec, "periodSeconds": 20});
    });
    deployment_with(room, "sleeps", 2, |it| main(it)["lifecycle"] = sleep);
    room.daemonset_with("sleeps-by-command", |it| {
        main(it)["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", "sleep 60"]}}});
    });
    room.statefulset_with("sleeps-in-order", 2, |it| {
        main(it)["lifecycle"] = json!({"preStop": {"exec": {"command": ["sleep", "45"]}}});
    });
    deployment_with(room, "one-stays-dead", 2, |it| {
        let other = json!({"name": "other", "image": "example.invalid/app:1", "restartPolicy": "Never"});
        pods(it)["containers"].as_array_mut().unwrap().push(other);
    });
    deployment_with(room, "ends", 2, |it| main(it)["restartPolicy"] = json!("OnFailure"));
    deployment_with(room, "starts-slowly", 3, |it| {
        annotate(it, "testbed/ready-after", "3s");
        main(it)["livenessProbe"] =
            json!({"httpGet": {"path": "/live", "port": 80}, "periodSeconds": 1, "failureThreshold": 1});
    });
    was_restarted(room, &room.ready("starts-slowly", 3)[0]);
    vec![
        Fixture::new("HC303", "Deployment", "asks-http", 2),
        Fixture::new("HC303", "StatefulSet", "asks-tcp", 2),
        Fixture::new("HC303", "Deployment", "asks-exec", 2),
        Fixture::new("HC308", "Deployment", "sleeps", 2),
        Fixture::new("HC308", "DaemonSet", "sleeps-by-command", 2),
        Fixture::new("HC308", "StatefulSet", "sleeps-in-order", 2),
        Fixture::new("HC110", "Deployment", "one-stays-dead", 2),
        Fixture::new("HC110", "Deployment", "ends", 2),
        Fixture::new("HC305", "Deployment", "starts-slowly", 3),
    ]
}

/// As by a kubelet: nothing here asks a probe.
fn was_restarted(room: &Room<'static>, pod: &Value) {
    let mut statuses = pod["status"]["containerStatuses"].clone();
    statuses[0]["restartCount"] = json!(1);
    let path = room.path_of("Pod", pod["metadata"]["name"].as_str().unwrap());
    room.cluster().merge_status(&path, &json!({"containerStatuses": statuses}));
}

fn updates(room: &Room<'static>) -> Vec<Fixture> {
    let ready = || json!({"httpGet": {"path": "/ready", "port": 80}});
    deployment_with(room, "recreated", 2, |it| it["spec"]["strategy"] = json!({"type": "Recreate"}));
    deployment_with(room, "stops-all", 2, |it| {
        it["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}});
    });
    for (name, seconds) in [("late", 7200), ("never-late", i32::MAX)] {
        deployment_with(room, name, 2, |it| {
            it["spec"]["progressDeadlineSeconds"] = json!(seconds);
            main(it)["readinessProbe"] = ready();
        });
    }
    deployment_with(room, "tolerates", 2, |_| ());
    deployment_with(room, "tolerates-for-ever", 2, |it| {
        pods(it)["tolerations"] = json!([{"operator": "Exists"}])
    });
    deployment_with(room, "tolerates-alone", 1, |_| ());
    vec![
        Fixture::new("HC211", "Deployment", "recreated", 2),
        Fixture::new("HC211", "Deployment", "stops-all", 2),
        Fixture::new("HC212", "Deployment", "late", 2),
        Fixture::new("HC212", "Deployment", "never-late", 2),
        Fixture::new("HC409", "Deployment", "tolerates", 2),
        Fixture::new("HC409", "Deployment", "tolerates-for-ever", 2),
        Fixture::new("HC409", "Deployment", "tolerates-alone", 1),
    ]
}

/// What is wrong with where the pods are, on three nodes in two zones.
pub fn of_placement(room: &Room<'static>) -> Vec<Fixture> {
    let zone = |index: usize| room.node(&room.nodes()[index])["metadata"]["labels"][ZONE].to_string();
    assert!(zone(0) == zone(2) && zone(0) != zone(1));
    let anywhere = |it: &mut Value| pods(it)["topologySpreadConstraints"] = json!(null);
    cordon(room, 1, true);
    cordon(room, 2, true);
    room.deployment_with("on-one-node", 2, anywhere);
    room.statefulset_with("set-on-one-node", 2, anywhere);
    room.ready("on-one-node", 2);
    room.ready("set-on-one-node", 2);
    cordon(room, 2, false);
    room.deployment_with("in-one-zone", 2, anywhere);
    room.ready("in-one-zone", 2);
    cordon(room, 1, false);
    let own = |name: &str| json!({"matchLabels": {"app": name}});
    room.deployment_with("apart", 3, |it| {
        anywhere(it);
        pods(it)["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": HOST, "labelSelector": own("apart")}]}});
    });
    room.deployment_with("spread", 3, |it| {
        pods(it)["topologySpreadConstraints"] = json!([{"topologyKey": HOST, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": own("spread"), "matchLabelKeys": ["pod-template-hash"]}]);
    });
    room.deployment_with("alone", 1, anywhere);
    room.deployment_with("alone-and-serves", 1, anywhere);
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "alone-and-serves"},
        "spec": {"selector": {"app": "alone-and-serves"}, "ports": [{"port": 80}]}}));
    let on = |id, kind, name, pods, domains| Fixture { domains, ..Fixture::new(id, kind, name, pods) };
    for (name, pods) in [("apart", 3), ("spread", 3), ("alone", 1), ("alone-and-serves", 1)] {
        room.ready(name, pods);
    }
    vec![
        on("HC401", "Deployment", "on-one-node", 2, (HOST, 2)),
        on("HC401", "StatefulSet", "set-on-one-node", 2, (HOST, 2)),
        on("HC402", "Deployment", "in-one-zone", 2, (ZONE, 2)),
        on("HC403", "Deployment", "apart", 3, (HOST, 3)),
        on("HC403", "Deployment", "spread", 3, (HOST, 3)),
        on("HC201", "Deployment", "alone", 2, (ZONE, 2)),
        on("HC201", "Deployment", "alone-and-serves", 2, (ZONE, 2)),
    ]
}
