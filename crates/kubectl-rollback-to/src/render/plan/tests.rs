use cluster_model::Known;
use cluster_model::build::merge;
use cluster_model::rollout::Kind;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::blocking::BlockingPod;
use crate::choose::Target;
use crate::diff::{Diff, diff};
use crate::snapshot::Surroundings;

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

/// A Deployment on shop:1.5, revision 7, that was on shop:1.4 as revision 5.
fn web(edit: Value) -> Rollout {
    let mut object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"},
        "spec": {"replicas": 3, "template": template("shop:1.5")}});
    merge(&mut object, edit);
    let kept = |name: &str, number: &str, image: &str, created: &str| {
        json!({"metadata": {"name": name, "uid": name, "creationTimestamp": created, "labels": {"pod-template-hash": name},
                "annotations": {"deployment.kubernetes.io/revision": number},
                "ownerReferences": [{"uid": "w", "controller": true}]},
            "spec": {"template": template(image)}})
    };
    let histories = [
        kept("a", "5", "shop:1.4", "2026-11-22T09:03:00Z"),
        kept("b", "7", "shop:1.5", "2026-11-23T10:00:00Z"),
    ];
    Rollout::new(Kind::Deployment, object, &histories, Vec::new())
}

pub(super) fn stateful(name: &str) -> Rollout {
    let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"replicas": 2, "template": template("db:2"), "updateStrategy": {"type": "OnDelete"},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
    let kept = |number: i64, image: &str| {
        json!({"metadata": {"name": format!("{name}-{number}"), "uid": number.to_string(),
                "ownerReferences": [{"uid": name, "controller": true}]},
            "revision": number, "data": {"spec": {"template": template(image)}}})
    };
    Rollout::new(Kind::StatefulSet, object, &[kept(1, "db:1"), kept(2, "db:2")], Vec::new())
}

pub(super) fn step(rollouts: &[Rollout], rollout: usize, action: Action) -> Step {
    let at = &rollouts[rollout];
    let target = Target {
        revision: Some(0),
        template: at.revisions[0].template.clone(),
        change_cause: None,
        cause_inherited: false,
        chosen_by: "--last-healthy".into(),
        evidence: "served 3 pods".into(),
    };
    let diff = match action {
        Action::RollBack => diff(at.template(), &target.template, false),
        _ => Diff::default(),
    };
    let target = (!matches!(action, Action::NotYetCreated)).then_some(target);
    Step { rollout, action, target, dry_run: None, diff, deletes: None }
}

fn snapshot(rollouts: Vec<Rollout>) -> Snapshot {
    let around = [("shop".to_owned(), Surroundings::empty())].into_iter().collect();
    let owners = rollouts.iter().map(|rollout| (rollout.id.uid.clone(), Vec::new())).collect();
    Snapshot { rollouts, around, owners, ..Snapshot::empty(Timestamp::UNIX_EPOCH) }
}

fn text_of(snapshot: &Snapshot, steps: Vec<Step>, options: &Options) -> String {
    let lines = plan(snapshot, &Plan { steps }, options, &TimeZone::UTC);
    lines.iter().map(|line| format!("{}\n", line.text())).collect()
}

fn alone(rollout: Rollout, edit: impl FnOnce(&mut Snapshot, &mut Step)) -> String {
    let mut snapshot = snapshot(vec![rollout]);
    let mut step = step(&snapshot.rollouts, 0, Action::RollBack);
    edit(&mut snapshot, &mut step);
    text_of(&snapshot, vec![step], &Options::default())
}

#[test]
fn one_workload_in_full() {
    assert_eq!(
        alone(web(json!({})), |_, _| {}),
        "\
deployment/web  rolls back to revision 5: image web 1.5 → 1.4
  from     revision 7  web=shop:1.5
  to       revision 5  web=shop:1.4
           first rolled out 2026-11-22 09:03:00 UTC
  because  --last-healthy: served 3 pods
  rollout  RollingUpdate: up to 4 pods at once, at least 3 of 3 kept available
  keeps    3 replicas
           only the pod template is rolled back, not the strategy, ConfigMap and Secret contents, or data in volumes and databases

  container web
    ~ image  shop 1.5 → 1.4
"
    );
}

