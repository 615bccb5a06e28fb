use cluster_model::build::{PodBuild, merge};
use cluster_model::rollout::Kind;
use serde_json::{Value, json};

use super::super::Tracker;
use super::super::model::State;
use super::build::{Moment, at, crashing, done, history, kept, member, plain, starting};
use crate::outcome::PodState;
use crate::outcome::cause::{Cause, KeptBy, PodCause, Waiting};

const KIND: Kind = Kind::StatefulSet;

fn status(updated: i64, ready: i64) -> Value {
    json!({"status": {"updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready}})
}

fn partition(n: i64) -> Value {
    json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": n}}}})
}

fn on_delete() -> Value {
    json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}})
}

/// As while it moves: the revisions have not met.
fn moving() -> Value {
    let mut edit = json!({"status": {"currentRevision": "web-bad"}});
    merge(&mut edit, status(0, 2));
    edit
}

fn stuck(pod: &str) -> State {
    State::Stuck {
        pod_version: String::new(),
        pod: pod.to_owned(),
        pod_uid: format!("uid-{pod}"),
        message: String::new(),
    }
}

#[test]
fn done_once_the_revisions_have_met() {
    let all = || Moment::of(KIND);
    for (case, moment, state) in [
        ("all there", all(), done()),
        ("the revisions have not met", all().edit(json!({"status": {"currentRevision": "web-bad"}})), State::Moving),
        ("not all ready", all().edit(status(3, 2)), State::Moving),
        ("not all available", all().edit(json!({"status": {"availableReplicas": 2}})), State::Moving),
        ("not all updated", all().edit(status(2, 3)), State::Moving),
        ("one too many", all().edit(json!({"status": {"replicas": 4}})), State::Moving),
        ("an old one runs", all().of_pods("bad good good"), State::Moving),
        ("no replicas", all().edit(json!({"spec": {"replicas": 0}, "status": {"replicas": 0}})).edit(status(0, 0)).pods(vec![]), done()),
        ("Recreate", all().edit(json!({"spec": {"updateStrategy": {"type": "Recreate"}}, "status": {"currentRevision": "web-bad"}})), done()),
        // Its template differs as JSON; the controller treats it as the same (StatefulSetSemanticRevisionComparison).
        ("a revision of an older Kubernetes", Moment { histories: vec![history(KIND, "bad", 2)], ..all() }, done()),
    ] {
        assert_eq!(moment.state(), state, "{case}");
    }
}

#[test]
fn a_partition_keeps_pods_back_and_that_is_reported() {
    let partitioned = |updated: i64, names: &[&str]| kept(KeptBy::Partition, updated, names);
    let at_partition =
        |n: i64| Moment::of(KIND).edit(partition(n)).edit(json!({"status": {"currentRevision": "web-bad"}}));
    for (case, moment, state, counts) in [
        (
            "one kept",
            at_partition(1).edit(status(2, 3)).of_pods("bad good good"),
            partitioned(2, &["web-0"]),
            (2, 2),
        ),
        (
            "two kept",
            at_partition(2).edit(status(1, 3)).of_pods("bad bad good"),
            partitioned(1, &["web-0", "web-1"]),
            (1, 1),
        ),
        (
            "all kept",
            at_partition(7).edit(status(0, 3)).of_pods("bad bad bad"),
            partitioned(0, &["web-0", "web-1", "web-2"]),
            (0, 0),
        ),
        ("none was ahead", at_partition(1).edit(status(3, 3)).of_pods("good good good"), done(), (3, 3)),
        (
            "above it one is old",
            at_partition(1).edit(status(1, 3)).of_pods("bad bad good"),
            State::Moving,
            (1, 2),
        ),
        (
            "a kept one is not ready",
            at_partition(1).edit(status(2, 2)).of_pods("bad! good good"),
            State::Moving,
            (2, 2),
        ),
        (
            "it counts from the first ordinal",
            at_partition(1).edit(status(2, 3)).edit(json!({"spec": {"ordinals": {"start": 1}}})).pods(vec![
                member(KIND, "web-1", "bad"),
                member(KIND, "web-2", "good"),
                member(KIND, "web-3", "good"),
            ]),
            partitioned(2, &["web-1"]),
            (2, 2),
        ),
    ] {
        let progress = moment.look();
        assert_eq!((progress.state, (progress.done, progress.total)), (state, counts), "{case}");
    }
    let pods = at_partition(1).edit(status(2, 3)).of_pods("bad good good").look().pods;
    let cause = PodCause::Kept { by: KeptBy::Partition, is_ready: true };
    assert_eq!((pods[0].name.as_str(), &pods[0].cause), ("web-0", &Some(cause)));
    let waits = at_partition(1).edit(status(2, 2)).of_pods("bad! good good").look();
    assert_eq!(waits.waiting, Waiting::KeptPod("web-0".into()));
}

#[test]
fn on_delete_is_done_when_nothing_comes_by_itself() {
    let set = || {
        Moment::of(KIND)
            .edit(on_delete())
            .edit(status(0, 1))
            .edit(json!({"status": {"currentRevision": "web-bad"}}))
    };
    for (case, words, state) in [
        ("nobody deleted any", "bad bad! bad", kept(KeptBy::OnDelete, 0, &["web-0", "web-1", "web-2"])),
        ("all but one", "good bad good", kept(KeptBy::OnDelete, 2, &["web-1"])),
        ("all", "good good good", done()),
        ("one comes up", "good- bad bad", State::Moving),
        ("one is to be made", "good bad", State::Moving),
        ("one ends", "good bad~ good", State::Moving),
    ] {
        assert_eq!(set().of_pods(words).state(), state, "{case}");
    }
    assert_eq!(
        set().of_pods("bad bad bad").edit(json!({"status": {"observedGeneration": 4}})).state(),
        State::Moving
    );
}

