//! The end of a run: one line per node, what is left, and the next command.

use cluster_model::text::{count, span};
use plugin_client::{DECLINED, Line, table};

use super::next::next;
use crate::args::{CORDON_ONLY, UNCORDON};
use crate::plan::{Action, NO_LONGER_SELECTED, UNSELECTED};
use crate::report::{DrainReport, NodeReport, NodeResult, PodReport, PodResult};

/// `selector` is `--pod-selector`: then "drained" speaks of those pods only. `mode` is what going on needs again: the kind of run and its flags.
pub fn outcome(report: &DrainReport, selector: Option<&str>, mode: &str, seconds: f64) -> Vec<Line> {
    // The error states that nothing was changed, and there is nothing else to say of any node.
    if report.error.as_deref().is_some_and(|error| error.starts_with(DECLINED)) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for node in &report.nodes {
        let line = planned_cordon(node, mode).unwrap_or_else(|| headline(node, selector, seconds));
        lines.push(line.hanging(2));
        // A plan that was refused has been shown already; what is left of a drain has not.
        let unchanged = matches!(
            node.result,
            NodeResult::Refused
                | NodeResult::Blocked
                | NodeResult::Planned
                | NodeResult::Cordoned
                | NodeResult::Uncordoned
        );
        let left: Vec<Vec<Line>> =
            node.pods.iter().filter(|p| !unchanged || p.blocked_by.is_some()).filter_map(left).collect();
        lines.extend(table(&left));
    }
    lines.extend(next(report, mode));
    lines
}

/// A dry run of `--cordon-only` or `--uncordon`.
fn planned_cordon(node: &NodeReport, mode: &str) -> Option<Line> {
    let words = match (mode, node.cordoned_before) {
        _ if node.result != NodeResult::Planned => return None,
        (CORDON_ONLY, false) => " would be cordoned; nothing was changed",
        (CORDON_ONLY, true) => " already cordoned",
        (UNCORDON, true) => " would be uncordoned; nothing was changed",
        (UNCORDON, false) => " already uncordoned",
        _ => return None,
    };
    Some(Line::new().strong(format!("node/{}", node.name)).plain(words))
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
            .plain(format!(": {gone} gone; {}{}", node.reason.as_deref().unwrap_or_default(), cordon(node))),
        other => {
            let none_gone = node.pods.iter().all(|p| p.result != PodResult::Gone);
            let partly = other == NodeResult::Partial && !none_gone;
            let why = node.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            name.bad(if partly { " partly drained" } else { " not drained" }).plain(format!(
                "{why}: {}{}",
                counts(node, gone, seconds),
                cordon(node)
            ))
        }
    }
}

