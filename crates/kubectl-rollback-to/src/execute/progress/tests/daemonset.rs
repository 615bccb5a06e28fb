use cluster_model::rollout::Kind;
use serde_json::json;

use super::super::model::State;
use super::build::{Moment, done, history, kept};
use crate::outcome::cause::KeptBy;

const KIND: Kind = Kind::DaemonSet;

#[test]
fn done_on_every_node_it_fits_on() {
    let all = || Moment::of(KIND);
    let status = |field: &str, n: i64| json!({"status": {field: n}});
    let mut dedup = histories_of_two_equal();
    dedup.reverse();
    for (case, moment, state) in [
        ("all there", all(), done()),
        ("not on all nodes", all().edit(status("updatedNumberScheduled", 2)), State::Moving),
        ("not available on all", all().edit(status("numberAvailable", 2)), State::Moving),
        ("one node more", all().edit(status("desiredNumberScheduled", 4)), State::Moving),
        ("an old one runs", all().of_pods("good good good bad"), State::Moving),
        ("an old one ends", all().of_pods("good good good bad~"), done()),
        ("on no node", all().edit(json!({"status": {"desiredNumberScheduled": 0, "updatedNumberScheduled": 0, "numberAvailable": 0}})).pods(vec![]), done()),
        ("of equal revisions the newest", Moment { histories: dedup, ..all() }, State::Moving),
        ("OnDelete", all().edit(json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).of_pods("bad bad good"), kept(KeptBy::OnDelete, 1, &["web-0", "web-1"])),
        // Old unavailable pods are replaced first (`daemon/update.go`, rollingUpdate): no trap.
        ("an old one is broken", all().edit(status("updatedNumberScheduled", 2)).of_pods("bad! good good"), State::Moving),
    ] {
        assert_eq!(moment.state(), state, "{case}");
    }
}

fn histories_of_two_equal() -> Vec<serde_json::Value> {
    let mut newer = history(KIND, "good", 7);
    newer["metadata"]["uid"] = "uid-newer".into();
    newer["metadata"]["labels"]["controller-revision-hash"] = "newer".into();
    vec![history(KIND, "good", 3), newer]
}
