//! Nodes and zones that fall silent: what of their pods stays, and whom that keeps away.

use super::*;

/// Ready is Unknown for it.
pub fn down(world: World, node: &str) -> World {
    let conditions = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    world.edit(&format!("Node/{node}"), conditions)
}

#[test]
fn verdicts_of_lost_nodes() {
    const WEB: &str = "deployment/web";
    const ZONE: &str = "topology.kubernetes.io/zone";
    let db = || healthy().with_all(stateful_set("db", 2));
    let released = |world: World| {
        let taints = json!({"spec": {"taints": [{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]}});
        ["Node/n1", "Node/n2"].iter().fold(world, |world, node| world.edit(node, taints.clone()))
    };
    let tolerates =
        |tolerations: Value| healthy().edit_all("Pod", json!({"spec": {"tolerations": tolerations}}));
    let unreachable = |seconds: Value| json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
    let every = json!({"operator": "Exists"});
    let unschedulable = json!({"operator": "Exists", "effect": "NoSchedule"});
    // Five nodes of zone a, two of them down already.
    let most_of_zone = || {
        let like = |name: &str| {
            json!({"kind": "Node", "metadata": {"name": name, "uid": name, "labels": {ZONE: "a"}},
            "spec": {}, "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]}})
        };
        let world = ["m1", "m2", "m3", "m4"].iter().fold(healthy(), |world, name| world.with(like(name)));
        down(down(world, "m1"), "m2")
    };
    let agent = json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "DaemonSet-agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": crate::checks::testing::template("agent")}});
    let mut one = pod("agent-1", "agent", "n1");
    one["metadata"]["ownerReferences"] = json!([owner("apps/v1", "DaemonSet", "agent")]);
    let of_other = |anti: Value| {
        let mut other = pod("other", "other", "n1");
        other["spec"]["affinity"] =
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [anti]}});
        healthy().with(other)
    };
    all_of(&[
        // kubernetes#74689, and what ends it.
        (
            "a StatefulSet on nodes out of service",
            released(db()),
            "statefulset/db",
            "heals heals slow slow heals",
        ),
        (
            "a StatefulSet whose pods the server deletes at once",
            db().edit_all("Pod", json!({"spec": {"terminationGracePeriodSeconds": 0}})),
            "statefulset/db",
            "heals heals slow slow heals",
        ),
        (
            "a StatefulSet whose nodes are gone",
            db().without("Node/n1").without("Node/n2"),
            "statefulset/db",
            "heals heals slow none unknown",
        ),
        (
            "a StatefulSet on a node that is down",
            down(db(), "n1"),
            "statefulset/db",
            "heals wont wont wont wont",
        ),
        (
            "a DaemonSet on a node that is down",
            down(healthy().with(agent).with(one), "n1"),
            "daemonset/agent",
            "unknown wont none none none",
        ),
        ("all nodes but one are down", down(down(healthy(), "n2"), "n3"), WEB, "heals heals wont wont heals"),
        ("most of a zone is down", most_of_zone(), WEB, "heals heals wont slow heals"),
        (
            "every taint after a bounded one",
            tolerates(json!([unreachable(json!(30)), every])),
            WEB,
            "heals heals unknown unknown unknown",
        ),
        (
            "every taint before a bounded one",
            tolerates(json!([every, unreachable(json!(30))])),
            WEB,
            "heals heals wont wont unknown",
        ),
        (
            "every taint but execution is tolerated",
            tolerates(json!([unreachable(json!(30)), unschedulable])),
            WEB,
            "heals heals unknown unknown unknown",
        ),
        (
            "together by zone",
            bound_to(healthy(), "podAffinity", ZONE, "web"),
            WEB,
            "heals heals unknown unknown heals",
        ),
        (
            "apart by zone",
            bound_to(healthy(), "podAntiAffinity", ZONE, "web"),
            WEB,
            "heals heals wont wont wont",
        ),
        (
            "another one keeps web out of its zone",
            of_other(json!({"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}})),
            WEB,
            "heals heals unknown unknown heals",
        ),
        (
            "another one keeps web off its node",
            of_other(
                json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}),
            ),
            WEB,
            "heals heals slow slow heals",
        ),
    ]);
}

