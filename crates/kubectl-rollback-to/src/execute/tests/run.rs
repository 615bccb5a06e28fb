//! Whole runs: watched, restored, unstuck, recorded.

use std::time::{Duration, Instant};

use cluster_model::rollout::Kind;
use serde_json::{Value, json};
use testbed::fake::Answer;

use super::play::{Play, ends, over};
use super::world::{DEPLOYMENTS, EVENTS, PODS, REVISIONS, STATEFULSETS};
use crate::execute::event::{Event, Note};
use crate::journal;
use crate::options::OnFailure;
use crate::outcome::cause::Author;
use crate::outcome::reason::{Already, BlockedByPod, Change, End, EndedAt, NotRestored, Reason, Unobserved};
use crate::outcome::{PodState, RolloutResult};
use crate::plan::Action;
use crate::snapshot::{Owner, Reverts};

#[tokio::test]
async fn a_rollout_is_watched_to_its_end_and_recorded() {
    let mut play = Play::deployments(&[("web", "good")]);
    play.options.reason = Some("incident 7".into());
    let path = play.journal();
    let mut journal_at_write = String::new();
    let outcomes = play
        .run_reacting(std::future::pending(), |event| {
            if matches!(event, Event::Written { .. }) {
                journal_at_write = std::fs::read_to_string(&path).unwrap();
            }
        })
        .await;
    assert_eq!(ends(&outcomes), [over(RolloutResult::Done, [])]);
    let pods: Vec<(&str, PodState)> = outcomes[0].pods.iter().map(|p| (p.name.as_str(), p.state)).collect();
    assert_eq!(pods, [("web-good-0", PodState::Ready)]);

    // The intent was there before the write, and has what is needed to undo it.
    let intent: Value = serde_json::from_str(journal_at_write.trim()).unwrap();
    assert_eq!(intent["workloads"][0]["fromTemplate"], play.snapshot.rollouts[0].object["spec"]["template"]);
    assert_eq!(intent["workloads"][0]["result"], Value::Null);
    let last = journal::last(&play.journal(), &play.fake.url(), None).unwrap().unwrap();
    assert_eq!((last.workloads[0].result.as_deref(), last.workloads[0].written), (Some("done"), Some(true)));
    assert!(!journal_at_write.contains("fake-token"));

    let posted = play.fake.requests().into_iter().find(|r| r.method == "POST" && r.path == EVENTS).unwrap();
    let event = posted.json();
    assert_eq!(event["note"], "rolled back from revision 2 to revision 1 (web=good): incident 7");
    assert_eq!(event["regarding"]["uid"], "uid-web");
}

#[tokio::test]
async fn when_the_second_fails_all_three_end_where_they_began() {
    let mut play = Play::deployments(&[("web", "good"), ("api", "bad"), ("job", "good")]);
    play.options.on_failure = OnFailure::Restore;
    let log = "/api/v1/namespaces/shop/pods/api-bad-0/log";
    play.fake.on("GET", log).answer(Answer::text(200, "starting\nDB_PASSWORD=hunter2\nboom\n"));
    let start: Vec<Value> = ["web", "api", "job"].map(|n| play.world.get(DEPLOYMENTS, n).unwrap()).into();
    let outcomes = play.run().await;
    assert!(
        outcomes.iter().all(|o| o.result == RolloutResult::Restored),
        "{:?} {:#?}",
        ends(&outcomes),
        play.events()
    );
    for before in start {
        let after = play.world.get(DEPLOYMENTS, before["metadata"]["name"].as_str().unwrap()).unwrap();
        assert_eq!(after["spec"]["template"], before["spec"]["template"]);
        assert_eq!(after["metadata"]["annotations"], before["metadata"]["annotations"]);
    }
    // The last one written is the first to be restored.
    let order = ["web", "api", "job", "job", "api", "web"].map(|name| format!("PATCH {name}"));
    assert_eq!(play.writes(), order);
    let asked: Vec<String> =
        play.fake.requests().iter().filter(|r| r.path == log).map(|r| r.query.clone()).collect();
    assert_eq!(asked, ["previous=true&container=web&tailLines=10&limitBytes=65536"]);
    let lines = ["starting", "DB_PASSWORD=***", "boom"];
    let is_logged = |event: &Event| matches!(event, Event::Failed { log, .. } if *log == lines);
    assert!(play.reported(is_logged), "{:#?}", play.events());
    assert_eq!(outcomes[1].failed_pods[0].log, lines);
}

