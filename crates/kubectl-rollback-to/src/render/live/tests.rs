use super::*;
use crate::outcome::cause::{Author, Cause, Counts, KeptBy, KeptPods, PodCause};
use crate::outcome::reason::{NotRestored, Reason};
use cluster_model::rollout::Kind;

fn id(kind: Kind, name: &str) -> Id {
    Id { kind, namespace: "shop".into(), name: name.into(), uid: name.into() }
}

fn web() -> Id {
    id(Kind::Deployment, "web")
}

fn db() -> Id {
    id(Kind::StatefulSet, "db")
}

fn pod(name: &str, state: PodState, cause: &str) -> PodProgress {
    let cause = (!cause.is_empty()).then(|| PodCause::Message(cause.to_owned()));
    PodProgress { name: name.to_owned(), state, cause, log: Vec::new() }
}

fn available() -> Waiting {
    Waiting::Pods(Counts { available: 1, total: 3, ..Counts::default() })
}

fn error(pod: &str) -> Waiting {
    let (reason, message) = ("Error".into(), "Error".into());
    Waiting::Problem(Problem::Pod { name: pod.into(), reason, message, more: 0 })
}

fn progress(waiting: Waiting, seconds_left: Option<i64>, pods: Vec<PodProgress>) -> Progress {
    Progress { state: State::Moving, done: 1, total: 3, desired: 3, waiting, pods, seconds_left }
}

