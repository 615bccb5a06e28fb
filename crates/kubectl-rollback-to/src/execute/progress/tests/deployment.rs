use cluster_model::BeingDeleted;
use cluster_model::build::PodBuild;
use cluster_model::rollout::Kind;
use serde_json::{Value, json};

use super::super::model::State;
use super::build::{Moment, at, done, failed, history, member, problem, starting, template, waiting};
use crate::outcome::PodState;
use crate::outcome::cause::{Author, Cause, Counts, PodCause, Waiting};

const KIND: Kind = Kind::Deployment;

fn status(replicas: i64, updated: i64, available: i64) -> Value {
    json!({"status": {"replicas": replicas, "updatedReplicas": updated, "readyReplicas": available, "availableReplicas": available}})
}

fn condition(reason: &str, message: &str, updated: i64) -> Value {
    json!({"status": {"conditions": [{"type": "Progressing", "reason": reason, "message": message, "lastUpdateTime": at(updated).to_string()}]}})
}

#[test]
fn done_is_the_controllers_final_status_and_no_old_pod() {
    let all = || Moment::of(KIND);
    for (case, moment, state) in [
        ("all there", all(), done()),
        ("an old one runs", all().of_pods("good good good bad"), State::Moving),
        ("an old one ends", all().of_pods("good good good bad~"), done()),
        (
            "an old one was evicted long ago",
            all().pods({
                let mut pods = all().pods;
                pods.push(member(KIND, "web-9", "bad").phase("Failed"));
                pods
            }),
            done(),
        ),
        ("a new one is not seen yet", all().of_pods("good good"), State::Moving),
        ("a new one is not Ready by the pods", all().of_pods("good good good-"), State::Moving),
        ("surplus", all().edit(status(4, 3, 3)), State::Moving),
        ("not all updated", all().edit(status(3, 2, 3)), State::Moving),
        ("not all available", all().edit(status(3, 3, 2)), State::Moving),
        ("scaled since", all().edit(json!({"spec": {"replicas": 4}})), State::Moving),
        ("scaled, not observed", all().edit(json!({"metadata": {"generation": 6}})), State::Moving),
        (
            "observed since",
            all().edit(json!({"metadata": {"generation": 6}, "status": {"observedGeneration": 6}})),
            done(),
        ),
        ("not observed", all().edit(json!({"status": {"observedGeneration": 4}})), State::Moving),
        (
            "no replicas",
            all().edit(json!({"spec": {"replicas": 0}})).edit(status(0, 0, 0)).pods(vec![]),
            done(),
        ),
        (
            "no replicas, an old pod runs",
            all().edit(json!({"spec": {"replicas": 0}})).edit(status(0, 0, 0)).of_pods("bad"),
            State::Moving,
        ),
        (
            "no ReplicaSet yet",
            Moment { histories: vec![history(KIND, "bad", 2)], ..all() }
                .edit(json!({"metadata": {"annotations": null}})),
            State::Moving,
        ),
        (
            "another Deployment's pods",
            all().pods({
                let mut pods = all().pods;
                pods.push(member(KIND, "web-9", "elsewhere"));
                pods
            }),
            done(),
        ),
        ("deleted", Moment { object: None, ..all() }, State::Deleted),
        (
            "done, and being deleted",
            all().edit(json!({"metadata": {"deletionTimestamp": at(9).to_string()}})),
            State::BeingDeleted(BeingDeleted { since: at(9), finalizers: vec![] }),
        ),
        ("made anew", all().edit(json!({"metadata": {"uid": "uid-other"}})), State::Deleted),
    ] {
        assert_eq!(moment.state(), state, "{case}");
    }
}

#[test]
fn a_view_from_before_the_write_is_no_revert() {
    let before = json!({"metadata": {"generation": 4}, "spec": {"template": template("bad")}, "status": {"observedGeneration": 4}});
    let progress = Moment::of(KIND).edit(before).of_pods("bad bad bad").look();
    assert_eq!(
        (progress.state, progress.done, progress.total, progress.waiting),
        (State::Moving, 0, 3, Waiting::Controller)
    );
}

#[test]
fn another_template_since_is_reported_with_its_author() {
    let fields = |manager: &str, second: i64, fields: Value| json!({"manager": manager, "time": at(second).to_string(), "fieldsV1": {"f:spec": fields}});
    let managed = json!([
        fields("kubectl-rollback-to", 0, json!({"f:template": {}})),
        fields("argocd-controller", 7, json!({"f:template": {}})),
        fields("hpa", 9, json!({"f:replicas": {}})),
        json!({"manager": "odd", "time": at(9).to_string(), "subresource": "status", "fieldsV1": {"f:spec": {"f:template": {}}}}),
    ]);
    let other = |managed: Value| {
        Moment::of(KIND).edit(json!({"metadata": {"generation": 6, "managedFields": managed}, "spec": {"template": template("bad")}}))
    };
    let by = Author { manager: "argocd-controller".into(), at: at(7) };
    assert_eq!(other(managed).state(), State::Reverted { by: Some(by) });
    assert_eq!(other(json!(null)).state(), State::Reverted { by: None });
    // Nothing but empty fields and their order is no other template.
    let same =
        json!({"spec": {"template": {"metadata": {"creationTimestamp": null}, "spec": {"volumes": []}}}});
    assert_eq!(Moment::of(KIND).edit(same).state(), done());
}

