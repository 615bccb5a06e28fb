use cluster_model::Known;
use plugin_client::dump::Dump;
use serde_json::{Value, json};

use super::*;
use crate::checks::testing::{NOW, World, budget, deployment, healthy, pod};
use crate::checks::{self};
use crate::finding::Severity;
use crate::matrix::matrices;
use crate::options::fail_on;
use crate::snapshot::Snapshot;

/// As kubectl prints them.
fn objects(world: &World) -> Vec<Value> {
    let versioned = |mut object: Value| {
        if let (true, Some(read)) = (object["apiVersion"].is_null(), Read::of_kind(object.text("/kind"))) {
            object["apiVersion"] = json!(api_version(read));
        }
        object
    };
    world.objects.iter().cloned().map(versioned).collect()
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn api_version(read: Read) -> String {
    let (_, group, version, _) = read.api();
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Those without an object in `healthy`, as the server lists them.
fn empty_lists() -> String {
    let known = healthy().objects;
    let is_empty = |read: &Read| !known.iter().any(|it| it["kind"] == read.api().0);
    let of = |read: Read| json!({"apiVersion": api_version(read), "kind": format!("{}List", read.api().0), "items": []});
    let lists: Vec<String> = Read::ALL.into_iter().filter(is_empty).map(|it| of(it).to_string()).collect();
    lists.join("\n")
}

/// What all checks read.
fn needed() -> BTreeSet<Read> {
    fail_on(Severity::Error).reads()
}

fn read_text(text: &str, target: &Target, namespace: Option<&str>) -> Result<Offline, Failure> {
    read(&Dump::of_text("dump", text.as_bytes()).unwrap(), target, namespace, &needed())
}

fn snapshot(text: &str) -> Snapshot {
    let mut read = read_text(text, &Target::All, Some("shop")).unwrap();
    read.gathered.now = NOW.parse().unwrap();
    Snapshot::of(read.gathered, &read.selection, false)
}

fn shown(snapshot: &Snapshot) -> String {
    // Of a dump nothing is asked and nothing is watched.
    let (findings, unchecked) = checks::run(snapshot, |check| !["HC508", "HC805"].contains(&check.id));
    let rows: Vec<(String, String)> = matrices(snapshot)
        .iter()
        .map(|(workload, matrix)| (workload.subject.to_string(), plugin_client::to_json(matrix)))
        .collect();
    format!("{}\n{}\n{rows:?}", plugin_client::to_json(&findings), plugin_client::to_json(&unchecked))
}

#[test]
fn a_dump_says_the_same_as_the_cluster() {
    let worlds = [
        healthy(),
        healthy().with(pod("tool", "tool", "n1")).without("PodDisruptionBudget/web"),
        healthy().edit("Deployment/web", json!({"spec": {"replicas": 1}})),
        healthy().edit("Node/n1", json!({"spec": {"unschedulable": true}})).with(deployment("api", 2)),
        healthy().with(budget("again", json!({"minAvailable": 3}))),
    ];
    for world in worlds {
        let live = shown(&world.snapshot());
        let empty = format!(
            "{}\n{}",
            empty_lists(),
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudgetList", "items": []})
        );
        assert_eq!(shown(&snapshot(&format!("{}\n{empty}", list(&objects(&world))))), live);
        // The order of the files says nothing.
        let mut backwards = objects(&world);
        backwards.reverse();
        assert_eq!(shown(&snapshot(&format!("{empty}\n{}", list(&backwards)))), live);
    }
}

#[test]
fn a_kind_that_is_not_there_is_unknown_with_what_would_print_it() {
    let without = |kind: &str| {
        let mut objects = objects(&healthy());
        objects.retain(|it| it["kind"] != kind);
        format!("{}\n{}", list(&objects), empty_lists())
    };
    let (_, unchecked) = checks::run(&snapshot(&without("PodDisruptionBudget")), |_| true);
    let reason = &unchecked.iter().find(|it| it.id == "HC203").unwrap().reason;
    assert!(
        reason.contains("add what `kubectl get --raw /apis/policy/v1/poddisruptionbudgets` prints"),
        "{reason}"
    );
    for (kind, id) in [("Lease", "HC804"), ("Node", "HC401"), ("Pod", "HC101")] {
        let snapshot = snapshot(&without(kind));
        let (_, unchecked) = checks::run(&snapshot, |_| true);
        assert!(unchecked.iter().any(|it| it.id == id), "{kind}: {unchecked:?}");
    }
    let no_nodes = snapshot(&without("Node"));
    let Known::Unknown(why) = &no_nodes.scheduling else { panic!("there are no nodes") };
    assert!(why.contains("/api/v1/nodes"), "{why}");
}

#[test]
fn some_of_the_nodes_say_nothing_about_room() {
    let text = format!("{}\n{}", list(&objects(&healthy().without("Node/n3"))), empty_lists());
    let Known::Unknown(why) = snapshot(&text).scheduling else { panic!("n3 is not in it") };
    assert!(why.contains("node n3"), "{why}");
}

#[test]
fn a_stream_has_no_time_and_says_so() {
    let read = read_text(&list(&objects(&healthy())), &Target::All, None).unwrap();
    let unchecked = &read.gathered.origin.unchecked;
    assert_eq!(unchecked.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["time"]);
    // What is left out until some day counts again after it, whenever the dump was made.
    let today = read.gathered.origin.today.unwrap();
    let snapshot = Snapshot::of(read.gathered, &read.selection, false);
    assert!(snapshot.now < today && snapshot.today().year() >= 2026);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.json");
    std::fs::write(&file, list(&objects(&healthy()))).unwrap();
    let dated = super::read(&Dump::open(&file).unwrap(), &Target::All, None, &needed()).unwrap();
    assert!(dated.taken_at.is_some() && dated.gathered.origin.unchecked.is_empty());
}

#[test]
fn a_selector_selects_as_the_server_does() {
    let text = list(&objects(
        &healthy()
            .with(pod("tool", "tool", "n1"))
            .edit("Deployment/web", json!({"metadata": {"labels": {"app": "web"}}})),
    ));
    let uids = |selector: &str| match read_text(&text, &Target::Selector(selector.to_owned()), Some("shop"))
        .unwrap()
        .selection
    {
        Selection::Uids(uids) => uids.len(),
        other => panic!("{other:?}"),
    };
    // The Deployment, and its pods, of which none is a workload of its own.
    assert_eq!((uids("app in (web)"), uids("app=tool"), uids("app=none")), (4, 1, 0));
    let failure = read_text(&text, &Target::Selector("app in".to_owned()), None).err().unwrap();
    assert_eq!(failure.exit, plugin_client::Exit::Usage);
}

#[test]
fn only_the_namespace_in_question_is_kept_but_all_pods_take_room() {
    let mut elsewhere = pod("elsewhere", "other", "n1");
    elsewhere["metadata"]["namespace"] = json!("other");
    let text = list(&objects(&healthy().with(elsewhere)));
    let read = |namespace| read_text(&text, &Target::All, namespace).unwrap().gathered;
    let (own, all) = (read(Some("shop")), read(None));
    assert_eq!((own.pods.seen().unwrap().len(), all.pods.seen().unwrap().len()), (3, 4));
    assert_eq!(own.scheduling.seen().unwrap().pod_count(), 4);
}

#[test]
fn what_is_no_dump_of_a_cluster_is_an_error() {
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    let drain =
        json!({"apiVersion": "safe-drain/v1", "kind": "ClusterSnapshot", "metadata": {"name": "snapshot"}});
    let mut changed = deployment("web", 1);
    changed["spec"]["paused"] = json!(true);
    let twice = list(&[deployment("web", 1), changed]);
    for (text, part) in [
        (list(&[other]), "there is nothing in dump that is checked here; it has 1 Secret"),
        (list(&[drain]), "a snapshot of kubectl safe-drain"),
        (twice, "shop/web was there before, in another version"),
        (list(&[json!({"kind": "Pod", "metadata": {"name": "p"}})]), "it has no apiVersion"),
        ("{}".to_owned(), "it has no kind"),
    ] {
        let failure = read_text(&text, &Target::All, None).err().unwrap();
        assert!(failure.to_string().contains(part), "{part}: {failure}");
        assert_eq!(failure.exit, plugin_client::Exit::Failed);
    }
}
