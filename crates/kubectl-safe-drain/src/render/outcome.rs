//! The end of a run: one line per node, what is left, and the next command.

use cluster_model::text::{count, span};
use plugin_client::{Line, table};

use crate::plan::{Action, NO_LONGER_SELECTED, UNSELECTED};
use crate::report::{DrainReport, NodeReport, NodeResult, PodReport, PodResult};

/// `selector` is `--pod-selector`: then "drained" speaks of those pods only. `mode` is what going on needs again: the kind of run and its flags.
pub fn outcome(report: &DrainReport, selector: Option<&str>, mode: &str, seconds: f64) -> Vec<Line> {
    let mut lines = Vec::new();
    for node in &report.nodes {
        lines.push(headline(node, selector, seconds));
        // A plan that was refused has been shown already; what is left of a drain has not.
        let refused = matches!(
            node.result,
            NodeResult::Refused
                | NodeResult::Blocked
                | NodeResult::Planned
                | NodeResult::Cordoned
                | NodeResult::Uncordoned
        );
        let left: Vec<Vec<Line>> =
            node.pods.iter().filter(|p| !refused || p.blocked_by.is_some()).filter_map(left).collect();
        lines.extend(table(&left));
    }
    lines.extend(next(report, mode));
    lines
}

fn headline(node: &NodeReport, selector: Option<&str>, seconds: f64) -> Line {
    let of = |result: PodResult| node.pods.iter().filter(|p| p.result == result).count();
    // A pod that the plan ignored, and that went all the same, was not drained.
    let gone = node.pods.iter().filter(|p| p.result == PodResult::Gone && p.action != Action::Keep).count();
    let name = Line::new().strong(format!("node/{}", node.name));
    let (gone, kept) = (count(gone, "pod"), of(PodResult::Kept));
    let unselected = node.pods.iter().filter(|p| p.reason == UNSELECTED).count();
    match (node.result, selector) {
        (NodeResult::Drained, Some(selector)) if unselected > 0 && unselected == node.pods.len() => name
            .warn(" not drained")
            .plain(format!(": none of its {} matches --pod-selector {selector}", count(unselected, "pod"))),
        (NodeResult::Drained, Some(selector)) => name
            .good(" drained")
            .plain(format!(" of pods that match {selector}: {gone} gone, {kept} ignored, {seconds:.1}s")),
        _ => whole(node, name, &gone, kept, seconds),
    }
}

fn whole(node: &NodeReport, name: Line, gone: &str, kept: usize, seconds: f64) -> Line {
    match node.result {
        NodeResult::Drained => {
            name.good(" drained").plain(format!(": {gone} gone, {kept} ignored, {seconds:.1}s"))
        }
        NodeResult::Cordoned if node.cordoned_before => name.plain(" already cordoned"),
        NodeResult::Cordoned => name.good(" cordoned"),
        NodeResult::Uncordoned if node.was_touched || node.cordoned_before => name.good(" uncordoned"),
        NodeResult::Uncordoned => name.plain(" already uncordoned"),
        NodeResult::Planned => name.plain(" planned; nothing was changed"),
        _ if node.is_gone => name.warn(" gone").plain(format!(
            ": {}: {}",
            node.reason.as_deref().unwrap_or_default(),
            counts(node, gone, seconds)
        )),
        _ if node.cordoned.is_none() && node.pods.iter().all(|p| p.result != PodResult::Gone) => {
            name.warn(" unclear").plain(": unknown whether it is cordoned")
        }
        NodeResult::Refused => name.bad(" refused").plain("; nothing was changed"),
        NodeResult::Blocked => name.bad(" blocked").plain("; nothing was changed"),
        // Of several nodes each is read again at the very end, and the run ended before.
        _ if node.was_drained && !node.uncordoned_by_others => name
            .warn(" drained when last read")
            .plain(format!(": {gone} gone; {}", node.reason.as_deref().unwrap_or_default())),
        other => {
            let none_gone = node.pods.iter().all(|p| p.result != PodResult::Gone);
            let partly = other == NodeResult::Partial && !none_gone;
            let why = node.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            name.bad(if partly { " partly drained" } else { " not drained" })
                .plain(format!("{why}: {}", counts(node, gone, seconds)))
        }
    }
}

fn counts(node: &NodeReport, gone: &str, seconds: f64) -> String {
    let remaining = node.pods.iter().filter(|p| unfinished(p)).count();
    format!("{gone} gone, {remaining} remaining, {seconds:.1}s")
}

fn unfinished(pod: &PodReport) -> bool {
    !matches!(pod.result, PodResult::Gone | PodResult::Kept)
}

/// Pods somebody has to look at.
fn left(pod: &PodReport) -> Option<Vec<Line>> {
    if !unfinished(pod) && pod.reason != NO_LONGER_SELECTED {
        return None;
    }
    let word = match pod.result {
        PodResult::Terminating => Line::new().warn("  stopping"),
        PodResult::Blocked => Line::new().warn("  blocked"),
        PodResult::Failed => Line::new().bad("  failed"),
        PodResult::Unknown => Line::new().warn("  unclear"),
        PodResult::Planned => Line::new().dim("  not evicted"),
        PodResult::Gone | PodResult::Kept | PodResult::Remains => Line::new().warn("  remains"),
    };
    let why = pod.blocked_by.as_deref().filter(|b| !b.is_empty()).unwrap_or(&pod.reason);
    let since = pod.waited.map(|seconds| format!("for {}", span(seconds))).unwrap_or_default();
    Some(vec![word, format!("{}/{}", pod.namespace, pod.name).into(), why.into(), Line::new().dim(since)])
}

