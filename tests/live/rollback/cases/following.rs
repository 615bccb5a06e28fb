//! `--status` and the watch beside `kubectl rollout status`: `pkg/polymorphichelpers/rollout_status_test.go` on live objects. The lines
//! themselves are compared in a table test.

use ::testbed::shared;

use super::{KINDS, app, broken, one_of_each, updated};
use crate::plugin::{rollback, rollback_to};

#[test]
fn the_status_of_a_good_rollout_is_kubectls_and_of_a_bad_one_has_a_cause() {
    let room = shared().room(1);
    one_of_each(&room);
    for kind in KINDS {
        let name = &kind.to_lowercase();
        let word = format!("{name}/{name}");
        updated(&room, kind, name, 2);
        room.kubectl(&["rollout", "status", &word, "--timeout=3m"]);
        let complete = rollback_to(&room, &[&word, "--status", "-o", "json"]).run();
        let of = complete.report()["workloads"][0].take();
        assert_eq!((complete.code, of["result"].as_str()), (0, Some("complete")), "{complete}");
        assert_eq!((of["available"].clone(), of["revision"].clone()), (of["desired"].clone(), 2.into()));

        room.update(kind, name, &app(3), Some("image-pull-error"));
        room.observed(kind, name);
        broken(&room, name, &app(3));
        // kubectl looks at counts only, and would wait for ever.
        let output = room.try_kubectl(&["rollout", "status", &word, "--watch=false"]);
        assert!(output.as_ref().is_ok_and(|output| output.contains("Waiting for")), "{output:?}");
        let failing = rollback_to(&room, &[&word, "--status", "--fail-after=0s", "-o", "json"]).run();
        let of = failing.report()["workloads"][0].take();
        assert_eq!((failing.code, of["result"].as_str()), (1, Some("failing")), "{failing}");
        assert!(of["summary"].to_string().contains("ImagePullBackOff"), "{failing}");

        rollback(&room, &[&word, "--previous", "--unstick"]).run().expect("done", 0);
        room.kubectl(&["rollout", "status", &word, "--timeout=3m"]);
    }
}
