//! Fixes of objects in files.

use plugin_client::dump::Dump;
use serde_json::json;

use super::*;
use crate::args::Target;
use crate::gather::manifests;

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: 'i:1'}]
";
/// The fix for the finding of this check.
fn of(text: &str, id: &str) -> Fix {
    let dump = Dump::of_text("web.yaml", format!("# web\n---\n{text}").as_bytes()).unwrap();
    let read = manifests::read(&[dump], &Target::All, "default").unwrap();
    let snapshot = Snapshot::of(read.gathered.clone(), &read.selection, false);
    let (now, _) = checks::run(&snapshot, |_| true);
    let finding = now.iter().find(|it| it.id == id).unwrap();
    let options = fail_on(Severity::Error);
    Workbench::new(read.gathered, read.selection, false, &options).fix(finding, &snapshot).unwrap()
}

/// A budget is made in the namespace that its workload leaves open, and what is there is changed where it is.
#[test]
fn in_manifests_a_fix_has_a_place_and_no_command() {
    for id in ["HC203", "HC409"] {
        let fix = of(WEB, id);
        assert_eq!(fix.commands, [""; 0], "{id}");
        assert_eq!(fix.first.location.as_ref().unwrap().to_string(), "web.yaml:3", "{id}");
    }
    assert_eq!(of(WEB, "HC203").first.patch["metadata"], json!({"name": "web"}));
    let named = WEB.replace("{name: web}", "{name: web, namespace: shop}");
    assert_eq!(of(&named, "HC203").first.patch["metadata"], json!({"name": "web", "namespace": "shop"}));
}

/// A null in it would take the name away from what it is merged into.
#[test]
fn a_patch_has_only_what_it_changes() {
    let named = WEB.replace("{name: web}", "{name: web, namespace: shop}");
    for text in [WEB, named.as_str()] {
        let patch = of(text, "HC409").first.patch;
        let fields: Vec<&String> = patch.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["spec"], "{patch}");
    }
}

#[test]
fn a_name_that_is_generated_names_no_budget_that_servers_refuse() {
    let generated = WEB.replace("{name: web}", "{generateName: web-}");
    assert_eq!(of(&generated, "HC203").first.patch["metadata"]["name"], "web");
}

/// A server refuses a deadline that is not longer than minReadySeconds.
#[test]
fn a_deadline_is_longer_than_what_every_pod_waits() {
    for (waits, expected) in [(0, 600), (599, 600), (600, 1200), (700, 1300)] {
        let spec = format!("spec:\n  progressDeadlineSeconds: 4000\n  minReadySeconds: {waits}\n");
        let fix = of(&WEB.replace("spec:\n  replicas", &format!("{spec}  replicas")), "HC212");
        assert_eq!(fix.first.patch["spec"]["progressDeadlineSeconds"], expected, "{waits}");
    }
}

/// Its selector is a map of labels, and may be that of its template.
#[test]
fn a_replication_controller_has_fixes() {
    let controller = WEB.replace("apps/v1", "v1").replace("kind: Deployment", "kind: ReplicationController");
    for selector in ["", "selector: {}", "selector: {app: web}"] {
        let text = controller.replace("selector: {matchLabels: {app: web}}", selector);
        let budget = of(&text, "HC203").first.patch;
        assert_eq!(budget["spec"]["selector"], json!({"matchLabels": {"app": "web"}}), "{selector:?}");
        let fix = of(&text, "HC409");
        assert_eq!(fix.first.target.kind, "ReplicationController");
        let why = "pods that are there stay as they are until they are replaced: a ReplicationController does not update its pods";
        assert_eq!(fix.partial.as_deref(), Some(why), "{selector:?}");
    }
}
