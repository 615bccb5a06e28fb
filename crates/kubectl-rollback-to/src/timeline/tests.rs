use super::fixture::{HOUR, History, at, template};
use super::*;
use cluster_model::rollout::Kind;
use serde_json::json;

/// `A 0 10`: a bound is a second, `a~b` or `?`; `A!` is followed by something lost, a missing end is "still".
fn stretches_of(history: &History) -> Vec<String> {
    let rollout = history.rollout();
    let bound = |bound: Bound| {
        let second = |time: Timestamp| time.as_second() - at(0).as_second();
        match bound {
            Bound::Exact(time) => second(time).to_string(),
            Bound::Between(a, b) => format!("{}~{}", second(a), second(b)),
            Bound::Unknown => "?".to_owned(),
        }
    };
    let line = |stretch: &Stretch| {
        let name = rollout.revisions[stretch.revision].name.trim_start_matches("web-");
        let lost = if stretch.then_lost { "!" } else { "" };
        let until = stretch.until.map(|until| format!(" {}", bound(until))).unwrap_or_default();
        format!("{name}{lost} {}{until}", bound(stretch.from))
    };
    history.timeline().stretches.iter().map(line).collect()
}

fn abc(kind: Kind) -> History {
    History::of(kind).revision(1, "a", 1).revision(2, "b", 100).revision(3, "c", 200)
}

/// Rolled out a, b and then a again.
fn aba(kind: Kind) -> History {
    match kind {
        Kind::Deployment => History::of(kind).revision(2, "b", 100).revision(3, "a", 1).was("1"),
        _ => History::of(kind).revision(2, "b", 100).revision(3, "a", 1),
    }
}

#[test]
fn first_activations_are_exact() {
    for kind in Kind::ALL {
        assert_eq!(stretches_of(&abc(kind)), ["a 1 100", "b 100 200", "c 200"]);
        assert_eq!(stretches_of(&abc(kind).stripped()), ["a 1 100", "b 100 200", "c 200"]);
    }
}

#[test]
fn a_controllerrevision_keeps_the_time_of_its_bump() {
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        assert_eq!(stretches_of(&aba(kind).controller_wrote(300)), ["a 1 100", "b 100 300", "a 300"]);
        assert_eq!(stretches_of(&aba(kind).stripped()), ["a 1 100", "b 100 ?", "a ?"]);
        // What the workload's own managedFields say is worth as much.
        assert_eq!(
            stretches_of(&aba(kind).stripped().written("kubectl", 300, true)),
            ["a 1 100", "b 100 300", "a 300"]
        );
        // Written again (adopted), but no younger one has a lower number: not rolled back to.
        let adopted = History::of(kind).revision(1, "a", 1).controller_wrote(50).revision(2, "b", 100);
        assert_eq!(stretches_of(&adopted), ["a 1 100", "b 100"]);
        // Older than the workload: its controller wrote it to adopt it.
        let older = History::of(kind).revision(3, "a", -500).controller_wrote(5).revision(4, "b", 100);
        assert_eq!(stretches_of(&older), ["a -500 100", "b 100"]);
        // Its number is that of a first revision no more, and all others are pruned.
        assert_eq!(
            stretches_of(&History::of(kind).revision(3, "a", 0).controller_wrote(300)),
            ["a! 0 0~300", "a 300"]
        );
    }
}