/// What to type next.
fn next(report: &DrainReport, mode: &str) -> Vec<Line> {
    let those = |which: &dyn Fn(&NodeReport) -> bool| -> Vec<&str> {
        report.nodes.iter().filter(|n| !n.is_gone && which(n)).map(|n| n.name.as_str()).collect()
    };
    let hint = |what: &str, names: &[&str], mode: &str| {
        let command = format!("kubectl safe-drain {}{mode}", names.join(" "));
        (!names.is_empty()).then(|| Line::new().dim(format!("{what}  ")).command(command))
    };
    let cordoned = those(&|n| n.cordoned != Some(false));
    let ours = those(&|n| n.cordoned != Some(false) && !n.cordoned_before && !n.uncordoned_by_others);
    match report.result {
        // A cordon from before stays, unless there is no other.
        NodeResult::Drained | NodeResult::Cordoned => {
            let names = if ours.is_empty() { &cordoned } else { &ours };
            hint("to uncordon:", names, " --uncordon").into_iter().collect()
        }
        NodeResult::Partial
        | NodeResult::Stalled
        | NodeResult::Timeout
        | NodeResult::Interrupted
        | NodeResult::Failed => {
            let go_on = hint("to continue:", &those(&|n| n.result != NodeResult::Drained), mode);
            let give_up = hint("to undo:    ", &ours, " --uncordon").filter(|_| mode != " --uncordon");
            go_on.into_iter().chain(give_up).collect()
        }
        NodeResult::Planned | NodeResult::Refused | NodeResult::Blocked | NodeResult::Uncordoned => {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::inventory_of;
    use crate::options::Options;
    use crate::plan::plan;
    use cluster_model::Inventory;
    use cluster_model::build::{PodBuild, pod};

    fn headline_of(inventory: &Inventory) -> String {
        let plan = plan(inventory, &Options::default());
        headline(&NodeReport::planned(&plan.nodes[0], NodeResult::Drained), Some("app=web"), 1.0).text()
    }

    fn report(nodes: Vec<NodeReport>) -> DrainReport {
        DrainReport {
            kind: "DrainReport",
            result: NodeResult::Partial,
            nodes,
            findings: Vec::new(),
            error: None,
            started_at: String::new(),
            finished_at: String::new(),
        }
    }

    fn node(name: &str) -> NodeReport {
        let reason = Some("interrupted".to_owned());
        NodeReport {
            reason,
            cordoned_before: false,
            ..NodeReport::untouched(name, true, NodeResult::Partial)
        }
    }

    #[test]
    fn commands_name_no_node_that_is_gone_and_undo_no_cordon_of_others() {
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
                "to undo:      kubectl safe-drain ours --uncordon"
            ]
        );
        let lines = next(&report(vec![gone, theirs]), "");
        assert_eq!(lines.len(), 1, "nothing of ours to undo");
    }

    #[test]
    fn every_headline_of_a_node_that_is_not_drained_has_its_reason() {
        let gone =
            NodeReport { is_gone: true, cordoned: None, reason: Some("was deleted".into()), ..node("n1") };
        let cases = [
            (node("n1"), "node/n1 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s"),
            (gone, "node/n1 gone: was deleted: 0 pods gone, 0 remaining, 1.0s"),
            (
                NodeReport { was_drained: true, ..node("n1") },
                "node/n1 drained when last read: 0 pods gone; interrupted",
            ),
            (
                NodeReport { was_drained: true, uncordoned_by_others: true, ..node("n1") },
                "node/n1 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s",
            ),
        ];
        for (node, words) in cases {
            assert_eq!(headline(&node, None, 1.0).text(), words);
        }
    }

    #[test]
    fn a_cordon_from_before_is_not_among_those_to_undo() {
        let done = |name: &str, cordoned_before| NodeReport { cordoned_before, ..node(name) };
        let hint = |nodes: Vec<NodeReport>| {
            let report = DrainReport { result: NodeResult::Drained, ..report(nodes) };
            next(&report, "").iter().map(Line::text).collect::<Vec<_>>()
        };
        let both = hint(vec![done("n1", false), done("n2", true)]);
        assert_eq!(both, ["to uncordon:  kubectl safe-drain n1 --uncordon"]);
        assert_eq!(hint(vec![done("n2", true)]), ["to uncordon:  kubectl safe-drain n2 --uncordon"]);
    }

    /// A colleague deletes a DaemonSet's pod meanwhile.
    #[test]
    fn only_pods_of_the_plan_are_counted_as_gone() {
        let pods = vec![pod("a/p", "n1"), pod("a/d", "n1").owned_by("apps/v1", "DaemonSet", "d")];
        let plan = plan(&inventory_of(pods), &Options::default());
        let mut drained = NodeReport::planned(&plan.nodes[0], NodeResult::Drained);
        drained.pods.iter_mut().for_each(|pod| pod.result = PodResult::Gone);
        assert_eq!(headline(&drained, None, 1.0).text(), "node/n1 drained: 1 pod gone, 0 ignored, 1.0s");
    }

    #[test]
    fn a_selector_that_matches_nothing_is_distinguished_from_a_node_without_pods() {
        let mut others = inventory_of(vec![]);
        others.unselected = vec![pod("a/p", "n1"), pod("a/q", "n1")].into();
        assert_eq!(
            headline_of(&others),
            "node/n1 not drained: none of its 2 pods matches --pod-selector app=web"
        );
        assert!(
            headline_of(&inventory_of(vec![])).starts_with("node/n1 drained"),
            "{}",
            headline_of(&inventory_of(vec![]))
        );
    }
}
