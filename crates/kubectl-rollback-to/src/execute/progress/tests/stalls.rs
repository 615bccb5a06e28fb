//! Waits that do not end by themselves.

use cluster_model::build::{PodBuild, merge};
use cluster_model::rollout::{Id, Kind};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::super::Tracker;
use super::super::model::State;
use super::build::{Moment, at, crashing, failed, member, plain, problem, starting, template, waiting};
use crate::outcome::cause::{Author, Cause, Counts, DeletionBlocker, Waiting};

fn stalled(cause: Cause, blocked: bool) -> State {
    State::Stalled { cause, blocked }
}

fn paused() -> State {
    let moment = Moment::of(Kind::Deployment);
    stalled(Cause::Paused(Id::of(moment.kind, moment.object.as_ref().unwrap())), true)
}

fn terminating(blocker: DeletionBlocker) -> State {
    stalled(Cause::Terminating { pod: "web-2".into(), blocker }, true)
}

fn lost() -> DeletionBlocker {
    DeletionBlocker::Issue(String::new())
}

/// Nothing changed for ten minutes.
fn unchanged(available: i64, starting: usize) -> Cause {
    let counts = Counts { available, total: 3, starting, ..Counts::default() };
    Cause::Unchanged { seconds: 600, waiting: Waiting::Pods(counts) }
}

/// The same, with other counts.
fn edited(cause: Cause, edit: impl FnOnce(&mut i64, &mut Counts)) -> Cause {
    let Cause::Unchanged { mut seconds, waiting: Waiting::Pods(mut counts) } = cause else {
        panic!("{cause:?}")
    };
    edit(&mut seconds, &mut counts);
    Cause::Unchanged { seconds, waiting: Waiting::Pods(counts) }
}

/// When it stops waiting, and with what, if nothing changes; it is asked whenever it wants to be.
fn end(moment: &Moment) -> (i64, State) {
    end_of(&mut moment.tracker(), moment)
}

fn end_of(tracker: &mut Tracker, moment: &Moment) -> (i64, State) {
    let mut now = at(moment.second);
    for _ in 0..50 {
        let mut view = moment.view();
        (view.now, view.monotonic_now) = (now, now);
        let state = plain(tracker.look(view).state);
        if state != State::Moving {
            return (now.duration_since(at(0)).as_secs(), state);
        }
        now = tracker.wake_at(now).expect("it waits for ever");
    }
    panic!("it looks again and again");
}

fn half(kind: Kind) -> Moment {
    let more = match kind {
        Kind::Deployment => json!({"status": {"updatedReplicas": 2, "availableReplicas": 2}}),
        Kind::StatefulSet => {
            json!({"status": {"updatedReplicas": 2, "currentRevision": "web-bad", "readyReplicas": 2}})
        }
        Kind::DaemonSet => json!({"status": {"updatedNumberScheduled": 2, "numberAvailable": 2}}),
    };
    Moment::of(kind).edit(more)
}

fn silent(pod: Pod) -> Pod {
    pod.edit(json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(1).to_string()},
        {"type": "ContainersReady", "status": "True"},
        {"type": "Ready", "status": "False", "lastTransitionTime": at(5).to_string()}]}}))
}

fn with(kind: Kind, last: Pod) -> Moment {
    half(kind).pods(vec![member(kind, "web-0", "good"), member(kind, "web-1", "good"), last])
}

/// The first three are certain, so that no --timeout is waited out for them.
#[test]
fn each_wait_that_cannot_end_has_its_cause_and_its_time() {
    let set = Kind::DaemonSet;
    let deleted = |kind: Kind| member(kind, "web-2", "bad").deleted(&at(20).to_string());
    let finalized = deleted(Kind::StatefulSet).edit(json!({"metadata": {"finalizers": ["x.io/held"]}}));
    let is_paused = half(Kind::Deployment).edit(json!({"spec": {"paused": true}})).of_pods("bad bad bad");
    let unseen = half(Kind::StatefulSet).edit(json!({"status": {"observedGeneration": 4}}));
    let creating = |kind: Kind| with(kind, starting(member(kind, "web-2", "good")));
    let cases: Vec<(&str, Moment, i64, State)> = vec![
        ("paused", is_paused, 10, paused()),
        (
            "paused, whatever its pods show",
            with(Kind::Deployment, crashing(member(Kind::Deployment, "web-2", "bad")))
                .edit(json!({"spec": {"paused": true}})),
            10,
            paused(),
        ),
        ("a pod of a node that is silent", with(set, silent(deleted(set))), 80, terminating(lost())),
        ("not deleted yet", with(set, silent(member(set, "web-2", "bad"))), 70, terminating(lost())),
        (
            "a finalizer",
            with(Kind::StatefulSet, finalized),
            80,
            terminating(DeletionBlocker::Finalizers(vec!["x.io/held".into()])),
        ),
        (
            "its node came and went",
            with(set, silent(member(set, "web-2", "good"))),
            70,
            stalled(Cause::Problem(problem("web-2", "NodeLost")), true),
        ),
        (
            "a silent node, and a pod that starts on another",
            half(set).pods(vec![
                member(set, "web-0", "good"),
                starting(member(set, "web-1", "good")),
                silent(deleted(set)),
            ]),
            610,
            stalled(edited(unchanged(1, 1), |_, counts| counts.terminating = 1), false),
        ),
        (
            "a broken pod that OnDelete keeps, beside one that was deleted",
            half(Kind::StatefulSet).edit(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).pods(
                vec![
                    member(Kind::StatefulSet, "web-0", "good"),
                    starting(member(Kind::StatefulSet, "web-1", "good")),
                    starting(member(Kind::StatefulSet, "web-2", "bad")),
                ],
            ),
            610,
            stalled(edited(unchanged(1, 1), |_, counts| counts.total = 2), false),
        ),
        ("nothing at all", creating(Kind::StatefulSet), 610, stalled(unchanged(2, 1), false)),
        (
            "its controller is away",
            unseen,
            610,
            failed(Cause::Unchanged { seconds: 600, waiting: Waiting::Controller }),
        ),
        (
            "none of it runs",
            half(Kind::StatefulSet).pods(vec![starting(member(Kind::StatefulSet, "web-0", "good"))]),
            610,
            failed(unchanged(0, 1)),
        ),
        (
            "a deadline that its controller does not keep",
            creating(Kind::Deployment).edit(json!({"spec": {"progressDeadlineSeconds": 100}})),
            170,
            stalled(edited(unchanged(2, 1), |seconds, _| *seconds = 160), false),
        ),
    ];
    for (case, moment, second, expected) in cases {
        assert_eq!(end(&moment), (second, expected), "{case}");
    }
}

