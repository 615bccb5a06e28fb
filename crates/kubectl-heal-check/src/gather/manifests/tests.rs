use plugin_client::Exit;
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
        (1, vec![("PodDisruptionBudget", 1), ("ReplicaSet", 1), ("Rollout", 1)])
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

#[test]
fn what_is_no_manifest_is_an_error_and_never_good() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}});
    let kustomization =
        json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": []});
    let quoted = workload("Deployment", "{{ .Release.Name }}", json!({}));
    let web = text(&[workload("Deployment", "web", json!({}))]);
    let cases: [(String, &str, &str); 12] = [
        (text(&[service]), "there is nothing in f that is checked here; it has 1 Service", "Deployments"),
        (text(&[json!({"apiVersion": "a/v1", "kind": "X", "metadata": {"name": "x"}})]), "it has 1 X", ""),
        (text(&[kustomization]), "document 1", "kubectl kustomize"),
        (text(&[quoted]), "its name is a template", "helm template"),
        (web.replace("replicas: 2", "replicas: {{ .Values.replicas }}"), "Deployment: ", "helm template"),
        (format!("{web}---\n{{{{- if .Values.on }}}}\n{web}"), "document 2", "helm template"),
        (
            web.replace("replicas: 2", "replicas: two"),
            "Deployment: spec.replicas: invalid type: string \"two\", expected a whole number",
            "--dry-run=server",
        ),
        (
            web.split("    spec:").next().unwrap().to_owned(),
            "it has no spec.template.spec.containers",
            "complete",
        ),
        ("just some words\n".to_owned(), "cannot read f", ""),
        ("a: 1\n".to_owned(), "it has no kind", ""),
        ("# nothing\n".to_owned(), "", ""),
        (json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {}}).to_string(), "Deployment: ", ""),
    ];
    for (text, message, hint) in cases {
        let failure = manifests(&[("f", &text)], &Target::All).err();
        let failure = failure.unwrap_or_else(|| panic!("it was read: {text}"));
        let words = format!("{failure}");
        let message = if message == "document 1" { "it is no object of a cluster" } else { message };
        assert!(words.contains(message), "{message}: {words}");
        assert!(failure.hints.join(" ").contains(hint), "{hint}: {:?}", failure.hints);
        assert_eq!(failure.exit, Exit::Failed, "{text}");
    }
}

#[test]
fn an_error_has_the_field_and_its_line() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}});
    let files = text(&[service, workload("Deployment", "web", json!({}))]);
    // The file goes on behind each of them.
    let cases = [
        ("replicas: 2", "replicas: two", "spec.replicas: invalid type"),
        ("name: main", "name: [main]", "spec.template.spec.containers.0.name: invalid type"),
        ("name: main", "name: Main", "spec.template.spec.containers has the name \"Main\""),
        ("containers:", "container:", "it has no spec.template.spec.containers"),
        ("port: 80", "port: }80", ""),
    ];
    for (from, to, what) in cases {
        assert!(files.contains(from), "{from}: {files}");
        let text = files.replacen(from, to, 1);
        let failure = manifests(&[("f", &text)], &Target::All).err().unwrap();
        let line = 1 + text.lines().position(|line| line.contains(to)).unwrap();
        // Of what is not there, that of what it would be in.
        let line = if to == "container:" { line - 1 } else { line };
        let words = failure.to_string();
        assert!(words.contains(&format!("document 2, line {line}: Deployment: ")), "{line}: {words}");
        assert!(words.contains(what), "{what}: {words}");
        assert!(!failure.hints.join(" ").contains("complete"), "{:?}", failure.hints);
    }
}

