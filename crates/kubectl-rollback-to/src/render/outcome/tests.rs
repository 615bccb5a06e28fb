use super::*;
use crate::report::{PodReport, Side, TargetSide};

fn pod(name: &str, state: PodState, cause: Option<&str>, log: &[&str]) -> PodReport {
    PodReport {
        name: name.into(),
        state,
        cause: cause.map(str::to_owned),
        log: log.iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn workload(name: &str, result: RolloutResult, cause: Option<&str>, pods: Vec<PodReport>) -> WorkloadReport {
    let of = |states: &[PodState]| pods.iter().filter(|pod| states.contains(&pod.state)).count() as i64;
    let wanted = of(&[PodState::Ready, PodState::Starting, PodState::Failing, PodState::Old]);
    let side = |revision| Side { revision: Some(revision), images: Vec::new() };
    WorkloadReport {
        kind: "Deployment",
        namespace: "shop".into(),
        name: name.into(),
        from: side(7),
        to: Some(TargetSide { side: side(5), chosen_by: "--last-healthy".into(), evidence: String::new() }),
        result,
        cause: cause.map(str::to_owned),
        differences: Vec::new(),
        deletes: Vec::new(),
        unstick_command: None,
        ready: Some((of(&[PodState::Ready]), wanted)),
        left: matches!(result, RolloutResult::Done | RolloutResult::Partial | RolloutResult::Stalled)
            || !pods.is_empty(),
        gone: false,
        unrecorded: false,
        unwatched: false,
        besides_plan: None,
        current_revision: None,
        pods,
        failed_pods: Vec::new(),
    }
}

fn lines_of(result: RolloutResult, workloads: Vec<WorkloadReport>) -> Vec<String> {
    let report = RollbackReport {
        kind: "RollbackReport",
        result,
        workloads,
        findings: Vec::new(),
        error: None,
        started_at: String::new(),
        finished_at: String::new(),
    };
    outcome(&report, 4.2).iter().map(Line::text).collect()
}

fn one(result: RolloutResult, cause: Option<&str>, pods: Vec<PodReport>) -> Vec<String> {
    lines_of(result, vec![workload("web", result, cause, pods)])
}

fn ready(n: usize) -> Vec<PodReport> {
    (0..n).map(|n| pod(&format!("web-{n}"), PodState::Ready, None, &[])).collect()
}

const UNDO: &str = "to undo the rollback:  kubectl rollback-to deployment/web -n shop --last";

#[test]
fn done() {
    let rolled = "deployment/web rolled back to revision 5";
    assert_eq!(
        one(RolloutResult::Done, None, ready(3)),
        [format!("{rolled}: 3 of 3 pods ready, 4.2s"), UNDO.into()]
    );
    assert_eq!(one(RolloutResult::Done, None, Vec::new()), [format!("{rolled}: 4.2s"), UNDO.into()]);
    let mut kept = ready(2);
    kept.push(pod("web-9", PodState::Old, None, &[]));
    assert_eq!(
        one(RolloutResult::Done, Some("the partition excludes 1 pod"), kept),
        [format!("{rolled}: 2 of 3 pods updated and ready, 4.2s; the partition excludes 1 pod"), UNDO.into()]
    );
}

#[test]
fn nothing_written_needs_no_next_step() {
    for (result, cause, line) in [
        (RolloutResult::Unchanged, None, "deployment/web skipped: the live template already is revision 5"),
        (
            RolloutResult::Unchanged,
            Some("it did not exist at that time"),
            "deployment/web skipped: it did not exist at that time",
        ),
        (RolloutResult::Planned, None, "deployment/web planned; nothing was changed"),
        (RolloutResult::Refused, None, "deployment/web not rolled back; nothing was changed"),
        (RolloutResult::Refused, Some("declined"), "deployment/web not rolled back: declined"),
    ] {
        assert_eq!(one(result, cause, Vec::new()), [line]);
    }
}

/// It was written, and nobody looked whether its pods came.
#[test]
fn what_is_not_watched_is_updated_and_not_rolled_back() {
    let written = |now| {
        let cause = Some("not watched (--no-wait)");
        let written = workload("web", RolloutResult::Done, cause, Vec::new());
        let written = WorkloadReport { ready: None, unwatched: true, current_revision: now, ..written };
        lines_of(RolloutResult::Done, vec![written])
    };
    let hints = ["to check progress:     kubectl rollback-to deployment/web -n shop --status", UNDO];
    let updated = "deployment/web updated to the template of revision 5";
    for (now, renumbered) in [(None, ""), (Some(8), ", which is now 8")] {
        let line = format!("{updated}{renumbered}: 4.2s; not watched (--no-wait)");
        assert_eq!(written(now), [line.as_str(), hints[0], hints[1]]);
    }
}

/// The plan has that it is there already: the result is what was seen since.
#[test]
fn what_the_plan_says_is_not_said_again() {
    let unchanged = |rest: &str, ready| {
        let cause = Some("the live template already is revision 5");
        let unchanged = workload("web", RolloutResult::Unchanged, cause, Vec::new());
        let unchanged = WorkloadReport { ready, besides_plan: Some(rest.into()), ..unchanged };
        lines_of(RolloutResult::Unchanged, vec![unchanged])
    };
    let unchecked = "its pods were not checked (--no-wait)";
    assert_eq!(unchanged("", Some((3, 3))), ["deployment/web unchanged: 3 of 3 pods ready, 4.2s"]);
    assert_eq!(unchanged("", None), ["deployment/web unchanged"]);
    assert_eq!(unchanged(unchecked, None), [format!("deployment/web unchanged: {unchecked}")]);
}

#[test]
fn failed_with_the_last_log_lines_of_a_pod() {
    let mut pods = ready(1);
    pods.push(pod("web-x", PodState::Starting, Some("ContainerCreating"), &[]));
    pods.push(pod(
        "web-abc",
        PodState::Failing,
        Some("CrashLoopBackOff: exit code 1"),
        &["panic: no database", "exit 1"],
    ));
    assert_eq!(
        one(RolloutResult::Failed, Some("web-abc crashes"), pods),
        [
            "deployment/web failed while rolling back to revision 5: web-abc crashes (1 of 3 pods updated and ready, 4.2s)",
            "  failing   shop/web-abc  CrashLoopBackOff: exit code 1",
            "    | panic: no database",
            "    | exit 1",
            "  starting  shop/web-x    ContainerCreating",
            "to check progress:     kubectl rollback-to deployment/web -n shop --status",
            "to undo the rollback:  kubectl rollback-to deployment/web -n shop --last",
        ]
    );
}

/// `--last` alone would undo whichever run began last, and refuse where somebody changed one of its workloads.
#[test]
fn what_is_to_be_undone_is_named() {
    let others = workload("cron", RolloutResult::Superseded, Some("somebody's"), Vec::new());
    let both = ["web", "api"].map(|name| workload(name, RolloutResult::Done, None, ready(1)));
    let lines = lines_of(RolloutResult::Partial, both.into_iter().chain([others]).collect());
    assert_eq!(
        lines.last().unwrap(),
        "to undo the rollback:  kubectl rollback-to deployment/web deployment/api -n shop --last"
    );
}

/// Controllers renumber a revision that is used again: `--to-revision` takes the new number next time.
#[test]
fn the_new_number_of_a_revision_is_shown() {
    for (result, now, expected) in [
        (
            RolloutResult::Done,
            8,
            "deployment/web rolled back to revision 5, which is now 8: 3 of 3 pods ready, 4.2s",
        ),
        (RolloutResult::Done, 5, "deployment/web rolled back to revision 5: 3 of 3 pods ready, 4.2s"),
        (RolloutResult::Restored, 9, "deployment/web restored to revision 7, which is now 9 (4.2s)"),
    ] {
        let report =
            WorkloadReport { current_revision: Some(now), ..workload("web", result, None, ready(3)) };
        assert_eq!(lines_of(result, vec![report])[0], expected);
    }
}

#[test]
fn what_unsticks_it_is_a_line_of_its_own() {
    let command = "kubectl rollback-to statefulset/db -n shop --to-revision 8 --unstick";
    let blocked = WorkloadReport {
        kind: "StatefulSet",
        unstick_command: Some(command.into()),
        current_revision: Some(8),
        ..workload(
            "db",
            RolloutResult::Failed,
            Some("blocked by pod db-2 (not Ready) until it is deleted"),
            ready(2),
        )
    };
    assert_eq!(
        lines_of(RolloutResult::Failed, vec![blocked])[..2],
        [
            "statefulset/db failed while rolling back to revision 5, which is now 8: blocked by pod db-2 (not Ready) until it is deleted (2 of 2 pods ready, 4.2s)".to_owned(),
            format!("to unstick:            {command}"),
        ]
    );
}

#[test]
fn the_cause_of_the_blocking_pod_is_stated_once() {
    let fault = "ImagePullBackOff in container main";
    for cause in [format!("blocked by pod web-1 ({fault}; it is not replaced)"), format!("web-1: {fault}")] {
        let old = vec![pod("web-1", PodState::Old, Some(fault), &[])];
        assert_eq!(one(RolloutResult::Failed, Some(&cause), old)[1], "  old  shop/web-1");
    }
}

#[test]
fn not_over_yet() {
    let pods = || vec![pod("web-1", PodState::Ready, None, &[]), pod("web-2", PodState::Old, None, &[])];
    let next = [
        "to check progress:     kubectl rollback-to deployment/web -n shop --status",
        "to undo the rollback:  kubectl rollback-to deployment/web -n shop --last",
    ];
    for (result, line) in [
        (
            RolloutResult::Timeout,
            "deployment/web not complete: --timeout passed (1 of 2 pods updated and ready, 4.2s)",
        ),
        (
            RolloutResult::Interrupted,
            "deployment/web not complete: interrupted; the rollout continues (1 of 2 pods updated and ready, 4.2s)",
        ),
    ] {
        let cause = (result == RolloutResult::Interrupted).then_some("interrupted; the rollout continues");
        let lines = one(result, cause, pods());
        assert_eq!(lines[0], line);
        assert_eq!(lines[1], "  old  shop/web-2");
        assert_eq!(lines[2..], next);
    }
    let partial = one(RolloutResult::Partial, Some("OnDelete: 1 pod waits to be deleted"), pods());
    assert_eq!(
        partial[0],
        "deployment/web partly rolled back to revision 5: OnDelete: 1 pod waits to be deleted (1 of 2 pods updated and ready, 4.2s)"
    );
}

#[test]
fn restored_together() {
    let lines = lines_of(
        RolloutResult::Restored,
        vec![
            workload("web", RolloutResult::Restored, Some("deployment/api did not succeed"), Vec::new()),
            workload("api", RolloutResult::Restored, Some("api-1: ErrImagePull"), Vec::new()),
            workload("cron", RolloutResult::Refused, Some("not begun; nothing was written"), Vec::new()),
        ],
    );
    assert_eq!(
        lines,
        [
            "deployment/web restored to revision 7: deployment/api did not succeed (4.2s)",
            "deployment/api restored to revision 7: api-1: ErrImagePull (4.2s)",
            "deployment/cron not rolled back: not begun; nothing was written",
            "to choose another:  kubectl rollback-to deployment/web deployment/api -n shop --history",
        ]
    );
}

/// What it is now and what it was are distinguished.
#[test]
fn of_what_was_restored_the_pods_that_failed_are_shown_as_past() {
    let failed =
        vec![pod("web-abc", PodState::Failing, Some("CrashLoopBackOff: exit code 1"), &["no database"])];
    let back = workload(
        "web",
        RolloutResult::Restored,
        Some("web-abc: CrashLoopBackOff; previous template restored"),
        ready(1),
    );
    let lines = lines_of(RolloutResult::Restored, vec![WorkloadReport { failed_pods: failed, ..back }]);
    assert_eq!(
        lines[1..3],
        ["  failed  shop/web-abc  CrashLoopBackOff: exit code 1", "    | no database"],
        "{lines:#?}"
    );
}

#[test]
fn the_cause_of_a_pod_is_shown_once() {
    let crash = "CrashLoopBackOff: exit code 1";
    let pods = || ["web-1", "web-2"].map(|name| pod(name, PodState::Failing, Some(crash), &[])).to_vec();
    let lines =
        one(RolloutResult::Failed, Some("web-1: CrashLoopBackOff: exit code 1 (and 1 more pod)"), pods());
    assert_eq!(
        lines[1..3],
        ["  failing  shop/web-1", "  failing  shop/web-2  CrashLoopBackOff: exit code 1"]
    );
}

#[test]
fn many_pods_are_counted() {
    let pods =
        (0..11).map(|n| pod(&format!("web-{n}"), PodState::Failing, Some("ErrImagePull"), &[])).collect();
    let lines = one(RolloutResult::Failed, None, pods);
    assert_eq!(
        lines[0],
        "deployment/web failed while rolling back to revision 5 (0 of 11 pods updated and ready, 4.2s)"
    );
    assert_eq!(lines[8], "  failing  shop/web-7  ErrImagePull");
    assert_eq!(lines[9], "  and 3 more");
}

#[test]
fn what_was_not_written_is_not_to_be_undone() {
    let undo = |lines: &[String]| lines.iter().any(|line| line.contains("--last"));
    for result in [RolloutResult::Failed, RolloutResult::Timeout, RolloutResult::Interrupted] {
        assert!(!undo(&one(result, Some("nothing was written"), Vec::new())), "{result:?}");
        assert!(undo(&one(result, None, ready(1))), "{result:?}");
    }
    assert!(!undo(&one(RolloutResult::Restored, None, ready(1))));
}

/// One replica, and the old pod beside the new one.
#[test]
fn pods_are_counted_of_the_desired_ones() {
    let pods = vec![pod("web-1", PodState::Failing, None, &[]), pod("web-2", PodState::Old, None, &[])];
    let of_one = WorkloadReport { ready: Some((0, 1)), ..workload("web", RolloutResult::Failed, None, pods) };
    let lines = lines_of(RolloutResult::Failed, vec![of_one]);
    assert_eq!(
        lines[0],
        "deployment/web failed while rolling back to revision 5 (0 of 1 pods updated and ready, 4.2s)"
    );
}

#[test]
fn what_is_gone_has_no_next_command_and_what_was_replaced_is_not_to_be_undone() {
    let failed = || workload("web", RolloutResult::Failed, None, ready(1));
    let hints = |workload| lines_of(RolloutResult::Failed, vec![workload])[1..].to_vec();
    let status = "to check progress:  kubectl rollback-to deployment/web -n shop --status";
    assert_eq!(hints(WorkloadReport { left: false, ..failed() }), [status]);
    assert!(hints(WorkloadReport { left: false, gone: true, ..failed() }).is_empty());
    assert_eq!(hints(workload("web", RolloutResult::Superseded, Some("kim's"), ready(1))), [status]);
    // Somebody freed it, and nothing was written.
    let done = WorkloadReport { left: false, ..workload("web", RolloutResult::Done, None, ready(1)) };
    assert_eq!(lines_of(RolloutResult::Done, vec![done]).len(), 1);
}

/// The error and the plan state it: it is not stated again.
#[test]
fn what_was_stated_is_not_stated_again() {
    let report = |result, workloads, error: Option<&str>| RollbackReport {
        kind: "RollbackReport",
        result,
        workloads,
        findings: Vec::new(),
        error: error.map(str::to_owned),
        started_at: String::new(),
        finished_at: String::new(),
    };
    let of = |name: &str, result| workload(name, result, None, Vec::new());
    let declined = report(
        RolloutResult::Refused,
        vec![of("web", RolloutResult::Refused), of("api", RolloutResult::Unchanged)],
        Some("declined; nothing was changed"),
    );
    assert_eq!(outcome(&declined, 4.2), []);
    let planned = vec![of("web", RolloutResult::Planned), of("api", RolloutResult::Unchanged)];
    let lines = lines_of(RolloutResult::Planned, planned);
    assert_eq!(lines, ["deployment/web planned; nothing was changed"]);
}