#[tokio::test]
async fn what_somebody_else_edited_meanwhile_is_left_alone() {
    let mut play = Play::deployments(&[("web", "good"), ("api", "bad")]);
    play.options.on_failure = OnFailure::Restore;
    let world = play.world.clone();
    let edited = |event: &Event| {
        if matches!(event, Event::Failed { .. }) {
            let edit = json!({"spec": {"template": {"metadata": {"annotations": {"by": "hand"}}}}});
            world.edit(DEPLOYMENTS, "web", edit);
        }
    };
    let outcomes = play.run_reacting(std::future::pending(), edited).await;
    assert_eq!(outcomes[1].result, RolloutResult::Restored);
    assert_eq!(outcomes[0].result, RolloutResult::Superseded, "{:?}", ends(&outcomes));
    let change = Change::Template { by: None, images: Vec::new() };
    assert_eq!(outcomes[0].reasons.last(), Some(&Reason::NotRestored(NotRestored::Changed(change))));
    let web = play.world.get(DEPLOYMENTS, "web").unwrap();
    assert_eq!(web["spec"]["template"]["metadata"]["annotations"]["by"], "hand");
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "good");
    assert_eq!(play.world.image(DEPLOYMENTS, "api"), "now");
}

#[tokio::test]
async fn without_consent_nothing_is_restored() {
    for on_failure in [OnFailure::Stop, OnFailure::Ask] {
        let mut play = Play::deployments(&[("web", "bad")]);
        play.options.on_failure = on_failure;
        let outcomes = play.run().await;
        assert_eq!(outcomes[0].result, RolloutResult::Failed);
        assert_eq!(play.writes(), ["PATCH web"]);
        assert_eq!(play.world.image(DEPLOYMENTS, "web"), "bad");
        let notes: Vec<Value> = play
            .fake
            .requests()
            .iter()
            .filter(|r| r.path == EVENTS && r.method == "POST")
            .map(|r| r.json())
            .collect();
        assert_eq!(notes[0]["reason"], "RollbackFailed");
    }
}

#[tokio::test]
async fn a_stuck_statefulset_is_freed_by_deleting_exactly_the_pod_that_was_seen() {
    let mut play = Play::stuck_statefulset();
    play.agree_to_delete();
    play.options.reason = Some("incident 7".into());
    let version = play.world.get(PODS, "db-1").unwrap()["metadata"]["resourceVersion"].take();
    let outcomes = play.run().await;
    assert_eq!(ends(&outcomes), [over(RolloutResult::Done, [])], "{:#?}", play.events());
    assert_eq!(play.writes(), ["PATCH db", "DELETE db-1", "PATCH db-good"]);
    let delete = play.fake.requests().into_iter().find(|r| r.method == "DELETE").unwrap();
    assert_eq!(
        delete.json(),
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "uid-db-1-now", "resourceVersion": version}}),
        "no force, no other grace period"
    );
    assert!(play.reported(|event| matches!(event, Event::Unstuck(pod) if pod == "db-1")));
    // The revision gets its new cause; the controller would leave the old one there.
    let revision = play.world.get(REVISIONS, "db-good").unwrap();
    assert_eq!(revision["metadata"]["annotations"]["kubernetes.io/change-cause"], "incident 7");
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_looked_up() {
    for (applied, deletes) in [(true, 1), (false, 2)] {
        let mut play = Play::stuck_statefulset();
        play.agree_to_delete();
        let world = play.world.clone();
        play.fake.on("DELETE", "*/db-1").once().answer(Answer::compute(move |request| {
            if applied {
                world.delete(PODS, request);
            }
            Answer::cut()
        }));
        assert_eq!(ends(&play.run().await), [over(RolloutResult::Done, [])], "applied: {applied}");
        assert_eq!(play.writes().iter().filter(|w| w.starts_with("DELETE")).count(), deletes);
        assert!(play.reported(|event| matches!(event, Event::Unstuck(_))));
    }
}

#[tokio::test]
async fn a_pod_that_is_not_as_it_was_read_is_read_again_before_it_is_deleted() {
    let mut play = Play::stuck_statefulset();
    play.agree_to_delete();
    let world = play.world.clone();
    play.fake.on("DELETE", "*/db-1").once().answer(Answer::compute(move |request| {
        world.edit(PODS, "db-1", json!({"metadata": {"labels": {"touched": "yes"}}}));
        world.delete(PODS, request)
    }));
    assert_eq!(ends(&play.run().await), [over(RolloutResult::Done, [])], "{:#?}", play.events());
    let deletes: Vec<Value> =
        play.fake.requests().iter().filter(|r| r.method == "DELETE").map(|r| r.json()).collect();
    let [first, second] = deletes.as_slice() else { panic!("{deletes:?}") };
    assert_ne!(first["preconditions"]["resourceVersion"], second["preconditions"]["resourceVersion"]);
}