#[test]
fn each_circumstance_is_one_line() {
    let with = |edit: &dyn Fn(&mut Snapshot)| alone(web(json!({})), |snapshot, _| edit(snapshot));
    let around = |snapshot: &mut Snapshot, edit: &dyn Fn(&mut Surroundings)| {
        edit(snapshot.around.get_mut("shop").unwrap())
    };
    let autoscaler = |name: &str| {
        json!({"metadata": {"name": "hpa"}, "spec": {"minReplicas": 2, "maxReplicas": 10,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}})
    };
    let set = |snapshot: &mut Snapshot, value: Value| {
        around(snapshot, &|a| a.autoscalers = Known::Seen(vec![value.clone()]))
    };
    let line = "3 replicas, set by autoscaler hpa (2 to 10)";
    assert!(with(&|s| set(s, autoscaler("web"))).contains(line));
    assert!(!with(&|s| set(s, autoscaler("api"))).contains("autoscaler"));
    let mut foreign = autoscaler("web");
    foreign["spec"]["scaleTargetRef"]["apiVersion"] = json!("apps.example.com/v1");
    assert!(!with(&|s| set(s, foreign.clone())).contains("autoscaler"), "another kind of that name");
    let unread = with(&|s| around(s, &|a| a.autoscalers = Known::Unknown("forbidden".into())));
    assert!(unread.contains("3 replicas; unknown whether an autoscaler sets them: forbidden"));
    let caused = alone(web(json!({})), |_, step| {
        step.target.as_mut().unwrap().change_cause = Some("update to 1.4".into())
    });
    assert!(caused.contains("first rolled out 2026-11-22 09:03:00 UTC, \"update to 1.4\"\n"));
    let inherited = alone(web(json!({})), |_, step| {
        let target = step.target.as_mut().unwrap();
        (target.change_cause, target.cause_inherited) = (Some("update to 1.4".into()), true);
    });
    assert!(inherited.contains(", \"update to 1.4\" (inherited)\n"), "{inherited}");
    let gone = alone(web(json!({})), |_, step| step.target.as_mut().unwrap().revision = None);
    assert!(gone.starts_with("deployment/web  rolls back to an earlier template: "), "{gone}");
    let paused = alone(web(json!({"spec": {"paused": true}})), |_, _| {});
    assert!(paused.contains(
        "  rollout  paused: no pods are updated until kubectl rollout resume deployment/web -n shop\n"
    ));
    let mut snapshot = snapshot(vec![web(json!({}))]);
    let step = step(&snapshot.rollouts, 0, Action::RollBack);
    snapshot.around.clear();
    let options = Options { reason: Some("checkout fails".into()), ..Options::default() };
    assert!(
        text_of(&snapshot, vec![step], &options)
            .contains("  records  \"checkout fails\" as the change cause\n")
    );
}

#[test]
fn what_stays_is_shown_with_the_reason_and_the_next_command() {
    assert_eq!(
        alone(web(json!({"spec": {"replicas": 0}})), |_, step| step.action = Action::Nothing),
        "deployment/web  is already at revision 5; nothing to do\n  because  --last-healthy: served 3 pods\n\
         for other revisions:  kubectl rollback-to deployment/web -n shop --history\n"
    );
    assert_eq!(
        alone(web(json!({})), |_, step| step.action = Action::NotYetCreated),
        "deployment/web  did not exist at that time; not changed\n"
    );
}

#[test]
fn several_are_one_table_and_then_each() {
    let rollouts = vec![
        web(json!({"spec": {"strategy": {"type": "Recreate"}}})),
        stateful("db"),
        stateful("new"),
        stateful("idle"),
    ];
    let steps = vec![
        step(&rollouts, 0, Action::RollBack),
        step(&rollouts, 1, Action::RollBack),
        step(&rollouts, 2, Action::NotYetCreated),
        step(&rollouts, 3, Action::Nothing),
    ];
    assert_eq!(
        text_of(&snapshot(rollouts), steps, &Options::default()),
        "\
2 workloads of shop roll back, 2 not changed
  WORKLOAD          FROM  TO  CHANGE                      WHY
  deployment/web    7     5   image web 1.5 → 1.4         --last-healthy: served 3 pods
  statefulset/db    2     1   image web 2 → 1             --last-healthy: served 3 pods
  statefulset/new   2     –   did not exist at that time
  statefulset/idle  2     1   none: already there         --last-healthy: served 3 pods
statefulset/idle is already at revision 1, but 0 of 2 pods run it: waiting for the controller to observe the change

deployment/web
  rollout  Recreate: downtime, all 3 pods stop before the first new one starts
  keeps    3 replicas
  container web
    ~ image  shop 1.5 → 1.4

statefulset/db
  rollout  OnDelete: no pods are updated automatically, each pod gets the new template only when it is deleted
  keeps    2 replicas
  container web
    ~ image  db 2 → 1

keeps  only the pod template is rolled back, not the strategy, volumeClaimTemplates, ConfigMap and Secret contents, or data in \
volumes and databases
"
    );
}

