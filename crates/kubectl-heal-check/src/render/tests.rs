use super::*;
use crate::checks::testing::{World, healthy, not_ready, pod, stateful_set};
use crate::exempt::Exempt;
use crate::matrix::matrices;
use crate::report::{Checked, HealResult};
use serde_json::json;

fn text(world: &World, wide: bool) -> Vec<String> {
    let snapshot = world.snapshot();
    let (findings, unchecked) = crate::checks::run(&snapshot, |_| true);
    let rows = matrices(&snapshot).into_iter().map(|(workload, matrix)| Row {
        subject: workload.subject.clone(),
        matrix: Some(matrix),
        impaired_by: Vec::new(),
        pods: Some(workload.active().count()),
    });
    let made = HealReport {
        kind: "HealReport",
        result: HealResult::Ok,
        workloads: rows.collect(),
        findings,
        unchecked,
        proof: None,
        exempt: Exempt::default(),
        scope: Checked::default(),
        seconds: 0.0,
    };
    report(&made, Shown { wide, ignored: true }, Some("shop"), Severity::Error)
        .iter()
        .map(Line::text)
        .collect()
}

#[test]
fn a_healthy_namespace_is_a_few_lines() {
    assert_eq!(
        text(&healthy(), false),
        [
            "shop  1 workload, 3 pods: no findings",
            "",
            "                  crash  pod loss  node loss   zone loss   drain",
            "  deployment/web  heals  heals 5s  slow 1m25s  slow 1m25s  heals 5s",
            "",
            "all of it is predicted from the objects; times are until as many pods are ready as before; - is nothing to heal",
            "every reason: kubectl heal-check -o wide",
        ]
    );
}

#[test]
fn findings_follow_their_workloads_and_reasons_what_does_not_heal() {
    let world = healthy()
        .with_all(stateful_set("db", 1))
        .with(pod("tool", "tool", "n1"))
        .edit("Pod/web-a", json!({"spec": {"nodeName": "n2"}}))
        .edit("Pod/web-b", not_ready())
        .unknown(crate::snapshot::Read::Leases);
    let text = text(&world, false);
    let at = |part: &str| {
        text.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {text:#?}"))
    };
    assert!(at("shop  3 workloads, 5 pods: 1 error") < at("deployment/web"));
    assert!(at("node loss, zone loss  its pods stay Terminating") < at("HC101  pod/tool"));
    assert!(at("HC101  pod/tool") < at("HC410  stateful") && at("HC410  stateful") < at("not checked"));
    assert!(text[at("HC101  pod/tool") + 1].starts_with("            create it through a Deployment"));
    assert!(text[at("not checked") + 1].contains("HC804"));
    assert!(at("what it means: kubectl heal-check --explain HC101") > at("not checked"));
}

#[test]
fn the_wide_output_names_the_worst_node() {
    let text = text(&healthy(), true).join("\n");
    assert!(text.contains("(worst: n1)") && text.contains("(worst: a)"), "{text}");
}

#[test]
fn of_an_empty_namespace_nothing_is_said_but_that() {
    let mut empty = healthy();
    empty.objects.retain(|it| it["metadata"]["namespace"] != "shop");
    assert_eq!(text(&empty, false), [""; 0]);
}

#[test]
fn a_fix_is_shown_below_its_finding_with_its_proof_and_its_command() {
    use crate::finding::{Change, Fix, Offer, Proof};
    let world = healthy().without("PodDisruptionBudget/web");
    let (found, _) = crate::checks::run(&world.snapshot(), |_| true);
    let finding = |offer: Offer| Finding { offer: Some(offer), ..found[0].clone() };
    let proof = Proof { accepted: true, fits: true, resolved: true, no_worse: true };
    let fix = |partial: Option<&str>| {
        let first = Change::patch(&found[0].subject, json!({}));
        let commands = vec!["kubectl patch x".to_owned()];
        Offer::Fix(Box::new(Fix {
            first,
            also: vec![],
            proof: proof.clone(),
            partial: partial.map(str::to_owned),
            is_by_server: false,
            commands,
        }))
    };
    let all =
        [finding(fix(None)), finding(fix(Some("no room"))), finding(Offer::Nothing("not known".to_owned()))];
    let shown: Vec<String> =
        findings::lines(&all.iter().collect::<Vec<_>>(), false).iter().map(Line::text).collect();
    let remedy = format!("            {}", found[0].remedy);
    let row = shown[0].clone();
    assert_eq!(
        shown,
        [
            &row,
            "            fix, proven: schema accepts it, pods fit, HC203 gone, nothing worse",
            "            kubectl patch x",
            &row,
            &remedy,
            "            partial fix, not proven: no room",
            "            kubectl patch x",
            &row,
            &remedy,
            "            no fix: not known",
        ]
    );
    assert!(shown[1].len() <= 80);
}
