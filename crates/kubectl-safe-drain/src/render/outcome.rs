//! The end of a run: one line per node, what is left, and the next command.

use cluster_model::text::count;
use plugin_client::{Line, table};

use crate::report::{DrainReport, NodeReport, PodReport, PodResult, Verdict};

pub fn outcome(report: &DrainReport, seconds: f64) -> Vec<Line> {
    let mut lines = Vec::new();
    for node in &report.nodes {
        lines.push(headline(node, seconds));
        // A plan that was refused has been shown already; what is left of a drain has not.
        let refused = matches!(node.result, Verdict::Refused | Verdict::Blocked | Verdict::Planned);
        let left: Vec<Vec<Line>> =
            node.pods.iter().filter(|p| !refused || p.blocked_by.is_some()).filter_map(left).collect();
        lines.extend(table(&left));
    }
    lines.extend(next(report));
    lines
}

fn headline(node: &NodeReport, seconds: f64) -> Line {
    let of = |result: PodResult| node.pods.iter().filter(|p| p.result == result).count();
    let name = Line::new().strong(format!("node/{}", node.name));
    let (gone, kept) = (count(of(PodResult::Gone), "pod"), of(PodResult::Kept));
    match node.result {
        Verdict::Drained => {
            name.good(" drained").plain(format!(": {gone} gone, {kept} left in place, {seconds:.1}s"))
        }
        Verdict::Cordoned => name.good(" cordoned"),
        Verdict::Uncordoned => name.good(" uncordoned"),
        Verdict::Planned => name.plain(" planned; nothing was changed"),
        Verdict::Refused => name.bad(" refused").plain("; nothing was changed"),
        Verdict::Blocked => name.bad(" blocked").plain("; nothing was changed"),
        other => {
            let word = match other {
                Verdict::Timeout => " not drained: --timeout passed",
                Verdict::Interrupted => " not drained: interrupted",
                Verdict::Failed => " not drained",
                _ => " partly drained",
            };
            name.bad(word).plain(format!(
                ": {gone} gone, {} left, {seconds:.1}s",
                node.pods.iter().filter(|p| unfinished(p)).count()
            ))
        }
    }
}

fn unfinished(pod: &PodReport) -> bool {
    matches!(pod.result, PodResult::Terminating | PodResult::Blocked | PodResult::Failed | PodResult::Planned)
        || (pod.result == PodResult::Kept && pod.reason.starts_with("came after"))
}

/// Pods somebody has to look at.
fn left(pod: &PodReport) -> Option<Vec<Line>> {
    if !unfinished(pod) {
        return None;
    }
    let word = match pod.result {
        PodResult::Terminating => Line::new().warn("  stopping"),
        PodResult::Blocked => Line::new().warn("  blocked"),
        PodResult::Failed => Line::new().bad("  failed"),
        PodResult::Planned => Line::new().dim("  untouched"),
        PodResult::Gone | PodResult::Kept => Line::new().warn("  stays"),
    };
    let why = pod.blocked_by.as_deref().filter(|b| !b.is_empty()).unwrap_or(&pod.reason);
    Some(vec![word, format!("{}/{}", pod.namespace, pod.name).into(), why.into()])
}

/// What to type next.
fn next(report: &DrainReport) -> Vec<Line> {
    let names: Vec<&str> = report.nodes.iter().map(|n| n.name.as_str()).collect();
    let names = names.join(" ");
    let hint = |what: &str, command: String| Line::new().dim(format!("{what}  ")).command(command);
    let cordoned = report.nodes.iter().any(|n| n.cordoned == Some(true) && !n.cordoned_before);
    match report.result {
        Verdict::Drained | Verdict::Cordoned => {
            vec![hint("to bring it back:", format!("kubectl safe-drain {names} --uncordon"))]
        }
        Verdict::Partial | Verdict::Timeout | Verdict::Interrupted | Verdict::Failed => {
            let done = |verdict| report.nodes.iter().any(|n| n.result == verdict);
            let mode = match (done(Verdict::Cordoned), done(Verdict::Uncordoned)) {
                (true, _) => " --cordon-only",
                (_, true) => " --uncordon",
                _ => "",
            };
            let mut lines = vec![hint("to go on:  ", format!("kubectl safe-drain {names}{mode}"))];
            if cordoned {
                lines.push(hint("to give up:", format!("kubectl safe-drain {names} --uncordon")));
            }
            lines
        }
        Verdict::Planned | Verdict::Refused | Verdict::Blocked | Verdict::Uncordoned => Vec::new(),
    }
}
