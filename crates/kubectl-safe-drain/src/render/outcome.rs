//! The end of a run: one line per node, what is left, and the next command.

use cluster_model::text::{count, span};
use plugin_client::{Line, table};

use crate::plan::{NO_LONGER_SELECTED, UNSELECTED};
use crate::report::{DrainReport, NodeReport, PodReport, PodResult, Verdict};

/// `selector` is `--pod-selector`: then "drained" speaks of those pods only. `mode` is what going on needs again: the kind of run and its flags.
pub fn outcome(report: &DrainReport, selector: Option<&str>, mode: &str, seconds: f64) -> Vec<Line> {
    let mut lines = Vec::new();
    for node in &report.nodes {
        lines.push(headline(node, selector, seconds));
        // A plan that was refused has been shown already; what is left of a drain has not.
        let refused = matches!(
            node.result,
            Verdict::Refused | Verdict::Blocked | Verdict::Planned | Verdict::Cordoned | Verdict::Uncordoned
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
    let name = Line::new().strong(format!("node/{}", node.name));
    let (gone, kept) = (count(of(PodResult::Gone), "pod"), of(PodResult::Kept));
    let unselected = node.pods.iter().filter(|p| p.reason == UNSELECTED).count();
    match (node.result, selector) {
        (Verdict::Drained, Some(selector)) if unselected > 0 && unselected == node.pods.len() => name
            .warn(" not drained")
            .plain(format!(": none of its {} matches --pod-selector {selector}", count(unselected, "pod"))),
        (Verdict::Drained, Some(selector)) => name
            .good(" drained")
            .plain(format!(" of pods that match {selector}: {gone} gone, {kept} ignored, {seconds:.1}s")),
        _ => whole(node, name, &gone, kept, seconds),
    }
}

fn whole(node: &NodeReport, name: Line, gone: &str, kept: usize, seconds: f64) -> Line {
    match node.result {
        Verdict::Drained => {
            name.good(" drained").plain(format!(": {gone} gone, {kept} ignored, {seconds:.1}s"))
        }
        Verdict::Cordoned if node.cordoned_before => name.plain(" already cordoned"),
        Verdict::Cordoned => name.good(" cordoned"),
        Verdict::Uncordoned if node.was_touched || node.cordoned_before => name.good(" uncordoned"),
        Verdict::Uncordoned => name.plain(" already uncordoned"),
        Verdict::Planned => name.plain(" planned; nothing was changed"),
        _ if node.cordoned.is_none() && node.pods.iter().all(|p| p.result != PodResult::Gone) => {
            name.warn(" unclear").plain(": unknown whether it is cordoned")
        }
        Verdict::Refused => name.bad(" refused").plain("; nothing was changed"),
        Verdict::Blocked => name.bad(" blocked").plain("; nothing was changed"),
        // Of several nodes each is read again at the very end, and the run ended before.
        Verdict::Timeout | Verdict::Interrupted | Verdict::Stalled if node.was_drained => {
            name.warn(" drained when last read").plain(format!(": {gone} gone; not read again at the end"))
        }
        other => {
            let word = match other {
                Verdict::Timeout => " not drained: --timeout passed",
                Verdict::Interrupted => " not drained: interrupted",
                Verdict::Stalled => " not drained: no progress",
                Verdict::Failed => " not drained",
                _ if node.pods.iter().all(|p| p.result != PodResult::Gone) => " not drained",
                _ => " partly drained",
            };
            name.bad(word).plain(format!(
                ": {gone} gone, {} remaining, {seconds:.1}s",
                node.pods.iter().filter(|p| unfinished(p)).count()
            ))
        }
    }
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
        report.nodes.iter().filter(|n| which(n)).map(|n| n.name.as_str()).collect()
    };
    let hint = |what: &str, names: &[&str], mode: &str| {
        let command = format!("kubectl safe-drain {}{mode}", names.join(" "));
        (!names.is_empty()).then(|| Line::new().dim(format!("{what}  ")).command(command))
    };
    let cordoned = those(&|n| n.cordoned != Some(false));
    let ours = those(&|n| n.cordoned != Some(false) && !n.cordoned_before);
    match report.result {
        Verdict::Drained | Verdict::Cordoned => {
            hint("to uncordon:", &cordoned, " --uncordon").into_iter().collect()
        }
        Verdict::Partial | Verdict::Stalled | Verdict::Timeout | Verdict::Interrupted | Verdict::Failed => {
            let go_on = hint("to continue:", &those(&|n| n.result != Verdict::Drained), mode);
            let give_up = hint("to undo:    ", &ours, " --uncordon").filter(|_| mode != " --uncordon");
            go_on.into_iter().chain(give_up).collect()
        }
        Verdict::Planned | Verdict::Refused | Verdict::Blocked | Verdict::Uncordoned => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::snapshot;
    use crate::options::Options;
    use crate::plan::plan;
    use cluster_model::Snapshot;
    use cluster_model::build::pod;

    fn told(snapshot: &Snapshot) -> String {
        let plan = plan(snapshot, &Options::default());
        headline(&NodeReport::planned(&plan.nodes[0], Verdict::Drained), Some("app=web"), 1.0).text()
    }

    #[test]
    fn a_selector_that_matches_nothing_is_told_from_a_node_without_pods() {
        let mut others = snapshot(vec![]);
        others.unselected = vec![pod("a/p", "n1"), pod("a/q", "n1")];
        assert_eq!(told(&others), "node/n1 not drained: none of its 2 pods matches --pod-selector app=web");
        assert!(told(&snapshot(vec![])).starts_with("node/n1 drained"), "{}", told(&snapshot(vec![])));
    }
}
