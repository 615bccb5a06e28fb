use cluster_model::build::{PodBuild, node, pod};
use cluster_model::owner_graph::ControllerState;
use serde::Serialize;
use serde_json::{Value, json};

use super::*;

fn typed(api_version: &str, kind: &str, object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    (value["apiVersion"], value["kind"]) = (json!(api_version), json!(kind));
    value
}

fn pod_object(pod: &Pod) -> Value {
    typed("v1", "Pod", pod)
}

fn node_object(name: &str, pool: &str) -> Value {
    typed("v1", "Node", &node(name, json!({"metadata": {"labels": {"pool": pool}}})))
}

/// Two nodes, and two pods on the first.
fn small() -> Vec<Value> {
    let waiting = json!({"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}});
    vec![
        node_object("n1", "old"),
        node_object("n2", "new"),
        pod_object(&pod("b/p", "n1").label("app", "web")),
        pod_object(&pod("a/q", "n1").label("app", "db")),
        pod_object(&pod("a/waits", "").edit(waiting)),
    ]
}

fn dump(objects: &[Value]) -> Dump {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    Dump::of_text("dump", list.to_string().as_bytes()).unwrap()
}

fn named(name: &str) -> Target {
    Target::Names(vec![name.to_owned()])
}

fn read_small(more: &[Value]) -> Offline {
    read(&dump(&[small(), more.to_vec()].concat()), &named("n1"), None, &Verbs::default()).unwrap()
}

fn error(objects: &[Value], target: &Target) -> Failure {
    read(&dump(objects), target, None, &Verbs::default()).err().unwrap()
}

#[test]
fn nodes_are_found_by_name_and_by_label() {
    let of = |target: Target| {
        let read =
            read(&dump(&small()), &target, None, &Verbs::default()).map_err(|failure| failure.to_string())?;
        Ok::<_, String>(read.inventory.nodes.iter().map(|node| node.name().to_owned()).collect::<Vec<_>>())
    };
    let names = |names: &[&str]| Target::Names(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(of(names(&["n2", "n1"])).unwrap(), ["n2", "n1"]);
    assert_eq!(of(Target::Selector("pool in (old, new)".into())).unwrap(), ["n1", "n2"]);
    assert!(of(Target::Selector("pool=none".into())).unwrap_err().contains("no node matches"));
    assert!(of(names(&["n1", "n3"])).unwrap_err().contains("node/n3"));
    assert!(of(Target::Selector("pool=(".into())).unwrap_err().contains("not understood"));
}

#[test]
fn pods_are_those_of_the_nodes_in_the_order_of_the_server() {
    let read =
        |selector: Option<&str>| read(&dump(&small()), &named("n1"), selector, &Verbs::default()).unwrap();
    let keys = |pods: &[Pod]| pods.iter().map(PodExt::key).collect::<Vec<_>>();
    let all = read(None);
    assert_eq!(keys(&all.inventory.pods), ["a/q", "b/p"]);
    assert_eq!((all.nodes, all.pods), (2, 3));
    let some = read(Some("app=web")).inventory;
    assert_eq!((keys(&some.pods), keys(&some.unselected)), (vec!["b/p".to_owned()], vec!["a/q".to_owned()]));
    assert_eq!(some.unselected[0].metadata.labels.as_ref().unwrap()["app"], "db");
}

#[test]
fn kinds_that_are_not_there_are_unknown() {
    let Offline { inventory, missing, taken_at, .. } = read_small(&[]);
    assert_eq!(missing.len(), Kind::ALL.len() - 2, "{missing:?}");
    assert_eq!(inventory.budgets.seen().map(|_| ()), None);
    assert_eq!(inventory.webhooks, Known::Unknown("validatingwebhookconfigurations are not in dump".into()));
    assert_eq!(inventory.awaited.seen().map(Vec::len), None);
    let owner = inventory.controller_of(&inventory.pods[0]).unwrap();
    assert_eq!(owner.state, ControllerState::Unknown("replicasets are not in dump"));
    assert_eq!(taken_at, None, "of a stream");
}

#[test]
fn without_nodes_or_pods_there_is_no_plan() {
    let (nodes, pods) = (&small()[..2], &small()[2..]);
    for (objects, what) in [(nodes, "pods are not in dump"), (pods, "nodes are not in dump")] {
        assert!(error(objects, &named("n1")).to_string().contains(what));
    }
}

/// An empty list of a kind, or our own snapshot: there is none of it.
#[test]
fn kinds_that_were_listed_are_known_without_an_object() {
    let header = |listed: &[&str], missing: Value| {
        json!({"apiVersion": header::API_VERSION, "kind": header::KIND, "takenAt": "2026-01-01T00:00:00Z",
            "listed": listed, "missing": missing})
    };
    let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.plural()).collect();
    let whole = read_small(&[header(&all, json!({}))]);
    assert!(whole.missing.is_empty());
    assert_eq!(whole.taken_at.unwrap().to_string(), "2026-01-01T00:00:00Z");
    let inventory = whole.inventory;
    assert_eq!(inventory.webhooks, Known::Seen(Vec::new()));
    assert!(inventory.budgets.seen().unwrap().is_empty());
    assert!(inventory.is_orphaned(&inventory.pods[0]), "its ReplicaSet does not exist");
    let reason = json!({"poddisruptionbudgets": "cannot list poddisruptionbudgets: forbidden (403)"});
    let part = read_small(&[header(&all[..2], reason)]);
    let why = "poddisruptionbudgets are not in dump: cannot list poddisruptionbudgets: forbidden (403)";
    assert_eq!(part.missing[&Kind::PodDisruptionBudget], why);

    let text = format!(
        "{}{}",
        json!({"apiVersion": "v1", "kind": "List", "items": small()}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudgetList", "items": []})
    );
    let dump = Dump::of_text("dump", text.as_bytes()).unwrap();
    let read = read(&dump, &named("n1"), None, &Verbs::default()).unwrap();
    assert!(read.inventory.budgets.seen().is_some());
}

#[test]
fn owners_claims_volumes_and_webhooks_are_found() {
    let set = |uid: &str| {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "b", "name": "rs", "uid": uid},
            "spec": {"replicas": 2, "selector": {}}})
    };
    let uid = OwnerKey::controller_of(&pod("b/p", "n1").metadata).unwrap().uid;
    assert!(!read_small(&[set(&uid)]).inventory.is_orphaned(&pod("b/p", "n1")));
    assert!(read_small(&[set("another")]).inventory.is_orphaned(&pod("b/p", "n1")), "another of its name");

    let claim = |annotations: Value| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "a", "name": "c", "annotations": annotations}})
    };
    let selected = claim(json!({"volume.kubernetes.io/selected-node": "n1"}));
    let awaited = |claim| read_small(&[claim]).inventory.awaited.seen().unwrap().len();
    assert_eq!((awaited(selected), awaited(claim(json!({})))), (1, 0));

    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "b", "name": "hook"},
        "spec": {"selector": {"app": "web"}}});
    let hook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "h"}, "webhooks": [{"name": "x", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": "b", "name": "hook"}},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]});
    let mutating = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "m"}});
    let found = read_small(&[hook.clone(), mutating.clone(), service]).inventory.webhooks;
    assert_eq!(found.seen().unwrap()[0].backends, ["uid-p"]);
    let without = read_small(&[hook, mutating]).inventory.webhooks;
    assert_eq!(without, Known::Unknown("services are not in dump".into()));
}

