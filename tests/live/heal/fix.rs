//! Fixes that are offered, applied for real.

use ::testbed::shared;
use serde_json::json;

use super::leases;
use crate::plugin::{Outcome, heal_check};

/// The commands of a fix that is proven, through a shell.
#[track_caller]
fn apply(outcome: &Outcome, id: &str) {
    let finding = outcome.finding(id);
    let fix = &finding["fix"];
    assert!(fix["partial"].is_null(), "{id}: {fix:#}\n{outcome}");
    for proof in ["accepted", "fits", "resolved", "noWorse"] {
        assert_eq!(fix["proof"][proof], true, "{id}: {fix:#}");
    }
    for command in fix["commands"].as_array().unwrap() {
        let command = command.as_str().unwrap();
        assert!(!command.contains('\n'), "{command}");
        let output = shared().command("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_fix_that_is_offered_silences_its_finding() {
    leases();
    let room = shared().room(2);
    room.deployment_with("web", 2, |web| {
        let same = json!({"httpGet": {"path": "/", "port": 80}});
        let container = &mut web["spec"]["template"]["spec"]["containers"][0];
        container["livenessProbe"] = same.clone();
        container["readinessProbe"] = same;
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 30}}});
    });
    room.ready("web", 2);
    room.deployment("api", 2);
    room.ready("api", 2);
    room.apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}));
    let run = || heal_check(&room, &["-o", "json", "--fix", "--fail-on=critical"]).run();
    let has = |outcome: &Outcome, id: &str| {
        let report = outcome.report();
        report["findings"].as_array().unwrap().iter().any(|it| it["id"] == id)
    };
    let ids = ["HC204", "HC203", "HC303", "HC308"];
    let computed = std::time::Instant::now();
    let mut outcome = run();
    // The budget's controller has to compute it first.
    while !has(&outcome, "HC204") {
        assert!(computed.elapsed().as_secs() < 60, "{outcome}");
        outcome = run();
    }
    for id in ids {
        apply(&run(), id);
        let rolled = shared()
            .command("kubectl")
            .args(["rollout", "status", "deployment/web", "--timeout=60s", "-n", room.namespace()])
            .output();
        assert!(rolled.unwrap().status.success());
        let since = std::time::Instant::now();
        loop {
            let after = run();
            if !has(&after, id) && after.code == 0 {
                break;
            }
            assert!(since.elapsed().as_secs() < 60, "{id} remains\n{after}");
        }
    }
    assert!(outcome.finding("HC301")["fix"].is_null(), "a probe cannot be invented\n{outcome}");
}
