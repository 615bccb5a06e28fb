//! What a pod of the template needs to exist. Nothing of it is looked at when a workload is written.

use std::collections::BTreeMap;

use cluster_model::managed_fields;
use cluster_model::references::{Needed, PULL_SECRETS, Reference, references_of};
use cluster_model::{Finding, Known, Raw, Severity};

use super::Case;
use crate::snapshot::Found;

const CLAIM: &str = "PersistentVolumeClaim";

/// What is needed, each object once with all its places.
fn needed(case: &Case<'_>) -> BTreeMap<Reference, Vec<Needed>> {
    let mut all: BTreeMap<Reference, Vec<Needed>> = BTreeMap::new();
    for needed in references_of(case.template(), &case.rollout().id.namespace) {
        all.entry(needed.reference.clone()).or_default().push(needed);
    }
    all
}

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (reference, places) in needed(case) {
        let required: Vec<&Needed> = places.iter().filter(|needed| !needed.optional).collect();
        match case.snapshot.references.get(&reference) {
            Some(Known::Seen(None)) => findings.extend(missing(case, &reference, &required)),
            Some(Known::Seen(Some(found))) => findings.extend(keys(case, &reference, found, &required)),
            Some(Known::Unknown(_)) | None if required.is_empty() => {}
            Some(Known::Unknown(why)) => findings.push(not_checked(case, &reference, why)),
            None => findings.push(not_checked(case, &reference, "not read")),
        }
    }
    findings
}

fn not_checked(case: &Case<'_>, reference: &Reference, why: &str) -> Finding {
    let message = format!("needs {} {}, which could not be checked: {why}", reference.kind, reference.name);
    case.finding("reference-not-checked", Severity::Unknown, message)
}

fn whys<'a>(places: impl IntoIterator<Item = &'a Needed>) -> String {
    places.into_iter().map(|needed| needed.why.as_str()).collect::<Vec<_>>().join(", ")
}

fn missing(case: &Case<'_>, reference: &Reference, required: &[&Needed]) -> Vec<Finding> {
    let Reference { kind, name, .. } = reference;
    // The kubelet goes on without it (pkg/kubelet/kubelet_pods.go, getPullSecretsForPod): a public or cached image is pulled all the same.
    let (pull, others): (Vec<&Needed>, Vec<&Needed>) =
        required.iter().partition(|needed| needed.why == PULL_SECRETS);
    let mut findings = Vec::new();
    if !pull.is_empty() {
        let message = format!("pulls its images without Secret {name}, which does not exist");
        findings.push(case.finding("pull-secret-missing", Severity::Warning, message).remedy(format!(
            "create Secret {name} in namespace {}, unless the images are public",
            reference.namespace
        )));
    }
    if others.is_empty() {
        return findings;
    }
    let places = whys(others);
    if *kind == "StorageClass" {
        // A volume made by hand may bear the name of a class that is none.
        let message =
            format!("needs StorageClass {name} ({places}), which does not exist: the claim stays unbound");
        findings.push(
            case.finding("storage-class-missing", Severity::Warning, message)
                .remedy(format!("create StorageClass {name}, or a volume of that class")),
        );
        return findings;
    }
    let place = match reference.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" in namespace {namespace}"),
    };
    let message = format!("needs {kind} {name} ({places}), which does not exist: its pods cannot start");
    findings.push(
        case.finding("reference-missing", Severity::Error, message)
            .remedy(format!("create {kind} {name}{place} first, or choose another revision")),
    );
    findings
}

fn keys(case: &Case<'_>, reference: &Reference, found: &Found, required: &[&Needed]) -> Vec<Finding> {
    let with_keys: Vec<&Needed> = required.iter().copied().filter(|needed| !needed.keys.is_empty()).collect();
    if with_keys.is_empty() {
        return Vec::new();
    }
    let Reference { kind, name, namespace } = reference;
    let Some(there) = managed_fields::keys(&found.object) else {
        let message = format!(
            "needs keys of {kind} {name}, which could not be checked: its managedFields do not list them"
        );
        return vec![case.finding("reference-not-checked", Severity::Unknown, message)];
    };
    let mut absent: BTreeMap<&str, Vec<&Needed>> = BTreeMap::new();
    for needed in with_keys {
        for key in needed.keys.iter().filter(|key| !there.contains(*key)) {
            absent.entry(key).or_default().push(needed);
        }
    }
    absent
        .into_iter()
        .map(|(key, needed)| {
            let places = whys(needed);
            let message = format!(
                "needs key {key} of {kind} {name} ({places}), which does not exist: its pods cannot start"
            );
            case.finding("reference-key-missing", Severity::Error, message).remedy(format!(
                "add {key} to {kind} {name} in namespace {namespace} first, or choose another revision"
            ))
        })
        .collect()
}

