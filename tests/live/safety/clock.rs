//! Times of objects are the server's: a computer whose own clock is wrong judges them no differently.

use std::time::Duration;

use ::testbed::shared;

use crate::faults::fake::{kubeconfig, shop};
use crate::plugin::{drain, text};

/// Five minutes: what a laptop that slept may be off by.
const OFF: Duration = Duration::from_secs(300);

#[test]
fn a_pod_within_its_grace_period_is_waited_for_regardless_of_the_local_clock() {
    let mut here = None;
    let fake = shop(|fake, pod| {
        fake.clock_behind(OFF);
        // By the server's clock it has two minutes left; by the local clock it should have been gone three minutes ago.
        pod.stops_until(&fake.time_in(Duration::from_secs(120)));
        here = Some(std::sync::Arc::clone(pod));
    });
    let room = shared().room(0);
    let run = drain(&room, &["n1", "--skip-wait-for-delete-timeout=60"])
        .kubeconfig(&kubeconfig(&room, &fake))
        .spawn();
    fake.wait_for(1, |request| request.path == "/api/v1/pods" && request.query.contains("watch=true"));
    run.wait_for_output("web-1");
    if let Some(pod) = here {
        pod.goes();
    }
    let outcome = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 1, "{outcome}");
    let stuck = outcome.report()["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| text(it, "id").contains("stuck"));
    assert!(!stuck, "{outcome}");
}

/// The same when it is really overdue, by half a minute and more: then it is named, with what blocks it.
#[test]
fn a_pod_that_is_overdue_by_the_servers_clock_is_stuck() {
    let fake = shop(|fake, pod| {
        fake.clock_behind(OFF);
        pod.terminates_with_finalizer_since(
            &fake.time_before(Duration::from_secs(45)),
            "example.invalid/hold",
        );
    });
    let room = shared().room(0);
    let outcome = drain(&room, &["n1", "--dry-run"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("planned", 0);
    let stuck = outcome.finding("pod-stuck-terminating");
    assert_eq!(text(&stuck, "subject"), "shop/web-1");
    assert!(text(&stuck, "message").contains("blocked by finalizer example.invalid/hold"), "{stuck:#}");
}
