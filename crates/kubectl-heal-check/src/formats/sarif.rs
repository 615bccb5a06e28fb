//! `-o sarif`: SARIF 2.1.0 for code scanning. Objects of the cluster have no file: each has a place relative to the repository that is
//! always the same, and a fingerprint without anything that changes with its pods.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use plugin_client::Exit;
use plugin_client::dump::STDIN;
use serde_json::{Value, json};

use super::proof::proof;
use crate::baseline::Key;
use crate::checks::{CHECKS, Check};
use crate::finding::{Finding, Severity, Subject};
use crate::report::{HealReport, HealResult};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Of the krew manifest.
const HOMEPAGE: &str = "https://kubectl-plugins.example";
const FINGERPRINT: &str = "healCheckOwner/v1";

pub fn document(report: &HealReport) -> Value {
    let state = |new: &'static str| report.scope.has_baseline.then_some(new);
    let counted = report.findings.iter().map(|it| result(it, state("new")));
    let known = report.exempt.known.iter().map(|it| result(it, state("unchanged")));
    let ignored = report.exempt.ignored.iter().map(|it| {
        let mut result = result(&it.finding, None);
        let kind = if it.by == "annotation" { "inSource" } else { "external" };
        let why = it.reason.as_deref().unwrap_or("left out on the command line, without a reason");
        result["suppressions"] = json!([{"kind": kind, "status": "accepted", "justification": why}]);
        result
    });
    let results: Vec<Value> =
        counted.chain(known).chain(ignored).chain(report.exempt.fixed.iter().map(fixed)).collect();
    let proof = proof(report);
    let unproven = proof.iter().filter_map(|it| {
        let place = it.subject.map(|it| format!("{it}: ")).unwrap_or_default();
        let text = format!("{place}{}: {}", it.name, it.failure.as_ref()?.reason);
        Some(json!({"level": "error", "message": {"text": text}}))
    });
    let notifications = report.unchecked.iter().map(|it| {
        let mut notification = json!({
            "level": "warning",
            "message": {"text": format!("{}: {}", it.id, it.reason)},
        });
        if let Some(at) = index(&it.id) {
            notification["associatedRule"] = json!({"id": it.id, "index": at});
        }
        notification
    });
    let notifications: Vec<Value> = unproven.chain(notifications).collect();
    // The standard wants no success beside a notification whose level is error (§3.20).
    let is_proven = proof.as_ref().is_none_or(|it| it.failure.is_none());
    let success = is_proven && report.result != HealResult::Incomplete && report.unchecked.is_empty();
    run(success, report.result.exit(), &notifications, &results)
}

/// Of a run that ended early.
pub fn failed(why: &str, exit: Exit) -> Value {
    run(false, exit, &[json!({"level": "error", "message": {"text": why}})], &[])
}

fn run(success: bool, exit: Exit, notifications: &[Value], results: &[Value]) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl heal-check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": HOMEPAGE,
                "rules": CHECKS.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": success,
                "exitCode": exit.code(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn rule(check: &Check) -> Value {
    let worst = check.severities.iter().max().copied().unwrap_or(Severity::Info);
    json!({
        "id": check.id,
        "name": check.name,
        "shortDescription": {"text": format!("{}: {}", check.name, check.fires_when)},
        "fullDescription": {"text": check.why},
        "help": {"text": format!("Remedy: {}. Exceptions: {}", check.remedy, check.exceptions)},
        "helpUri": format!("{HOMEPAGE}/docs/heal-check.md#findings"),
        "defaultConfiguration": {"level": level(worst)},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn index(id: &str) -> Option<usize> {
    CHECKS.iter().position(|check| check.id == id)
}

fn result(finding: &Finding, state: Option<&str>) -> Value {
    let text = format!("{} {}. {}", finding.subject, finding.message, finding.remedy);
    let mut result = of_key(&Key::of(finding), &text, level(finding.severity));
    if let Some(state) = state {
        result["baselineState"] = json!(state);
    }
    result["properties"] = json!({"severity": finding.severity.word()});
    if let Some(location) = finding.location.as_ref().filter(|it| it.file != STDIN) {
        let physical = &mut result["locations"][0]["physicalLocation"];
        physical["artifactLocation"]["uri"] = json!(file_uri(&location.file));
        physical["region"]["startLine"] = json!(location.line.unwrap_or(1));
    }
    result
}

/// As it was named: relative to the folder of the run, which has to be that of the repository.
fn file_uri(path: &str) -> String {
    let encoded: Vec<String> =
        path.split(['/', '\\']).map(|it| utf8_percent_encode(it, SEGMENT).to_string()).collect();
    let joined = encoded.join("/");
    joined.strip_prefix("./").map_or(joined.clone(), str::to_owned)
}

/// Of the baseline, and no longer there.
fn fixed(key: &Key) -> Value {
    let subject = Subject::new(&key.kind, &key.namespace, &key.name);
    let mut result = of_key(key, &format!("{subject}: no longer found"), "none");
    result["kind"] = json!("pass");
    result["baselineState"] = json!("absent");
    result
}

fn of_key(key: &Key, text: &str, level: &str) -> Value {
    let Key { id, namespace, kind, name } = key;
    let place =
        if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{namespace}/{kind}/{name}") };
    let mut result = json!({
        "ruleId": id,
        "level": level,
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(key)},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"name": name, "fullyQualifiedName": place, "kind": "resource"}],
        }],
        "partialFingerprints": {FINGERPRINT: format!("{id}/{place}")},
    });
    if let Some(at) = index(id) {
        result["ruleIndex"] = json!(at);
    }
    result
}

