//! The time at a question counts against nothing.

use std::time::{Duration, Instant};

use ::testbed::shared;

use crate::plugin::rollback_to;
use crate::tty::Tty;

/// Longer in the picker than `--timeout`, and then the plan is made all the same.
#[test]
fn time_in_the_picker_is_not_the_runs() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let path = room.path("apps", "deployments/web");
    let template = serde_json::json!({"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}});
    room.cluster().merge(&path, &template);
    room.ready("web", 1);
    let timeout = Duration::from_secs(3);
    let run = rollback_to(&room, &["deployment/web", "--dry-run", "--timeout=3s"]);
    let mut tty = Tty::start(&run, &[]);
    tty.until("back to which revision?");
    let shown = Instant::now();
    ::testbed::wait("the timeout to be over", timeout * 5, || (shown.elapsed() > timeout).then_some(()));
    tty.keys("\r");
    let code = tty.end();
    assert!(!tty.text().contains("--timeout passed"), "{}", tty.text());
    assert_eq!(code, 0, "{}", tty.text());
}
