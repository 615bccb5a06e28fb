//! Whatever the watches show, and in whatever order.

use cluster_model::PodExt;
use cluster_model::rollout::Kind;
use k8s_openapi::jiff::SignedDuration;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::json;

use super::super::model::State;
use super::build::{Moment, crashing, member, starting, template, terminating, waiting};

/// One pod: on the target or not, and how it is.
fn any_pod() -> impl Strategy<Value = (bool, u8)> {
    (any::<bool>(), 0u8..7)
}

fn any_view(kind: Kind) -> impl Strategy<Value = (Moment, bool, bool)> {
    let counts = (0i64..5, 0i64..5, 0i64..5, 0i64..5);
    let pods = proptest::collection::vec(any_pod(), 0..6);
    (counts, pods, 4i64..7, 3i64..7, 0i64..4, any::<[bool; 4]>()).prop_map(
        move |(counts, pods, generation, observed, partition, [same, met, rolling, swapped])| {
            let mut faulty_target = false;
            let mut old_runs = false;
            let pods: Vec<_> = pods
                .into_iter()
                .enumerate()
                .map(|(n, (on_target, how))| {
                    let pod = member(kind, &format!("web-{n}"), if on_target { "good" } else { "bad" });
                    let keeps = !rolling || (kind == Kind::StatefulSet && (n as i64) < partition.min(counts.0));
                    old_runs |= !on_target && how != 6 && !(kind != Kind::Deployment && keeps);
                    faulty_target |= on_target && (2..6).contains(&how);
                    match how {
                        0 => pod,
                        1 => starting(pod),
                        2 => crashing(pod),
                        3 => waiting(pod, "InvalidImageName", ""),
                        4 => waiting(pod, "ErrImagePull", "EOF"),
                        5 => waiting(pod, "CreateContainerConfigError", "secret \"x\" not found"),
                        _ => terminating(pod),
                    }
                })
                .collect();
            let (desired, updated, ready, replicas) = counts;
            let status = json!({"observedGeneration": observed,
                "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
                "desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": ready,
                "updateRevision": "web-good", "currentRevision": if met { "web-good" } else { "web-bad" }});
            let strategy = match (kind, rolling) {
                (Kind::Deployment, _) => json!({}),
                (_, true) => json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}}),
                (_, false) => json!({"updateStrategy": {"type": "OnDelete"}}),
            };
            let image = if same || generation < 5 { "good" } else { "bad" };
            let mut moment = Moment::of(kind)
                .edit(json!({"metadata": {"generation": generation}, "spec": {"replicas": desired, "template": template(image)}, "status": status}))
                .edit(json!({"spec": strategy}))
                .pods(pods);
            if swapped {
                moment.histories.swap(0, 1);
            }
            (moment, old_runs, faulty_target)
        },
    )
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Deployment), Just(Kind::StatefulSet), Just(Kind::DaemonSet)]
}

fn any_run() -> impl Strategy<Value = Vec<(i64, (Moment, bool, bool))>> {
    any_kind().prop_flat_map(|kind| proptest::collection::vec((0i64..40, any_view(kind)), 1..8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn never_done_while_an_old_pod_runs_that_is_to_go(run in any_run()) {
        let mut tracker = run[0].1.0.tracker();
        let mut second = 1;
        for (later, (moment, old_runs, _)) in run {
            second += later;
            let progress = tracker.look(moment.clone().at(second).view());
            let is_done = matches!(progress.state, State::Done { .. });
            prop_assert!(!(is_done && old_runs), "{:?} {:?}", moment.object.map(|o| o["status"].clone()), progress);
            prop_assert!((0..=progress.total).contains(&progress.done), "{progress:?}");
            prop_assert!(!crate::render::cause::summary(&progress).contains('\n'));
        }
    }

    #[test]
    fn never_failed_for_faults_of_other_templates(run in any_run()) {
        let mut tracker = run[0].1.0.tracker();
        let mut second = 1;
        for (later, (moment, _, faulty_target)) in run {
            second += later;
            // Less than any progress deadline: nothing else can fail here.
            let progress = tracker.look(moment.clone().at(second).view());
            if let State::Failed { pod, .. } = &progress.state {
                let on_target = |pod: &&k8s_openapi::api::core::v1::Pod| {
                    let labels = pod.metadata.labels.clone().unwrap_or_default();
                    labels.values().any(|hash| hash.ends_with("good"))
                };
                let named = moment.pods.iter().filter(on_target).any(|p| Some(p.name()) == pod.as_deref());
                prop_assert!(faulty_target && named, "{progress:?}");
            }
        }
    }

    /// The result does not change before the time that it gave.
    #[test]
    fn nothing_changes_before_the_reported_time((moment, _, _) in any_kind().prop_flat_map(any_view), wait in 1i64..300) {
        let mut tracker = moment.tracker();
        let first = tracker.look(moment.clone().at(10).view());
        let wake = tracker.wake_at(super::build::at(10));
        if wake.is_none_or(|wake| wake > super::build::at(10 + wait)) {
            let second = tracker.look(moment.at(10 + wait).view());
            prop_assert_eq!((first.state, first.waiting, first.pods), (second.state, second.waiting, second.pods));
        }
    }
}

#[test]
fn the_generator_reaches_the_end() {
    // Otherwise the properties would be tested on nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = [false; 3];
    for _ in 0..600 {
        let (moment, old_runs, _) =
            any_kind().prop_flat_map(any_view).new_tree(&mut runner).unwrap().current();
        match moment.state() {
            State::Done { .. } => seen[0] |= !old_runs,
            State::Failed { .. } => seen[1] = true,
            State::Stuck { .. } => seen[2] = true,
            _ => {}
        }
    }
    assert_eq!(seen, [true; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing changes any more: looking whenever it asks for it shows an end, within all waits together.
    #[test]
    fn every_wait_ends(run in any_run(), paused in any::<bool>()) {
        let mut tracker = run[0].1.0.tracker();
        let mut second = 1;
        let mut last = None;
        for (later, (moment, _, _)) in run {
            second += later;
            tracker.look(moment.clone().at(second).view());
            last = Some(moment.edit(json!({"spec": {"paused": paused}})));
        }
        let moment = last.unwrap();
        let mut now = super::build::at(second);
        let start = now;
        for looks in 0.. {
            prop_assert!(looks < 50, "it looks again and again");
            let mut view = moment.view();
            (view.now, view.monotonic_now) = (now, now);
            let progress = tracker.look(view);
            if progress.state != State::Moving {
                break;
            }
            let wake = tracker.wake_at(now);
            prop_assert!(wake.is_some(), "it waits for ever: {progress:?}");
            now = wake.unwrap().max(now.checked_add(SignedDuration::from_millis(1)).unwrap());
            prop_assert!(now.duration_since(start).as_secs() < 2000, "{progress:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A list may be older than what was watched before it: of a workload from before the write it shows nothing.
    #[test]
    fn what_is_older_than_the_write_decides_nothing((moment, _, _) in any_kind().prop_flat_map(any_view)) {
        let older = moment.edit(json!({"metadata": {"generation": 4}, "spec": {"template": template("bad")}}));
        prop_assert_eq!(older.state(), State::Moving);
    }
}