/// What a segment of a path has as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// `cluster/shop/Deployment/web.yaml`
fn uri(key: &Key) -> String {
    let segment = |text: &str| {
        let encoded = utf8_percent_encode(text, SEGMENT).to_string();
        // It would climb.
        if encoded.chars().all(|c| c == '.') { encoded.replace('.', "%2E") } else { encoded }
    };
    let name = format!("{}.yaml", utf8_percent_encode(&key.name, SEGMENT));
    let folders = [key.namespace.as_str(), &key.kind].into_iter().filter(|it| !it.is_empty()).map(segment);
    let path: Vec<String> = std::iter::once("cluster".to_owned()).chain(folders).chain([name]).collect();
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Location;
    use crate::formats::testing::{HOSTILE, finding, proven, report, web};
    use crate::proof::report::ProofResult;
    use plugin_client::to_json;
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    use std::process::Command;

    /// The schema of the standard, as it is in the sources of the crate serde-sarif.
    fn schema() -> Value {
        // It may download crates of other platforms, which no build here needs.
        let listed =
            Command::new(env!("CARGO")).args(["metadata", "--format-version=1", "--locked"]).output();
        let listed: Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
        let package = listed["packages"].as_array().unwrap().iter().find(|it| it["name"] == "serde-sarif");
        let manifest = PathBuf::from(package.unwrap()["manifest_path"].as_str().unwrap());
        let text = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
        // A pattern of it has a bracket too many, which the validator does not take.
        serde_json::from_str(&text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$")).unwrap()
    }

    fn faults(document: &Value) -> Vec<String> {
        let schema = schema();
        let validator = jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap();
        validator.iter_errors(document).map(|it| format!("{}: {it}", it.instance_path())).collect()
    }

    fn results(report: &HealReport) -> Vec<Value> {
        document(report)["runs"][0]["results"].as_array().unwrap().clone()
    }

    #[test]
    fn a_report_is_sarif() {
        let mut report = report();
        for has_baseline in [true, false] {
            report.scope.has_baseline = has_baseline;
            assert_eq!(faults(&document(&report)), [""; 0]);
        }
        assert_eq!(faults(&failed("no answer", Exit::Timeout)), [""; 0]);
        // The schema does judge.
        let mut broken = document(&report);
        broken["runs"][0]["results"][0]["level"] = json!("critical");
        broken["runs"][0]["results"][1]["where"] = json!(1);
        assert_eq!(faults(&broken).len(), 2);
    }

    #[test]
    fn a_failed_proof_is_an_error_of_the_run() {
        for (of, success, notifications) in [
            (proven(ProofResult::Recovered, None), true, json!([])),
            (
                proven(ProofResult::Slow, Some("round 1 was slow")),
                false,
                json!([{"level": "error", "message": {"text": "deployment/web: proof by eviction: round 1 was slow"}}]),
            ),
        ] {
            let document = document(&of);
            assert_eq!(faults(&document), [""; 0]);
            let invocation = &document["runs"][0]["invocations"][0];
            assert_eq!(invocation["executionSuccessful"], success);
            assert_eq!(invocation["toolExecutionNotifications"], notifications);
        }
    }

    #[test]
    fn a_result_has_a_place_and_a_rule() {
        let report = report();
        let document = document(&report);
        let run = &document["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        }
        let first = &run["results"][0];
        let location = &first["locations"][0];
        assert_eq!(
            location["physicalLocation"]["artifactLocation"]["uri"],
            "cluster/shop/Deployment/web.yaml"
        );
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "shop/Deployment/web");
        assert_eq!(first["partialFingerprints"][FINGERPRINT], "HC203/shop/Deployment/web");
        assert_eq!(first["level"], "error");
        let second = &run["results"][1];
        assert_eq!(
            second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "cluster/Node/n1.yaml"
        );
    }

    #[test]
    fn what_does_not_count_is_there_as_such() {
        let mut report = report();
        report.scope.has_baseline = true;
        let of = |id: &str| results(&report).into_iter().find(|it| it["ruleId"] == id).unwrap();
        let suppressions = &of("HC201")["suppressions"];
        assert_eq!(suppressions[0]["justification"], "one tenant");
        assert_eq!(suppressions[0]["kind"], "inSource");
        assert!(of("HC203")["suppressions"].is_null());
        let state = |id: &str| of(id)["baselineState"].clone();
        assert_eq!([state("HC203"), state("HC301"), state("HC302")], ["new", "unchanged", "absent"]);
        assert_eq!(of("HC302")["kind"], "pass");
        report.scope.has_baseline = false;
        assert!(results(&report)[0]["baselineState"].is_null());
    }

    #[test]
    fn what_was_not_checked_is_a_notification_and_no_success() {
        let mut report = report();
        let invocation = document(&report)["runs"][0]["invocations"][0].clone();
        assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&json!(false), &json!(1)));
        let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(notifications[0]["associatedRule"]["id"], "HC601");
        assert_eq!(notifications[1]["message"]["text"], "placement: forbidden");
        report.unchecked.clear();
        assert_eq!(document(&report)["runs"][0]["invocations"][0]["executionSuccessful"], true);
    }

    #[test]
    fn a_place_is_relative_and_stays_below_its_folder() {
        let of = |namespace: &str, kind: &str, name: &str| {
            uri(&Key::of(&finding("HC203", Subject::new(kind, namespace, name), Severity::Info)))
        };
        assert_eq!(of("shop", "Deployment", "web.v1"), "cluster/shop/Deployment/web.v1.yaml");
        assert_eq!(of("..", "..", "../../x"), "cluster/%2E%2E/%2E%2E/..%2F..%2Fx.yaml");
        assert_eq!(of("", "Node", "file://x?#"), "cluster/Node/file%3A%2F%2Fx%3F%23.yaml");
    }

    /// Of manifests the file counts, and the line at which the object begins; a stream has none.
    #[test]
    fn a_result_of_manifests_is_where_its_object_is() {
        let mut report = report();
        for (file, line, expected) in [
            ("./shop/web.yaml", Some(12), ("shop/web.yaml", 12)),
            ("shop/a b%.yaml", None, ("shop/a%20b%25.yaml", 1)),
            ("../web.yaml", Some(3), ("../web.yaml", 3)),
            ("stdin", Some(7), ("cluster/shop/Deployment/web.yaml", 1)),
        ] {
            report.findings[0].location = Some(Location { file: file.to_owned(), line });
            let place = &results(&report)[0]["locations"][0]["physicalLocation"];
            let (uri, line) = expected;
            assert_eq!(
                (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
                (&json!(uri), &json!(line))
            );
            assert_eq!(faults(&document(&report)), [""; 0], "{file}");
        }
    }

    #[test]
    fn fingerprints_are_of_checks_and_owners() {
        let mut report = report();
        report.findings.push(finding("HC203", Subject::new("Deployment", "other", "web"), Severity::Error));
        report.findings.push(finding("HC206", web(), Severity::Error));
        let all: Vec<String> =
            results(&report).iter().map(|it| it["partialFingerprints"][FINGERPRINT].to_string()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for finding in &mut report.findings {
            finding.message = "pod web-xyz".to_owned();
        }
        let later: Vec<String> =
            results(&report).iter().map(|it| it["partialFingerprints"][FINGERPRINT].to_string()).collect();
        assert_eq!(all, later);
    }

    #[test]
    fn hostile_text_is_escaped() {
        let mut report = report();
        report.findings[0].message = HOSTILE.to_owned();
        report.findings[0].subject = Subject::new(HOSTILE, HOSTILE, HOSTILE);
        let document = document(&report);
        assert_eq!(faults(&document), [""; 0]);
        let text = to_json(&document);
        assert!(!text.contains(|c| c != '\n' && cluster_model::text::is_hostile(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