/// Claims that exist and are of no use, now or yet.
pub fn claims(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (reference, places) in needed(case).into_iter().filter(|(reference, _)| reference.kind == CLAIM) {
        let Some(Known::Seen(Some(Found { object }))) = case.snapshot.references.get(&reference) else {
            continue;
        };
        let claim = format!("{CLAIM} {} ({})", reference.name, whys(&places));
        let look = format!("kubectl describe pvc {} -n {}", reference.name, reference.namespace);
        let unusable = if !object.text("/metadata/deletionTimestamp").is_empty() {
            Some("is being deleted: no new pod is bound to it")
        } else if object.text("/status/phase") == "Lost" {
            Some("has lost its volume")
        } else {
            None
        };
        if let Some(state) = unusable {
            let message = format!("needs {claim}, which {state}");
            findings.push(case.finding("volume-claim-unusable", Severity::Error, message).remedy(look));
        } else if object.text("/status/phase") == "Pending" {
            let message = format!("needs {claim}, which is not bound to a volume yet");
            findings.push(case.finding("volume-claim-unbound", Severity::Warning, message).remedy(look));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    fn env(kind: &str, optional: bool) -> Fixture {
        let source = json!({"name": "db", "key": "host", "optional": optional});
        let field = if kind == "Secret" { "secretKeyRef" } else { "configMapKeyRef" };
        Fixture::of(Kind::Deployment)
            .then_container(json!({"env": [{"name": "DB", "valueFrom": {field: source}}]}))
    }

    /// With a key `host`, or another.
    fn data(key: &str) -> Known<Option<Value>> {
        let fields = json!({"f:data": {(format!("f:{key}")): {}}});
        Known::Seen(Some(json!({"metadata": {"managedFields": [{"manager": "x", "fieldsV1": fields}]}})))
    }

    fn there() -> Known<Option<Value>> {
        Known::Seen(Some(json!({})))
    }

    #[test]
    fn reference_missing() {
        for kind in ["ConfigMap", "Secret"] {
            let bad = env(kind, false).refers(kind, "db", Known::Seen(None));
            fires(
                "reference-missing",
                Severity::Error,
                &bad,
                &env(kind, false).refers(kind, "db", data("host")),
            );
            fires(
                "reference-missing",
                Severity::Error,
                &bad,
                &env(kind, true).refers(kind, "db", Known::Seen(None)),
            );
            assert_eq!(
                bad.message_of("reference-missing"),
                format!(
                    "needs {kind} db (env DB of container web), which does not exist: its pods cannot start"
                )
            );
        }
        let of = |spec: Value| Fixture::of(Kind::Deployment).then(json!({"spec": spec}));
        for (spec, kind) in [
            (json!({"serviceAccountName": "db"}), "ServiceAccount"),
            (json!({"priorityClassName": "db"}), "PriorityClass"),
            (json!({"runtimeClassName": "db"}), "RuntimeClass"),
            (
                json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "db"}}]}),
                "PersistentVolumeClaim",
            ),
        ] {
            let bad = of(spec.clone()).refers(kind, "db", Known::Seen(None));
            fires("reference-missing", Severity::Error, &bad, &of(spec).refers(kind, "db", there()));
        }
    }

    #[test]
    fn reference_key_missing() {
        let bad = env("Secret", false).refers("Secret", "db", data("port"));
        fires(
            "reference-key-missing",
            Severity::Error,
            &bad,
            &env("Secret", false).refers("Secret", "db", data("host")),
        );
        fires(
            "reference-key-missing",
            Severity::Error,
            &bad,
            &env("Secret", true).refers("Secret", "db", data("port")),
        );
    }

    #[test]
    fn reference_not_checked() {
        let good = env("Secret", false).refers("Secret", "db", data("host"));
        let forbidden = env("Secret", false).refers("Secret", "db", Known::Unknown("forbidden".into()));
        fires("reference-not-checked", Severity::Unknown, &forbidden, &good);
        assert_eq!(forbidden.of_id("reference-missing"), [], "no right to see it is not absence");
        fires("reference-not-checked", Severity::Unknown, &env("Secret", false), &good);
        let stripped = env("Secret", false).refers("Secret", "db", there());
        fires("reference-not-checked", Severity::Unknown, &stripped, &good);
        assert_eq!(stripped.of_id("reference-key-missing"), []);
        let optional = env("Secret", true).refers("Secret", "db", Known::Unknown("forbidden".into()));
        fires("reference-not-checked", Severity::Unknown, &forbidden, &optional);
    }

    #[test]
    fn pull_secret_missing() {
        let pulling =
            || Fixture::of(Kind::Deployment).then(json!({"spec": {"imagePullSecrets": [{"name": "reg"}]}}));
        let bad = pulling().refers("Secret", "reg", Known::Seen(None));
        fires("pull-secret-missing", Severity::Warning, &bad, &pulling().refers("Secret", "reg", there()));
        assert_eq!(bad.of_id("reference-missing"), [], "the kubelet goes on without");
    }

    #[test]
    fn storage_class_missing() {
        let volume = json!({"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}});
        let fixture = || Fixture::of(Kind::Deployment).then(json!({"spec": {"volumes": [volume]}}));
        let bad = fixture().refers("StorageClass", "fast", Known::Seen(None));
        fires(
            "storage-class-missing",
            Severity::Warning,
            &bad,
            &fixture().refers("StorageClass", "fast", there()),
        );
    }

    #[test]
    fn claims_that_are_of_no_use() {
        let volume = json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}});
        let claim = |object: Value| {
            let fixture = Fixture::of(Kind::Deployment).then(json!({"spec": {"volumes": [volume]}}));
            fixture.refers("PersistentVolumeClaim", "data", Known::Seen(Some(object)))
        };
        let bound = claim(json!({"status": {"phase": "Bound"}}));
        let deleted = claim(
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Bound"}}),
        );
        fires("volume-claim-unusable", Severity::Error, &deleted, &bound);
        fires("volume-claim-unusable", Severity::Error, &claim(json!({"status": {"phase": "Lost"}})), &bound);
        fires(
            "volume-claim-unbound",
            Severity::Warning,
            &claim(json!({"status": {"phase": "Pending"}})),
            &bound,
        );
    }
}
