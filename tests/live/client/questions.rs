//! The time at a question counts against nothing.

use std::time::{Duration, Instant};

use ::testbed::{PATIENCE, shared, wait};

use crate::plugin::rollback_to;
use crate::tty::Tty;

/// Longer in the picker than `--timeout`, and then the plan is made all the same. The deadline has to pass meanwhile: it is four times what
/// the same run takes with an answer at once, so that on a slow machine, too, it cannot pass before or after.
#[test]
fn time_in_the_picker_is_not_the_runs() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let path = room.path("apps", "deployments/web");
    let template = serde_json::json!({"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}});
    room.cluster().merge(&path, &template);
    room.ready("web", 1);
    let picks = |timeout: Duration, stays: Duration| {
        let timeout = format!("--timeout={}ms", timeout.as_millis());
        let started = Instant::now();
        let mut tty = Tty::start(&rollback_to(&room, &["deployment/web", "--dry-run", &timeout]), &[]);
        tty.until("select a revision to roll back to");
        let shown = Instant::now();
        wait("the timeout to be over", stays + PATIENCE, || (shown.elapsed() >= stays).then_some(()));
        tty.keys("\r");
        let code = tty.end();
        assert!(!tty.text().contains("--timeout passed"), "{}", tty.text());
        assert_eq!(code, 0, "{}", tty.text());
        started.elapsed()
    };
    let enough = picks(Duration::from_secs(60), Duration::ZERO) * 4;
    picks(enough, enough);
}
