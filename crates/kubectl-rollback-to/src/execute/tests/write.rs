//! The guarded write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::json;
use testbed::fake::Answer;

use super::play::{Ended, Play, ends, over};
use super::world::DEPLOYMENTS;
use crate::execute::event::{Event, Note};
use crate::execute::wire::{self, Content};
use crate::options::{OnFailure, Options};
use crate::outcome::RolloutResult;
use crate::outcome::cause::Author;
use crate::outcome::reason::{Change, Reason};

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

fn written() -> Ended {
    over(RolloutResult::Done, [Reason::NotWatched])
}

fn refused(reason: Reason) -> Ended {
    over(RolloutResult::Refused, [reason, Reason::NothingWritten])
}

/// One Deployment, written and not watched.
fn one() -> Play {
    let mut play = Play::deployments(&[("web", "good")]);
    play.options.wait = false;
    play
}

#[tokio::test]
async fn it_is_one_patch_guarded_by_uid_and_template() {
    let mut play = one();
    play.options.field_manager = "my tool&dryRun=All".into();
    let outcomes = play.run().await;
    assert_eq!(ends(&outcomes), [written()]);
    let [patch] = &play.patches("web")[..] else { panic!("{:?}", play.writes()) };
    assert_eq!((patch.path.as_str(), patch.query.as_str()), (WEB, "fieldManager=my%20tool%26dryRun%3DAll"));
    assert_eq!(patch.headers["content-type"], "application/json-patch+json");
    let template = |image: &str| {
        format!(
            r#"{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"image":"{image}","name":"web","newField":{{"kept":true}}}}]}}}}"#
        )
    };
    assert_eq!(
        patch.body,
        format!(
            concat!(
                r#"[{{"op":"test","path":"/metadata/uid","value":"uid-web"}},"#,
                r#"{{"op":"test","path":"/spec/template","value":{now}}},"#,
                r#"{{"op":"replace","path":"/spec/template","value":{good}}}]"#
            ),
            now = template("now"),
            good = template("good")
        )
    );
}

#[tokio::test]
async fn the_reason_goes_with_it_and_other_annotations_stay() {
    let mut play = one();
    play.options.reason = Some("incident 7".into());
    play.run().await;
    assert_eq!(
        play.world.get(DEPLOYMENTS, "web").unwrap()["metadata"]["annotations"],
        json!({"deployment.kubernetes.io/revision": "2", "kubernetes.io/change-cause": "incident 7"})
    );
    assert_eq!(play.writes(), ["PATCH web"]);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_before_anything_is_repeated() {
    for (applied, patches) in [(true, 1), (false, 2)] {
        let play = one();
        let world = play.world.clone();
        play.fake.on("PATCH", WEB).once().answer(Answer::compute(move |request| {
            if applied {
                world.apply(DEPLOYMENTS, request);
            }
            Answer::cut()
        }));
        assert_eq!(ends(&play.run().await), [written()]);
        assert_eq!(play.patches("web").len(), patches, "applied: {applied}");
        let asked: Vec<String> = play.fake.requests().iter().map(|r| r.method.clone()).collect();
        assert_eq!(asked[..2], ["PATCH", "GET"]);
        assert_eq!(play.world.image(DEPLOYMENTS, "web"), "good");
        assert!(play.was_unavailable());
    }
}

#[tokio::test]
async fn a_lost_race_overwrites_nothing() {
    let play = one();
    let edit = json!({"metadata": {"managedFields": [{"manager": "argocd-controller", "time": "2026-01-02T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:template": {}}}}]},
        "spec": {"template": {"metadata": {"annotations": {"edited": "yes"}}}}});
    play.world.edit(DEPLOYMENTS, "web", edit);
    let outcomes = play.run().await;
    let by = Author { manager: "argocd-controller".into(), at: "2026-01-02T00:00:00Z".parse().unwrap() };
    assert_eq!(
        ends(&outcomes),
        [refused(Reason::ChangedAfterPlanning(Change::Template { by: Some(by), images: Vec::new() }))]
    );
    assert!(outcomes[0].changed);
    assert_eq!(play.writes(), ["PATCH web"], "one, that was refused");
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "now");
}

#[tokio::test]
async fn an_autoscaler_or_a_status_is_no_race() {
    let play = one();
    play.world.edit(DEPLOYMENTS, "web", json!({"metadata": {"generation": 9}, "spec": {"replicas": 7}}));
    assert_eq!(ends(&play.run().await), [written()]);
    assert_eq!(play.world.get(DEPLOYMENTS, "web").unwrap()["spec"]["replicas"], 7);
}

#[tokio::test]
async fn an_annotation_that_somebody_changed_is_not_overwritten() {
    let mut play = one();
    play.options.reason = Some("incident 7".into());
    // The plan knew a cause; somebody took it away since, so that there is nothing to replace.
    let seen = &mut play.snapshot.rollouts[0].object;
    seen["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!("old");
    let change = Change::Annotation("kubernetes.io/change-cause".into());
    assert_eq!(ends(&play.run().await), [refused(Reason::ChangedAfterPlanning(change))]);
    assert_eq!(play.patches("web").len(), 1);
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "now");
}

