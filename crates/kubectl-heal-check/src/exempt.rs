//! Which findings count: those that no rule leaves out and no baseline has.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::baseline::{Key, compare};
use crate::checks::{Found, hc001_ignore};
use crate::finding::{Finding, Unchecked, sort};
use crate::ignores::{Ignored, apply, scope};
use crate::options::Options;
use crate::snapshot::Snapshot;

#[derive(Debug, Default, Serialize)]
pub struct Exempt {
    pub ignored: Vec<Ignored>,
    /// They are in the baseline.
    pub known: Vec<Finding>,
    /// They are in the baseline, and were looked for and not found.
    pub fixed: Vec<Key>,
}

/// What counts of what was found, and the rest with its reasons.
pub fn sift(
    snapshot: &Snapshot,
    options: &Options,
    namespace: Option<&str>,
    found: Vec<Finding>,
    unchecked: &[Unchecked],
) -> (Vec<Finding>, Exempt) {
    let scope = scope(snapshot, options.half, namespace, unchecked);
    let rated = found.into_iter().map(|finding| options.rate(finding)).collect();
    let applied = apply(snapshot, &options.rules, rated, &scope);
    let mut findings = applied.findings;
    if !options.skips(hc001_ignore::CHECK.id) {
        let mut about_rules = Found::by(&hc001_ignore::CHECK);
        for (severity, subject, why) in applied.complaints {
            about_rules.add(severity, &subject, why);
        }
        findings.extend(about_rules.findings.into_iter().map(|finding| options.rate(finding)));
    }
    sort(&mut findings);
    let mut exempt = Exempt { ignored: applied.ignored, ..Exempt::default() };
    if let Some(baseline) = &options.baseline {
        let ignored: BTreeSet<Key> = exempt.ignored.iter().map(|it| Key::of(&it.finding)).collect();
        let compared = compare(baseline, findings, &ignored, &scope, snapshot);
        findings = compared.new;
        (exempt.known, exempt.fixed) = (compared.known, compared.fixed);
    }
    (findings, exempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy};
    use crate::checks::{self};
    use crate::finding::Severity;
    use crate::half::Half;
    use crate::ignores::{Glob, Reason, Rule, Source};
    use crate::options::fail_on;
    use crate::snapshot::{Read, Selection};
    use serde_json::json;

    fn rule(id: &'static str, edit: impl FnOnce(&mut Rule)) -> Rule {
        let mut rule = Rule::new(vec![id], Source::Config("f ignore[0]".to_owned()));
        rule.reason = Some(Reason("because".to_owned()));
        edit(&mut rule);
        rule
    }

    /// What counts, then what is ignored.
    fn sifted(world: &World, selection: &Selection, options: &Options) -> (Vec<String>, Vec<String>) {
        let snapshot = world.selected(selection);
        let (found, unchecked) = checks::run(&snapshot, |check| options.half.wants(check));
        let (findings, exempt) = sift(&snapshot, options, Some("shop"), found, &unchecked);
        let shown = |it: &Finding| format!("{} {} {}", it.id, it.subject, it.severity.word());
        let ignored = exempt.ignored.iter().map(|it| {
            format!(
                "{} {} by {}: {}",
                it.finding.id,
                it.finding.subject,
                it.by,
                it.reason.as_deref().unwrap_or("-")
            )
        });
        (findings.iter().map(shown).collect(), ignored.collect())
    }

    fn counted(world: &World, rules: Vec<Rule>) -> Vec<String> {
        sifted(world, &Selection::All, &Options { rules, ..fail_on(Severity::Error) }).0
    }

    /// HC203 fires for deployment/web.
    fn bad() -> World {
        healthy()
            .without("PodDisruptionBudget/web")
            .edit("Deployment/web", json!({"metadata": {"labels": {"singleton": "true"}}}))
    }

    const FOUND: &str = "HC203 deployment/web warning";

    #[test]
    fn a_rule_leaves_out_what_it_matches() {
        assert_eq!(counted(&bad(), vec![]), [FOUND]);
        let glob = |text: &str| Glob::try_from(text.to_owned()).ok();
        let cases: [(&str, Rule, bool); 11] = [
            ("the check", rule("HC203", |_| {}), true),
            ("another check", rule("HC206", |it| it.namespace = glob("other")), false),
            ("the kind", rule("HC203", |it| it.kind = Some("deployment".to_owned())), true),
            ("another kind", rule("HC203", |it| it.kind = Some("StatefulSet".to_owned())), false),
            ("the namespace", rule("HC203", |it| it.namespace = glob("sh*")), true),
            ("another namespace", rule("HC203", |it| it.namespace = glob("tools-*")), false),
            ("the name", rule("HC203", |it| it.name = glob("w?b")), true),
            ("another name", rule("HC203", |it| it.name = glob("api")), false),
            (
                "its labels",
                rule("HC203", |it| drop(it.labels.insert("singleton".into(), "true".into()))),
                true,
            ),
            (
                "other labels",
                rule("HC203", |it| drop(it.labels.insert("singleton".into(), "false".into()))),
                false,
            ),
            ("the last day", rule("HC203", |it| it.expires = "2026-01-02".parse().ok()), true),
        ];
        for (name, rule, is_left_out) in cases {
            let found = counted(&bad(), vec![rule]);
            assert_eq!(!found.contains(&FOUND.to_owned()), is_left_out, "{name}: {found:?}");
        }
    }

    #[test]
    fn an_expired_rule_does_not_apply_and_is_reported() {
        let expired = || rule("HC203", |it| it.expires = "2026-01-01".parse().ok());
        assert_eq!(counted(&bad(), vec![expired()]), ["HC001 f ignore[0] warning", FOUND]);
        assert_eq!(counted(&healthy(), vec![expired()]), ["HC001 f ignore[0] warning"]);
    }

    #[test]
    fn a_rule_is_stale_only_where_all_that_it_could_match_was_checked() {
        let stale = ["HC001 f ignore[0] info"];
        let here = || rule("HC203", |it| it.namespace = Some(Glob::exactly("shop")));
        let glob = rule("HC203", |it| it.namespace = Glob::try_from("shop*".to_owned()).ok());
        assert_eq!(counted(&healthy(), vec![here()]), stale);
        assert_eq!(counted(&healthy(), vec![glob]), [""; 0], "other namespaces may match");
        assert_eq!(counted(&healthy(), vec![rule("HC203", |_| {})]), [""; 0], "any other namespace");
        assert_eq!(counted(&healthy().unknown(Read::Budgets), vec![here()]), [""; 0], "unchecked");
        let now = Options { rules: vec![here()], half: Half::Now, ..fail_on(Severity::Error) };
        assert_eq!(sifted(&healthy(), &Selection::All, &now).0, [""; 0], "the other half");
        let named = Selection::Named(vec![(Read::Deployments, "web".to_owned())]);
        let options = Options { half: Half::Both, ..now };
        assert_eq!(sifted(&healthy(), &named, &options).0, [""; 0], "one workload alone");
        let command_line = || Rule { source: Source::CommandLine, ..here() };
        assert_eq!(counted(&healthy(), vec![command_line()]), [""; 0], "a whole check");
        let of_object = || Rule { name: Some(Glob::exactly("api")), ..command_line() };
        assert_eq!(counted(&healthy(), vec![of_object()]), ["HC001 --ignore info"]);
        assert_eq!(counted(&healthy().unknown(Read::Budgets), vec![of_object()]), [""; 0]);
    }

    /// Of a budget a finding is that of the budget.
    #[test]
    fn what_was_found_instead_is_named() {
        let typed =
            Rule { source: Source::CommandLine, ..rule("HC203", |it| it.name = Some(Glob::exactly("api"))) };
        let snapshot = bad().snapshot();
        let found = checks::run(&snapshot, |check| check.id == "HC203").0;
        let options = Options { rules: vec![typed], ..fail_on(Severity::Error) };
        let findings = sift(&snapshot, &options, Some("shop"), found, &[]).0;
        let said: Vec<&str> =
            findings.iter().filter(|it| it.id == "HC001").map(|it| it.message.as_str()).collect();
        assert_eq!(said, ["HC203:api matches nothing that was found; HC203 was found for deployment/web"]);
    }

    #[test]
    fn it_is_said_which_rule_matches_nothing() {
        let said = |world: World, rules: Vec<Rule>| {
            let options = Options { rules, ..fail_on(Severity::Error) };
            let snapshot = world.snapshot();
            let found = sift(&snapshot, &options, Some("shop"), vec![], &[]).0;
            found.iter().map(|it| format!("{} {}", it.subject, it.message)).collect::<Vec<_>>()
        };
        let here = || rule("HC203", |it| it.namespace = Some(Glob::exactly("shop")));
        let typed = || Rule { source: Source::CommandLine, name: Some(Glob::exactly("api")), ..here() };
        let note = json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": "HC203=x"}}});
        for (world, rules, expected) in [
            (healthy(), vec![here()], "f ignore[0] HC203 matches nothing that was found"),
            (healthy(), vec![typed()], "--ignore HC203:shop/api matches nothing that was found"),
            (
                healthy().edit("Deployment/web", note),
                vec![],
                "deployment/web annotation kubectl-heal-check/ignore: HC203 matches nothing that was found",
            ),
        ] {
            assert_eq!(said(world, rules), [expected]);
        }
    }

    #[test]
    fn an_annotation_that_leaves_out_nothing_is_reported() {
        let note = |key: &str, text: &str| {
            healthy().edit(key, json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": text}}}))
        };
        assert_eq!(counted(&note("Deployment/web", "HC203=x"), vec![]), ["HC001 deployment/web info"]);
        assert_eq!(counted(&note("Deployment/web", "HC601=x"), vec![]), [""; 0], "it may crash again");
        assert_eq!(
            counted(
                &bad().edit(
                    "Deployment/web",
                    json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": "HC203=x"}}})
                ),
                vec![]
            ),
            [""; 0]
        );
        let web = note("Deployment/web", "HC203=x");
        assert_eq!(counted(&web.clone().unknown(Read::Budgets), vec![]), [""; 0]);
        let now = Options { half: Half::Now, ..fail_on(Severity::Error) };
        assert_eq!(sifted(&web, &Selection::All, &now).0, [""; 0], "the other half");
    }

    #[test]
    fn what_is_critical_takes_a_reason() {
        let world = healthy()
            .edit("Lease/kube-scheduler", json!({"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}));
        let found = "HC804 lease/kube-scheduler critical".to_owned();
        let bare = Rule::new(vec!["HC804"], Source::CommandLine);
        assert_eq!(counted(&world, vec![bare]), [found.clone(), "HC001 --ignore warning".to_owned()]);
        assert_eq!(counted(&world, vec![rule("HC804", |_| {})]), [""; 0]);
        let lower = Options { severity: [("HC804", Severity::Info)].into(), ..fail_on(Severity::Error) };
        assert_eq!(sifted(&world, &Selection::All, &lower).0, [found]);
    }

    #[test]
    fn a_severity_of_ones_own() {
        let own = Options { severity: [("HC203", Severity::Error)].into(), ..fail_on(Severity::Error) };
        assert_eq!(sifted(&bad(), &Selection::All, &own).0, ["HC203 deployment/web error"]);
    }

    #[test]
    fn annotations_leave_out_what_is_said_with_a_reason() {
        let note = |text: &str| json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": text}}});
        let both = |world: &World| sifted(world, &Selection::All, &fail_on(Severity::Error));
        let found = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let ignored = found(&["HC203 deployment/web by annotation: one tenant"]);
        assert_eq!(both(&bad().edit("Deployment/web", note("HC203=one tenant"))), (vec![], ignored.clone()));
        let namespace = |name: &str| {
            let mut object = note("HC203=one tenant");
            object["kind"] = json!("Namespace");
            object["metadata"]["name"] = json!(name);
            object
        };
        assert_eq!(both(&bad().with(namespace("shop"))), (vec![], ignored));
        assert_eq!(both(&bad().with(namespace("other"))).0, [FOUND]);
        let other = found(&[FOUND, "HC001 node/n1 info"]);
        assert_eq!(both(&bad().edit("Node/n1", note("HC203=one tenant"))).0, other, "of another object");
        let no_reason = both(&bad().edit("Deployment/web", note("HC203")));
        assert_eq!(no_reason, (found(&["HC001 deployment/web warning", FOUND]), vec![]));
    }

    #[test]
    fn a_baseline_hides_what_it_has() {
        let key = |id: &str| Key {
            id: id.into(),
            namespace: "shop".into(),
            kind: "Deployment".into(),
            name: "web".into(),
        };
        let options = |ids: &[&str]| Options {
            baseline: Some(ids.iter().map(|id| key(id)).collect()),
            ..fail_on(Severity::Warning)
        };
        let snapshot = bad().snapshot();
        let (found, unchecked) = checks::run(&snapshot, |_| true);
        let of = |ids: &[&str]| sift(&snapshot, &options(ids), Some("shop"), found.clone(), &unchecked);
        let (findings, exempt) = of(&["HC203", "HC301"]);
        assert_eq!((findings.len(), exempt.known.len(), exempt.fixed), (0, 1, vec![key("HC301")]));
        let (findings, exempt) = of(&[]);
        assert_eq!((findings.len(), exempt.known.len(), exempt.fixed.len()), (1, 0, 0));
    }
}
