//! Text output: the plan, the findings, the drain while it runs, and the end of it. Pure but for handing lines to the Ui.

pub mod cause;
mod live;
mod next;
mod outcome;
mod plan;
#[cfg(test)]
mod testing;

use cluster_model::Finding;
use plugin_client::Line;

pub use live::Screen;
pub use next::after_dry_run;
pub use outcome::outcome;
pub use plan::plan;

/// What merely stays is in the plan already.
pub fn findings(findings: &[Finding], wide: bool) -> Vec<Line> {
    let in_plan = |f: &&Finding| matches!(f.id, "daemonset-pod" | "mirror-pod");
    let shown: Vec<&Finding> = findings.iter().filter(|f| wide || !in_plan(f)).collect();
    plugin_client::cli::findings::lines_of(&shown, wide)
}
