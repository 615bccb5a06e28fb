//! Nodes that were named and are not there.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use plugin_client::{Failure, nearest};

use crate::verbs::Verbs;

/// More would be a long search for a hint.
const LISTED_FOR_HINTS: u32 = 500;

pub struct Missing {
    /// All that were named, in that order.
    named: Vec<String>,
    gone: Vec<String>,
    there: Vec<String>,
}

/// Each of the nodes with these names, if all of them were found.
pub fn all_there(names: &[String], found: Vec<Option<Node>>) -> Result<Vec<Node>, Missing> {
    let (there, gone): (Vec<_>, Vec<_>) = names.iter().zip(found).partition(|(_, node)| node.is_some());
    if gone.is_empty() {
        return Ok(there.into_iter().filter_map(|(_, node)| node).collect());
    }
    let of = |nodes: Vec<(&String, Option<Node>)>| nodes.into_iter().map(|(name, _)| name.clone()).collect();
    Err(Missing { named: names.to_vec(), gone: of(gone), there: of(there) })
}

impl Missing {
    /// As kubectl: where one is not there, none is touched. `nodes`: what may have been meant.
    pub fn failure(&self, nodes: &[String], verbs: &Verbs) -> Failure {
        let message = match self.gone.len() {
            1 => "there is no such node; nothing was changed",
            _ => "there are no such nodes; nothing was changed",
        };
        let named: Vec<String> = self.gone.iter().map(|name| format!("node/{name}")).collect();
        let failure = Failure::refused(message).object(named.join(", "));
        let near = |name: &String| nearest::question(name, nodes.iter().map(String::as_str));
        // A verb is no mistyped node, and without it the other nodes would be drained, whatever the verb was.
        if let Some(meant) = verbs.meant_by(&self.named, &self.gone) {
            let mistyped = self.gone.iter().filter(|name| !verbs.contains(name));
            return mistyped.filter_map(near).fold(failure.hint(meant), Failure::hint);
        }
        let failure =
            self.gone.iter().filter_map(near).fold(failure, Failure::hint).hint("kubectl get nodes");
        match self.there.is_empty() {
            true => failure,
            false => failure.hint(format!("name only the nodes that are there: {}", self.there.join(" "))),
        }
    }
}

/// The names of nodes, for hints: none without the right to list them.
pub async fn names(api: &Api<Node>) -> Vec<String> {
    let list = api.list_metadata(&ListParams::default().limit(LISTED_FOR_HINTS)).await;
    list.map(|list| list.items.iter().map(ResourceExt::name_any).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use cluster_model::build;
    use serde_json::json;

    use super::*;
    use crate::args::Args;

    /// Of a cluster of n1 and n2.
    fn hints(line: &str) -> Vec<String> {
        let args = Args::try_parse_from(line.split(' ')).unwrap();
        let exists = |name: &&String| ["n1", "n2", "cordon"].contains(&name.as_str());
        let find = |name| Some(name).filter(exists).map(|name| build::node(name, json!({})));
        let Err(missing) = all_there(&args.nodes, args.nodes.iter().map(find).collect()) else {
            return Vec::new();
        };
        missing.failure(&["n1".to_owned(), "n2".to_owned()], &Verbs::of(&args)).hints
    }

    #[test]
    fn a_verb_gets_the_command_that_is_meant() {
        for (line, meant) in [
            ("x uncordon n2", "kubectl safe-drain n2 --uncordon"),
            ("x n1 uncordon n2 --dry-run", "kubectl safe-drain n1 n2 --uncordon --dry-run=client"),
            ("x drain n2 --force --dry-run=server", "kubectl safe-drain n2 --force --dry-run=server"),
            ("x drain n2 --from dir", "kubectl safe-drain n2 --from dir"),
            ("x drain n2 --cordon-only", "kubectl safe-drain n2 --cordon-only"),
            ("x uncordon", "kubectl safe-drain NODE --uncordon"),
        ] {
            assert_eq!(hints(line), [meant], "{line}");
        }
        // A node is a node, whatever its name.
        assert_eq!(hints("x cordon n2"), [""; 0]);
        assert_eq!(
            hints("x uncordon cordon n3"),
            ["kubectl safe-drain cordon n3 --uncordon", "did you mean n1 or n2?"]
        );
        assert_eq!(
            hints("x n3 n2"),
            ["did you mean n1 or n2?", "kubectl get nodes", "name only the nodes that are there: n2"]
        );
    }
}
