//! What a pod of a template needs to exist before it can start: admission looks at hardly any of it. Pure.

use serde_json::Value;

use crate::Raw;
use crate::rollout::containers_of;

/// Where the one kind of Secret is named that a pod starts without.
pub const PULL_SECRETS: &str = "imagePullSecrets";

/// Something a pod of a template needs to exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// As in `ConfigMap`.
    pub kind: &'static str,
    /// Empty for kinds that have no namespace.
    pub namespace: String,
    pub name: String,
}

/// One place of a template that names another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub reference: Reference,
    /// Keys of a ConfigMap or Secret.
    pub keys: Vec<String>,
    /// The pod starts without it.
    pub optional: bool,
    /// The place, as in `env DB_HOST of container web`.
    pub why: String,
}

/// In the template's order. What the server always has (the ServiceAccount `default`) is not among it.
pub fn references_of(template: &Value, namespace: &str) -> Vec<Needed> {
    references_of_spec(&template["spec"], namespace)
}

/// The same of the spec alone.
pub fn references_of_spec<J: Raw>(spec: &J, namespace: &str) -> Vec<Needed> {
    let mut found = Found { namespace, needed: Vec::new() };
    for container in containers_of(spec) {
        found.container(container);
    }
    for volume in spec.list("/volumes") {
        found.volume(volume);
    }
    for secret in spec.list("/imagePullSecrets") {
        found.add("Secret", secret.text("/name"), PULL_SECRETS);
    }
    for claim in spec.list("/resourceClaims") {
        let why = format!("resource claim {}", claim.text("/name"));
        found.add("ResourceClaim", claim.text("/resourceClaimName"), &why);
        found.add("ResourceClaimTemplate", claim.text("/resourceClaimTemplateName"), &why);
    }
    // `serviceAccount` is the older name; the server keeps both equal.
    let account = [spec.text("/serviceAccountName"), spec.text("/serviceAccount")];
    let account = account.into_iter().find(|name| !name.is_empty()).filter(|name| *name != "default");
    found.add("ServiceAccount", account.unwrap_or_default(), "serviceAccountName");
    found.add_everywhere("PriorityClass", spec.text("/priorityClassName"), "priorityClassName");
    found.add_everywhere("RuntimeClass", spec.text("/runtimeClassName"), "runtimeClassName");
    found.needed
}

struct Found<'a> {
    namespace: &'a str,
    needed: Vec<Needed>,
}

