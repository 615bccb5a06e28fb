//! A plan from files. Nothing is requested, and no kubeconfig is read.

use std::collections::BTreeMap;
use std::path::Path;

use cluster_model::text::count;
use cluster_model::{Finding, Severity};
use k8s_openapi::jiff::Timestamp;
use plugin_client::dump::{self, Dump};
use plugin_client::{Failure, Line};

use super::Run;
use super::drain::Gathered;
use crate::args::Target;
use crate::gather::offline::kind::Kind;
use crate::gather::offline::{self, Offline, plurals};
use crate::report::{DrainReport, NodeResult};

impl Run<'_> {
    pub(super) async fn offline(&self, from: &Path, target: &Target) -> Result<DrainReport, Failure> {
        let (path, target) = (from.to_owned(), target.clone());
        let (pod_selector, verbs) = (self.options.pod_selector.clone(), self.verbs.clone());
        // On a thread of its own: a stream may not end for long, and Ctrl-C has to.
        let work = async {
            let reading = tokio::task::spawn_blocking(move || {
                let dump = Dump::open(&path)?;
                Ok((offline::read(&dump, &target, pod_selector.as_deref(), &verbs)?, dump.name().to_owned()))
            });
            let cannot =
                |error: tokio::task::JoinError| Failure::failed("cannot read").cause(error.to_string());
            reading.await.map_err(cannot)?
        };
        let (read, name) = self.bounds.in_time("the files were read", work).await?;
        self.ui.status(&source(&read, &name, Timestamp::now()));
        let Offline { inventory, missing, .. } = read;
        let mut gathered = Gathered::of(inventory, &self.options);
        remedies(&mut gathered.findings, &missing);
        self.options.accept(&mut gathered.findings);
        Ok(match self.show(&gathered) {
            Some(refused) => refused,
            None => self.planned(&gathered.plan, &gathered.findings, NodeResult::Planned),
        })
    }
}

/// What the plan is made from, beside the estimate and the placement.
fn source(read: &Offline, name: &str, now: Timestamp) -> Line {
    let age = dump::age(read.taken_at, if read.is_complete { "taken" } else { "written" }, now);
    let all = if read.is_complete { "" } else { ", taken to be all of the cluster" };
    let mut parts = vec![format!("{}, {}{all}", count(read.nodes, "node"), count(read.pods, "pod")), age];
    if !read.missing.is_empty() {
        parts.push(format!("not in it: {}", plurals(read.missing.keys().copied()).replace(',', ", ")));
    }
    let skipped: Vec<String> = read.skipped.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    if !skipped.is_empty() {
        parts.push(format!("not read: {}", skipped.join(", ")));
    }
    Line::new().plain("from       ").strong(name).plain(": ").plain(parts.join("; "))
}

