mod errors;

use plugin_client::dump::Dump;
use serde_json::{Value, json};

use super::*;
use crate::checks;
use crate::finding::Finding;
use crate::matrix::matrices;
use crate::snapshot::Snapshot;

fn workload(kind: &str, name: &str, edit: Value) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 80}});
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "main", "image": "i:1", "livenessProbe": probe("/live"), "readinessProbe": probe("/ready")}]}}}});
    cluster_model::build::merge(&mut object, edit);
    object
}

fn budget(name: &str, spec: Value) -> Value {
    let mut object = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": "web"}}}});
    cluster_model::build::merge(&mut object["spec"], spec);
    object
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}})
}

fn text(objects: &[Value]) -> String {
    objects.iter().map(|it| format!("---\n{}", plugin_client::to_yaml(it))).collect()
}

fn manifests(files: &[(&str, &str)], target: &Target) -> Result<Manifests, Failure> {
    let dumps: Vec<Dump> =
        files.iter().map(|(name, text)| Dump::of_text(name, text.as_bytes()).unwrap()).collect();
    read(&dumps, target, "default")
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let read = manifests(&[("all.yaml", &text(objects))], &Target::All).unwrap();
    Snapshot::of(read.gathered, &read.selection, false)
}

fn found(objects: &[Value]) -> Vec<String> {
    let (findings, unchecked) = checks::run(&snapshot(objects), |_| true);
    assert_eq!(unchecked, [], "nothing that manifests cannot say makes a run incomplete");
    let shown = |it: &Finding| format!("{} {} {}", it.id, it.subject, it.severity.word());
    findings.iter().map(shown).collect()
}

/// Without what is found in each of them.
fn found_beside(objects: &[Value], id: &str) -> Vec<String> {
    found(objects).into_iter().filter(|it| !it.starts_with(id)).collect()
}
#[test]
fn checks_about_the_objects_run_and_the_others_do_not() {
    let one = budget("web", json!({"maxUnavailable": 1}));
    let web = |edit: Value| workload("Deployment", "web", edit);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}});
    let serves = |app: &str, port: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": app},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": port}]}})
    };
    let scaled = |least: i64| {
        json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"minReplicas": least, "maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
    };
    let unready = json!({"spec": {"minReadySeconds": 5, "template": {"spec": {"containers": [{"name": "main", "livenessProbe": {"exec": {"command": ["true"]}},
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]}}}});
    let cases: [(&str, Vec<Value>, &[&str]); 14] = [
        ("good", vec![web(json!({})), one.clone()], &[]),
        ("no budget", vec![web(json!({}))], &["HC203 deployment/web warning"]),
        ("one replica", vec![web(json!({"spec": {"replicas": 1}}))], &["HC201 deployment/web warning"]),
        ("its autoscaler", vec![web(json!({})), one.clone(), scaled(1)], &["HC201 deployment/web warning"]),
        ("a good autoscaler", vec![web(json!({})), one.clone(), scaled(2)], &[]),
        (
            "a budget that blocks",
            vec![web(json!({})), budget("web", json!({"minAvailable": 2}))],
            &["HC204 poddisruptionbudget/web error"],
        ),
        (
            "a budget without effect",
            vec![web(json!({})), budget("web", json!({"minAvailable": 0}))],
            &["HC209 poddisruptionbudget/web warning"],
        ),
        (
            "a budget for nothing",
            vec![
                web(json!({})),
                one.clone(),
                budget("x", json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "x"}}})),
            ],
            &["HC205 poddisruptionbudget/x warning"],
        ),
        (
            "two budgets",
            vec![web(json!({})), one.clone(), budget("b", json!({"maxUnavailable": 1}))],
            &["HC206 deployment/web error"],
        ),
        ("not ready", vec![web(unready), one.clone(), service], &["HC302 deployment/web error"]),
        (
            "a port that nobody has",
            vec![web(json!({})), one.clone(), serves("web", json!("htpp"))],
            &["HC509 service/web error", "HC411 deployment/web warning"],
        ),
        (
            "a port by its number",
            vec![web(json!({})), one.clone(), serves("web", json!(8080))],
            &["HC411 deployment/web warning"],
        ),
        ("a Service of what is elsewhere", vec![web(json!({})), one.clone(), serves("db", json!("db"))], &[]),
        ("bare", vec![pod("tool")], &["HC101 pod/tool error"]),
    ];
    for (name, objects, expected) in cases {
        assert_eq!(found_beside(&objects, "HC409"), expected, "{name}");
    }
    assert_eq!(found(&[web(json!({})), one]), ["HC409 deployment/web info"]);
}

