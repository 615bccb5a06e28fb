//! What to type after a run.

use plugin_client::Line;

use crate::args::{CORDON_ONLY, UNCORDON};
use crate::report::{DrainReport, NodeReport, NodeResult, PodReport, PodResult};

/// What to type next.
pub fn next(report: &DrainReport, mode: &str) -> Vec<Line> {
    let those = |which: &dyn Fn(&NodeReport) -> bool| -> Vec<&str> {
        report.nodes.iter().filter(|n| !n.is_gone && which(n)).map(|n| n.name.as_str()).collect()
    };
    // Also those cordoned before, perhaps by an earlier run; not a cordon that somebody else made during this one.
    let cordoned = those(&|n| n.cordoned != Some(false) && !n.uncordoned_by_others);
    let uncordon = hint("to uncordon:", &cordoned, UNCORDON);
    match report.result {
        NodeResult::Drained | NodeResult::Cordoned => uncordon.into_iter().collect(),
        NodeResult::Partial
        | NodeResult::Stalled
        | NodeResult::Timeout
        | NodeResult::Interrupted
        | NodeResult::Failed => {
            let go_on = hint("to continue:", &those(&|n| n.result != NodeResult::Drained), mode);
            go_on.into_iter().chain(uncordon.filter(|_| mode != UNCORDON)).collect()
        }
        NodeResult::Blocked => blocked_in_dry_run(report, &those(&|_| true), mode),
        NodeResult::Planned | NodeResult::Refused | NodeResult::Uncordoned => Vec::new(),
    }
}

fn hint(what: &str, names: &[&str], mode: &str) -> Option<Line> {
    let command = format!("kubectl safe-drain {}{mode}", names.join(" "));
    (!names.is_empty()).then(|| Line::new().dim(format!("{what}  ")).command(command))
}

/// What a dry run that refuses nothing is followed by.
pub fn after_dry_run(report: &DrainReport, mode: &str) -> Option<Line> {
    let (what, is_to_do): (_, fn(&&NodeReport) -> bool) = match mode {
        CORDON_ONLY => ("to cordon:", |node| !node.cordoned_before),
        UNCORDON => ("to uncordon:", |node| node.cordoned_before),
        _ => ("to drain:", |_| true),
    };
    let nodes: Vec<&str> = report.nodes.iter().filter(is_to_do).map(|node| node.name.as_str()).collect();
    hint(what, &nodes, mode).filter(|_| report.result == NodeResult::Planned)
}

/// `--dry-run=server` found pods blocked: only the server's answers to it are in `blocked_by` of a run that changed nothing.
fn blocked_in_dry_run(report: &DrainReport, nodes: &[&str], mode: &str) -> Vec<Line> {
    let blocked = |pod: &&PodReport| pod.result == PodResult::Blocked && pod.blocked_by.is_some();
    if !report.nodes.iter().flat_map(|node| &node.pods).any(|pod| blocked(&pod)) {
        return Vec::new();
    }
    hint("to drain, waiting for blocked pods:", nodes, mode).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{node, report};

    #[test]
    fn commands_name_no_node_that_is_gone_and_no_cordon_made_by_others_meanwhile() {
        let gone = NodeReport { is_gone: true, cordoned: None, ..node("gone") };
        let theirs = NodeReport { uncordoned_by_others: true, ..node("theirs") };
        let lines: Vec<String> = next(&report(vec![gone.clone(), theirs.clone(), node("ours")]), "")
            .iter()
            .map(Line::text)
            .collect();
        assert_eq!(
            lines,
            [
                "to continue:  kubectl safe-drain theirs ours",
                "to uncordon:  kubectl safe-drain ours --uncordon"
            ]
        );
        let lines = next(&report(vec![gone, theirs]), "");
        assert_eq!(lines.len(), 1, "nothing of ours to undo");
    }

    #[test]
    fn a_drained_node_that_was_cordoned_before_has_the_way_back_too() {
        let done = |name: &str, cordoned_before| NodeReport { cordoned_before, ..node(name) };
        let hint = |nodes: Vec<NodeReport>| {
            let report = DrainReport { result: NodeResult::Drained, ..report(nodes) };
            next(&report, "").iter().map(Line::text).collect::<Vec<_>>()
        };
        let both = hint(vec![done("n1", false), done("n2", true)]);
        assert_eq!(both, ["to uncordon:  kubectl safe-drain n1 n2 --uncordon"]);
        assert_eq!(hint(vec![done("n2", true)]), ["to uncordon:  kubectl safe-drain n2 --uncordon"]);
    }

    #[test]
    fn a_dry_run_is_followed_by_the_command_that_does_it() {
        for (mode, cordoned, command) in [
            (CORDON_ONLY, false, Some("to cordon:  kubectl safe-drain n1 --cordon-only")),
            (CORDON_ONLY, true, None),
            (UNCORDON, true, Some("to uncordon:  kubectl safe-drain n1 --uncordon")),
            (UNCORDON, false, None),
            ("", true, Some("to drain:  kubectl safe-drain n1")),
        ] {
            let planned = NodeReport::untouched("n1", cordoned, NodeResult::Planned);
            let report = DrainReport { result: NodeResult::Planned, ..report(vec![planned]) };
            assert_eq!(after_dry_run(&report, mode).map(|line| line.text()).as_deref(), command);
        }
    }
}