#[test]
fn a_replicaset_that_came_back_is_bounded_by_what_followed() {
    let deployment = || aba(Kind::Deployment);
    // Nothing but the numbers, and the controller's later writes.
    assert_eq!(stretches_of(&deployment().stripped()), ["a 1 100", "b 100 ?", "a ?"]);
    assert_eq!(stretches_of(&deployment().controller_wrote(350)), ["a 1 100", "b 100 100~350", "a 100~350"]);
    // The pods of the one before were gone at 320.
    let gone = History::of(Kind::Deployment)
        .revision(2, "b", 100)
        .emptied(320)
        .revision(3, "a", 1)
        .was("1")
        .controller_wrote(350);
    assert_eq!(stretches_of(&gone), ["a 1 100", "b 100 100~320", "a 100~320"]);
    // Scaled to 0 with its Deployment: that was no rollout.
    let zero = json!({"metadata": {"annotations": {"deployment.kubernetes.io/desired-replicas": "0"}}});
    let scaled = History::of(Kind::Deployment)
        .revision(2, "b", 100)
        .emptied(320)
        .kept(zero)
        .revision(3, "a", 1)
        .was("1")
        .controller_wrote(350);
    assert_eq!(stretches_of(&scaled), ["a 1 100", "b 100 100~350", "a 100~350"]);
    // Whoever wrote the template wrote nothing else, or may have.
    assert_eq!(stretches_of(&gone.clone().written("kubectl", 300, true)), ["a 1 100", "b 100 300", "a 300"]);
    assert_eq!(
        stretches_of(&gone.clone().written("helm", 300, false)),
        ["a 1 100", "b 100 100~320", "a 100~320"]
    );
    assert_eq!(
        stretches_of(&deployment().stripped().written("helm", 300, false)),
        ["a 1 100", "b 100 100~300", "a 100~300"]
    );
    // An earlier writer: the last change only took something away.
    assert_eq!(
        stretches_of(&gone.clone().written("kubectl", 50, true)),
        ["a 1 100", "b 100 100~320", "a 100~320"]
    );
    let progressed = |name: &str| {
        let message = format!("ReplicaSet \"web-{name}\" has successfully progressed.");
        deployment().stripped().condition("Progressing", "True", "NewReplicaSetAvailable", &message, 310)
    };
    assert_eq!(stretches_of(&progressed("a")), ["a 1 100", "b 100 100~310", "a 100~310"]);
    assert_eq!(stretches_of(&progressed("b")), ["a 1 100", "b 100 ?", "a ?"]);
}

#[test]
fn events_refine_to_the_second() {
    let gone = || {
        History::of(Kind::Deployment)
            .revision(2, "b", 100)
            .emptied(320)
            .revision(3, "a", 1)
            .was("1")
            .controller_wrote(350)
    };
    let exact = ["a 1 100", "b 100 300", "a 300"];
    assert_eq!(stretches_of(&gone().scaled("a", 0, 1, 300).scaled("b", 3, 2, 305)), exact);
    // Scaled down before, too: the HPA. The surge came first all the same.
    assert_eq!(
        stretches_of(&gone().scaled("b", 5, 3, 200).scaled("a", 0, 1, 300).scaled("b", 3, 2, 305)),
        exact
    );
    let older = gone()
        .event("Scaled up replica set web-a to 1", 300)
        .event("Scaled down replica set web-b to 2", 305);
    assert_eq!(stretches_of(&older.event("Scaled up replica set web-a to 2", 307)), exact);
    let new = json!({"reason": "ScalingReplicaSet", "note": "Scaled up replica set web-a from 0 to 1", "regarding": {"uid": "uid-web"},
        "eventTime": null, "deprecatedFirstTimestamp": at(2), "deprecatedLastTimestamp": at(300)});
    assert_eq!(stretches_of(&gone().raw_event(new.clone()).scaled("b", 3, 2, 305)), exact);
    // Of an earlier Deployment of the same name.
    let mut other = new;
    other["regarding"]["uid"] = json!("uid-older");
    let bounded = ["a 1 100", "b 100 100~320", "a 100~320"];
    assert_eq!(stretches_of(&gone().raw_event(other).scaled("b", 3, 2, 305)), bounded);
    // The old pods first: somewhere between the two.
    let recreate = gone().edit(json!({"spec": {"strategy": {"type": "Recreate"}}}));
    assert_eq!(
        stretches_of(&recreate.scaled("b", 3, 0, 298).scaled("a", 0, 3, 304)),
        ["a 1 100", "b 100 298~304", "a 298~304"]
    );
    // Nothing was scaled down after it: it may be the Deployment that was scaled up from 0.
    assert_eq!(stretches_of(&gone().scaled("a", 0, 3, 310)), ["a 1 100", "b 100 100~310", "a 100~310"]);
    // From its first life, which may have lasted to that second.
    assert_eq!(stretches_of(&gone().scaled("a", 0, 3, 100).scaled("b", 3, 2, 305)), bounded);
    // Long after what is known: about something else.
    assert_eq!(stretches_of(&gone().scaled("a", 0, 3, 900)), bounded);
}

