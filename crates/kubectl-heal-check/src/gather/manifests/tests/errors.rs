//! Files that are refused, with the object, the field and its line.

use plugin_client::Exit;
use serde_json::{Value, json};

use super::*;

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
    let renamed = |name: &str, mut object: Value| {
        object["metadata"]["name"] = json!(name);
        object
    };
    let selecting = |term: Value| json!({"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [term]}}});
    let term = json!({"matchExpressions": [{"key": "app", "operator": "In"}]});
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
        (
            web(selecting(json!({"key": "app", "operator": "in", "values": ["web"]}))),
            "spec.selector.matchExpressions has the operator \"in\"",
        ),
        (
            web(selecting(json!({"key": "app", "operator": "NotIn", "values": []}))),
            "has app NotIn without values",
        ),
        (
            web(selecting(json!({"key": "app", "operator": "Exists", "values": ["web"]}))),
            "has app Exists with values",
        ),
        (web(selecting(json!({"key": "a b", "operator": "Exists"}))), "has the key \"a b\""),
        (
            web(selecting(json!({"key": "app", "operator": "In", "values": ["a b", "web"]}))),
            "has the value \"a b\"",
        ),
        (
            budget("web", json!({"minAvailable": 1, "selector": {"matchLabels": {"a b": ""}}})),
            "spec.selector.matchLabels has a b=, which is no label",
        ),
        (
            web(template(
                json!({"spec": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": term.clone()}]}}),
            )),
            "spec.template.spec.topologySpreadConstraints.0.labelSelector.matchExpressions has",
        ),
        (
            web(template(
                json!({"spec": {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": term}}]}}}}),
            )),
            "podAffinityTerm.labelSelector.matchExpressions has",
        ),
        (
            web(main(json!({"livenessProbe": {"exec": {"command": ["true"]}, "tcpSocket": {"port": 80}}}))),
            "has a livenessProbe with exec and tcpSocket",
        ),
        (
            web(main(json!({"livenessProbe": {"exec": {"command": []}}}))),
            "has a livenessProbe that runs no command",
        ),
        (web(main(json!({"startupProbe": {"tcpSocket": {"port": 0}}}))), "has a startupProbe of port 0"),
        (web(main(json!({"restartPolicy": "always"}))), "has the restartPolicy \"always\""),
        (renamed(&"a".repeat(64), job(json!("Never"))), "metadata.name has more than 63 characters"),
        (
            workload("Deployment", "web", json!({"metadata": {"name": null, "generateName": "Web-"}})),
            "generateName \"Web-\"",
        ),
        (budget("a/b", json!({"minAvailable": 1})), "metadata.name \"a/b\" is no name that can be in a path"),
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
    let generated =
        |kind: &str| workload(kind, "web", json!({"metadata": {"name": null, "generateName": "web-"}}));
    let good = [
        named("Deployment", "a.b-1"),
        named("DaemonSet", &"a".repeat(70)),
        generated("ReplicaSet"),
        generated("ReplicaSet"),
        // No rule of names is set for budgets, and some have such.
        budget("a_B.", json!({"minAvailable": 1})),
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