#[test]
fn pods_are_known_by_their_template_not_by_counts() {
    let moment = Moment::of(KIND).edit(status(4, 2, 3)).of_pods("good good- bad bad~ bad!");
    let progress = moment.look();
    let counts = Counts { available: 1, total: 3, starting: 1, old: 2, terminating: 1, ..Counts::default() };
    assert_eq!(progress.waiting, Waiting::Pods(counts));
    let message = |text: &str| Some(PodCause::Message(text.into()));
    let pods: Vec<(&str, PodState, Option<PodCause>)> =
        progress.pods.iter().map(|p| (p.name.as_str(), p.state, p.cause.clone())).collect();
    assert_eq!(
        pods,
        [
            ("web-1", PodState::Starting, message("ContainerCreating")),
            ("web-2", PodState::Old, None),
            ("web-4", PodState::Old, message("CrashLoopBackOff in container main: exit code 1, 4 restarts")),
            ("web-3", PodState::Terminating, None),
            ("web-0", PodState::Ready, None),
        ]
    );
}

#[test]
fn of_equal_replicasets_the_oldest_is_the_new_one() {
    let mut twin = history(KIND, "good", 9);
    twin["metadata"]["name"] = "web-twin".into();
    twin["metadata"]["uid"] = "uid-web-twin".into();
    let mut moment = Moment::of(KIND);
    moment.histories.push(twin);
    assert_eq!(moment.state(), done());
    // So the twin's pods are old ones.
    moment.pods.push(member(KIND, "web-9", "twin"));
    assert_eq!(moment.state(), State::Moving);
    assert_eq!(moment.look().pods[0].state, PodState::Old);
}

#[test]
fn min_ready_seconds_are_waited_for() {
    let moment = Moment::of(KIND).edit(json!({"spec": {"minReadySeconds": 30}})).edit(status(3, 3, 0));
    let mut tracker = moment.tracker();
    let progress = tracker.look(moment.view());
    assert_eq!(progress.state, State::Moving);
    assert_eq!(progress.waiting, Waiting::Pods(Counts { total: 3, ready: 3, ..Counts::default() }));
    assert_eq!(progress.pods[0].cause, Some(PodCause::MinReadySeconds));
    assert_eq!(tracker.wake_at(at(10)), Some(at(35)));
    // The controller's status counts, whatever our clock shows.
    assert_eq!(moment.edit(status(3, 3, 3)).state(), done());
}

#[test]
fn the_last_pods_that_terminate_are_counted() {
    let counts = |available, old, terminating| {
        Waiting::Pods(Counts { available, total: 3, old, terminating, ..Counts::default() })
    };
    for (words, expected) in [
        ("bad~ bad~", counts(0, 0, 2)),
        ("bad bad~", counts(0, 1, 1)),
        ("good good good bad", counts(3, 1, 0)),
    ] {
        let progress = Moment::of(KIND).edit(status(3, 0, 3)).of_pods(words).look();
        assert_eq!((progress.state, progress.waiting), (State::Moving, expected), "{words}");
    }
    assert_eq!(Moment::of(KIND).of_pods("good good good bad~").look().waiting, counts(3, 0, 1));
}

/// Also after ProgressDeadlineExceeded of an earlier rollout (jordigilh/kubernaut#199).
#[test]
fn a_deadline_counts_if_it_is_this_rollouts() {
    let passed = |replicaset: &str, second: i64| {
        condition(
            "ProgressDeadlineExceeded",
            &format!("ReplicaSet \"{replicaset}\" has timed out progressing."),
            second,
        )
    };
    let moving = || Moment::of(KIND).edit(status(4, 2, 2)).of_pods("good good good-").at(100);
    let passed_with = |waiting| Cause::ProgressDeadline { seconds: 600, waiting };
    let counts = Counts { available: 2, total: 3, starting: 1, ..Counts::default() };
    let own = failed(passed_with(Waiting::Pods(counts)));
    for (case, moment, state) in [
        ("before the write", moving().edit(passed("web-good", -30)), State::Moving),
        ("in its second", moving().edit(passed("web-good", 0)), State::Moving),
        ("another ReplicaSet's", moving().edit(passed("web-bad", 20)), State::Moving),
        ("this one's", moving().edit(passed("web-good", 20)), own.clone()),
        (
            "of no ReplicaSet in particular",
            moving().edit(condition(
                "ProgressDeadlineExceeded",
                "Deployment \"web\" has timed out progressing.",
                20,
            )),
            own,
        ),
        ("stale, and all is well", Moment::of(KIND).edit(passed("web-bad", -30)), done()),
        ("still going on", moving().edit(condition("ReplicaSetUpdated", "", 20)), State::Moving),
    ] {
        assert_eq!(moment.state(), state, "{case}");
    }
    // The pods show why, also before their own grace is over.
    let pulling = moving().edit(passed("web-good", 20)).pods(vec![waiting(
        member(KIND, "web-0", "good"),
        "ErrImagePull",
        "EOF",
    )]);
    let cause = passed_with(Waiting::Problem(problem("web-0", "ErrImagePull")));
    assert_eq!(pulling.state(), State::Failed { cause, pod: Some("web-0".into()), container: None });
}