#[test]
fn what_is_pruned_leaves_a_gap() {
    // 2 is gone.
    let kept = History::of(Kind::Deployment).revision(3, "a", 1).was("1").controller_wrote(300);
    assert_eq!(stretches_of(&kept), ["a! 1 1~300", "a 1~300"]);
    let followed = kept.emptied(420).revision(4, "c", 400);
    assert_eq!(stretches_of(&followed), ["a! 1 1~400", "a 1~400 400", "c 400"]);
    // Its pods were gone long before the next one that is kept.
    let early = History::of(Kind::Deployment).revision(1, "a", 1).emptied(120).revision(4, "c", 400);
    assert_eq!(stretches_of(&early), ["a! 1 1~120", "c 400"]);
    // 1 to 4 are gone, the kept ones follow each other.
    assert_eq!(
        stretches_of(&History::of(Kind::Deployment).revision(5, "a", 10).revision(6, "b", 20)),
        ["a 10 20", "b 20"]
    );
    // The number that a ControllerRevision forgot is no gap.
    let sts = History::of(Kind::StatefulSet)
        .revision(2, "b", 100)
        .revision(4, "c", 400)
        .revision(5, "a", 1)
        .controller_wrote(500);
    assert_eq!(stretches_of(&sts), ["a 1 100", "b! 100 100~400", "c 400 500", "a 500"]);
}

#[test]
fn clocks_that_contradict_the_numbers() {
    // b was made "before" a: two controllers with different clocks.
    for kind in Kind::ALL {
        let skewed = History::of(kind).revision(1, "a", 160).revision(2, "b", 100).revision(3, "c", 300);
        assert_eq!(stretches_of(&skewed), ["a 100~160 100~160", "b 100~160 300", "c 300"]);
    }
}

/// Somebody's copy of a ReplicaSet, with its number: the controller never took it.
fn copied(history: History, number: i64, name: &str, created: i64) -> History {
    history.revision(number, name, created).kept(json!({
        "metadata": {"name": "web-copy", "uid": "uid-copy", "generation": 1, "labels": {"pod-template-hash": "copy"}},
        "spec": {"replicas": 0}}))
}

#[test]
fn a_copy_of_a_replicaset_was_never_active() {
    let first = || History::of(Kind::Deployment).revision(1, "a", 1);
    let then = |history: History| history.revision(2, "b", 10).written("kubectl", 10, true);
    assert_eq!(stretches_of(&then(copied(first(), 1, "a", 26))), ["a 1 10", "b 10"]);
    // Of the current one, whose number the Deployment has.
    assert_eq!(stretches_of(&copied(then(first()), 2, "b", 26)), ["a 1 10", "b 10"]);
    // Rolled back to since, and the copy kept the number.
    let back = copied(aba(Kind::Deployment), 1, "a", 126);
    assert_eq!(stretches_of(&back), stretches_of(&aba(Kind::Deployment)));
}

/// One that is adopted keeps the number that another Deployment gave it.
#[test]
fn nothing_was_active_before_it_was_made() {
    let adopted = History::of(Kind::Deployment).revision(1, "a", 1).revision(1, "x", 26);
    let history = adopted.revision(2, "b", 10).written("kubectl", 10, true);
    assert_eq!(stretches_of(&history), ["a 1 10", "b 10"]);
}

