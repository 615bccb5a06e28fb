use super::*;
use crate::checks::testing::{World, healthy, not_ready, owner, pod, stateful_set};
use crate::exempt::Exempt;
use crate::matrix::matrices;
use crate::report::{Checked, HealResult};
use serde_json::json;

fn text(world: &World, wide: bool) -> Vec<String> {
    lines(world, Shown { wide, ignored: true, notes: true, may_fix: false, again: " -n shop", width: None })
        .iter()
        .map(Line::text)
        .collect()
}

fn lines(world: &World, shown: Shown<'_>) -> Vec<Line> {
    report(&made(world), shown, Some("shop"), Severity::Error)
}

fn made(world: &World) -> HealReport {
    let snapshot = world.snapshot();
    let (findings, unchecked) = crate::checks::run(&snapshot, |_| true);
    let rows = matrices(&snapshot).into_iter().map(|(workload, matrix)| Row {
        subject: workload.subject.clone(),
        matrix: Some(matrix),
        impaired_by: Vec::new(),
        is_part: workload.is_part_of_unread(),
        pods: Some(workload.active().count()),
    });
    HealReport {
        kind: "HealReport",
        result: HealResult::of(
            findings.iter().any(|it| it.severity >= Severity::Error),
            !unchecked.is_empty() || snapshot.workloads.is_empty(),
        ),
        workloads: rows.collect(),
        findings,
        unchecked,
        proof: None,
        exempt: Exempt::default(),
        scope: Checked::default(),
        seconds: 0.0,
    }
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
            "every reason: kubectl heal-check -n shop -o wide",
            "passed: no finding is error or worse",
        ]
    );
}

#[test]
fn what_could_not_be_read_is_not_counted_as_workloads() {
    let head = |world: &World| text(world, false)[0].clone();
    let without = healthy().unknown(Read::Deployments);
    let expected = "shop  1 ReplicaSet whose owner could not be read, 3 pods: ";
    assert!(head(&without).starts_with(expected), "{}", head(&without));
    let with_set = without.with_all(stateful_set("db", 1));
    let expected = "shop  1 workload, 1 ReplicaSet whose owner could not be read, 4 pods: ";
    assert!(head(&with_set).starts_with(expected), "{}", head(&with_set));
}

#[test]
fn findings_follow_their_workloads_and_reasons_what_does_not_heal() {
    let world = healthy()
        .with_all(stateful_set("db", 1))
        .with(pod("tool", "tool", "n1"))
        .edit("Pod/web-a", json!({"spec": {"nodeName": "n2"}}))
        .edit("Pod/web-b", not_ready())
        .unknown(Read::Leases);
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
    assert_eq!(text(&empty, false), ["incomplete: nothing was checked (exit code 5)"]);
}

/// As of a manifest that is given as a dump.
#[test]
fn what_has_no_namespace_is_shown_as_such_and_not_as_the_clusters() {
    let world =
        healthy().with(pod("tool", "tool", "n1")).edit("Pod/tool", json!({"metadata": {"namespace": null}}));
    let text = text(&world.in_all_namespaces(), false);
    let at = text
        .iter()
        .position(|line| line.starts_with("(no namespace)  1 workload"))
        .unwrap_or_else(|| panic!("{text:#?}"));
    assert!(text[at..].iter().any(|line| line.contains("HC101  pod/tool")), "{text:#?}");
    assert!(!text.iter().any(|line| line.starts_with("cluster")), "{text:#?}");
}

/// On a terminal of 80 columns no line is longer, but for what is to be typed; a wide one is used.
#[test]
fn what_is_shown_fits_the_terminal() {
    let name = "a-name-of-a-workload-that-is-as-long-as-kubernetes-allows-63-00";
    let mut web = crate::checks::testing::deployment(name, 1);
    web["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = json!(null);
    let mut own = pod(name, name, "n1");
    own["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", name)]);
    let world = healthy()
        .with(web)
        .with(own)
        .with_all(stateful_set("db", 1))
        .edit("Pod/web-b", not_ready())
        .unknown(Read::Budgets)
        .unknown(Read::Leases);
    let shown = |width: usize| -> Vec<String> {
        let shown =
            Shown { wide: true, ignored: true, notes: true, may_fix: false, again: "", width: Some(width) };
        lines(&world, shown).iter().flat_map(|line| line.wrapped(width)).map(|line| line.text()).collect()
    };
    let narrow = shown(80);
    for line in narrow.iter().filter(|line| !line.contains("kubectl ")) {
        assert!(line.chars().count() <= 80, "{line}\n{}", narrow.join("\n"));
    }
    let wide = shown(200);
    assert!(wide.len() < narrow.len());
    assert!(wide.iter().any(|line| line.chars().count() > 100), "{}", wide.join("\n"));
    assert!(
        wide.iter().any(|line| line.starts_with(&format!("  deployment/{name}  outage"))),
        "{}",
        wide.join("\n")
    );
}

#[test]
fn quiet_leaves_out_the_notes() {
    let shown = Shown { wide: false, ignored: false, notes: false, may_fix: false, again: "", width: None };
    let text: Vec<String> = lines(&healthy(), shown).iter().map(Line::text).collect();
    assert_eq!(text.len(), 6, "{text:#?}");
    assert_eq!(text[5], "passed: no finding is error or worse");
}

