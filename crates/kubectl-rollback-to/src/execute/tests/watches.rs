//! Which watches a run opens.

use testbed::fake::Answer;

use super::play::{Play, ends};
use super::world::{DEPLOYMENTS, EVENTS, PODS, REPLICASETS};
use crate::outcome::Verdict;

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
        assert!(outcomes.iter().all(|outcome| outcome.result == Verdict::Done), "{:?}", ends(&outcomes));
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
    assert_eq!(ends(&play.run().await), ["Done: ", "Done: "]);
    let asked = play.fake.requests();
    for name in ["web", "api"] {
        let by_name = format!("fieldSelector=metadata.name%3D{name}");
        assert!(asked.iter().any(|it| it.path == DEPLOYMENTS && it.query.contains(&by_name)), "{asked:?}");
    }
}
