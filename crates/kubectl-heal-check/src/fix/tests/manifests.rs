//! Fixes of objects in files.

use serde_json::json;

use super::*;

/// A budget is made in the namespace that its workload leaves open, and what is there is changed where it is.
#[test]
fn in_manifests_a_fix_has_a_place_and_no_command() {
    use crate::args::Target;
    use crate::gather::manifests;
    use plugin_client::dump::Dump;
    let text = "\
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
    let of = |text: &str, id: &str| {
        let dump = Dump::of_text("web.yaml", format!("# web\n---\n{text}").as_bytes()).unwrap();
        let read = manifests::read(&[dump], &Target::All, "default").unwrap();
        let snapshot = Snapshot::of(read.gathered.clone(), &read.selection, false);
        let (now, _) = checks::run(&snapshot, |_| true);
        let finding = now.iter().find(|it| it.id == id).unwrap();
        let options = fail_on(Severity::Error);
        Workbench::new(read.gathered, read.selection, false, &options).fix(finding, &snapshot).unwrap()
    };
    for id in ["HC203", "HC409"] {
        let fix = of(text, id);
        assert_eq!(fix.commands, [""; 0], "{id}");
        assert_eq!(fix.first.location.as_ref().unwrap().to_string(), "web.yaml:3", "{id}");
    }
    assert_eq!(of(text, "HC203").first.patch["metadata"], json!({"name": "web"}));
    let named = text.replace("{name: web}", "{name: web, namespace: shop}");
    assert_eq!(of(&named, "HC203").first.patch["metadata"], json!({"name": "web", "namespace": "shop"}));
}