#[test]
fn the_matrix_says_what_a_template_can_say() {
    let verdicts = |objects: &[Value]| {
        let snapshot = snapshot(objects);
        let matrices = matrices(&snapshot);
        let cells = matrices[0].1.cells().map(|(_, cell)| format!("{:?}", cell.verdict).to_lowercase());
        cells.join(" ")
    };
    let of = |kind: &str, edit: Value| workload(kind, "web", edit);
    let on_exit = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "restartPolicy": "Never"}, {"name": "other"}]}}}});
    let port = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "readinessProbe": {"httpGet": {"port": "http"}}}]}}}});
    for (name, objects, expected) in [
        ("a Deployment", vec![of("Deployment", json!({}))], "heals heals unknown unknown unknown"),
        ("a StatefulSet", vec![of("StatefulSet", json!({}))], "heals heals unknown unknown unknown"),
        (
            "long grace",
            vec![of(
                "StatefulSet",
                json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 90}}}}),
            )],
            "heals slow unknown unknown unknown",
        ),
        ("a DaemonSet", vec![of("DaemonSet", json!({}))], "heals heals none none none"),
        (
            "scaled to zero",
            vec![of("Deployment", json!({"spec": {"replicas": 0}}))],
            "none none none none none",
        ),
        ("a pod", vec![pod("tool")], "heals wont wont wont wont"),
        ("never restarted", vec![of("Deployment", on_exit)], "wont heals unknown unknown unknown"),
        ("never Ready", vec![of("Deployment", port)], "heals unknown unknown unknown unknown"),
        (
            "blocked",
            vec![of("Deployment", json!({})), budget("web", json!({"maxUnavailable": 0}))],
            "heals heals unknown unknown wont",
        ),
    ] {
        assert_eq!(verdicts(&objects), expected, "{name}");
    }
}

#[test]
fn a_finding_names_its_file_and_line() {
    let text = format!(
        "# good\n{}",
        text(&[
            budget("b", json!({"maxUnavailable": 1})),
            workload("Deployment", "web", json!({"spec": {"replicas": 1}}))
        ])
    );
    let read =
        manifests(&[("other.yaml", &self::text(&[pod("tool")])), ("web.yaml", &text)], &Target::All).unwrap();
    let (findings, _) = checks::run(&Snapshot::of(read.gathered, &read.selection, false), |_| true);
    let at = |id: &str| findings.iter().find(|it| it.id == id).unwrap().location.clone().unwrap();
    let line = text.lines().take_while(|line| !line.contains("apps/v1")).count() + 1;
    assert_eq!(at("HC201"), Location { file: "web.yaml".into(), line: Some(line) });
    assert_eq!(at("HC101").to_string(), "other.yaml:2");
}

#[test]
fn namespaces_names_and_selectors() {
    let elsewhere =
        workload("Deployment", "api", json!({"metadata": {"namespace": "b", "labels": {"app": "api"}}}));
    let text = text(&[workload("Deployment", "web", json!({})), elsewhere]);
    let selected = |target: &Target| {
        let read = read(&[Dump::of_text("f", text.as_bytes()).unwrap()], target, "a").unwrap();
        let snapshot = Snapshot::of(read.gathered, &read.selection, false);
        let names = snapshot.selected().map(|it| format!("{}/{}", it.subject.namespace, it.subject.name));
        (names.collect::<Vec<_>>(), snapshot.not_found)
    };
    let named = |name: &str| Target::Named(vec![(Read::Deployments, name.to_owned())]);
    assert_eq!(selected(&Target::All).0, ["a/web", "b/api"]);
    assert_eq!(selected(&named("api")).0, ["b/api"]);
    assert_eq!(selected(&named("none")).1, ["deployment/none"]);
    assert_eq!(selected(&Target::Selector("app=api".into())).0, ["b/api"]);
}

#[test]
fn other_kinds_and_what_controllers_made_are_counted() {
    let made = workload(
        "ReplicaSet",
        "web-1",
        json!({"metadata": {"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": true}]}}),
    );
    let other = json!({"apiVersion": "example.invalid/v1", "kind": "Rollout", "metadata": {"name": "x"}});
    let old =
        json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}});
    let read = manifests(
        &[("f", &text(&[workload("Deployment", "web", json!({})), made, other, old]))],
        &Target::All,
    )
    .unwrap();
    let skipped: Vec<(&str, usize)> = read.skipped.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    assert_eq!(
        (read.objects, skipped),
        (1, vec![("PodDisruptionBudget of policy/v1beta1", 1), ("ReplicaSet", 1), ("Rollout", 1)])
    );
}

#[test]
fn the_same_object_twice_is_one_and_two_versions_are_an_error_that_names_both_files() {
    let web = workload("Deployment", "web", json!({}));
    let (one, json) = (text(std::slice::from_ref(&web)), web.to_string());
    let same = manifests(&[("a.yaml", &one), ("b.json", &json)], &Target::All).unwrap();
    assert_eq!(same.objects, 1);
    let other = text(&[workload(
        "Deployment",
        "web",
        json!({"metadata": {"namespace": "default"}, "spec": {"replicas": 3}}),
    )]);
    let failure = manifests(&[("a.yaml", &one), ("b.yaml", &other)], &Target::All).err().unwrap();
    let words = failure.to_string();
    assert!(
        words.contains("cannot read b.yaml") && words.contains("default/web was there in a.yaml"),
        "{words}"
    );
    assert_eq!(failure.hints.len(), 1, "{:?}", failure.hints);
    assert!(failure.hints[0].starts_with("the other one is at a.yaml:2: remove one"), "{:?}", failure.hints);
}