#[tokio::test]
async fn a_request_is_repeated_after_the_delay_that_a_busy_server_sends() {
    let play = one();
    play.fake.on("PATCH", WEB).times(2).answer(Answer::text(429, "slow down").header("Retry-After", "0"));
    assert_eq!(ends(&play.run().await), [written()]);
    assert_eq!(play.writes().len(), 3);
}

#[tokio::test]
async fn how_long_to_wait_is_in_a_header_also_without_a_status() {
    let play = one();
    for (answer, expected) in [
        (Answer::text(429, "slow down").header("Retry-After", "7"), Some(Duration::from_secs(7))),
        (Answer::text(429, "slow down"), None),
        (Answer::text(429, "slow down").header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), None),
    ] {
        play.fake.on("PATCH", WEB).once().answer(answer);
        let cluster = play.cluster().await;
        let refusal = wire::send::<serde_json::Value>(&cluster, Method::PATCH, WEB, Content::Patch(&[]))
            .await
            .unwrap_err();
        assert_eq!(refusal.retry_after, expected);
    }
}

#[tokio::test]
async fn a_missing_right_is_named_with_what_grants_it() {
    let play = one();
    let forbidden =
        "deployments.apps \"web\" is forbidden: User \"me\" cannot patch resource \"deployments\"";
    play.fake.on("PATCH", WEB).answer(Answer::status(403, "Forbidden", forbidden));
    let message = format!(
        "cannot write deployment/web: {forbidden} (Forbidden, 403); \
         grant {{apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}}"
    );
    let reasons = [Reason::Message(message), Reason::NothingWritten];
    assert_eq!(ends(&play.run().await), [over(RolloutResult::Failed, reasons)]);
}

#[tokio::test]
async fn one_that_was_made_again_is_another_one() {
    let play = one();
    play.world.edit(DEPLOYMENTS, "web", json!({"metadata": {"uid": "another"}}));
    assert_eq!(ends(&play.run().await), [refused(Reason::DeletedAfterPlanning)]);
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "now");
}

#[tokio::test]
async fn what_a_webhook_made_of_it_is_reported_and_is_the_guard_of_the_restore() {
    let mut play = Play::deployments(&[("web", "good"), ("api", "good")]);
    play.options = Options { wait: false, on_failure: OnFailure::Restore, ..play.options };
    let world = play.world.clone();
    play.fake.on("PATCH", WEB).once().answer(Answer::compute(move |request| {
        world.apply(DEPLOYMENTS, request);
        world.edit(
            DEPLOYMENTS,
            "web",
            json!({"spec": {"template": {"metadata": {"labels": {"injected": "yes"}}}}}),
        );
        Answer::json(world.get(DEPLOYMENTS, "web").unwrap())
    }));
    let api = "/apis/apps/v1/namespaces/shop/deployments/api";
    play.fake.on("PATCH", api).answer(Answer::status(403, "Forbidden", "no"));
    let outcomes = play.run().await;
    assert!(play.reported(|event| matches!(event, Event::Written { mutated: true, .. })));
    assert_eq!(outcomes[0].result, RolloutResult::Restored, "{:?}", outcomes[0].reasons);
    assert_eq!(play.writes(), ["PATCH web", "PATCH api", "PATCH web"]);
    let back = play.patches("web")[1].json();
    assert_eq!(
        back[1]["value"]["metadata"]["labels"]["injected"], "yes",
        "the guard is what the server answered"
    );
    assert_eq!(play.world.image(DEPLOYMENTS, "web"), "now");
}

#[tokio::test]
async fn ownership_goes_back_also_when_somebody_was_faster_once() {
    for races in [0, 1] {
        let mut play = one();
        play.options.keep_ownership = true;
        let (left, world) = (Arc::new(AtomicUsize::new(races + 1)), play.world.clone());
        play.fake.on("GET", WEB).answer(Answer::compute(move |_| {
            let object = world.get(DEPLOYMENTS, "web").unwrap();
            // Somebody writes a status right after the read.
            if left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok_and(|left| left > 1)
            {
                world.edit(DEPLOYMENTS, "web", json!({"status": {"x": 1}}));
            }
            Answer::json(object)
        }));
        assert_eq!(ends(&play.run().await), [written()]);
        let fields = play.world.get(DEPLOYMENTS, "web").unwrap()["metadata"]["managedFields"].clone();
        let managers: Vec<&str> =
            fields.as_array().unwrap().iter().map(|e| e["manager"].as_str().unwrap()).collect();
        assert_eq!(managers, ["helm"], "{races} races");
        assert_eq!(play.notes(), [Note::OwnershipReturned(vec![("helm".to_owned(), 1)])]);
        assert_eq!(play.world.image(DEPLOYMENTS, "web"), "good");
    }
}