/// Of a node that is not drained, as it was last read.
fn cordon(node: &NodeReport) -> &'static str {
    match node.cordoned {
        Some(true) => "; still cordoned",
        Some(false) => "; not cordoned",
        None => "; unknown whether it is cordoned",
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
    // The cause may be long: it comes last, where it goes on below itself.
    Some(vec![word, format!("{}/{}", pod.namespace, pod.name).into(), Line::new().dim(since), why.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::inventory_of;
    use crate::options::Options;
    use crate::plan::plan;
    use crate::render::testing::{node, report};
    use cluster_model::Inventory;
    use cluster_model::build::{PodBuild, pod};

    fn headline_of(inventory: &Inventory) -> String {
        let plan = plan(inventory, &Options::default());
        headline(&NodeReport::planned(&plan.nodes[0], NodeResult::Drained), Some("app=web"), 1.0).text()
    }

    /// What is broken between words, and where.
    #[test]
    fn on_a_narrow_terminal_no_word_is_cut_and_no_duration_stands_alone() {
        let plan = plan(&inventory_of(vec![pod("shop/web-7d4b9c-xk2p5", "n1")]), &Options::default());
        let mut node = NodeReport::planned(&plan.nodes[0], NodeResult::Interrupted);
        node.reason = Some("interrupted".into());
        node.cordoned = Some(true);
        node.pods[0].result = PodResult::Blocked;
        node.pods[0].blocked_by = Some("PDB shop/web: minAvailable 3: needs 3 healthy, has 3 of 3".into());
        node.pods[0].waited = Some(15);
        let report = DrainReport { result: NodeResult::Interrupted, ..report(vec![node]) };
        let wrapped = |width: usize| -> Vec<String> {
            let lines = outcome(&report, None, "", 1234.5);
            lines[..2].iter().flat_map(|line| line.wrapped(width)).map(|line| line.text()).collect()
        };
        assert_eq!(
            wrapped(80),
            [
                "node/n1 not drained: interrupted: 0 pods gone, 1 remaining, 1234.5s; still",
                "  cordoned",
                "  blocked  shop/web-7d4b9c-xk2p5  for 15s  PDB shop/web: minAvailable 3: needs 3",
                "                                           healthy, has 3 of 3",
            ]
        );
        assert_eq!(wrapped(100).len(), 2);
    }

    /// The error states that nothing was changed: it is not stated again of each node.
    #[test]
    fn what_was_declined_is_stated_once() {
        let refused = || NodeReport::untouched("n1", false, NodeResult::Refused);
        let declined = DrainReport {
            result: NodeResult::Refused,
            error: Some("declined: n1 was not typed; nothing was changed".into()),
            ..report(vec![refused()])
        };
        assert_eq!(outcome(&declined, None, "", 1.0), []);
        let checked =
            DrainReport { error: Some("1 pre-flight error; nothing was changed".into()), ..declined };
        assert_eq!(outcome(&checked, None, "", 1.0)[0].text(), "node/n1 refused; nothing was changed");
    }

    /// By an earlier run, for example: `to continue:` leads to this.
    #[test]
    fn after_an_interrupt_a_cordon_from_before_is_named_with_the_way_back() {
        let before = NodeReport { cordoned_before: true, ..node("n1") };
        let again = NodeReport { cordoned: Some(false), ..node("n2") };
        let report = DrainReport { result: NodeResult::Interrupted, ..report(vec![before, again]) };
        let lines: Vec<String> = outcome(&report, None, "", 1.0).iter().map(Line::text).collect();
        assert_eq!(
            lines,
            [
                "node/n1 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s; still cordoned",
                "node/n2 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s; not cordoned",
                "to continue:  kubectl safe-drain n1 n2",
                "to uncordon:  kubectl safe-drain n1 --uncordon",
            ]
        );
    }

    #[test]
    fn a_dry_run_of_a_cordon_names_what_would_change() {
        for (mode, cordoned, words) in [
            (CORDON_ONLY, false, "node/n1 would be cordoned; nothing was changed"),
            (CORDON_ONLY, true, "node/n1 already cordoned"),
            (UNCORDON, true, "node/n1 would be uncordoned; nothing was changed"),
            (UNCORDON, false, "node/n1 already uncordoned"),
            ("", false, "node/n1 planned; nothing was changed"),
        ] {
            let planned = NodeReport::untouched("n1", cordoned, NodeResult::Planned);
            let report = DrainReport { result: NodeResult::Planned, ..report(vec![planned]) };
            let lines: Vec<String> = outcome(&report, None, mode, 1.0).iter().map(Line::text).collect();
            assert_eq!(lines, [words]);
        }
    }

    #[test]
    fn a_server_dry_run_that_finds_pods_blocked_has_a_next_step() {
        let plan = plan(&inventory_of(vec![pod("a/p", "n1")]), &Options::default());
        let lines = |result| {
            let mut node = NodeReport::planned(&plan.nodes[0], NodeResult::Blocked);
            node.pods[0].result = result;
            node.pods[0].blocked_by = Some("PDB a/half: no".to_owned());
            let report = DrainReport { result: NodeResult::Blocked, ..report(vec![node]) };
            outcome(&report, None, " --force", 1.0).iter().map(Line::text).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(PodResult::Blocked),
            [
                "node/n1 blocked; nothing was changed",
                "  blocked  a/p  PDB a/half: no",
                "to drain, waiting for blocked pods:  kubectl safe-drain n1 --force",
            ]
        );
        assert_eq!(lines(PodResult::Failed).len(), 2, "waiting does not help");
    }

    #[test]
    fn every_headline_of_a_node_that_is_not_drained_has_its_reason() {
        let gone =
            NodeReport { is_gone: true, cordoned: None, reason: Some("was deleted".into()), ..node("n1") };
        let cases = [
            (node("n1"), "node/n1 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s; still cordoned"),
            (gone, "node/n1 gone: was deleted: 0 pods gone, 0 remaining, 1.0s"),
            (
                NodeReport { was_drained: true, ..node("n1") },
                "node/n1 drained when last read: 0 pods gone; interrupted; still cordoned",
            ),
            (
                NodeReport {
                    was_drained: true,
                    uncordoned_by_others: true,
                    cordoned: Some(false),
                    ..node("n1")
                },
                "node/n1 not drained: interrupted: 0 pods gone, 0 remaining, 1.0s; not cordoned",
            ),
        ];
        for (node, words) in cases {
            assert_eq!(headline(&node, None, 1.0).text(), words);
        }
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