#[test]
fn what_is_promised_for_later_is_waited_for() {
    let kind = Kind::StatefulSet;
    let moment = with(kind, member(kind, "web-2", "good")).edit(json!({"spec": {"minReadySeconds": 3600}}));
    assert_eq!(end(&moment).0, 5 + 3600 + 600);
}

#[test]
fn a_server_that_was_away_showed_nothing_and_so_proves_nothing() {
    let kind = Kind::StatefulSet;
    let moment = with(kind, starting(member(kind, "web-2", "good")));
    let mut tracker = moment.tracker();
    tracker.look(moment.view());
    tracker.resume(at(500));
    assert_eq!(end_of(&mut tracker, &moment).0, 1100);
}

/// R3: neither a fault after `--fail-after`, nor a failure when the progress deadline passes: only a node can help.
#[test]
fn a_pod_that_a_node_is_coming_for_is_waited_for() {
    let kind = Kind::Deployment;
    let pod = member(kind, "web-2", "good").edit(json!({"spec": {"nodeName": null}, "status": {"phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}}));
    let nominated = json!({"reason": "Nominated", "note": "Pod should schedule on: nodeclaim/x",
        "regarding": {"kind": "Pod", "uid": "uid-web-2"}, "deprecatedLastTimestamp": at(8).to_string()});
    let alone = with(kind, pod);
    let (second, state) = end(&alone);
    assert!(second == 70 && matches!(&state, State::Failed { cause: Cause::Problem(_), .. }), "{state:?}");

    let promised = alone.event(nominated);
    let node = || Waiting::Problem(problem("web-2", "Unschedulable"));
    let progress = promised.look();
    assert!(progress.state == State::Moving && matches!(progress.waiting, Waiting::Problem(_)));
    assert_eq!(end(&promised), (670, stalled(Cause::Unchanged { seconds: 660, waiting: node() }, true)));
    let passed = json!({"status": {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-good\" has timed out progressing.", "lastUpdateTime": at(9).to_string()}]}});
    let late = promised.edit(passed);
    assert_eq!(late.state(), stalled(Cause::ProgressDeadline { seconds: 600, waiting: node() }, true));
}

/// R4
#[test]
fn another_template_is_a_restart_the_one_from_before_or_somebody_elses() {
    let replaced = |edit: Value| {
        let mut template = template("good");
        merge(&mut template, edit);
        let object = json!({"metadata": {"generation": 6, "managedFields": [{"manager": "kim", "operation": "Update",
            "time": at(7).to_string(), "fieldsV1": {"f:spec": {"f:template": {}}}}]}, "spec": {"template": template}});
        Moment::of(Kind::Deployment).edit(object).state()
    };
    let restarted = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}});
    let image = |image: &str| json!({"spec": {"containers": [{"name": "main", "image": image}]}});
    let by = Some(Author { manager: "kim".into(), at: at(7) });
    assert_eq!(replaced(restarted), State::Superseded { by: by.clone(), restart: true });
    assert_eq!(replaced(image("other")), State::Superseded { by: by.clone(), restart: false });
    assert_eq!(replaced(image("bad")), State::Reverted { by });
}

/// R15: the server's clock is for the ages of objects; it may jump, as when another API server answers.
#[test]
fn patience_is_counted_by_our_own_clock() {
    let kind = Kind::Deployment;
    let pulling = waiting(member(kind, "web-2", "good"), "ErrImagePull", "EOF");
    let moment = with(kind, pulling);
    let mut tracker = moment.tracker();
    let mut state = |theirs: i64, monotonic_now: i64| {
        let mut view = moment.view();
        (view.now, view.monotonic_now) = (at(theirs), at(monotonic_now));
        tracker.look(view).state
    };
    assert_eq!(state(10, 10), State::Moving);
    assert_eq!(state(3610, 11), State::Moving, "an hour passed there, and a second here");
    assert_eq!(state(12, 69), State::Moving);
    assert!(matches!(state(12, 70), State::Failed { .. }));
}
