//! Which watches a run opens, and how often it reads afresh.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use testbed::fake::Answer;

use super::objects::pod;
use super::play::{Play, ends, over};
use super::world::{DEPLOYMENTS, EVENTS, PODS, REPLICASETS};
use crate::outcome::RolloutResult;
use crate::outcome::reason::{Reason, Unobserved};
use crate::plan::Action;

fn watched(play: &Play) -> Vec<String> {
    let watches = play.fake.requests().into_iter().filter(|request| request.query.contains("watch="));
    watches.map(|request| format!("{}?{}", request.path, request.query)).collect()
}

/// Each open watch takes a connection.
#[tokio::test]
async fn several_workloads_share_their_watches() {
    for names in [&["web"][..], &["web", "api", "db", "cache", "jobs"]] {
        let steps: Vec<(&str, &str)> = names.iter().map(|name| (*name, "good")).collect();
        let play = Play::deployments(&steps);
        let outcomes = play.run().await;
        assert!(
            outcomes.iter().all(|outcome| outcome.result == RolloutResult::Done),
            "{:?}",
            ends(&outcomes)
        );
        let watched = watched(&play);
        for path in [DEPLOYMENTS, REPLICASETS, PODS, EVENTS] {
            let of = watched.iter().filter(|at| at.starts_with(&format!("{path}?"))).count();
            assert!(of <= 1, "{} workloads: {watched:?}", names.len());
        }
        let narrow = watched.iter().filter(|at| !at.starts_with(EVENTS) && at.contains("Selector=")).count();
        assert_eq!(narrow > 0, names.len() == 1, "{watched:?}");
    }
}

/// A role may allow no more than that.
#[tokio::test]
async fn workloads_that_may_only_be_watched_by_name_are() {
    let play = Play::deployments(&[("web", "good"), ("api", "good")]);
    play.fake.on("GET", DEPLOYMENTS).lists().once().answer(Answer::status(403, "Forbidden", "no"));
    assert_eq!(ends(&play.run().await), [over(RolloutResult::Done, []), over(RolloutResult::Done, [])]);
    let asked = play.fake.requests();
    for name in ["web", "api"] {
        let by_name = format!("fieldSelector=metadata.name%3D{name}");
        assert!(asked.iter().any(|it| it.path == DEPLOYMENTS && it.query.contains(&by_name)), "{asked:?}");
    }
}

/// The lists of a fresh read, by their path and labels.
fn read_afresh(play: &Play) -> Vec<String> {
    let asked = play.fake.requests();
    let lists =
        asked.iter().filter(|it| it.query.starts_with("labelSelector=") && !it.query.contains("watch="));
    let labels = |query: &str| query.split('&').next().unwrap_or_default().to_owned();
    lists.map(|it| format!("{}?{}", it.path, labels(&it.query))).collect()
}

#[tokio::test]
async fn what_is_done_at_the_same_time_is_read_together() {
    let mut play = Play::deployments(&[("web", "good"), ("api", "good"), ("db", "good")]);
    for (step, name) in play.plan.steps.iter_mut().zip(["web", "api", "db"]) {
        step.action = Action::Nothing;
        let object = play.world.get(DEPLOYMENTS, name).unwrap();
        play.world
            .put(PODS, pod(&object, &format!("{name}-now-0"), &format!("{name}-now"), "ReplicaSet", true));
    }
    let outcomes = play.run().await;
    assert!(outcomes.iter().all(|it| it.result == RolloutResult::Unchanged), "{:?}", ends(&outcomes));
    let labels = "labelSelector=app%20in%20%28api%2Cdb%2Cweb%29";
    let mut lists = read_afresh(&play);
    lists.sort();
    assert_eq!(lists, [format!("{PODS}?{labels}"), format!("{REPLICASETS}?{labels}")]);
    for name in ["web", "api", "db"] {
        let path = format!("{DEPLOYMENTS}/{name}");
        let reads = play.fake.requests().iter().filter(|it| it.method == "GET" && it.path == path).count();
        assert_eq!(reads, 1, "{name}");
    }
}

/// It may be one of an old template: as long as that is not known, nothing is called done, and it is not asked for again and again.
#[tokio::test]
async fn nothing_is_done_as_long_as_a_pod_cannot_be_read() {
    let play = Play::deployments(&[("web", "good")]);
    let (world, lists) = (play.world.clone(), AtomicUsize::new(0));
    play.fake.on("GET", PODS).lists().answer(Answer::compute(move |request| {
        let mut list = world.listed(PODS, request);
        // The first is that of the watch.
        if lists.fetch_add(1, Ordering::Relaxed) > 0 {
            let mut odd = world.get(PODS, "web-good-0").unwrap();
            odd["metadata"]["name"] = json!("odd");
            odd["status"] = json!({"conditions": "none"});
            list["items"].as_array_mut().unwrap().push(odd);
        }
        Answer::json(list)
    }));
    let outcomes = play.run().await;
    let why = Unobserved::UnreadablePod("odd".into());
    assert_eq!(ends(&outcomes), [over(RolloutResult::Failed, [Reason::Unobserved { why, restored: false }])]);
}