#[test]
fn a_deadline_that_nobody_keeps_is_kept_here() {
    let stale =
        condition("NewReplicaSetAvailable", "ReplicaSet \"web-good\" has successfully progressed.", -500);
    let moment = Moment::of(KIND).edit(status(4, 2, 2)).edit(stale).of_pods("good good bad");
    let mut tracker = moment.tracker();
    assert_eq!(tracker.look(moment.view()).state, State::Moving);
    assert_eq!(tracker.wake_at(at(10)), Some(at(610)));
    assert_eq!(tracker.look(moment.clone().at(609).view()).state, State::Moving);
    assert!(matches!(tracker.look(moment.clone().at(610).view()).state, State::Failed { .. }));
    // Whatever moves starts it anew; without a deadline it has stalled some time; while it is paused, at once.
    let moved = moment.clone().of_pods("good good good- bad").at(609);
    let mut tracker = moment.tracker();
    tracker.look(moment.view());
    tracker.look(moved.view());
    assert_eq!(tracker.look(moved.at(1200).view()).state, State::Moving);
    for edit in [json!({"spec": {"progressDeadlineSeconds": i32::MAX}}), json!({"spec": {"paused": true}})] {
        let moment = moment.clone().edit(edit);
        let mut tracker = moment.tracker();
        tracker.look(moment.view());
        assert!(matches!(tracker.look(moment.at(5000).view()).state, State::Stalled { .. }));
    }
}

#[test]
fn the_time_left_follows_the_pace_since_the_write() {
    let ready = |name: &str, second: i64| {
        member(KIND, name, "good").edit(json!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at(second).to_string()}]}}))
    };
    let new = starting(member(KIND, "web-9", "good"));
    for (case, pods, second, left) in [
        ("none came", vec![new.clone()], 10, None),
        ("one was there before", vec![ready("web-0", -500), new.clone()], 10, None),
        ("one came after 10s, two to come", vec![ready("web-0", 10), new.clone()], 10, Some(20)),
        ("and 5s later", vec![ready("web-0", 10), new.clone()], 15, Some(15)),
        ("two in 10s, one to come", vec![ready("web-0", 4), ready("web-1", 10), new.clone()], 10, Some(5)),
        (
            "one before, one after 10s, one to come",
            vec![ready("web-0", -500), ready("web-1", 10), new.clone()],
            10,
            Some(10),
        ),
        ("later than its pace", vec![ready("web-0", 10), new], 40, None),
        ("all there", vec![ready("web-0", 1), ready("web-1", 1), ready("web-2", 1)], 10, None),
    ] {
        assert_eq!(
            Moment::of(KIND).edit(status(3, 3, 1)).pods(pods).at(second).look().seconds_left,
            left,
            "{case}"
        );
    }
}

/// Its controller makes no ReplicaSet until it is resumed, and leaves the number of the old one on the Deployment.
#[test]
fn pods_of_a_paused_deployment_have_the_old_template() {
    let paused = json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}, "spec": {"paused": true}});
    let mut moment = Moment::of(KIND).edit(paused).edit(status(3, 0, 2)).of_pods("bad bad bad!");
    moment.histories.truncate(1);
    let states: Vec<PodState> = moment.look().pods.iter().map(|pod| pod.state).collect();
    assert_eq!(states, [PodState::Old; 3]);
}

/// What is left is that its pods become available, which a pause does not prevent.
#[test]
fn a_pause_after_all_pods_were_updated_changes_nothing() {
    let paused = json!({"spec": {"paused": true}});
    let starting = Moment::of(KIND).edit(status(3, 3, 2)).edit(paused.clone()).of_pods("good good good-");
    assert_eq!(starting.state(), State::Moving);
    assert_eq!(
        Moment::of(KIND).edit(status(3, 3, 3)).edit(paused.clone()).of_pods("good good good").state(),
        done()
    );
    let replacing = Moment::of(KIND).edit(status(3, 2, 3)).edit(paused).of_pods("good good bad");
    assert!(matches!(replacing.state(), State::Stalled { cause: Cause::Paused(_), .. }));
}
