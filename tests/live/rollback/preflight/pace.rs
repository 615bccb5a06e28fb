//! What the update strategy, the replicas, the nodes and the images mean for this rollback.

use ::testbed::{PATIENCE, shared};
use serde_json::{Value, json};

use super::{KINDS, app, back, expect_finding, expect_no_finding, plan, refused, two_templates};
use crate::plugin::{rollback, text};

#[test]
fn the_effect_of_the_update_strategy_is_reported() {
    let room = shared().room(1);
    room.deployment_with("web", 1, |web| web["spec"]["strategy"] = json!({"type": "Recreate"}));
    room.statefulset_with("db", 3, |db| {
        db["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    });
    room.daemonset_with("agent", |agent| agent["spec"]["updateStrategy"] = json!({"type": "OnDelete"}));
    let words = [("Deployment", "web"), ("StatefulSet", "db"), ("DaemonSet", "agent")];
    for (kind, name) in words {
        room.observed(kind, name);
        room.update(kind, name, &app(2), None);
        room.observed(kind, name);
    }
    let [web, db, agent] = words.map(|(kind, name)| {
        let word = format!("{}/{name}", kind.to_lowercase());
        rollback(&room, &[&word, "--previous", "--dry-run=server"]).run()
    });
    for outcome in [&web, &db, &agent] {
        outcome.expect("planned", 0);
    }
    expect_finding(
        &web,
        "recreate-downtime",
        "warning",
        "stops all its pods before the first new one starts",
    );
    expect_finding(&db, "partition-holds-back", "warning", "does not update 2 of its 3 pods");
    expect_finding(&agent, "on-delete", "warning", "updates a pod only when it is deleted");
    expect_no_finding(&web, &["partition-holds-back", "on-delete"]);

    // With 0 replicas there is nothing to see.
    room.cluster().merge(&room.path_of("Deployment", "web"), &json!({"spec": {"replicas": 0}}));
    room.observed("Deployment", "web");
    expect_finding(
        &plan(&room, "web"),
        "replicas-not-restored",
        "info",
        "keeps its 0 replicas: no pod will run",
    );
}

#[test]
fn a_paused_deployment_is_refused_and_accepted_only_by_name() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.kubectl(&["rollout", "pause", "deployment/web"]);
    let outcome = refused(&room, "web", &[]);
    let remedy = expect_finding(&outcome, "paused", "error", "no pods would be updated")["remedy"].take();
    let resume = format!("kubectl rollout resume deployment/web -n {}", room.namespace());
    let remedy = remedy.as_str().unwrap_or_default();
    assert!(remedy.starts_with("--allow paused") && remedy.ends_with(&resume), "{remedy}");
    let outcome = back(&room, "web", &["--allow=paused", "--no-wait"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(text(&outcome.finding("paused"), "accepted"), "--allow paused");
    assert_eq!(room.image("Deployment", "web"), app(1));
}

/// kubectl has no word for it and waits for ever (kubernetes/kubernetes#67250).
#[test]
fn a_statefulset_blocked_by_a_broken_pod_is_reported_in_the_plan() {
    let room = shared().room(1);
    room.ordered_statefulset("db", 2);
    room.rolled_out("StatefulSet", "db");
    room.update("StatefulSet", "db", &app(404), Some("image-pull-error"));
    room.observed("StatefulSet", "db");
    ::testbed::wait("the broken pod", PATIENCE, || {
        let is_broken = |pod: &Value| {
            let status = &pod["status"]["containerStatuses"][0];
            status["state"]["waiting"]["reason"] == "ImagePullBackOff"
        };
        room.pods().iter().any(is_broken).then_some(())
    });
    let outcome = rollback(&room, &["statefulset/db", "--previous", "--dry-run=server"]).run();
    outcome.expect("planned", 0);
    let found = expect_finding(&outcome, "statefulset-stuck", "warning", "db-1");
    assert!(text(&found, "remedy").contains("--unstick"), "{found:#}");
    let args = ["statefulset/db", "--previous", "--dry-run=server", "--unstick"];
    expect_no_finding(&rollback(&room, &args).run(), &["statefulset-stuck"]);
}

#[test]
fn room_on_the_nodes_is_predicted_and_called_so() {
    let room = shared().room(1);
    let ask = |cpu: &str| json!({"requests": {"cpu": cpu}});
    two_templates(&room, "big", |template| {
        template["spec"]["containers"][0]["resources"] = ask("31");
    });
    two_templates(&room, "picky", |template| template["spec"]["nodeSelector"]["disk"] = json!("ssd"));
    room.set_template("Deployment", "big", |template| {
        template["spec"]["containers"][0]["resources"] = ask("2");
    });
    room.rolled_out("Deployment", "big");
    // The third is the live one, so the first is requested by its number.
    let outcome = rollback(&room, &["deployment/big", "1", "--dry-run=server"]).run();
    outcome.expect("planned", 0);
    let none = "predicted: the only node it may use has no room for one more pod of cpu 31";
    expect_finding(&outcome, "capacity-predicted", "warning", none);
    expect_finding(
        &plan(&room, "picky"),
        "capacity-predicted",
        "warning",
        "predicted: no node may run its pods: ",
    );
    expect_no_finding(
        &rollback(&room, &["deployment/big", "2", "--dry-run=server"]).run(),
        &["capacity-predicted"],
    );
}

#[test]
fn mutable_images_and_restarts_that_change_nothing_are_reported() {
    let room = shared().room(1);
    for kind in KINDS {
        let always = |object: &mut Value| {
            object["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        };
        match kind {
            "Deployment" => room.deployment_with("web", 1, always),
            "StatefulSet" => room.statefulset_with("web", 1, always),
            _ => room.daemonset_with("web", always),
        };
        room.observed(kind, "web");
        let word = format!("{}/web", kind.to_lowercase());
        room.kubectl(&["rollout", "restart", &word]);
        room.observed(kind, "web");
        let outcome = rollback(&room, &[&word, "--previous", "--dry-run=server"]).run();
        outcome.expect("planned", 0);
        expect_finding(
            &outcome,
            "image-mutable",
            "info",
            "pulls example.invalid/app:1 for container main again",
        );
        expect_finding(&outcome, "restart-only", "info", "only a restart separates the two");
    }
    // Recorded replica counts are reported where they are known, never guessed.
    two_templates(&room, "api", |_| ());
    // A scale in the middle of a rollout is recorded on both ReplicaSets.
    room.rolled_out("Deployment", "api");
    room.kubectl(&["scale", "deployment/api", "--replicas=3"]);
    room.rolled_out("Deployment", "api");
    expect_finding(
        &back(&room, "api", &[]),
        "replicas-not-restored",
        "info",
        "keeps its 3 replicas; revision 1 last ran with 1",
    );
}
