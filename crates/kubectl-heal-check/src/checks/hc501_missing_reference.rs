//! HC501: a template that needs what is not there.

use std::collections::BTreeMap;

use cluster_model::references::{Needed, PULL_SECRETS, references_of_spec};
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Kind, Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC501",
    name: "missing-reference",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::ConfigMaps,
        Read::ServiceAccounts,
        Read::Claims,
        Read::PriorityClasses,
        Read::RuntimeClasses,
    ],
    fires_when: "a ConfigMap, a key of it, a ServiceAccount, a PersistentVolumeClaim, a PriorityClass or a RuntimeClass that the template names does not exist; with --secrets also a Secret or a key of it, a warning for one that images are pulled with",
    why: "The pods that run have read it already. The next one cannot be created, or does not start.",
    remedy: "create what is missing, or remove the reference to it: the finding names the place",
    exceptions: "What is optional. Secrets are checked only with --secrets, which needs the right to list them. Keys are known from managedFields: where these do not list any it is unchecked.",
    run,
};

/// What exists, by kind, namespace and name.
type Existing<'s> = BTreeMap<(&'static str, &'s str, &'s str), &'s Json>;

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let existing = existing(snapshot);
    for workload in snapshot.posture().filter(|it| makes_pods(it)) {
        for needed in references_of_spec(workload.spec(), &workload.subject.namespace) {
            if needed.optional {
                continue;
            }
            // Not in `reads`: without --secrets the rest is checked all the same.
            let refused = snapshot.unknown.get(&Read::Secrets).filter(|_| needed.reference.kind == "Secret");
            if let Some(why) = refused {
                found.unknown(format!("secrets: {why}"));
            } else if is_read(needed.reference.kind, snapshot) {
                judge(workload, &needed, &existing, found);
            }
        }
    }
}

/// Nothing makes another pod of a single one, or of a Job that has ended.
fn makes_pods(workload: &Workload) -> bool {
    let has_ended = workload.subject.kind == "Job" && workload.active().next().is_none();
    workload.kind != Kind::Pod && !has_ended
}

fn is_read(kind: &str, snapshot: &Snapshot) -> bool {
    Read::of_kind(kind).is_some_and(|read| snapshot.objects.contains_key(&read))
}

fn existing(snapshot: &Snapshot) -> Existing<'_> {
    let kinds = [
        Read::ConfigMaps,
        Read::Secrets,
        Read::ServiceAccounts,
        Read::Claims,
        Read::PriorityClasses,
        Read::RuntimeClasses,
    ];
    let all = kinds.into_iter().flat_map(|read| snapshot.all(read).iter().map(move |it| (read.api().0, it)));
    all.map(|(kind, it)| ((kind, it.text("/metadata/namespace"), it.name()), it)).collect()
}

fn judge(workload: &Workload, needed: &Needed, existing: &Existing<'_>, found: &mut Found<'_>) {
    let (reference, place) = (&needed.reference, &needed.why);
    let (kind, name) = (reference.kind, &reference.name);
    let key = (kind, reference.namespace.as_str(), name.as_str());
    match existing.get(&key) {
        // The kubelet goes on without it: a public or cached image is pulled all the same (pkg/kubelet/kubelet_pods.go).
        None if place == PULL_SECRETS => {
            let message = format!("pulls its images without {kind} {name}, which does not exist");
            found.add(Warning, &workload.subject, message);
        }
        None => {
            let message =
                format!("needs {kind} {name} ({place}), which does not exist: its next pod cannot start");
            found.add(Error, &workload.subject, message);
        }
        Some(object) => {
            let keys = object["keys"].as_array();
            for key in &needed.keys {
                match keys {
                    None => found.unknown(format!(
                        "{}: whether {kind} {name} has key {key} is not recorded in its managedFields",
                        workload.subject
                    )),
                    Some(keys) if !keys.iter().any(|it| *it == **key) => {
                        let message = format!(
                            "needs key {key} of {kind} {name} ({place}), which does not exist: its next pod cannot start"
                        );
                        found.add(Error, &workload.subject, message);
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    fn web(spec: Value) -> World {
        healthy().edit("Deployment/web", json!({"spec": {"template": {"spec": spec}}}))
    }

    /// A ConfigMap or Secret with one key, as the server lists its metadata.
    fn keyed(kind: &str, name: &str) -> Value {
        let entry = json!({"manager": "kubectl", "fieldsV1": {"f:data": {".": {}, "f:host": {}}}});
        json!({"kind": kind, "metadata": {"namespace": "shop", "name": name, "managedFields": [entry]}})
    }

    fn env(kind: &str, name: &str, key: &str) -> World {
        let from = json!({kind: {"name": name, "key": key}});
        web(json!({"containers": [{"name": "main", "env": [{"name": "HOST", "valueFrom": from}]}]}))
    }

    #[test]
    fn hc501_missing_reference() {
        let config = || keyed("ConfigMap", "app");
        let needs = |key: &str| env("configMapKeyRef", "app", key);
        let mut bare = config();
        bare["metadata"].as_object_mut().unwrap().remove("managedFields");
        let mut elsewhere = config();
        elsewhere["metadata"]["namespace"] = json!("other");
        let optional =
            web(json!({"volumes": [{"name": "v", "configMap": {"name": "app", "optional": true}}]}));
        let claim = |name: &str| json!({"kind": "PersistentVolumeClaim", "metadata": {"namespace": "shop", "name": name}});
        let data =
            || web(json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}));
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("a ConfigMap", needs("host"), fires),
                ("it is there", needs("host").with(config()), &[]),
                ("in another namespace", needs("host").with(elsewhere), fires),
                ("a key of it", needs("port").with(config()), fires),
                ("nobody knows its keys", needs("host").with(bare), &["unchecked"]),
                ("optional", optional, &[]),
                ("a claim", data(), fires),
                ("the claim is there", data().with(claim("data")), &[]),
                ("a ServiceAccount", web(json!({"serviceAccountName": "app"})), fires),
                ("the default one", web(json!({"serviceAccountName": "default"})), &[]),
                ("a PriorityClass", web(json!({"priorityClassName": "high"})), fires),
                ("a RuntimeClass", web(json!({"runtimeClassName": "gvisor"})), fires),
                ("a Secret, which is not read", env("secretKeyRef", "db", "host"), &[]),
            ],
        );
        assert_eq!(
            needs("host").message(&CHECK),
            "needs ConfigMap app (env HOST of container main), which does not exist: its next pod cannot start"
        );
    }

    #[test]
    fn secrets_are_checked_where_they_were_read() {
        let needs = |key: &str| env("secretKeyRef", "db", key);
        let pulls = || web(json!({"imagePullSecrets": [{"name": "registry"}]}));
        for (name, world, expected) in [
            (
                "E1: it was deleted",
                needs("host").with(keyed("Secret", "other")),
                &["deployment/web error"][..],
            ),
            ("E1: it is there", needs("host").with(keyed("Secret", "db")), &[]),
            ("a key of it", needs("password").with(keyed("Secret", "db")), &["deployment/web error"]),
            ("to pull images", pulls().with(keyed("Secret", "other")), &["deployment/web warning"]),
            ("it may not be listed", needs("host").unknown(Read::Secrets), &["unchecked"]),
        ] {
            assert_eq!(world.found(&CHECK), expected, "{name}");
        }
    }
}
