//! HC001: something that shall leave out findings, and does not.

use super::check::{About, Check, Found};
use crate::finding::Severity::{Info, Warning};
use crate::finding::Subject;
use crate::ignores::annotation::parse;
use crate::snapshot::{Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC001",
    name: "ignore",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[],
    fires_when: "an annotation kubectl-heal-check/ignore has no reason, is malformed, names no check or has expired; an entry of --config has expired; --ignore names a critical finding; info if one of them matches nothing",
    why: "Somebody believes that a finding is left out, or was left out for a good reason that is gone.",
    remedy: "correct the entry, or remove it; in an annotation or in --config it needs a reason, and a day that has not passed",
    exceptions: "An entry is said to match nothing only where all that it could match was checked; an annotation only of what would not heal, since what is wrong now comes and goes. This check also runs with --now.",
    run,
};

/// Everything, or if workloads were named or selected, these and their namespaces.
fn is_meant(snapshot: &Snapshot, object: &Subject) -> bool {
    let is_namespace_of = |it: &Workload| object.kind == "Namespace" && object.name == it.subject.namespace;
    snapshot.selects_all || snapshot.selected().any(|it| it.subject == *object || is_namespace_of(it))
}

/// The annotations; what is wrong with `--config` is found when its entries are applied.
fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for (object, text) in snapshot.annotations.iter().filter(|(object, _)| is_meant(snapshot, object)) {
        for entry in parse(object, text) {
            match entry {
                Err(why) => {
                    found.add(Warning, object, format!("annotation kubectl-heal-check/ignore: {why}"))
                }
                Ok(rule) if rule.has_expired(snapshot.today()) => {
                    let day = rule.expires.map(|day| day.to_string()).unwrap_or_default();
                    let ids = rule.ids.join(", ");
                    let why = format!(
                        "annotation kubectl-heal-check/ignore: {ids} counts again, it was left out until {day}"
                    );
                    found.add(Warning, object, why);
                }
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy};
    use crate::snapshot::{Read, Selection};
    use serde_json::json;

    #[test]
    fn hc001_ignore() {
        let on = |key: &str, text: &str| {
            healthy().edit(key, json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": text}}}))
        };
        let web = |text: &str| on("Deployment/web", text);
        let namespace = json!({"kind": "Namespace", "metadata": {"name": "shop", "uid": "ns",
            "annotations": {"kubectl-heal-check/ignore": "HC203"}}});
        let cases: [(&str, World, &[&str]); 9] = [
            ("none", healthy(), &[]),
            ("with a reason", web("HC203=single tenant"), &[]),
            ("until today", web("HC203=x, until 2026-01-02"), &[]),
            ("expired", web("HC203=x, until 2026-01-01"), &["deployment/web warning"]),
            ("no reason", web("HC203"), &["deployment/web warning"]),
            ("one of two", web("HC203=x; HC999=y"), &["deployment/web warning"]),
            ("of a budget", on("PodDisruptionBudget/web", "x"), &["poddisruptionbudget/web warning"]),
            ("of a node", on("Node/n1", "x"), &["node/n1 warning"]),
            ("of a namespace", healthy().with(namespace.clone()), &["namespace/shop warning"]),
        ];
        for (name, world, expected) in cases {
            assert_eq!(world.found(&CHECK), expected, "{name}");
        }
        // Of what was named only: somebody else's object is not its business.
        let named = |world: &World| {
            let web = Selection::Named(vec![(Read::Deployments, "web".to_owned())]);
            let (snapshot, mut found) = (world.selected(&web), Found::by(&CHECK));
            (CHECK.run)(&snapshot, &mut found);
            found.findings.iter().map(|it| it.subject.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(named(&web("HC203")), ["deployment/web"]);
        assert_eq!(named(&healthy().with(namespace)), ["namespace/shop"]);
        assert_eq!(named(&on("Node/n1", "x")), [""; 0]);
        // A Deployment's annotations are copied to its ReplicaSets (pkg/controller/deployment/util/deployment_util.go).
        assert_eq!(on("ReplicaSet/web-1", "x").found(&CHECK), [""; 0]);
    }
}
