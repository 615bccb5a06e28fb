//! `stateful_set_compatibility_test.go`: revisions that an older Kubernetes wrote. Until 1.33 their data held `creationTimestamp: null`.

use ::testbed::shared;
use serde_json::{Value, json};

use super::{app, images, updated};
use crate::plugin::rollback;

/// Makes the revision again as 1.33 would have written it.
fn as_of_1_33(room: &::testbed::Room<'_>, revision: &Value) {
    let mut old = revision.clone();
    let metadata = old["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| ["labels", "annotations", "ownerReferences"].contains(&key.as_str()));
    old["metadata"]["name"] = json!(format!("{}-of-1-33", revision["metadata"]["name"].as_str().unwrap()));
    old["data"]["spec"]["template"]["metadata"]["creationTimestamp"] = Value::Null;
    old["kind"] = json!("ControllerRevision");
    old["apiVersion"] = json!("apps/v1");
    room.cluster()
        .delete(&room.path_of("ControllerRevision", revision["metadata"]["name"].as_str().unwrap()));
    let made = room.cluster().create(&room.path_of("ControllerRevision", ""), &old);
    assert!(made.pointer("/data/spec/template/metadata/creationTimestamp").is_some_and(Value::is_null));
}

#[test]
fn a_revision_of_an_older_kubernetes_is_recognised_as_what_is_rolled_out() {
    let room = shared().room(1);
    room.statefulset("statefulset", 2);
    room.daemonset("daemonset");
    for kind in ["StatefulSet", "DaemonSet"] {
        let name = &kind.to_lowercase();
        let word = format!("{name}/{name}");
        room.rolled_out(kind, name);
        updated(&room, kind, name, 2);
        let (number, first) = room.revisions(kind, name).remove(0);
        assert_eq!(number, 1);
        as_of_1_33(&room, &first);
        rollback(&room, &[&word, "--to-revision=1"]).run().expect("done", 0);
        assert_eq!(room.image(kind, name), app(1));
        assert!(images(&room, name).iter().all(|image| *image == app(1)));
        assert!(room.template(kind, name)["metadata"].get("creationTimestamp").is_none_or(Value::is_null));

        // Whichever of the two equal ones its controller took: nothing is left to do, and that is seen.
        let before = (room.workload(kind, name)["metadata"]["generation"].take(), room.images(kind, name));
        let oldest = before.1.iter().find(|(_, image)| *image == app(1)).unwrap().0;
        rollback(&room, &[&word, "--to-revision", &oldest.to_string()]).run().expect("unchanged", 0);
        let after = (room.workload(kind, name)["metadata"]["generation"].take(), room.images(kind, name));
        assert_eq!(before, after, "{kind}");
    }
}
