//! What the kills of a proof leave behind in the status of its pods: no crash of the workload. Pure.

use std::sync::Arc;

use crate::proof::outcome::Round;
use crate::snapshot::Snapshot;

/// As if the containers that were killed had run on: a restart of long ago and the one of the kill are no crash loop (HC601).
pub fn leave_out(snapshot: &mut Snapshot, rounds: &[Round]) {
    for round in rounds {
        let Some((killed, run)) = round.killed.as_ref().and_then(|it| Some((it, it.ended.as_ref()?))) else {
            continue;
        };
        let mut pods = snapshot.workloads.iter_mut().flat_map(|it| &mut it.pods);
        let Some(pod) = pods.find(|it| *it.uid == *round.victim.uid) else { continue };
        for container in &mut Arc::make_mut(pod).containers {
            if *container.name == *killed.container {
                container.restarts -= 1;
                // Unless it ended once more, by itself.
                container.ended =
                    container.ended.take().filter(|it| (it.code, &it.reason) != (run.code, &run.reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checks::testing::{container, healthy};
    use crate::proof::kill::signal::Signal;
    use crate::proof::member::Member;
    use crate::proof::observed::EndedRun;
    use crate::proof::outcome::Killed;
    use serde_json::json;

    fn killed(uid: &str) -> Round {
        let ended = EndedRun { code: 143, reason: "Error".to_owned(), ..EndedRun::default() };
        Round {
            victim: Member { name: String::new(), uid: uid.to_owned(), node: String::new() },
            replacement: None,
            phases: BTreeMap::new(),
            recovery: None,
            no_endpoint: None,
            is_uncertain: false,
            killed: Some(Killed { container: "main".to_owned(), signal: Signal::TERM, ended: Some(ended) }),
        }
    }

    #[test]
    fn a_kill_is_no_crash_of_its_container() {
        let ended = |code: i32| {
            container(
                json!({"ready": true, "restartCount": 3, "state": {"running": {"startedAt": "2026-01-01T23:59:00Z"}},
                "lastState": {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": "2026-01-01T23:58:59Z"}}}),
            )
        };
        let found = |code: i32, uid: &str| {
            let mut snapshot = healthy().edit("Pod/web-a", ended(code)).snapshot();
            leave_out(&mut snapshot, &[killed(uid)]);
            crate::checks::run(&snapshot, |it| it.id == "HC601").0.len()
        };
        assert_eq!(found(143, "pod-web-a"), 0);
        // Another pod was killed; and here it ended once more.
        assert_eq!((found(143, "pod-web-b"), found(1, "pod-web-a")), (1, 1));
    }
}
