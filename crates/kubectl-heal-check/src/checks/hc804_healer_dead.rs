//! HC804: the controllers that heal do not run.

use cluster_model::text::span;

use super::check::{About, Check, Found};
use crate::finding::Severity::Critical;
use crate::finding::Subject;
use crate::snapshot::{Lease, Read, Snapshot};

/// Its holder renews it several times in its duration.
const DURATIONS: i64 = 3;

pub const CHECK: Check = Check {
    id: "HC804",
    name: "healer-dead",
    about: About::Now,
    severities: &[Critical],
    reads: &[Read::Leases],
    fires_when: "the Lease of kube-controller-manager or kube-scheduler was not renewed for three times its duration",
    why: "Without them nothing in the cluster is recreated or placed.",
    remedy: "look at this component on the control plane's nodes: its log, its certificate, and etcd",
    exceptions: "Control planes that hide these Leases: then this is unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for (lease, seconds) in dead(snapshot) {
        let message =
            format!("has not renewed its Lease for {}: nothing heals in this cluster", span(seconds));
        found.add(Critical, &Subject::new("Lease", "kube-system", &lease.name), message);
    }
}

/// With the seconds since the last renewal.
pub fn dead(snapshot: &Snapshot) -> impl Iterator<Item = (&Lease, i64)> {
    let with_age = snapshot.leases.iter().filter_map(|it| Some((it, snapshot.seconds_since(it.renewed?))));
    with_age.filter(|(lease, seconds)| *seconds > DURATIONS * lease.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc804_healer_dead() {
        let renewed = |at: &str| healthy().edit("Lease/kube-scheduler", json!({"spec": {"renewTime": at}}));
        cases(
            &CHECK,
            &[
                (
                    "D9: a minute ago",
                    renewed("2026-01-01T23:59:00.000000Z"),
                    &["lease/kube-scheduler critical"],
                ),
                ("half a minute ago", renewed("2026-01-01T23:59:30.000000Z"), &[]),
                ("ahead of the server's clock", renewed("2026-01-02T00:00:10.000000Z"), &[]),
            ],
        );
    }
}
