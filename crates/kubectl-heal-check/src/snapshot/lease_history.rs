//! How kubelets renewed the Leases of their nodes while these were watched (`--watch`).

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// What is older is forgotten, of nodes too.
pub const KEPT: SignedDuration = SignedDuration::from_mins(15);
/// More gaps of one node than that are not told apart.
const MOST: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct LeaseHistory {
    nodes: BTreeMap<String, Renewals>,
    /// Why they are not seen.
    pub unseen: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Renewals {
    /// By the clock of the node. `None`: what came before is not known.
    last: Option<Timestamp>,
    /// When each was noticed, by the server's clock.
    gaps: Vec<(Timestamp, Gap)>,
}

/// A kubelet renews its Lease four times in its duration (pkg/kubelet/kubelet.go, `nodeLeaseRenewIntervalFraction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Without a renewal.
    pub seconds: i64,
    pub duration: i64,
}

impl LeaseHistory {
    /// Whether its kubelet was silent for longer than the Lease lasts. Both times are of the node's own clock. `now`: by the server's.
    pub fn observe(&mut self, lease: &Lease, now: Timestamp) -> bool {
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        let of_node = self.nodes.entry(name.to_owned()).or_default();
        of_node.gaps.retain(|(at, _)| now.duration_since(*at) < KEPT);
        let spec = lease.spec.as_ref();
        // Taken by somebody else, it says nothing of the kubelet.
        let own = spec.filter(|it| it.holder_identity.as_deref() == Some(name));
        let renewed = own.and_then(|it| it.renew_time.as_ref()).map(|it| it.0);
        let duration = own.and_then(|it| it.lease_duration_seconds).map(i64::from);
        let before = std::mem::replace(&mut of_node.last, renewed);
        let (Some(before), Some(renewed), Some(duration)) = (before, renewed, duration) else { return false };
        let seconds = renewed.duration_since(before).as_secs();
        let is_gap = seconds > duration;
        if is_gap && of_node.gaps.len() < MOST {
            of_node.gaps.push((now, Gap { seconds, duration }));
        }
        is_gap
    }

    /// Renewals may have been missed: what follows is compared with none of before.
    pub fn interrupted(&mut self) {
        self.nodes.values_mut().for_each(|it| it.last = None);
    }

    /// Within the time that is kept.
    pub fn gaps(&self, node: &str, now: Timestamp) -> Vec<Gap> {
        let of_node = self.nodes.get(node).into_iter().flat_map(|it| &it.gaps);
        of_node.filter(|(at, _)| now.duration_since(*at) < KEPT).map(|(_, gap)| *gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-01-02T00:00:00Z";

    fn lease(holder: &str, renewed: &str, duration: i32) -> Lease {
        serde_json::from_value(json!({"metadata": {"name": "n1"}, "spec": {"holderIdentity": holder,
            "renewTime": format!("2026-01-01T{renewed}.000000Z"), "leaseDurationSeconds": duration}}))
        .unwrap()
    }

    #[test]
    fn a_gap_is_longer_than_the_lease_lasts() {
        let now: Timestamp = NOW.parse().unwrap();
        let gaps = |leases: &[Lease]| {
            let mut history = LeaseHistory::default();
            for lease in leases {
                history.observe(lease, now);
            }
            history.gaps("n1", now)
        };
        let one = |seconds| vec![Gap { seconds, duration: 40 }];
        let own = |renewed| lease("n1", renewed, 40);
        assert_eq!(gaps(&[own("10:00:00"), own("10:00:40")]), []);
        assert_eq!(gaps(&[own("10:00:00"), own("10:00:41"), own("10:00:51")]), one(41));
        // Nothing is known of the time before the first one, and the clock of the node may be set back.
        assert_eq!(gaps(&[own("10:05:00"), own("10:00:00"), own("10:00:10")]), []);
        // Written without a renewal.
        assert_eq!(gaps(&[own("10:00:00"), own("10:00:00"), own("10:01:00")]), one(60));
        let taken = lease("nobody", "10:00:30", 40);
        assert_eq!(gaps(&[own("10:00:00"), taken, own("10:01:00")]), []);
    }

    #[test]
    fn what_was_not_seen_is_no_gap() {
        let now: Timestamp = NOW.parse().unwrap();
        let mut history = LeaseHistory::default();
        assert!(!history.observe(&lease("n1", "10:00:00", 40), now));
        history.interrupted();
        assert!(!history.observe(&lease("n1", "10:05:00", 40), now));
        assert!(history.observe(&lease("n1", "10:10:00", 40), now));
        assert_eq!(history.gaps("n1", now + KEPT), [], "long ago");
    }
}
