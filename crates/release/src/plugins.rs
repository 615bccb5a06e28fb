//! The plugins that are released. A new one is an entry here; archives, manifests and checks follow from it.

/// One plugin, and what krew shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugin {
    /// As krew and `kubectl NAME` know it.
    pub name: &'static str,
    /// krew's index asks for at most 50 characters.
    pub short_description: &'static str,
    /// Wrapped: krew prints it as it is.
    pub description: &'static str,
}

pub const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "safe-drain",
        short_description: "Drain nodes with pre-flight checks and a plan",
        description: "\
Takes nodes out of service. Shows a plan first: the pods to evict, the
PodDisruptionBudgets that limit them, and every reason why the drain would
fail, such as missing permissions, local data or pods that nothing recreates.
Pods are evicted as the budgets allow, what blocks a pod is named, and a node
is reported as drained only after it was read again.",
    },
    Plugin {
        name: "rollback-to",
        short_description: "Roll workloads back to a revision that worked",
        description: "\
Shows when each revision of a Deployment, StatefulSet or DaemonSet was active,
its images, and what is known about its health. Rolls back to a revision, a
time, an image or the last healthy state: previews every difference, checks
that the objects the template references still exist, updates only what was
shown, and waits until every pod runs the target template.",
    },
    Plugin {
        name: "heal-check",
        short_description: "Check what heals by itself, how fast, and why not",
        description: "\
Shows for each workload what happens if a container crashes, a pod, a node or
a zone is lost, or a node is drained: whether it heals, how long it takes, and
why it does not. Replacements are placed by the filters of the scheduler, for
the whole cluster at once. Reports what is broken now and what would not heal,
with the remedy, and what it could not check. Reads only.",
    },
];

/// The plugin of that name.
pub fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

impl Plugin {
    /// The file that kubectl looks for: a dash of the name is an underscore in it (kubectl's pkg/cmd/plugin.go).
    pub fn binary(&self) -> String {
        format!("kubectl-{}", self.name.replace('-', "_"))
    }

    /// Its crate.
    pub fn package(&self) -> String {
        format!("kubectl-{}", self.name)
    }

    /// What krew prints after the installation. krew itself can install neither the completion nor roles.
    pub fn caveats(&self) -> String {
        let name = self.name;
        format!(
            "\
Shell completion through kubectl: \"kubectl {name} completion kubectl\"
prints a small script and says where to put it.
The least rights it needs: docs/rbac/{name}.yaml on the homepage."
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A plugin whose crate exists and that is not in the list would never be released.
    #[test]
    fn every_crate_of_a_plugin_is_in_the_list() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found: BTreeSet<String> = fs::read_dir(crates)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.starts_with("kubectl-"))
            .collect();
        let listed: BTreeSet<String> = PLUGINS.iter().map(Plugin::package).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn kubectl_looks_for_underscores() {
        assert_eq!(find("rollback-to").unwrap().binary(), "kubectl-rollback_to");
        assert_eq!(find("no-such-plugin"), None);
    }
}