/// Each has one fault, and is accepted without it: `tests/live/heal/manifests.rs` compares some with a server.
#[test]
fn what_every_server_refuses_is_an_error_that_names_the_object() {
    let web = |edit: Value| workload("Deployment", "web", edit);
    let named = |kind: &str, name: &str| workload(kind, "web", json!({"metadata": {"name": name}}));
    let template = |edit: Value| json!({"spec": {"template": edit}});
    let labels = |labels: Value| template(json!({"metadata": {"labels": labels}}));
    let job = |policy: Value| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "spec": {"template": {"spec": {"restartPolicy": policy, "containers": [{"name": "main"}]}}}})
    };
    let scaled = |least: i64, most: i64| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {"minReplicas": least,
            "maxReplicas": most, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
    };
    let main = |edit: Value| {
        let mut container = json!({"name": "main", "image": "i:1"});
        cluster_model::build::merge(&mut container, edit);
        template(json!({"spec": {"containers": [container]}}))
    };
    let mounting = |mounts: Value| {
        let mut object = main(json!({"volumeMounts": mounts}));
        object["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data"}]);
        object
    };
    let stateful = |edit: Value| workload("StatefulSet", "web", edit);
    let cron = |schedule: &str| {
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"},
            "spec": {"schedule": schedule, "jobTemplate": {"spec": job(json!("Never"))["spec"]}}})
    };
    let service = |ports: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}});
    let twice = template(json!({"spec": {"initContainers": [{"name": "main"}]}}));
    for (object, expected) in [
        (web(json!({"spec": {"replicas": -5}})), "spec.replicas is -5"),
        (named("Deployment", "My_App"), "metadata.name \"My_App\" is no DNS subdomain"),
        (named("Deployment", "web.-a"), "is no DNS subdomain"),
        (named("StatefulSet", &"a".repeat(254)), "is no DNS subdomain"),
        (web(json!({"metadata": {"namespace": "a.b"}})), "metadata.namespace \"a.b\" is no DNS label"),
        (web(json!({"metadata": {"labels": {"a b": "c"}}})), "metadata.labels has a b=c"),
        (web(labels(json!({"team": "-x"}))), "spec.template.metadata.labels has team=-x"),
        (web(labels(json!({"app": "other"}))), "spec.selector does not select the labels of spec.template"),
        (web(json!({"spec": {"selector": {"matchLabels": null}}})), "spec.selector is missing or empty"),
        (web(json!({"spec": {"minReadySeconds": 600}})), "has to be more than minReadySeconds (600)"),
        (
            web(json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}}})),
            "it could replace no pod",
        ),
        (
            web(template(json!({"spec": {"restartPolicy": "Never"}}))),
            "spec.template.spec.restartPolicy is Never",
        ),
        (web(template(json!({"spec": {"containers": [{"name": "Main"}]}}))), "the name \"Main\""),
        (web(twice), "has the name main twice"),
        (job(json!("Always")), "restartPolicy is Always"),
        (job(Value::Null), "restartPolicy is Always, the default"),
        (
            budget("web", json!({"minAvailable": 1, "maxUnavailable": 1})),
            "both minAvailable and maxUnavailable",
        ),
        (budget("web", json!({"maxUnavailable": -1})), "spec.maxUnavailable -1"),
        (budget("web", json!({"minAvailable": "half"})), "spec.minAvailable \"half\""),
        (scaled(3, 2), "minReplicas 3 and maxReplicas 2"),
        (web(main(json!({"ports": [{"containerPort": 0}]}))), "has the port 0, and they are from 1 to 65535"),
        (web(main(json!({"ports": [{"containerPort": 80, "hostPort": 70000}]}))), "has the port 70000"),
        (web(main(json!({"ports": [{"containerPort": 80, "name": "8080"}]}))), "no name of a port"),
        (
            web(main(
                json!({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]}),
            )),
            "spec.template.spec.containers \"main\" has two ports of the name a",
        ),
        (
            web(main(json!({"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": -1}}))),
            "a readinessProbe whose periodSeconds is less",
        ),
        (
            web(main(json!({"livenessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}}))),
            "a livenessProbe whose successThreshold",
        ),
        (web(main(json!({"livenessProbe": {"httpGet": {"port": "80"}}}))), "a livenessProbe of port \"80\""),
        (web(main(json!({"resources": {"requests": {"cpu": "1K"}}}))), "resources.requests \"cpu\" \"1K\""),
        (stateful(main(json!({"resources": {"limits": {"memory": "1 Gi"}}}))), "which is no quantity"),
        (
            web(main(json!({"volumeMounts": [{"name": "data", "mountPath": "/d"}]}))),
            "there is no such volume",
        ),
        (
            web(mounting(json!([{"name": "data", "mountPath": "/d"}, {"name": "data", "mountPath": "/d"}]))),
            "two volumeMounts at \"/d\"",
        ),
        (
            web(template(json!({"spec": {"volumes": [{"name": "v"}, {"name": "v"}]}}))),
            "volumes has the name v twice",
        ),
        (web(template(json!({"spec": {"volumes": [{"name": "V"}]}}))), "volumes has the name \"V\""),
        (
            web(template(json!({"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "much"}}]}}))),
            "volumes \"v\" has the size \"much\"",
        ),
        (cron("0 0 * * 7"), "spec.schedule \"0 0 * * 7\" is no schedule"),
        (service(json!([{"port": 70000}])), "spec.ports has 70000"),
        (service(json!([{"port": 80, "targetPort": "a--b"}])), "the targetPort \"a--b\""),
        (
            service(json!([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}])),
            "spec.ports has the name a twice",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "main"}]}}),
            "neither a name",
        ),
    ] {
        let files = text(&[workload("Deployment", "good", json!({})), object.clone()]);
        let failure = manifests(&[("all.yaml", &files)], &Target::All).err();
        let failure = failure.unwrap_or_else(|| panic!("it was read: {object}"));
        let words = failure.to_string();
        assert!(words.contains(expected) && words.contains("would refuse it"), "{expected}: {words}");
        assert!(words.contains("all.yaml: document 2, line "), "{words}");
        assert!(failure.hints.join(" ").contains("--dry-run=server"), "{:?}", failure.hints);
    }
    let renamed = |name: &str, mut object: Value| {
        object["metadata"]["name"] = json!(name);
        object
    };
    let generated =
        |kind: &str| workload(kind, "web", json!({"metadata": {"name": null, "generateName": "web-"}}));
    let good = [
        named("Deployment", "a.b-1"),
        named("DaemonSet", &"a".repeat(70)),
        generated("ReplicaSet"),
        web(json!({"metadata": {"labels": {"example.com/Team_1": ""}}, "spec": {"replicas": 0}})),
        job(json!("OnFailure")),
        budget("web", json!({"minAvailable": "100%"})),
        scaled(2, 2),
        renamed("floats", web(json!({"spec": {"replicas": 2.0}}))),
        web(json!({"metadata": {"name": "nulls", "labels": {"a": null}, "annotations": null}})),
        // Kubelets refuse it, and servers do not.
        renamed("image", web(main(json!({"image": "Shop/My App:1"})))),
        renamed(
            "ports",
            web(main(json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 80}]}))),
        ),
        renamed(
            "probes",
            web(main(json!({"livenessProbe": {"httpGet": {"port": "http"}, "successThreshold": 0},
            "readinessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}}))),
        ),
        renamed(
            "amounts",
            web(main(json!({"resources": {"requests": {"cpu": " 1. ", "memory": "1e3"},
            "limits": {"cpu": 1.5, "memory": "99999999999E"}}}))),
        ),
        renamed(
            "mounts",
            web(mounting(json!([{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]))),
        ),
        renamed("claims", stateful(main(json!({"volumeMounts": [{"name": "data", "mountPath": "/d"}]})))),
        renamed("every", cron("@every 1.5h")),
        renamed("zone", cron("CRON_TZ=UTC 0 * * * *")),
        renamed(
            "empty",
            service(json!([{"port": 80, "targetPort": 0}, {"port": 81, "name": "a", "targetPort": "b"}])),
        ),
    ];
    assert_eq!(manifests(&[("f", &text(&good))], &Target::All).unwrap().objects, good.len());
}