/// Volumes of a lost node: `attached` to it, with an access mode.
#[test]
fn a_volume_stays_with_its_lost_node() {
    use cluster_model::feasibility::volumes::Volumes;
    let of = |mode: &str, is_attached: bool| {
        let claim =
            json!({"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}});
        let mut snapshot = healthy().edit("Pod/web-a", claim).snapshot();
        let cluster_model::Known::Seen(cluster) = &mut snapshot.scheduling else { unreachable!() };
        let mut volumes = Volumes::read();
        let spec = json!({"accessModes": [mode], "volumeName": "pv", "storageClassName": ""});
        let claim = json!({"metadata": {"namespace": "shop", "name": "data", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": spec, "status": {"phase": "Bound"}});
        volumes.add_claim(&serde_json::from_value(claim).unwrap());
        let volume = json!({"metadata": {"name": "pv"}, "spec": {"accessModes": [mode], "csi": {"driver": "d", "volumeHandle": "h"}}, "status": {"phase": "Bound"}});
        volumes.add_volume(&serde_json::from_value(volume).unwrap());
        if is_attached {
            let attachment = json!({"metadata": {"name": "va"}, "spec": {"attacher": "d", "nodeName": "n1", "source": {"persistentVolumeName": "pv"}}, "status": {"attached": true}});
            volumes.add_attachment(&serde_json::from_value(attachment).unwrap());
        }
        std::sync::Arc::make_mut(cluster).volumes = volumes;
        let (_, matrix) = matrices(&snapshot).into_iter().next().unwrap();
        word(&matrix.node_loss)
    };
    assert_eq!(of("ReadWriteOnce", true), "wont");
    assert_eq!(of("ReadWriteOnce", false), "slow");
    assert_eq!(of("ReadWriteMany", true), "slow");
    assert_eq!(of("ReadWriteOncePod", false), "wont");
}

/// A lost node is not cordoned: it has the taints of `node.kubernetes.io/unreachable`, also for pods that tolerate a cordon.
#[test]
fn what_tolerates_a_cordon_is_not_bound_to_a_lost_node() {
    const HOSTNAME: &str = "kubernetes.io/hostname";
    let lost =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5});
    let unschedulable = json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"});
    let every = json!({"operator": "Exists"});
    let both = [lost("node.kubernetes.io/not-ready"), lost("node.kubernetes.io/unreachable")];
    let with = |world: World, more: &Value| {
        let all: Vec<&Value> = both.iter().chain([more]).collect();
        world.edit_all("Pod", json!({"spec": {"tolerations": all}}))
    };
    let tolerates = |world: World| with(world, &unschedulable);
    let on_one_node = || {
        let selector = json!({"spec": {"nodeSelector": {HOSTNAME: "n1"}}});
        healthy().without("Pod/web-b").without("Pod/web-c").edit("Pod/web-a", selector)
    };
    let spread = |policy: &str| {
        let constraint = json!({"maxSkew": 1, "topologyKey": HOSTNAME, "whenUnsatisfiable": "DoNotSchedule",
            "nodeTaintsPolicy": policy, "labelSelector": {"matchLabels": {"app": "web"}}});
        healthy().edit_all("Pod", json!({"spec": {"topologySpreadConstraints": [constraint]}}))
    };
    const WEB: &str = "deployment/web";
    all_of(&[
        ("room elsewhere", tolerates(healthy()), WEB, "heals heals heals heals unknown"),
        ("only its own node", tolerates(on_one_node()), WEB, "heals heals wont wont wont"),
        (
            "only its own node, and every taint",
            with(on_one_node(), &every),
            WEB,
            "heals heals wont wont wont",
        ),
        (
            "one on each node",
            tolerates(bound_to(healthy(), "podAntiAffinity", HOSTNAME, "web")),
            WEB,
            "heals heals wont wont wont",
        ),
        ("no room elsewhere", tolerates(with_cpu(healthy(), "5")), WEB, "heals heals wont wont wont"),
        ("its domain counts", tolerates(spread("Ignore")), WEB, "heals heals wont wont wont"),
        ("its domain does not count", tolerates(spread("Honor")), WEB, "heals heals heals heals wont"),
    ]);
    let reasons = |world: &World| {
        let matrix = matrix_of(world, WEB);
        [matrix.node_loss.reason, matrix.drain.reason]
    };
    let [lost, drained] = reasons(&with(on_one_node(), &every));
    assert!(lost.contains("it tolerates the taints of the lost node, and is bound to it again"), "{lost}");
    assert!(drained.contains("it tolerates the cordon, and comes back to the node"), "{drained}");
    let [lost, drained] = reasons(&with(healthy(), &every));
    assert!(lost.contains("it may be bound to the lost node again"), "{lost}");
    assert!(drained.contains("it tolerates the cordon, and may come back to the node"), "{drained}");
}