/// The watch has shown the end of it; a read does not.
#[tokio::test]
async fn done_is_claimed_of_a_fresh_read_and_never_of_what_was_watched() {
    let play = Play::deployments(&[("web", "good")]);
    let (world, ui) = (play.world.clone(), play.ui.clone());
    play.fake.on("GET", &format!("{DEPLOYMENTS}/web")).answer(Answer::compute(move |_| {
        let mut object = world.get(DEPLOYMENTS, "web").unwrap();
        object["status"]["availableReplicas"] = json!(0);
        ui.interrupt();
        Answer::json(object)
    }));
    let interrupted = play.ui.interrupted();
    let outcomes = play.run_reacting(interrupted, |_| ()).await;
    assert_eq!(outcomes[0].result, RolloutResult::Interrupted, "{:?}", ends(&outcomes));
    assert!(!play.reported(|event| matches!(event, Event::Done(_))), "{:#?}", play.events());
}

#[tokio::test]
async fn a_pod_that_came_since_is_not_deleted() {
    let mut play = Play::stuck_statefulset();
    play.agree_to_delete();
    let world = play.world.clone();
    play.fake.on("DELETE", "*/db-1").once().answer(Answer::compute(move |request| {
        // Its controller was faster: what has the name now is another one.
        let mut seen = request.clone();
        seen.body = json!({"preconditions": {"uid": "uid-db-1-now"}}).to_string();
        world.delete(PODS, &seen);
        world.delete(PODS, request)
    }));
    assert_eq!(ends(&play.run().await), [over(RolloutResult::Done, [])], "{:#?}", play.events());
    assert_eq!(play.writes(), ["PATCH db", "DELETE db-1"]);
    assert!(!play.reported(|event| matches!(event, Event::Unstuck(_))), "it was not this that did it");
}

#[tokio::test]
async fn a_change_cause_that_cannot_be_written_to_the_revision_is_only_reported() {
    let mut play = Play::stuck_statefulset();
    play.agree_to_delete();
    play.options.reason = Some("incident 7".into());
    play.fake.on("PATCH", "*/db-good").answer(Answer::status(403, "Forbidden", "no"));
    assert_eq!(ends(&play.run().await), [over(RolloutResult::Done, [])]);
    let message = "cannot annotate it: no (Forbidden, 403)".to_owned();
    assert_eq!(play.notes(), [Note::ChangeCauseKept(message)]);
}

#[tokio::test]
async fn without_consent_the_revision_to_continue_with_is_given() {
    let play = Play::stuck_statefulset();
    let outcomes = play.run().await;
    assert_eq!(outcomes[0].result, RolloutResult::Failed);
    let [Reason::BlockedByPod { pod, why: BlockedByPod::UntilDeleted { revision: Some(3), .. } }] =
        outcomes[0].reasons.as_slice()
    else {
        panic!("{:?}", outcomes[0].reasons);
    };
    assert_eq!(pod, "db-1");
    assert_eq!(play.writes(), ["PATCH db"]);
    assert_eq!(play.world.image(STATEFULSETS, "db"), "good");
}

#[tokio::test]
async fn a_right_that_is_missing_stops_the_watch_and_undoes_nothing() {
    let mut play = Play::deployments(&[("web", "good")]);
    play.options.on_failure = OnFailure::Restore;
    play.fake.on("GET", PODS).answer(Answer::status(403, "Forbidden", "no"));
    play.fake.on("GET", EVENTS).answer(Answer::status(403, "Forbidden", "no"));
    play.fake.on("POST", EVENTS).answer(Answer::status(403, "Forbidden", "no"));
    let outcomes = play.run().await;
    let why = Unobserved::Message("cannot watch pods: no (Forbidden, 403)".into());
    assert_eq!(ends(&outcomes), [over(RolloutResult::Failed, [Reason::Unobserved { why, restored: false }])]);
    assert_eq!(play.writes(), ["PATCH web"]);
    assert!(play.notes().iter().any(|note| matches!(note, Note::NotRecorded(_))));
}

#[tokio::test]
async fn events_are_only_a_help() {
    let play = Play::deployments(&[("web", "slow")]);
    play.fake.on("GET", EVENTS).answer(Answer::status(403, "Forbidden", "no"));
    let world = play.world.clone();
    let outcomes = play
        .run_reacting(std::future::pending(), |event| {
            // It goes on without them, and reports that.
            if matches!(event, Event::Note(Note::EventsUnavailable(_))) {
                world.edit(
                    DEPLOYMENTS,
                    "web",
                    json!({"spec": {"replicas": 0}, "status": {"replicas": 0, "updatedReplicas": 0,
                    "readyReplicas": 0, "availableReplicas": 0}}),
                );
            }
        })
        .await;
    assert_eq!(ends(&outcomes), [over(RolloutResult::Done, [Reason::NoPods(Kind::Deployment)])]);
}

