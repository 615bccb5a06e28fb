//! What the user agreed to, as far as the pure steps need it.

use cluster_model::{Allow, Finding};
use k8s_openapi::jiff::SignedDuration;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--force`: unmanaged and orphaned pods may be evicted.
    pub force: bool,
    /// `--delete-emptydir-data`
    pub delete_emptydir_data: bool,
    /// `--disable-eviction`: plain deletes, which bypass budgets.
    pub disable_eviction: bool,
    /// `--grace-period`, when not negative.
    pub grace_period: Option<i64>,
    /// `--skip-wait-for-delete-timeout`, in seconds, when not 0.
    pub skip_wait_for_delete: Option<i64>,
    /// `--pod-selector`: the server evaluates it.
    pub pod_selector: Option<String>,
    /// A drain that goes nowhere for so long ends by itself; `None` with `--timeout`, which is the limit then.
    pub stalled_after: Option<SignedDuration>,
    /// `--concurrency`: evictions in flight at once.
    pub concurrency: usize,
    pub allow: Allow,
}

/// Errors of these ids are what kubectl's own flag stands for.
const FORCE: [&str; 2] = ["bare-pod", "orphaned-owner"];
const EMPTYDIR: [&str; 1] = ["emptydir-data"];

/// kubectl's own flag that accepts errors of this id.
pub fn kubectl_flag(id: &str) -> Option<&'static str> {
    match id {
        _ if FORCE.contains(&id) => Some("--force"),
        _ if EMPTYDIR.contains(&id) => Some("--delete-emptydir-data"),
        _ => None,
    }
}

impl Options {
    fn was_given(&self, flag: &str) -> bool {
        if flag == "--force" { self.force } else { self.delete_emptydir_data }
    }

    /// Marks every error that the user accepted; the report names the flag.
    pub fn accept(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|f| f.blocks()) {
            let flag = kubectl_flag(finding.id).filter(|flag| self.was_given(flag));
            finding.accepted = flag.map(str::to_owned);
        }
        self.allow.accept(findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::Severity;

    #[test]
    fn errors_are_accepted_by_their_flag_only() {
        let allow = |ids: &[&str]| Allow { all: false, ids: ids.iter().map(|s| s.to_string()).collect() };
        let cases = [
            ("bare-pod", Options::default(), None),
            ("bare-pod", Options { force: true, ..Options::default() }, Some("--force")),
            ("emptydir-data", Options { force: true, ..Options::default() }, None),
            (
                "emptydir-data",
                Options { delete_emptydir_data: true, ..Options::default() },
                Some("--delete-emptydir-data"),
            ),
            (
                "budget-blocked",
                Options { allow: allow(&["budget-blocked"]), ..Options::default() },
                Some("--allow budget-blocked"),
            ),
            ("budget-blocked", Options { allow: allow(&["bare-pod"]), ..Options::default() }, None),
            (
                "budget-blocked",
                Options { allow: Allow { all: true, ..Allow::default() }, ..Options::default() },
                Some("--allow all"),
            ),
        ];
        for (id, options, accepted) in cases {
            let mut findings = vec![
                Finding::new(id, Severity::Error, "shop/x", "m"),
                Finding::new(id, Severity::Warning, "shop/y", "a warning is nobody's to accept"),
            ];
            options.accept(&mut findings);
            assert_eq!(findings[0].accepted.as_deref(), accepted, "{id} {options:?}");
            assert_eq!(findings[1].accepted, None);
        }
    }
}
