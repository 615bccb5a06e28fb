//! What the engine must never request, and never claim.

use cluster_model::pod::Tier;

use super::*;

impl World {
    pub(super) fn judge_request(&self, uid: &str, name: &str) -> Result<(), String> {
        if self.noticed_uncordon {
            return Err(format!("{name} was evicted although its node is known to be uncordoned"));
        }
        if name == "ds" {
            return Err("a DaemonSet's pod was evicted".into());
        }
        if self.requests_in_flight().any(|other| other == uid) {
            return Err(format!("two requests for {name}"));
        }
        let has_deletion = self.nodes.values().any(|n| n.pods.get(uid).is_some_and(PodExt::is_terminating));
        let is_known = self.engine.pods().any(|p| p.step.uid == uid && p.pod.is_terminating());
        if has_deletion && is_known {
            return Err(format!("{name} is terminating, and was evicted again"));
        }
        let lower = |p: &&PodState| {
            p.step.tier == Tier::Workload
                && p.step.priority < self.priority(uid)
                && p.awaits_first_answer()
                && (p.blocked_by.is_none() || p.phase == Phase::Evicting)
        };
        match self.engine.pods_of("n1").find(lower).filter(|_| self.priority(uid) < 2_000_000_000) {
            Some(low) => Err(format!("{name} was evicted before {} was answered", low.step.name)),
            None => Ok(()),
        }
    }

    /// What it claims is so: what it calls gone is nowhere, and on a node that it calls drained is nothing but what stays, and what came
    /// after the last reading, at which the node was cordoned.
    pub fn judge_claims(&self) -> Result<(), String> {
        for state in self.engine.pods().filter(|p| p.phase == Phase::Gone) {
            if self.nodes.values().any(|there| there.pods.contains_key(&state.step.uid)) {
                return Err(format!("{} is reported as gone, and is there", state.step.name));
            }
        }
        for (name, there) in &self.nodes {
            if !self.engine.is_drained(name) {
                continue;
            }
            let read_at = self.drained_by.get(name).copied().ok_or("called drained without a reading")?;
            if there.uncordoned_at.is_some_and(|at| at <= read_at) {
                return Err(format!("{name} is called drained, and was uncordoned when it was read"));
            }
            for pod in there.pods.values().filter(|p| p.name() != "ds") {
                if self.born.get(pod.uid()).copied().unwrap_or_default() < read_at {
                    return Err(format!("{name} is called drained, and {} is there", pod.name()));
                }
            }
        }
        for (key, accepted) in &self.accepted {
            let had = self.had.get(key).copied().unwrap_or_default();
            if *accepted > 2 * had {
                return Err(format!("{key:?} had {had} pods and lost {accepted}"));
            }
        }
        Ok(())
    }
}
