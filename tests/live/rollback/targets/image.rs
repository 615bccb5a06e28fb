//! `--image`: which revision has it.

use ::testbed::{Room, shared};
use serde_json::json;

use super::{app, begun, planned, refused};
use crate::plugin::{rollback, text};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// 1: app:1 · 2: app:1.4.1 and a sidecar · 3: app:1.4.2 and a sidecar · 4: a digest · 5: app:2
fn shop() -> Room<'static> {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.observed("Deployment", "web");
    for (main, side) in [
        (app("1.4.1"), Some("example.invalid/side:1")),
        (app("1.4.2"), Some("example.invalid/side:2")),
        (format!("example.invalid/app@{DIGEST}"), None),
        (app("2"), None),
    ] {
        room.set_template("Deployment", "web", |template| {
            let mut containers = vec![json!({"name": "main", "image": main})];
            containers.extend(side.map(|image| json!({"name": "side", "image": image})));
            template["spec"]["containers"] = json!(containers);
        });
        room.observed("Deployment", "web");
    }
    room
}

#[test]
fn an_image_is_found_by_reference_container_pattern_and_digest() {
    let room = shop();
    let digest = format!("@{DIGEST}");
    for (image, revision) in [
        ("example.invalid/app:1.4.1", 2),
        ("main=example.invalid/app:1.4.2", 3),
        ("*=example.invalid/app:1.4.2", 3),
        ("side=*:1", 2),
        ("*/app:1.4.2", 3),
        (digest.as_str(), 4),
        ("main=*/app:1", 1),
    ] {
        let (found, evidence) = planned(&room, &["deployment/web", "--image", image]);
        assert_eq!(found, revision, "{image}: {evidence}");
    }
    let outcome = rollback(&room, &["deployment/web", "--image", "*/app:1.4.1"]).run();
    outcome.expect("done", 0);
    let to = outcome.report()["workloads"][0]["to"].take();
    assert_eq!(text(&to, "chosenBy"), "--image");
    assert_eq!(room.image("Deployment", "web"), app("1.4.1"));
    // The same image in two revisions is no riddle: the one that ran last is meant.
    room.set_template("Deployment", "web", |template| {
        template["spec"]["containers"] = json!([{"name": "main", "image": app("1.4.1")}]);
    });
    room.observed("Deployment", "web");
    updated_away(&room);
    let (found, evidence) = planned(&room, &["deployment/web", "--image", "main=*/app:1.4.1"]);
    assert_eq!(found, 7, "{evidence}");
    assert!(evidence.contains("was active last"), "{evidence}");
}

fn updated_away(room: &Room<'_>) {
    room.update("Deployment", "web", &app("9"), None);
    room.observed("Deployment", "web");
}

#[test]
fn an_image_that_matches_several_or_none_is_refused_with_what_there_is() {
    let room = shop();
    let ask = |image: &'static str| ["deployment/web", "--image", image];
    let takes = ["--to-revision 3", "--to-revision 2", "--history"];
    refused(&room, &ask("*/app:1.4.*"), "matches different images of deployment/web: revisions", &takes);
    let none = "no revision of deployment/web has an image example.invalid/app:7";
    refused(&room, &ask("example.invalid/app:7"), none, &["REVISION", "main 1.4.1 → 1.4.2", "--history"]);
    let container = "has a container sidecar; there is main and side";
    refused(&room, &ask("sidecar=*"), container, &["--history"]);
    refused(&room, &ask("app:1.4.*"), "matches different images of deployment/web: revisions", &takes);
    assert_eq!(room.image("Deployment", "web"), app("2"));
}