#[test]
fn a_blocking_pod_is_seen_at_once_but_not_before_the_controller_has_seen_the_template() {
    let blocked = || Moment::of(KIND).edit(moving()).of_pods("bad bad! bad");
    for (case, moment, state) in [
        ("blocked", blocked(), stuck("web-1")),
        (
            "not observed",
            blocked().edit(json!({"status": {"observedGeneration": 4, "updateRevision": "web-bad"}})),
            State::Moving,
        ),
        ("a lower one comes up", blocked().of_pods("good- bad! bad"), State::Moving),
        ("it ends", blocked().of_pods("bad bad~ bad"), State::Moving),
        ("below the partition", blocked().edit(partition(2)), State::Moving),
        ("on the target", blocked().of_pods("bad bad good-"), State::Moving),
        ("OnDelete", blocked().edit(on_delete()), kept(KeptBy::OnDelete, 0, &["web-0", "web-1", "web-2"])),
    ] {
        assert_eq!(moment.state(), state, "{case}");
    }
    // Until then `updateRevision` is another template's, and its pods are no progress.
    let unseen = Moment::of(KIND)
        .of_pods("bad bad bad")
        .edit(json!({"status": {"observedGeneration": 4, "updateRevision": "web-bad"}}));
    assert_eq!((unseen.look().done, unseen.look().pods[0].state), (0, PodState::Old));
    let pods = blocked().look().pods;
    assert_eq!((pods[0].name.as_str(), pods[0].state), ("web-1", PodState::Old));
    assert!(
        matches!(&pods[0].cause, Some(PodCause::Message(message)) if message.starts_with("CrashLoopBackOff"))
    );
}

#[test]
fn a_pod_that_was_ready_gets_a_second_look() {
    let calm = Moment::of(KIND).edit(moving()).of_pods("bad bad bad");
    let fallen = calm.clone().of_pods("bad bad! bad");
    let mut tracker = calm.tracker();
    assert_eq!(tracker.look(calm.view()).state, State::Moving);
    assert_eq!(tracker.look(fallen.clone().at(20).view()).state, State::Moving);
    assert_eq!(tracker.wake_at(at(20)), Some(at(30)));
    assert_eq!(plain(tracker.look(fallen.clone().at(30).view()).state), stuck("web-1"));
    // Also if it was so before the controller had seen the template.
    let mut tracker = calm.tracker();
    tracker.look(calm.clone().edit(json!({"status": {"observedGeneration": 4}})).view());
    assert_eq!(tracker.look(fallen.clone().at(20).view()).state, State::Moving);
    // Up again in between: it starts anew.
    let mut tracker = calm.tracker();
    for (moment, second) in [(&calm, 10), (&fallen, 20), (&calm, 25), (&fallen, 26)] {
        tracker.look(moment.clone().at(second).view());
    }
    assert_eq!(tracker.look(fallen.at(35).view()).state, State::Moving);
}

#[test]
fn parallel_is_stuck_only_when_nothing_moves() {
    let parallel = |words: &str| {
        Moment::of(KIND)
            .edit(moving())
            .edit(json!({"spec": {"podManagementPolicy": "Parallel"}}))
            .of_pods(words)
    };
    let see = |tracker: &mut Tracker, words: &str, second: i64| {
        plain(tracker.look(parallel(words).at(second).view()).state)
    };
    let mut tracker = parallel("").tracker();
    assert_eq!(see(&mut tracker, "bad bad! bad", 10), State::Moving);
    assert_eq!(tracker.wake_at(at(10)), Some(at(70)));
    assert_eq!(see(&mut tracker, "bad bad! bad", 70), stuck("web-1"));
    let mut tracker = parallel("").tracker();
    see(&mut tracker, "bad bad! bad", 10);
    see(&mut tracker, "bad bad! bad~", 50);
    assert_eq!(see(&mut tracker, "bad bad! good", 75), State::Moving);
    assert_eq!(see(&mut tracker, "bad bad! good", 134), State::Moving);
    assert_eq!(see(&mut tracker, "bad bad! good", 135), stuck("web-1"));
}

#[test]
fn a_fault_of_an_old_pod_is_not_this_rollouts() {
    let moment = Moment::of(KIND).edit(moving()).edit(partition(3)).of_pods("bad! bad! bad!");
    let mut tracker = moment.tracker();
    assert_eq!(tracker.look(moment.clone().at(10).view()).state, State::Moving);
    let cause = Cause::KeptPod { pod: "web-0".into(), by: KeptBy::Partition };
    assert_eq!(tracker.look(moment.at(100).view()).state, State::Stalled { cause, blocked: true });
}

#[test]
fn pods_are_listed_by_ordinal() {
    let pods = [10, 9, 2].map(|n| member(KIND, &format!("web-{n}"), "good")).to_vec();
    let names: Vec<String> =
        Moment::of(KIND).pods(pods).look().pods.into_iter().map(|pod| pod.name).collect();
    assert_eq!(names, ["web-2", "web-9", "web-10"]);
    let attention = vec![
        member(KIND, "web-0", "good"),
        starting(member(KIND, "web-1", "good")),
        crashing(member(KIND, "web-2", "good")),
        member(KIND, "web-3", "bad"),
        member(KIND, "web-4", "bad").deleted("2026-01-01T10:00:03Z"),
    ];
    let states: Vec<PodState> =
        Moment::of(KIND).pods(attention).look().pods.iter().map(|p| p.state).collect();
    use PodState::{Failing, Old, Ready, Starting, Terminating};
    assert_eq!(states, [Failing, Starting, Old, Terminating, Ready]);
}