#[tokio::test]
async fn ctrl_c_and_the_deadline_leave_the_rollout_going_on() {
    let at = EndedAt::Watching { written: true };
    let play = Play::deployments(&[("web", "slow")]);
    let ui = play.ui.clone();
    let interrupted = play.ui.interrupted();
    let outcomes = play
        .run_reacting(interrupted, |event| {
            if matches!(event, Event::Moved { .. }) {
                ui.interrupt();
            }
        })
        .await;
    let ended = Reason::Ended { by: End::Interrupted, at, pods: (0, 1) };
    assert_eq!(ends(&outcomes), [over(RolloutResult::Interrupted, [ended])]);

    let mut play = Play::deployments(&[("web", "slow")]);
    play.deadline = Some(Instant::now() + Duration::from_millis(300));
    let outcomes = play.run().await;
    let [Reason::Ended { by: End::Timeout, at: ended_at, .. }] = outcomes[0].reasons.as_slice() else {
        panic!("{:?}", outcomes[0]);
    };
    assert_eq!((*ended_at, outcomes[0].result), (at, RolloutResult::Timeout));
    assert_eq!(play.writes(), ["PATCH web"]);
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "slow");
}

#[tokio::test]
async fn an_owner_that_reverts_it_at_once_is_named() {
    let mut play = Play::deployments(&[("web", "good")]);
    play.options.on_failure = OnFailure::Restore;
    let owner = Owner {
        who: "Argo CD application shop".into(),
        reverts: Reverts::Perhaps("self-heal".into()),
        instead: String::new(),
        controls: Default::default(),
    };
    play.snapshot.owners.insert("uid-web".into(), vec![owner]);
    let world = play.world.clone();
    let outcomes = play
        .run_reacting(std::future::pending(), |event| {
            if matches!(event, Event::Done(_)) {
                let mut object = world.get(DEPLOYMENTS, "web").unwrap();
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("now");
                object["metadata"]["managedFields"] = json!([{"manager": "argocd-controller", "operation": "Apply",
                    "apiVersion": "apps/v1", "time": "2099-01-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}}]);
                world.put(DEPLOYMENTS, object);
            }
        })
        .await;
    let by = Author { manager: "argocd-controller".into(), at: "2099-01-01T00:00:00Z".parse().unwrap() };
    assert_eq!(ends(&outcomes), [over(RolloutResult::Failed, [Reason::Reverted(Some(by))])]);
    assert_eq!(play.writes(), ["PATCH web"], "it is not written again");
}

#[tokio::test]
async fn a_workload_that_is_deleted_meanwhile_is_reported_as_deleted() {
    // Also when another one has its name at once.
    for again in [false, true] {
        let play = Play::deployments(&[("web", "slow")]);
        let world = play.world.clone();
        let delete = |event: &Event| {
            if matches!(event, Event::Moved { .. }) {
                match again {
                    true => world.edit(DEPLOYMENTS, "web", json!({"metadata": {"uid": "another"}})),
                    false => world.remove(DEPLOYMENTS, "web"),
                }
            }
        };
        let outcomes = play.run_reacting(std::future::pending(), delete).await;
        assert_eq!(ends(&outcomes), [over(RolloutResult::Failed, [Reason::Deleted])]);
    }
}

/// A run before wrote it, and was not waited for, or did not succeed.
#[tokio::test]
async fn a_template_that_is_there_already_is_no_proof_that_its_pods_are() {
    let already = || Already::Live(Some(1));
    for (image, result, reason) in [
        ("good", RolloutResult::Unchanged, Reason::Already(already())),
        ("bad", RolloutResult::Failed, Reason::AlreadyBut { already: already(), pods: Some((0, 1)) }),
    ] {
        let mut play = Play::deployments(&[("web", image)]);
        play.run().await;
        play.plan.steps[0].action = Action::Nothing;
        let object = play.world.get(DEPLOYMENTS, "web").unwrap();
        play.snapshot.rollouts[0].object = object;
        let writes = play.writes().len();
        let outcomes = play.run().await;
        assert_eq!((outcomes[0].result, outcomes[0].reasons.first()), (result, Some(&reason)));
        assert_eq!(play.writes().len(), writes, "nothing is written");
    }
}
