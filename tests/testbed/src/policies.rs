//! What the API server changes or refuses in a room: admission policies, Pod Security, quota.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::room::Room;
use crate::wait::{PATIENCE, wait};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";
const FAILURE: &str = "testbed/failure";

/// An admission policy that is in force, until this is dropped.
pub struct Policy<'a> {
    cluster: &'a Cluster,
    /// The policy and its binding, which has the same name.
    paths: [String; 2],
    in_force: Box<dyn Fn() -> bool + 'a>,
}

impl Policy<'_> {
    /// Takes the policy away and returns when it is not in force any more.
    #[track_caller]
    pub fn lift(self) {
        self.delete();
        wait("the policy not to be in force", PATIENCE, || (!(self.in_force)()).then_some(()));
    }

    fn delete(&self) {
        for path in &self.paths {
            // What fails here ends with the cluster.
            let _ = self.cluster.try_delete(path);
        }
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        self.delete();
    }
}

impl<'a> Room<'a> {
    /// From now on the API server sets this label in the pod template of every workload of the room that is written.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn mutate_templates(&self, label: &str, value: &str) -> Policy<'a> {
        let escaped = label.replace('~', "~0").replace('/', "~1");
        let path = format!("/spec/template/metadata/labels/{escaped}");
        let (path, value_text) = (json!(path), json!(value));
        let expression = format!("[JSONPatch{{op: \"add\", path: {path}, value: {value_text}}}]");
        let spec = json!({
            "reinvocationPolicy": "Never",
            "matchConstraints": self.matches("apps", &["deployments", "statefulsets", "daemonsets"]),
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        });
        // A workload that is never made shows what would be made of it.
        let sample = self.manifest("DaemonSet", "sample", |_| ());
        let (dry_run, cluster) = (self.dry_run("DaemonSet"), self.cluster());
        let (label, value) = (label.to_owned(), value.to_owned());
        self.policy("Mutating", spec, json!({}), move || {
            let made = cluster.try_create(&dry_run, &sample);
            made.is_ok_and(|made| made["spec"]["template"]["metadata"]["labels"][&label] == *value)
        })
    }

    /// From now on new pods of the room with an image of this tag have this failure (`stages.yaml`), although their workload does not say so:
    /// a rollback's list of differences then has only what a user would have changed.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn fail_pods(&self, tag: &str, failure: &str) -> Policy<'a> {
        let condition = format!("object.spec.containers.exists(c, c.image.endsWith(':{tag}'))");
        let expression =
            format!("Object{{metadata: Object.metadata{{annotations: {{'{FAILURE}': '{failure}'}}}}}}");
        let spec = json!({
            "reinvocationPolicy": "Never",
            "matchConstraints": self.matches("", &["pods"]),
            "matchConditions": [{"name": "tag", "expression": condition}],
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        });
        let mut sample = sample_pod();
        sample["spec"]["containers"][0]["image"] = json!(format!("example.invalid/app:{tag}"));
        let (dry_run, cluster, failure) = (self.dry_run("Pod"), self.cluster(), failure.to_owned());
        self.policy("Mutating", spec, json!({}), move || {
            let made = cluster.try_create(&dry_run, &sample);
            made.is_ok_and(|made| made["metadata"]["annotations"][FAILURE] == *failure)
        })
    }

    /// From now on the API server refuses every new pod of the room in these words.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn refuse_pods(&self, words: &str) -> Policy<'a> {
        let spec = json!({
            "matchConstraints": self.matches("", &["pods"]),
            "validations": [{"expression": "false", "message": words}],
        });
        let (dry_run, cluster, sample) = (self.dry_run("Pod"), self.cluster(), sample_pod());
        let words = words.to_owned();
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            cluster.try_create(&dry_run, &sample).is_err_and(|refused| refused.message.contains(&words))
        })
    }

    /// From now on the API server refuses to delete pods labelled `app=APP`: the deletions of their controllers fail.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn keep_pods(&self, app: &str) -> Policy<'a> {
        let words = format!("pods of {app} are kept");
        let mut spec = json!({
            "matchConstraints": self.matches("", &["pods"]),
            "validations": [{"expression": format!("oldObject.metadata.labels.app != '{app}'"), "message": words}],
        });
        spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["DELETE"]);
        let (cluster, pods) = (self.cluster(), self.path("", &format!("pods?labelSelector=app={app}")));
        let (all, now) = (self.path_of("Pod", ""), json!({"dryRun": ["All"]}));
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            let pod = cluster.list(&pods).into_iter().next().unwrap_or_default();
            let path = format!("{all}/{}", pod["metadata"]["name"].as_str().unwrap_or_default());
            let refused = cluster.request(http::Method::DELETE, &path, Some(("application/json", &now)));
            refused.is_err_and(|refused| refused.message.contains(&words))
        })
    }

    /// Kubernetes deletes a pod whose owner is gone; here the garbage collector is kept from it.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn keep_orphans(&'a self) -> Policy<'a> {
        const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";
        let words = "orphans are kept";
        let expression = format!("request.userInfo.username != '{COLLECTOR}'");
        let mut spec = json!({
            "matchConstraints": self.matches("", &["pods"]),
            "validations": [{"expression": expression, "message": words}],
        });
        spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["DELETE"]);
        let probe = format!("probe-{}", self.cluster().next());
        self.pod(&probe);
        let ask =
            ["delete", "pod", &probe, "--dry-run=server", &format!("--as={COLLECTOR}")].map(str::to_owned);
        let policy = self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            let ask: Vec<&str> = ask.iter().map(String::as_str).collect();
            self.try_kubectl(&ask).is_err_and(|refused| refused.contains(words))
        });
        self.cluster().delete(&self.path_of("Pod", &probe));
        policy
    }

    /// From now on kwok, which plays the kubelets, writes no pod of this node any more and ends none, however late it learns that the node
    /// is silent. A pod has to be there.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn no_kubelet_on(&'a self, node: &str) -> Policy<'a> {
        const KWOK: &str = "testbed:kwok";
        let words = format!("no kubelet runs on {node}");
        let expression = format!(
            "request.userInfo.username != '{KWOK}' || oldObject.spec.?nodeName.orValue('') != '{node}'"
        );
        let mut spec = json!({
            "matchConstraints": self.matches("", &["pods", "pods/status"]),
            "validations": [{"expression": expression, "message": words}],
        });
        spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["UPDATE", "DELETE"]);
        let (room, node) = (self, node.to_owned());
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            let pod = room.pods_on(&node).into_iter().next().unwrap_or_default();
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let who = [&format!("--as={KWOK}"), "--as-group=system:masters"];
            let ask = [&["annotate", "pod", name, "probe=1", "--dry-run=server"], &who[..]].concat();
            room.try_kubectl(&ask).is_err_and(|refused| refused.contains(&words))
        })
    }

    /// From now on the API server refuses to cordon this node.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn keep_schedulable(&'a self, node: &str) -> Policy<'a> {
        let words = format!("{node} stays schedulable");
        let expression =
            format!("object.metadata.name != '{node}' || !object.spec.?unschedulable.orValue(false)");
        let mut spec = json!({
            "matchConstraints": self.matches("", &["nodes"]),
            "validations": [{"expression": expression, "message": words}],
        });
        spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["UPDATE"]);
        // `kubectl cordon` exits 0 all the same (kubernetes/kubectl#1568).
        let cordon = r#"{"spec": {"unschedulable": true}}"#;
        let ask = ["patch", "node", node, "-p", cordon, "--dry-run=server"].map(str::to_owned);
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            let ask: Vec<&str> = ask.iter().map(String::as_str).collect();
            self.try_kubectl(&ask).is_err_and(|refused| refused.contains(&words))
        })
    }

    /// From now on the API server refuses every eviction in the room in these words; `reason` is one of those that a policy may give:
    /// `Forbidden` (code 403), `Invalid` (422), `RequestEntityTooLarge` (413).
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn refuse_evictions(&self, reason: &str, words: &str) -> Policy<'a> {
        let mut spec = json!({
            "matchConstraints": self.matches("", &["pods/eviction"]),
            "validations": [{"expression": "false", "message": words, "reason": reason}],
        });
        spec["matchConstraints"]["resourceRules"][0]["operations"] = json!(["CREATE"]);
        let (probe, words) = (self.eviction_probe(), words.to_owned());
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            probe().is_some_and(|refused| refused.contains(&words))
        })
    }

    /// From now on the API server refuses to add ephemeral containers to pods of the room, in these words. A pod has to be there.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn refuse_ephemeral_containers(&self, words: &str) -> Policy<'a> {
        const PATCH: &str = "application/strategic-merge-patch+json";
        let spec = json!({
            "matchConstraints": self.matches("", &["pods/ephemeralcontainers"]),
            "validations": [{"expression": "false", "message": words}],
        });
        let patch = json!({"spec": {"ephemeralContainers": [{"name": "probe", "image": "none"}]}});
        let (cluster, pods, words) = (self.cluster(), self.path_of("Pod", ""), words.to_owned());
        self.policy("Validating", spec, json!({"validationActions": ["Deny"]}), move || {
            let pod = cluster.list(&pods).into_iter().next().unwrap_or_default();
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("{pods}/{name}/ephemeralcontainers?dryRun=All");
            let answer = cluster.request(http::Method::PATCH, &path, Some((PATCH, &patch)));
            answer.is_err_and(|refused| refused.message.contains(&words))
        })
    }

    /// Asks for a dry run of the eviction of some pod: the server's message if it refuses.
    pub(crate) fn eviction_probe(&self) -> impl Fn() -> Option<String> + use<'a> {
        let (cluster, pods) = (self.cluster(), self.path_of("Pod", ""));
        move || {
            let pod = cluster.list(&pods).into_iter().next()?;
            let body = json!({
                "apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": {"dryRun": ["All"]},
                "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
            });
            let path = format!("{pods}/{}/eviction", pod["metadata"]["name"].as_str()?);
            cluster.try_create(&path, &body).err().map(|refused| refused.message)
        }
    }

    /// Makes policy and binding; `rest` is the rest of the binding.
    #[track_caller]
    fn policy(&self, way: &str, spec: Value, rest: Value, in_force: impl Fn() -> bool + 'a) -> Policy<'a> {
        let cluster = self.cluster();
        let metadata = json!({"name": format!("{}-{}", self.namespace(), cluster.next())});
        let collection = |kind: &str| format!("{ADMISSION}/{}admissionpolic{kind}", way.to_lowercase());
        let name = metadata["name"].as_str().unwrap_or_default();
        let paths = ["ies", "ybindings"].map(|kind| format!("{}/{name}", collection(kind)));
        cluster.create(&collection("ies"), &json!({"metadata": metadata, "spec": spec}));
        let mut binding = json!({"metadata": metadata, "spec": rest});
        binding["spec"]["policyName"] = metadata["name"].clone();
        cluster.create(&collection("ybindings"), &binding);
        let policy = Policy { cluster, paths, in_force: Box::new(in_force) };
        wait(&format!("{way}AdmissionPolicy {name} to be in force"), PATIENCE, || {
            (policy.in_force)().then_some(())
        });
        policy
    }

    fn matches(&self, group: &str, resources: &[&str]) -> Value {
        json!({
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace()}},
            "resourceRules": [{
                "apiGroups": [group], "apiVersions": ["*"], "resources": resources,
                "operations": ["CREATE", "UPDATE"],
            }],
        })
    }

    /// The room's namespace enforces this Pod Security level: `privileged`, `baseline` or `restricted`.
    #[track_caller]
    pub fn enforce_pod_security(&self, level: &str) {
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
        self.cluster().merge(&format!("/api/v1/namespaces/{}", self.namespace()), &label);
        let mut sample = sample_pod();
        // The server names the level that a pod violates, and both levels that ask for anything mind the host's network.
        sample["spec"]["hostNetwork"] = json!(true);
        let wanted = format!("\"{level}:latest\"");
        let (dry_run, cluster) = (self.dry_run("Pod"), self.cluster());
        wait(&format!("Pod Security {level} to be enforced"), PATIENCE, || {
            let enforced = match cluster.try_create(&dry_run, &sample) {
                Ok(_) => level == "privileged",
                Err(refused) => refused.message.contains(&wanted),
            };
            enforced.then_some(())
        });
    }

    /// A quota over the room, once it counts: `room.quota("pods", json!({"pods": "3"}))`.
    #[track_caller]
    pub fn quota(&self, name: &str, hard: Value) {
        self.apply(json!({"kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}));
        let path = self.path_of("ResourceQuota", name);
        wait(&format!("quota {name} to count"), PATIENCE, || {
            (self.cluster().get(&path)["status"]["hard"] == hard).then_some(())
        });
    }

    fn dry_run(&self, kind: &str) -> String {
        format!("{}?dryRun=All", self.path_of(kind, ""))
    }
}

fn sample_pod() -> Value {
    json!({
        "metadata": {"name": "sample"},
        "spec": {"containers": [{"name": "main", "image": "example.invalid/app:1"}]},
    })
}
