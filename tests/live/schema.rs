//! Every document of every live test against the schema of its kind.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// What stdout may be, by its `kind`.
const SCHEMAS: &[(&str, &str)] = &[
    ("DrainReport", include_str!("../../docs/drain-report.schema.json")),
    ("RollbackReport", include_str!("../../docs/rollback-report.schema.json")),
    ("RevisionHistory", include_str!("../../docs/revision-history.schema.json")),
    ("RolloutStatus", include_str!("../../docs/rollout-status.schema.json")),
    ("HealReport", include_str!("../../docs/heal-report.schema.json")),
];

fn validator(kind: &Value) -> Option<&'static Validator> {
    static VALIDATORS: OnceLock<Vec<(&str, Validator)>> = OnceLock::new();
    let build = |(kind, text): &(&'static str, &str)| {
        let schema: Value = serde_json::from_str(text).unwrap();
        (*kind, jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    };
    let validators = VALIDATORS.get_or_init(|| SCHEMAS.iter().map(build).collect());
    validators.iter().find(|(known, _)| kind == known).map(|(_, validator)| validator)
}

/// What is wrong with a report, one line a fault.
pub fn faults(report: &Value) -> Vec<String> {
    match validator(&report["kind"]) {
        Some(validator) => {
            validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect()
        }
        None => vec![format!("/kind: there is no schema of {}", report["kind"])],
    }
}

fn good() -> Value {
    json!({
        "kind": "DrainReport",
        "result": "partial",
        "nodes": [{"name": "n1", "cordoned": null, "cordonedBefore": false, "result": "partial",
            "reason": "interrupted", "pods": [
            {"namespace": "a", "name": "p", "uid": "u", "action": "evict", "result": "blocked", "reason": "", "blockedBy": "budget"},
        ]}],
        "findings": [{"id": "bare-pod", "severity": "error", "subject": "a/p", "message": "m", "remedy": "", "accepted": "--force"}],
        "startedAt": "2026-01-01T00:00:00.123Z",
        "finishedAt": "2026-01-01T00:00:01Z",
    })
}

#[test]
fn a_broken_report_does_not_validate() {
    assert_eq!(faults(&good()), [""; 0]);
    let broken: [(&str, Value); 10] = [
        ("/kind", json!("Report")),
        ("/result", json!("done")),
        ("/error", json!(7)),
        ("/startedAt", json!("yesterday")),
        ("/nodes/0/cordoned", json!("yes")),
        ("/nodes/0/result", json!(null)),
        ("/nodes/0/pods/0/action", json!("drain")),
        ("/nodes/0/pods/0/blockedBy", json!(null)),
        ("/findings/0/id", json!("Bare Pod")),
        ("/findings/0/severity", json!("fatal")),
    ];
    for (at, value) in broken {
        let mut report = good();
        let (parent, field) = at.rsplit_once('/').unwrap();
        report.pointer_mut(parent).unwrap()[field] = value;
        let faults = faults(&report);
        assert!(faults.iter().any(|fault| fault.starts_with(at)), "{at}: {faults:?}");
    }
}

#[test]
fn a_report_has_all_of_its_fields_and_no_others() {
    for parent in ["", "/nodes/0", "/nodes/0/pods/0", "/findings/0"] {
        let mut strange = good();
        strange.pointer_mut(parent).unwrap()["extra"] = json!(1);
        assert_eq!(faults(&strange).len(), 1, "{parent} with a field that nobody described");
        let fields: Vec<String> =
            good().pointer(parent).unwrap().as_object().unwrap().keys().cloned().collect();
        // Of a pod the reason is there, and may be empty.
        let is_optional = |field: &str| {
            ["accepted", "blockedBy", "error"].contains(&field) || (parent, field) == ("/nodes/0", "reason")
        };
        for field in fields.iter().filter(|field| !is_optional(field)) {
            let mut short = good();
            short.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field);
            assert_eq!(faults(&short).len(), 1, "{parent} without {field}");
        }
    }
}

fn heal_report() -> Value {
    let cell = json!({"verdict": "slow", "etaSeconds": 351, "evidence": "predicted", "reason": "r"});
    let none = json!({"verdict": "none", "evidence": "predicted", "reason": "r"});
    let matrix = json!({"crash": cell, "podLoss": cell, "nodeLoss": cell, "zoneLoss": none, "drain": cell});
    let subject = json!({"kind": "Deployment", "namespace": "shop", "name": "web"});
    json!({
        "kind": "HealReport",
        "result": "findings",
        "workloads": [{"kind": "Deployment", "namespace": "shop", "name": "web", "matrix": matrix, "impairedBy": []}],
        "findings": [{"id": "HC203", "name": "no-budget", "severity": "warning", "subject": subject, "message": "m", "remedy": ""}],
        "unchecked": [{"id": "placement", "reason": "r"}],
        "ignored": [{"id": "HC201", "name": "single-replica", "severity": "warning", "subject": subject, "message": "m",
            "remedy": "", "by": "annotation", "reason": "r"}],
        "known": [],
        "fixed": [{"id": "HC301", "namespace": "shop", "kind": "Deployment", "name": "web"}],
    })
}

#[test]
fn a_broken_heal_report_does_not_validate() {
    assert_eq!(faults(&heal_report()), [""; 0]);
    let broken: [(&str, Value); 12] = [
        ("/ignored/0/by", json!("somebody")),
        ("/ignored/0/reason", json!("")),
        ("/fixed/0/kind", json!("")),
        ("/result", json!("healthy")),
        ("/workloads/0/matrix/crash/verdict", json!("ok")),
        ("/workloads/0/matrix/crash/etaSeconds", json!(-1)),
        ("/workloads/0/matrix/drain/reason", json!("")),
        ("/workloads/0/impairedBy", json!(["x"])),
        ("/findings/0/severity", json!("unknown")),
        ("/findings/0/id", json!("no-budget")),
        ("/findings/0/subject", json!("shop/web")),
        ("/unchecked/0/reason", json!(null)),
    ];
    for (at, value) in broken {
        let mut report = heal_report();
        *report.pointer_mut(at).unwrap() = value;
        let faults = faults(&report);
        assert!(faults.iter().any(|fault| fault.starts_with(at)) || at == "/result", "{at}: {faults:?}");
        assert!(!faults.is_empty(), "{at}");
    }
    // Of a run that ended early there is an error, and nothing was checked.
    let mut early = json!({"kind": "HealReport", "result": "refused", "workloads": [], "findings": [], "error": "e",
        "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z"});
    assert_eq!(faults(&early), [""; 0]);
    early["unchecked"] = json!([]);
    assert!(!faults(&early).is_empty());
}