impl Found<'_> {
    fn push(
        &mut self,
        kind: &'static str,
        namespace: String,
        name: &str,
        optional: bool,
        keys: Vec<String>,
        why: &str,
    ) {
        if name.is_empty() {
            return;
        }
        self.needed.push(Needed {
            reference: Reference { kind, namespace, name: name.to_owned() },
            keys,
            optional,
            why: why.to_owned(),
        });
    }

    fn add(&mut self, kind: &'static str, name: &str, why: &str) {
        self.push(kind, self.namespace.to_owned(), name, false, Vec::new(), why);
    }

    fn add_everywhere(&mut self, kind: &'static str, name: &str, why: &str) {
        self.push(kind, String::new(), name, false, Vec::new(), why);
    }

    /// A ConfigMap or Secret with the keys that are needed of it.
    fn data<J: Raw>(&mut self, kind: &'static str, name: &str, source: &J, keys: Vec<String>, why: &str) {
        let optional = source.pointer("/optional").and_then(Raw::as_bool) == Some(true);
        self.push(kind, self.namespace.to_owned(), name, optional, keys, why);
    }

    fn container<J: Raw>(&mut self, container: &J) {
        let of = format!("of container {}", container.text("/name"));
        for env in container.list("/env") {
            let why = format!("env {} {of}", env.text("/name"));
            for (kind, at) in
                [("ConfigMap", "/valueFrom/configMapKeyRef"), ("Secret", "/valueFrom/secretKeyRef")]
            {
                if let Some(source) = env.pointer(at) {
                    self.data(kind, source.text("/name"), source, vec![source.text("/key").to_owned()], &why);
                }
            }
        }
        for from in container.list("/envFrom") {
            for (kind, at) in [("ConfigMap", "/configMapRef"), ("Secret", "/secretRef")] {
                if let Some(source) = from.pointer(at) {
                    self.data(kind, source.text("/name"), source, Vec::new(), &format!("envFrom {of}"));
                }
            }
        }
    }

    fn volume<J: Raw>(&mut self, volume: &J) {
        let why = format!("volume {}", volume.text("/name"));
        self.files(volume, &why);
        for source in volume.list("/projected/sources") {
            self.files(source, &why);
        }
        self.add("PersistentVolumeClaim", volume.text("/persistentVolumeClaim/claimName"), &why);
        let class = volume.text("/ephemeral/volumeClaimTemplate/spec/storageClassName");
        self.add_everywhere("StorageClass", class, &why);
        self.add("Secret", volume.text("/azureFile/secretName"), &why);
        for (_, source) in volume.as_object().map(J::members).into_iter().flatten() {
            self.add("Secret", source.text("/secretRef/name"), &why);
            self.add("Secret", source.text("/nodePublishSecretRef/name"), &why);
        }
    }

    /// A volume of a ConfigMap or Secret, or one source of a projected volume.
    fn files<J: Raw>(&mut self, source: &J, why: &str) {
        for (kind, at) in [("ConfigMap", "/configMap"), ("Secret", "/secret")] {
            let Some(files) = source.pointer(at) else { continue };
            // The volume calls it `secretName`, the projection `name` (api/core/v1/types.go).
            let name =
                [files.text("/name"), files.text("/secretName")].into_iter().find(|name| !name.is_empty());
            let keys = files.list("/items").iter().map(|item| item.text("/key").to_owned()).collect();
            self.data(kind, name.unwrap_or_default(), files, keys, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn needed(template: Value) -> Vec<String> {
        let of = |n: Needed| {
            let optional = if n.optional { " optional" } else { "" };
            format!(
                "{} {}/{} {:?}{optional}: {}",
                n.reference.kind, n.reference.namespace, n.reference.name, n.keys, n.why
            )
        };
        references_of(&template, "shop").into_iter().map(of).collect()
    }

    fn container(edit: Value) -> Value {
        let mut container = json!({"name": "web"});
        crate::build::merge(&mut container, edit);
        json!({"spec": {"containers": [container]}})
    }

    fn volume(edit: Value) -> Value {
        let mut volume = json!({"name": "v"});
        crate::build::merge(&mut volume, edit);
        json!({"spec": {"volumes": [volume]}})
    }

    #[test]
    fn every_kind_of_reference_is_found() {
        let key =
            |kind: &str| json!({"env": [{"name": "E", "valueFrom": {kind: {"name": "n", "key": "k"}}}]});
        let cases = [
            (container(key("configMapKeyRef")), "ConfigMap shop/n [\"k\"]: env E of container web"),
            (container(key("secretKeyRef")), "Secret shop/n [\"k\"]: env E of container web"),
            (
                container(json!({"envFrom": [{"configMapRef": {"name": "n", "optional": true}}]})),
                "ConfigMap shop/n [] optional: envFrom of container web",
            ),
            (
                container(json!({"envFrom": [{"secretRef": {"name": "n"}}]})),
                "Secret shop/n []: envFrom of container web",
            ),
            (
                json!({"spec": {"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "n"}}]}]}}),
                "Secret shop/n []: envFrom of container i",
            ),
            (
                volume(json!({"configMap": {"name": "n", "items": [{"key": "k"}]}})),
                "ConfigMap shop/n [\"k\"]: volume v",
            ),
            (
                volume(json!({"secret": {"secretName": "n", "optional": true}})),
                "Secret shop/n [] optional: volume v",
            ),
            (
                volume(
                    json!({"projected": {"sources": [{"secret": {"name": "n", "items": [{"key": "k"}]}}]}}),
                ),
                "Secret shop/n [\"k\"]: volume v",
            ),
            (
                volume(json!({"persistentVolumeClaim": {"claimName": "n"}})),
                "PersistentVolumeClaim shop/n []: volume v",
            ),
            (
                volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "n"}}}})),
                "StorageClass /n []: volume v",
            ),
            (volume(json!({"csi": {"nodePublishSecretRef": {"name": "n"}}})), "Secret shop/n []: volume v"),
            (volume(json!({"cephfs": {"secretRef": {"name": "n"}}})), "Secret shop/n []: volume v"),
            (volume(json!({"azureFile": {"secretName": "n"}})), "Secret shop/n []: volume v"),
            (json!({"spec": {"imagePullSecrets": [{"name": "n"}]}}), "Secret shop/n []: imagePullSecrets"),
            (json!({"spec": {"serviceAccountName": "n"}}), "ServiceAccount shop/n []: serviceAccountName"),
            (json!({"spec": {"serviceAccount": "n"}}), "ServiceAccount shop/n []: serviceAccountName"),
            (json!({"spec": {"priorityClassName": "n"}}), "PriorityClass /n []: priorityClassName"),
            (json!({"spec": {"runtimeClassName": "n"}}), "RuntimeClass /n []: runtimeClassName"),
            (
                json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "n"}]}}),
                "ResourceClaim shop/n []: resource claim gpu",
            ),
            (
                json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "n"}]}}),
                "ResourceClaimTemplate shop/n []: resource claim gpu",
            ),
        ];
        for (template, expected) in cases {
            assert_eq!(needed(template.clone()), [expected], "{template}");
        }
    }

    #[test]
    fn what_names_nothing_needs_nothing() {
        for template in [
            json!({}),
            json!({"spec": {"serviceAccountName": "default"}}),
            container(
                json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}),
            ),
            volume(json!({"emptyDir": {}})),
            volume(json!({"configMap": {"name": ""}})),
            volume(json!({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})),
        ] {
            assert_eq!(needed(template.clone()), [""; 0], "{template}");
        }
    }
}