#[test]
fn an_object_counts_once_and_two_versions_are_an_error() {
    let versioned = |version: &str| {
        let mut pod = pod_object(&pod("a/r", "n1"));
        pod["metadata"]["resourceVersion"] = json!(version);
        pod
    };
    assert_eq!(read_small(&[versioned("1"), versioned("1")]).pods, 4);
    assert_eq!(read_small(&small()).pods, 3, "the same text");
    let twice = error(&[small(), vec![versioned("1"), versioned("2")]].concat(), &named("n1")).to_string();
    assert!(twice.contains("item 7: Pod: a/r was there before, in another version"), "{twice}");
    let nameless = error(&[json!({"apiVersion": "v1", "kind": "Node"})], &named("n1")).to_string();
    assert!(nameless.contains("item 1: Node: it has no name"), "{nameless}");
}

#[test]
fn what_no_plan_reads_is_counted() {
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    let old =
        json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}});
    let read = read_small(&[other.clone(), other, old]);
    assert_eq!(read.skipped, BTreeMap::from([("ConfigMap".into(), 2), ("PodDisruptionBudget".into(), 1)]));
    assert!(read.missing.contains_key(&Kind::PodDisruptionBudget));
}

#[test]
fn files_without_all_nodes_say_nothing_about_room() {
    let elsewhere = pod_object(&pod("a/elsewhere", "n3").label("app", "web"));
    let read = read_small(&[elsewhere]);
    let Known::Unknown(why) = read.inventory.scheduling else { panic!("n3 is not in the files") };
    assert!(why.contains("n3"), "{why}");
    assert!(matches!(read_small(&[]).inventory.scheduling, Known::Seen(_)));
}

#[test]
fn kinds_of_other_groups_and_versions_are_not_those_of_a_plan() {
    let list =
        |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "items": []}).to_string();
    let small = json!({"apiVersion": "v1", "kind": "List", "items": small()}).to_string();
    let missing = |more: String| {
        let dump = Dump::of_text("dump", format!("{small}\n{more}").as_bytes()).unwrap();
        read(&dump, &named("n1"), None, &Verbs::default()).unwrap().missing
    };
    let has = |version: &str, kind: &str, of: Kind| !missing(list(version, kind)).contains_key(&of);
    assert!(has("policy/v1", "PodDisruptionBudgetList", Kind::PodDisruptionBudget));
    assert!(!has("policy/v1beta1", "PodDisruptionBudgetList", Kind::PodDisruptionBudget));
    assert!(!has("serving.knative.dev/v1", "ServiceList", Kind::Service));
}

#[test]
fn an_object_without_a_version_is_an_error() {
    let mut pod = pod_object(&pod("a/p", "n1"));
    pod["apiVersion"] = Value::Null;
    assert!(error(&[small(), vec![pod]].concat(), &named("n1")).to_string().contains("apiVersion"));
}

#[test]
fn two_objects_of_one_name_without_a_version_of_their_own_are_compared() {
    let at = |node: &str| {
        let mut pod = pod_object(&pod("a/twice", node));
        pod["metadata"]["resourceVersion"] = json!("");
        pod
    };
    assert!(
        error(&[small(), vec![at("n1"), at("n2")]].concat(), &named("n1")).to_string().contains("a/twice")
    );
    assert_eq!(read_small(&[at("n1"), at("n1")]).pods, 4);
}