#[test]
fn within_one_second_the_numbers_decide_the_order() {
    let back = |created: i64| {
        let both = History::of(Kind::StatefulSet).revision(2, "b", 100);
        both.revision(3, "a", created).controller_wrote(300)
    };
    assert_eq!(stretches_of(&back(100)), ["a 100 100", "b 100 300", "a 300"]);
    // Number 1 is that of something that is gone, and 3 its own.
    let gone = History::of(Kind::StatefulSet)
        .revision(1, "x", 1)
        .revision(2, "b", 100)
        .revision(4, "a", 100)
        .controller_wrote(300);
    assert_eq!(stretches_of(&gone), ["x 1 100", "b 100 100", "a 100 300", "a 300"]);
}

#[test]
fn a_template_that_is_no_revision_yet() {
    for kind in Kind::ALL {
        let unseen = abc(kind).edit(json!({"metadata": {"generation": 2}}));
        assert_eq!(stretches_of(&unseen.clone().live("d")), ["a 1 100", "b 100 200", "c 200 ?"]);
        assert_eq!(
            stretches_of(&unseen.clone().live("d").written("kubectl", 500, true)),
            ["a 1 100", "b 100 200", "c 200 500"]
        );
        assert_eq!(
            stretches_of(&unseen.clone().live("d").written("helm", 500, false)),
            ["a 1 100", "b 100 200", "c 200 200~500"]
        );
        // Back to b, and the controller has not given it its new number.
        assert_eq!(
            stretches_of(&unseen.live("b").written("kubectl", 500, true)),
            ["a 1 100", "b 100 200", "c 200 500", "b 500"]
        );
    }
    // The controller has seen it: equal but for defaults.
    let seen = abc(Kind::DaemonSet).edit(json!({"spec": {"template": {"spec": {"hostUsers": true}}}}));
    assert_eq!(stretches_of(&seen), ["a 1 100", "b 100 200", "c 200"]);
}

/// Of two with the live template its controller, which has not seen that yet, takes up the older one.
#[test]
fn it_ends_with_what_is_called_current_everywhere_else() {
    let same = json!({"spec": {"template": template("web:a")}});
    let history = History::of(Kind::Deployment).revision(1, "a", 1).revision(2, "b", 100).kept(same);
    let history = history.revision(3, "c", 200).live("a").edit(json!({"metadata": {"generation": 2}}));
    let last = history.timeline().stretches.last().unwrap().revision;
    assert_eq!((Some(last), last), (history.rollout().current(), 0));
}

#[test]
fn a_replicaset_without_a_number_was_never_rolled_out() {
    let adopted = History::of(Kind::Deployment).revision(0, "x", 5).revision(1, "a", 10);
    assert_eq!(stretches_of(&adopted), ["a 10"]);
}

#[test]
fn a_second_is_sure_only_between_sure_bounds() {
    let history = History::of(Kind::Deployment)
        .revision(2, "b", 100)
        .emptied(320)
        .revision(3, "a", 1)
        .was("1")
        .controller_wrote(350);
    let timeline = history.timeline();
    let sure = |second: i64| -> Vec<usize> {
        (0..timeline.stretches.len()).filter(|&i| timeline.reach(i, at(HOUR)).surely(at(second))).collect()
    };
    let maybe = |second: i64| -> Vec<usize> {
        (0..timeline.stretches.len()).filter(|&i| timeline.reach(i, at(HOUR)).perhaps(at(second))).collect()
    };
    for (second, surely, perhaps) in [
        (0, vec![], vec![]),
        (1, vec![0], vec![0]),
        (99, vec![0], vec![0]),
        (100, vec![], vec![1, 2]),
        (319, vec![], vec![1, 2]),
        (320, vec![2], vec![2]),
        (HOUR, vec![2], vec![2]),
    ] {
        assert_eq!((sure(second), maybe(second)), (surely, perhaps), "{second}");
    }
}