#[test]
fn namespaces_have_a_column_when_there_are_several() {
    let mut other = stateful("db");
    other.id.namespace = "infra".into();
    let rollouts = vec![web(json!({})), other];
    let steps = vec![step(&rollouts, 0, Action::RollBack), step(&rollouts, 1, Action::Nothing)];
    let text = text_of(&snapshot(rollouts), steps, &Options::default());
    let lines: Vec<&str> = text.lines().take(4).collect();
    assert_eq!(
        lines,
        [
            "1 workload rolls back, 1 not changed",
            "  NAMESPACE  WORKLOAD        FROM  TO  CHANGE               WHY",
            "  shop       deployment/web  7     5   image web 1.5 → 1.4  --last-healthy: served 3 pods",
            "  infra      statefulset/db  2     1   none: already there  --last-healthy: served 3 pods",
        ]
    );
}

#[test]
fn what_is_there_already_shows_how_many_of_its_pods_run_it() {
    let text = alone(web(json!({})), |_, step| step.action = Action::Nothing);
    let head = "deployment/web  is already at revision 5, but 0 of 3 pods run it: 0 of 3 updated pods available; nothing is written";
    assert_eq!(text.lines().next(), Some(head));
}

/// What is agreed to is named.
#[test]
fn the_pod_that_is_deleted_is_named() {
    let pod = || BlockingPod { name: "db-1".into(), uid: "u".into(), fault: "ImagePullBackOff".into() };
    let line = "  deletes  pod db-1 (--unstick), which blocks it: ImagePullBackOff\n";
    let back = alone(stateful("db"), |_, step| step.deletes = Some(pod()));
    assert!(back.contains(line), "{back}");
    let there = alone(stateful("db"), |_, step| (step.action, step.deletes) = (Action::Nothing, Some(pod())));
    assert!(there.contains("; no template is written\n") && there.contains(line), "{there}");
    let none = alone(stateful("db"), |_, step| step.action = Action::Nothing);
    assert!(none.contains("; nothing is written\n") && !none.contains("deletes"), "{none}");
    let rollouts = vec![stateful("db"), stateful("dc")];
    let steps = [Action::RollBack, Action::Nothing].into_iter().enumerate();
    let steps = steps.map(|(at, action)| Step { deletes: Some(pod()), ..step(&rollouts, at, action) });
    let text = text_of(&snapshot(rollouts.clone()), steps.collect(), &Options::default());
    assert!(text.starts_with("1 workload of shop rolls back, 1 not changed, 2 pods deleted\n"), "{text}");
    assert_eq!(text.matches(line).count(), 2, "{text}");
}

#[test]
fn the_reason_is_shown_once_however_many_there_are() {
    let snapshot = snapshot(vec![web(json!({})), stateful("db")]);
    let steps = || (0..2).map(|at| step(&snapshot.rollouts, at, Action::RollBack)).collect();
    let reason = |reason: &str| Options { reason: Some(reason.into()), ..Options::default() };
    let shown = text_of(&snapshot, steps(), &reason("incident 7"));
    assert_eq!(shown.matches("records  \"incident 7\" as the change cause of each\n").count(), 1, "{shown}");
    assert_eq!(shown.matches("incident 7").count(), 1, "{shown}");
    assert!(!text_of(&snapshot, steps(), &reason("token=hunter2")).contains("hunter2"));
    assert!(!text_of(&snapshot, steps(), &Options::default()).contains("records"));
    let idle = (0..2).map(|at| step(&snapshot.rollouts, at, Action::Nothing)).collect();
    assert!(!text_of(&snapshot, idle, &reason("incident 7")).contains("incident 7"), "nothing is written");
}
