//! HC310: a container that does not hear the signal that asks it to stop.

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::Snapshot;
use cluster_model::text::span;

pub const CHECK: Check = Check {
    id: "HC310",
    name: "ignores-sigterm",
    about: About::Posture,
    severities: &[Warning],
    reads: &[],
    fires_when: "`--prove=kill` looked into a container, and its main process does not hear its stop signal: it is the first process there and neither handles nor fetches the signal, or it ignores it",
    why: "The kernel drops a signal for the first process of a container that has no handler for it. Every stop then takes the whole grace period, and ends with SIGKILL: drains and updates wait for it, and nothing is written to disk or handed over.",
    remedy: "start the program itself instead of a shell (exec form), handle the signal, put tini in front of it, or name a signal that it handles in lifecycle.stopSignal",
    exceptions: "Without `--prove=kill` nothing is looked into, and nothing is reported. A signal that is blocked counts as heard: small init programs fetch it so.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for stop in &snapshot.unheard_stops {
        let message = format!(
            "container {} of {} does not hear {}: process {} has no handler for it, and a stop takes all of its {}",
            stop.container,
            stop.pod,
            stop.signal,
            stop.process,
            span(stop.grace)
        );
        found.add(Warning, &stop.workload, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use crate::finding::Subject;
    use crate::snapshot::stop::UnheardStop;

    #[test]
    fn hc310_ignores_sigterm() {
        let unheard = healthy().unheard(UnheardStop {
            workload: Subject::new("Deployment", "shop", "web"),
            pod: "web-a".to_owned(),
            container: "main".to_owned(),
            process: "1 (sleep)".to_owned(),
            signal: "SIGTERM".to_owned(),
            grace: 30,
        });
        assert_eq!(
            unheard.message(&CHECK),
            "container main of web-a does not hear SIGTERM: process 1 (sleep) has no handler for it, and a stop takes all of its 30s"
        );
        cases(
            &CHECK,
            &[("B8: looked into", unheard, &["deployment/web warning"]), ("not looked into", healthy(), &[])],
        );
    }
}
