//! Low priority before high: the next value is sent when the lower one was answered.

use ::testbed::{annotate, shared};
use serde_json::json;

use crate::plugin::{drain, text};

#[test]
fn no_pod_is_asked_for_before_those_of_lower_priority_were_answered() {
    let room = shared().room(2);
    let node = room.nodes()[0].as_str();
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    let order = [("low", -5), ("middle", 10), ("high", 1000)];
    for (app, value) in order {
        let class = format!("{}-{app}", room.namespace());
        room.cluster().create(classes, &json!({"metadata": {"name": class}, "value": value}));
        room.deployment_with(app, 4, |object| {
            object["spec"]["template"]["spec"]["priorityClassName"] = json!(class);
            annotate(object, "testbed/delete-after", "1s");
        });
    }
    for (app, _) in order {
        room.ready(app, 4);
    }
    let (outcome, _, audit) = drain(&room, &[node]).watch().finish();
    for (app, _) in order {
        room.cluster().delete(&format!("{classes}/{}-{app}", room.namespace()));
    }
    outcome.expect("drained", 0);
    let evictions = audit.evictions();
    let of = |app: &str| evictions.filter(|it| it.name.starts_with(app));
    for pair in order.windows(2) {
        let [(lower, _), (higher, _)] = pair else { continue };
        assert_eq!((of(lower).len(), of(higher).len()), (2, 2), "{audit}");
        for later in of(higher).iter() {
            let early = of(lower).filter(|before| before.answered > later.received);
            assert!(
                early.is_empty(),
                "{} was asked for before this was answered:\n{early}{audit}",
                later.name
            );
        }
    }
    // One tier: nobody waits for the pods to be gone.
    assert_eq!(text(&outcome.report(), "result"), "drained");
}
