//! Filters that look at other pods.

use serde_json::{Value, json};

use super::{APP, decides, home, neighbour, other, rejection, remove_neighbour, room, workload};

const HOSTNAME: &str = "kubernetes.io/hostname";

fn apart_from(app: &str) -> Value {
    let term = json!({"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"app": app}}});
    json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
}

/// The node that is drained still counts, and has none of these pods: with a second one on the other node the skew would be 2.
#[test]
fn pod_topology_spread() {
    let room = room(|_| ());
    neighbour(&room, "there", other(&room), |_| ());
    workload(&room, |spec| {
        let of_both = json!({"key": "app", "operator": "In", "values": [APP, "there"]});
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1,
            "topologyKey": HOSTNAME,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchExpressions": [of_both]},
        }]);
    });
    let reason = format!("topology spread over {HOSTNAME}");
    let rejected = rejection(&reason, "1 node(s) didn't match pod topology spread constraints");
    let remedy = format!(
        "without its topology spread over {HOSTNAME}, or perhaps with nodeTaintsPolicy: Honor or a larger maxSkew"
    );
    decides(&room, rejected.remedy(&remedy), || {
        remove_neighbour(&room, "there");
    });
}

#[test]
fn pod_affinity() {
    let room = room(|_| ());
    workload(&room, |spec| {
        let term = json!({"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"role": "cache"}}});
        spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([term]);
    });
    let cache = |name: &str, node: &str| {
        neighbour(&room, name, node, |pod| pod["metadata"]["labels"]["role"] = json!("cache"))
    };
    cache("near", home(&room));
    let reason = format!("pod affinity within {HOSTNAME}");
    decides(&room, rejection(&reason, "1 node(s) didn't match pod affinity rules"), || {
        cache("far", other(&room))
    });
}

#[test]
fn pod_anti_affinity() {
    let room = room(|_| ());
    neighbour(&room, "there", other(&room), |_| ());
    workload(&room, |spec| spec["affinity"] = apart_from("there"));
    let reason = format!("pod anti-affinity within {HOSTNAME}");
    decides(&room, rejection(&reason, "1 node(s) didn't match pod anti-affinity rules"), || {
        remove_neighbour(&room, "there");
    });
}

#[test]
fn anti_affinity_of_the_other_pod() {
    let room = room(|_| ());
    neighbour(&room, "there", other(&room), |pod| pod["spec"]["affinity"] = apart_from(APP));
    workload(&room, |_| ());
    let reason = format!("anti-affinity of {}/there within {HOSTNAME}", room.namespace());
    decides(&room, rejection(&reason, "1 node(s) didn't satisfy existing pods anti-affinity rules"), || {
        remove_neighbour(&room, "there");
    });
}