fn drawn(rollouts: &[(Id, Progress)]) -> String {
    let (header, lines) = frame(rollouts);
    std::iter::once(header.text()).chain(lines.iter().map(Line::text)).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_workload_shows_what_needs_attention() {
    let pods = vec![
        pod("web-1", PodState::Failing, "ImagePullBackOff in container main"),
        pod("web-10", PodState::Starting, "ContainerCreating"),
        pod("web-2", PodState::Old, "below the partition"),
        pod("web-3", PodState::Ready, ""),
    ];
    let without = pods[1..].to_vec();
    insta::assert_snapshot!(drawn(&[(web(), progress(available(), Some(90), without))]), @r"
    1 of 3 updated pods available · about 1m30s left
      web-10  starting  ContainerCreating
    ");
    // One that fails may do so for ever.
    insta::assert_snapshot!(drawn(&[(web(), progress(available(), Some(90), pods))]), @r"
    1 of 3 updated pods available
      web-1   failing   ImagePullBackOff in container main
      web-10  starting  ContainerCreating
    ");
}

#[test]
fn the_header_does_not_repeat_what_a_row_shows() {
    let pods = ["web-1", "web-2"].map(|name| pod(name, PodState::Failing, "Error")).to_vec();
    let header = |waiting| {
        let drawn = drawn(&[(web(), progress(waiting, None, pods.clone()))]);
        drawn.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(header(error("web-1")), "2 failing");
    assert_eq!(header(error("web")), "web: Error");
    let quota = Problem::FailedCreate("exceeded quota".into());
    assert_eq!(header(Waiting::Problem(quota)), "FailedCreate: exceeded quota");
}

#[test]
fn an_old_pod_is_listed_if_it_is_the_blocking_one() {
    let pods = ["db-0", "db-1"].map(|name| pod(name, PodState::Old, "Error")).to_vec();
    let mut stuck = progress(available(), None, pods);
    stuck.state = State::Stuck {
        pod: "db-1".into(),
        pod_uid: "u".into(),
        pod_version: "1".into(),
        message: "Error".into(),
    };
    insta::assert_snapshot!(drawn(&[(db(), stuck)]), @r"
    blocked by pod db-1: Error
      db-1  old  Error
    ");
}

#[test]
fn of_several_each_has_a_line() {
    let failing = |names: &[&str]| names.iter().map(|n| pod(n, PodState::Failing, "Error")).collect();
    let all = [
        (web(), progress(available(), Some(20), vec![])),
        (db(), progress(error("db-0"), Some(5), failing(&["db-0"]))),
        (id(Kind::DaemonSet, "log"), progress(error("log-a"), Some(5), failing(&["log-a", "log-b"]))),
    ];
    // One that fails may do so for ever: no time is left to be stated.
    insta::assert_snapshot!(drawn(&all), @r"
    3 rolling out · 2 failing
      deployment/web  1/3  1 of 3 updated pods available
      statefulset/db  1/3  db-0: Error
      daemonset/log   1/3  log-a: Error
        log-a  failing  Error
        log-b  failing  Error
    ");
    let two = |left: Option<i64>| {
        drawn(&[(web(), progress(available(), left, vec![])), (db(), progress(available(), Some(5), vec![]))])
    };
    assert!(two(Some(20)).starts_with("2 rolling out · about 20s left\n"));
    // One whose pace is not known yet may be the slowest.
    assert!(two(None).starts_with("2 rolling out\n"));
}

fn shown(ends: Ends, workload: &Id, events: &[Event]) -> String {
    let ui = Ui::captured();
    let mut screen = Screen::new(&ui, ends);
    for event in events {
        screen.event(workload, event);
    }
    ui.err()
}

#[test]
fn without_a_terminal_each_change_is_one_line_and_nothing_is_reported_twice() {
    let moved = |done| Event::Moved { done, total: 3 };
    let issue =
        |pod: &str, cause: &str| Event::PodIssue { pod: pod.into(), cause: PodCause::Message(cause.into()) };
    let events = [
        Event::Written { mutated: false, watched: true },
        moved(0),
        moved(0),
        moved(1),
        issue("web-1", "ErrImagePull"),
        issue("web-1", "ErrImagePull"),
        issue("web-2", "ErrImagePull"),
        issue("web-1", "ImagePullBackOff"),
        moved(2),
        issue("web-1", "ImagePullBackOff"),
        Event::Done(None),
    ];
    let one = shown(Ends::InResult, &web(), &events);
    insta::assert_snapshot!(one, @r"
    deployment/web updated; waiting for its pods
    deployment/web: 0 of 3 updated pods available
    deployment/web: 1 of 3 updated pods available
    deployment/web: web-1: ErrImagePull
    deployment/web: web-2: ErrImagePull
    deployment/web: web-1: ImagePullBackOff
    deployment/web: 2 of 3 updated pods available
    deployment/web: web-1: ImagePullBackOff
    ");
    assert_eq!(shown(Ends::AsTheyCome, &web(), &events), format!("{one}deployment/web rolled back\n"));
}

fn message(text: &str) -> Vec<Reason> {
    vec![Reason::Message(text.to_owned())]
}

#[test]
fn a_failure_has_the_last_log_lines_sanitized() {
    let log = vec!["starting".to_owned(), "\u{1b}[2Jpanic".to_owned()];
    let failed = Event::Failed { reasons: message("db-0: CrashLoopBackOff"), log };
    insta::assert_snapshot!(shown(Ends::InDocument, &db(), &[failed]), @r"
    statefulset/db failed: db-0: CrashLoopBackOff
      | starting
      | \u{1b}[2Jpanic
    ");
}

/// Nothing follows the write: neither is anything waited for nor known of the pods.
#[test]
fn what_is_not_watched_waits_for_no_pods() {
    let written = |mutated| [Event::Written { mutated, watched: false }];
    assert_eq!(shown(Ends::AsTheyCome, &web(), &written(false)), "deployment/web updated\n");
    assert_eq!(shown(Ends::InResult, &web(), &written(false)), "", "the result has it");
    let changed = "deployment/web updated, but not as requested: admission changed the template\n";
    assert_eq!(shown(Ends::InResult, &web(), &written(true)), changed);
}

#[test]
fn a_failure_that_is_the_end_is_left_to_the_result() {
    let ends = [
        Event::Failed { reasons: message("db-0: CrashLoopBackOff"), log: Vec::new() },
        Event::Stalled(message("db-0: CrashLoopBackOff")),
    ];
    let unrecorded = Event::Note(Note::NotRecorded("no".into()));
    for (event, word) in ends.into_iter().zip(["failed", "stalled"]) {
        let line = format!("statefulset/db {word}: db-0: CrashLoopBackOff\n");
        let alone = std::slice::from_ref(&event);
        assert_eq!(shown(Ends::InResult, &db(), alone), "");
        assert_eq!(shown(Ends::InDocument, &db(), alone), line, "a document is not read");
        assert_eq!(shown(Ends::AsTheyCome, &db(), alone), line);
        let ended = [event.clone(), unrecorded.clone()];
        assert_eq!(shown(Ends::InResult, &db(), &ended), "statefulset/db: no\n");
        // It goes on: then why has to be known now.
        let restored = shown(Ends::InResult, &db(), &[event.clone(), Event::Restoring]);
        assert_eq!(restored, format!("{line}statefulset/db restoring the previous template\n"));
        let ui = Ui::captured();
        let mut screen = Screen::new(&ui, Ends::InResult);
        screen.event(&db(), &event);
        let _ = screen.confirm(&Question::Restore { workloads: vec![db()] });
        assert!(ui.err().starts_with(&line), "{}", ui.err());
    }
}

#[test]
fn every_event_is_one_line() {
    let by = |manager: &str| Some(Author { manager: manager.into(), at: Default::default() });
    let kept = KeptPods { by: KeptBy::Partition, names: vec!["db-0".into()], updated: 2, desired: 3 };
    let unhealthy = Reason::Rollout(Cause::KeptPod { pod: "db-0".into(), by: KeptBy::OnDelete });
    let events = [
        Event::Written { mutated: true, watched: true },
        Event::Unstuck("db-1".into()),
        Event::Done(Some(kept)),
        Event::Restoring,
        Event::Restored,
        Event::NotRestored(NotRestored::Deleted),
        Event::NotRestored(NotRestored::Unhealthy(vec![unhealthy])),
        Event::Reverted(by("argocd-controller")),
        Event::Superseded(by("helm")),
        Event::Stalled(message("waiting for db-0")),
        Event::Note(Note::Healthy),
    ];
    insta::assert_snapshot!(shown(Ends::AsTheyCome, &db(), &events), @r"
    statefulset/db updated, but not as requested: admission changed the template
    statefulset/db: pod db-1 deleted; it is recreated with the current template
    statefulset/db rolled back; 2 of 3: the partition excludes db-0
    statefulset/db restoring the previous template
    statefulset/db restored
    statefulset/db not restored: it was deleted meanwhile
    statefulset/db not restored: template restored; its pods are not healthy yet: blocked by db-0, which is not Ready and keeps its template (OnDelete)
    statefulset/db reverted: argocd-controller wrote the previous template again
    statefulset/db superseded: helm wrote another template
    statefulset/db stalled: waiting for db-0
    statefulset/db: it became healthy meanwhile and is not restored
    ");
}

#[test]
fn a_server_that_does_not_respond_is_reported() {
    let ui = Ui::captured();
    let mut screen = Screen::new(&ui, Ends::InResult);
    screen.server(Some(&Failure::failed("connection refused")));
    screen.server(None);
    insta::assert_snapshot!(ui.err(), @r"
    waiting for the API server: connection refused
    the API server responds again
    ");
}