/// Rights are no remedy for what is not in a file.
fn remedies(findings: &mut [Finding], missing: &BTreeMap<Kind, String>) {
    for finding in findings.iter_mut().filter(|it| it.severity == Severity::Unknown) {
        let kind = missing.iter().find(|(_, reason)| finding.message.contains(reason.as_str()));
        let add =
            |kinds: &str| format!("use --snapshot, or add what `kubectl get {kinds} -A -o json` prints");
        match kind {
            Some((kind, _)) => finding.remedy = add(kind.plural()),
            None if finding.remedy.contains("--print-rbac") => finding.remedy = add("nodes,pods"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use cluster_model::text::is_hostile;
    use plugin_client::to_json;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::options::Options;
    use crate::render;
    use crate::verbs::Verbs;

    /// Two nodes and some pods, with this text wherever an object may have one.
    fn objects(text: &str) -> Value {
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": text, "uid": "u", "controller": true});
        let pod = |name: &str, node: &str, phase: &str| {
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": text, "name": name, "uid": name, "labels": {"app": text}, "ownerReferences": [owner]},
                "spec": {"nodeName": node, "containers": [{"name": "c"}], "nodeSelector": {text: text},
                    "volumes": [{"name": text, "emptyDir": {}}, {"name": "h", "hostPath": {"path": text}},
                        {"name": "p", "persistentVolumeClaim": {"claimName": text}}]},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False"}],
                    "containerStatuses": [{"name": text, "image": "i", "imageID": "", "ready": false, "restartCount": 3,
                        "state": {"waiting": {"reason": text, "message": text}}}]}})
        };
        let node = |name: &str| {
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {text: text}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": text}]}})
        };
        let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"namespace": text, "name": text, "generation": 1},
            "spec": {"minAvailable": 2, "selector": {}}, "status": {"observedGeneration": 1, "disruptionsAllowed": 0,
                "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 2}});
        json!({"apiVersion": "v1", "kind": "List", "items": [node("n1"), node(text), pod("p", "n1", "Running"),
            pod(&format!("{text}!"), "n1", "Running"), pod("elsewhere", text, "Pending"), pod("unbound", "", "Pending"), budget,
            {"apiVersion": "v1", "kind": text}]})
    }

    /// All that is printed about a dump: stdout, stderr, or the failure.
    fn printed(name: &str, text: &[u8]) -> String {
        let read = Dump::of_text(name, text).and_then(|dump| {
            offline::read(&dump, &Target::Names(vec!["n1".into()]), None, &Verbs::default())
        });
        let read = match read {
            Ok(read) => read,
            Err(failure) => return failure.to_string(),
        };
        let mut lines = vec![source(&read, name, Timestamp::UNIX_EPOCH)];
        let gathered = Gathered::of(read.inventory, &Options::default());
        lines.extend(render::plan(&gathered.plan, &gathered.estimate, true));
        lines.extend(render::findings(&gathered.findings, true));
        let lines: Vec<String> = lines.iter().map(Line::text).collect();
        format!("{}\n{}", lines.join("\n"), to_json(&gathered.findings))
    }

    fn hostile(text: &str) -> Option<char> {
        text.chars().find(|c| *c != '\n' && is_hostile(*c))
    }

    #[test]
    fn a_time_that_lies_ahead_is_no_age() {
        let dump = Dump::of_text("dump", objects("web").to_string().as_bytes()).unwrap();
        let mut read =
            offline::read(&dump, &Target::Names(vec!["n1".into()]), None, &Verbs::default()).unwrap();
        let mut shown = |seconds: i64| {
            read.taken_at = Some(Timestamp::from_second(1_000_000 + seconds).unwrap());
            source(&read, "dump", Timestamp::from_second(1_000_000).unwrap()).text()
        };
        assert!(shown(-90).contains("written 1m30s ago"), "{}", shown(-90));
        assert!(shown(30).contains("written 0s ago"), "{}", shown(30));
        assert!(
            shown(3600).contains("written at 1970-01-12T14:46:40Z, which is in the future"),
            "{}",
            shown(3600)
        );
    }

    #[test]
    fn a_plan_names_what_it_is_made_from() {
        let printed = printed("dump", objects("web").to_string().as_bytes());
        for part in [
            "from       dump: 2 nodes, 4 pods, taken to be all of the cluster; time unknown; not in it: replicasets, ",
            "not read: 1 web",
            "evict",
            "web/p",
        ] {
            assert!(printed.contains(part), "{part}\n{printed}");
        }
    }

    #[test]
    fn what_is_not_known_has_a_remedy_without_rights() {
        let unknown = |message: &str| {
            Finding::new("id", Severity::Unknown, "nodes", message).remedy("--print-rbac prints")
        };
        let mut findings = [unknown("budgets are not in it"), unknown("other")];
        remedies(&mut findings, &[(Kind::PodDisruptionBudget, "budgets are not in it".to_owned())].into());
        let remedies: Vec<&str> = findings.iter().map(|it| it.remedy.as_str()).collect();
        assert_eq!(
            remedies,
            ["poddisruptionbudgets", "nodes,pods"]
                .map(|kinds| format!("use --snapshot, or add what `kubectl get {kinds} -A -o json` prints"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn no_control_character_of_a_dump_is_printed(text in "[\u{0}-\u{9f}\u{200b}\u{202e}\u{2066}\u{feff}a]{1,6}") {
            let printed = printed(&text, objects(&text).to_string().as_bytes());
            prop_assert_eq!(hostile(&printed), None, "{}", printed);
            prop_assert!(printed.contains("evict"), "{}", printed);
        }

        #[test]
        fn no_mutated_dump_panics(at in prop::collection::vec((0..4000usize, any::<u8>()), 1..4), end in 0..8000usize) {
            let mut bytes = objects("web").to_string().into_bytes();
            for (index, byte) in at {
                let index = index % bytes.len();
                bytes[index] = byte;
            }
            bytes.truncate(end.max(1));
            prop_assert_eq!(hostile(&printed("dump", &bytes)), None);
        }
    }
}