#[test]
fn where_a_change_may_fix_something_the_flag_for_it_is_shown() {
    let shown =
        |may_fix| Shown { wide: false, ignored: false, notes: true, may_fix, again: " -n shop", width: None };
    let of = |may_fix| lines(&healthy(), shown(may_fix)).iter().map(Line::text).collect::<Vec<_>>();
    let hint = "what to change: kubectl heal-check -n shop --fix".to_owned();
    assert!(of(true).contains(&hint), "{:#?}", of(true));
    assert!(!of(false).contains(&hint));
}

#[test]
fn after_a_proof_its_row_is_shown() {
    let mut report = made(&healthy().with_all(stateful_set("db", 1)));
    assert_eq!(proven(&report, None, true), []);
    let row = report.workloads.iter_mut().find(|row| row.subject.name == "web").unwrap();
    row.matrix.as_mut().unwrap().pod_loss = Cell::proven(2, "why".to_owned());
    let text: Vec<String> = proven(&report, None, true).iter().map(Line::text).collect();
    assert_eq!(text[1], "  deployment/web  heals  heals 2s✓  slow 1m25s  slow 1m25s  heals 5s");
    assert!(
        text.len() == 3 && text[2].starts_with("✓ was proven just now, the rest is predicted"),
        "{text:#?}"
    );
    assert_eq!(proven(&report, None, false).len(), 2, "without what the marks mean");
}

#[test]
fn a_mark_at_drain_is_a_dry_run_and_no_drain() {
    let legend_of = |edit: &dyn Fn(&mut Matrix)| {
        let mut report = made(&healthy());
        edit(report.workloads[0].matrix.as_mut().unwrap());
        legend(&report.workloads.iter().collect::<Vec<_>>())
    };
    let accepted = "* at drain: the server's answer to a dry run of the eviction, the rest is predicted";
    let drain = |it: &mut Matrix| it.drain = it.drain.clone().observed();
    let crash = |it: &mut Matrix| it.crash = it.crash.clone().observed();
    let both = |it: &mut Matrix| {
        drain(it);
        crash(it);
    };
    for (found, expected) in [
        (legend_of(&|_| ()), "all of it is predicted"),
        (legend_of(&drain), accepted),
        (legend_of(&crash), "* was observed, the rest is predicted"),
        (legend_of(&both), &format!("* was observed, {accepted}")),
        (legend_of(&|it| it.drain = Cell::wont("r").observed()), "* was observed, the rest is predicted"),
    ] {
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
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
        findings::lines(&all.iter().collect::<Vec<_>>(), false, None).iter().map(Line::text).collect();
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
            "            proven of it: schema accepts it, pods fit, HC203 gone, nothing worse",
            "            kubectl patch x",
            &row,
            &remedy,
            "            no fix: not known",
        ]
    );
    assert!(shown[1].len() <= 80);
}

/// No cluster may have the objects: what to change is the file.
#[test]
fn a_fix_of_manifests_is_an_edit_of_a_file() {
    let shown = of_file("web.yaml", Some(3));
    assert_eq!(
        shown,
        [
            "            partial fix, not proven: no nodes",
            "            proven of it: schema accepts it, HC203 gone",
            "            merge into deployment/web (web.yaml:3):",
            "              spec:",
            "                minAvailable: null",
            "                replicas: 2",
            "            add to web.yaml as a document of its own (---), or to a file beside it:",
            "              kind: PodDisruptionBudget",
            "              metadata:",
            "                name: web",
        ]
    );
    let json = of_file("web.json", None);
    assert_eq!(
        json[2..5],
        [
            "            merge into deployment/web (web.json):",
            "              {",
            "                \"spec\": {"
        ]
    );
    assert_eq!(json[9..11], ["            add, in a file of its own:", "              {"]);
    assert_eq!(of_file("stdin", Some(3))[6], "            add, in a file of its own:");
}

fn of_file(file: &str, line: Option<usize>) -> Vec<String> {
    use crate::finding::{Change, Fix, Location, Offer, Proof};
    let world = healthy().without("PodDisruptionBudget/web");
    let (found, _) = crate::checks::run(&world.snapshot(), |_| true);
    let place = Some(Location { file: file.to_owned(), line });
    let mut first = Change::patch(&found[0].subject, json!({"spec": {"minAvailable": null, "replicas": 2}}));
    let mut also = Change::create(json!({"kind": "PodDisruptionBudget", "metadata": {"name": "web"}}));
    (first.location, also.location) = (place.clone(), place.clone());
    let fix = Fix {
        first,
        also: vec![also],
        proof: Proof { accepted: true, fits: false, resolved: true, no_worse: false },
        partial: Some("no nodes".to_owned()),
        is_by_server: false,
        commands: Vec::new(),
    };
    let finding = Finding { location: place, offer: Some(Offer::Fix(Box::new(fix))), ..found[0].clone() };
    findings::lines(&[&finding], false, None)[2..].iter().map(Line::text).collect()
}
