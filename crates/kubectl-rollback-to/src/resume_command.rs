//! What lets a rollout go on that the workload's own settings hold back: paused, a partition, OnDelete. Pure.
//!
//! A progressive rollout controller sets them on purpose. To resume the workload without it releases the new template to
//! all pods at once (openkruise/rollouts#257), so then only its own command is ever printed.

use crate::snapshot::{Controls, Owner, Reverts};

#[derive(Clone, Debug)]
pub enum GoOn<'a> {
    /// No other controller decides about it: kubectl's own command.
    Kubectl,
    /// This controller does.
    Owner(&'a Owner),
    /// Whether one does could not be read; why.
    Unknown(&'a str),
}

/// `None`: owners were not looked up.
pub fn go_on(owners: Option<&[Owner]>) -> GoOn<'_> {
    let Some(owners) = owners else { return GoOn::Unknown("not read") };
    let mut found = GoOn::Kubectl;
    for owner in owners.iter().filter(|owner| owner.controls == Controls::Progress) {
        match &owner.reverts {
            Reverts::Unknown(why) => found = GoOn::Unknown(why),
            _ => return GoOn::Owner(owner),
        }
    }
    found
}

impl GoOn<'_> {
    /// As a remedy: what to type, or to find out before anything is typed.
    pub fn remedy(&self, kubectl: impl Into<String>) -> String {
        match self {
            GoOn::Kubectl => kubectl.into(),
            GoOn::Owner(owner) => owner.instead.clone(),
            GoOn::Unknown(why) => {
                format!("first check whether a progressive rollout controls it; that is unknown: {why}")
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn kruise(reverts: Reverts) -> Owner {
        Owner {
            who: "OpenKruise rollout x".into(),
            reverts,
            instead: "kubectl kruise rollout undo rollout/x -n shop".into(),
            controls: Controls::Progress,
        }
    }

    #[test]
    fn kubectls_own_command_only_if_nobody_else_decides() {
        let perhaps = kruise(Reverts::Perhaps("steps".into()));
        let unknown = kruise(Reverts::Unknown("forbidden".into()));
        let other = Owner { controls: Controls::Template, ..perhaps.clone() };
        let unread = Owner { controls: Controls::Template, ..unknown.clone() };
        for (owners, remedy) in [
            (Some(vec![]), "resume"),
            (Some(vec![other.clone(), unread]), "resume"),
            (Some(vec![other, perhaps.clone()]), "kubectl kruise rollout undo rollout/x -n shop"),
            (Some(vec![unknown.clone(), perhaps]), "kubectl kruise rollout undo rollout/x -n shop"),
            (
                Some(vec![unknown]),
                "first check whether a progressive rollout controls it; that is unknown: forbidden",
            ),
            (None, "first check whether a progressive rollout controls it; that is unknown: not read"),
        ] {
            assert_eq!(go_on(owners.as_deref()).remedy("resume"), remedy, "{owners:?}");
        }
    }
}
