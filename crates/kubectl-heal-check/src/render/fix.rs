//! What is offered for a finding: the proof in a line, then its commands; or why nothing is.

use plugin_client::Line;

use super::remedy::{INDENT, remedy};
use crate::finding::{Finding, Fix, Offer};

/// Below its finding. The remedy in words is left out where a fix is proven: that says it.
pub fn lines(finding: &Finding) -> Vec<Line> {
    let line = || Line::from(" ".repeat(INDENT));
    match &finding.offer {
        None => vec![remedy(finding)],
        Some(Offer::Nothing(why)) => {
            vec![remedy(finding), line().dim("no fix: ").dim(why).hanging(INDENT)]
        }
        Some(Offer::Fix(fix)) => {
            let commands = fix.commands.iter().map(|it| line().command(it));
            title(finding, fix).into_iter().chain(commands).collect()
        }
    }
}

fn title(finding: &Finding, fix: &Fix) -> Vec<Line> {
    let line = || Line::from(" ".repeat(INDENT));
    match &fix.partial {
        // What was checked is in `crate::fix`.
        None => {
            let accepted = if fix.is_by_server { "server accepts it" } else { "schema accepts it" };
            let proof = match &finding.location {
                None => format!("{accepted}, pods fit, {} gone, nothing worse", finding.id),
                Some(_) => format!("{accepted}, {} gone, nothing worse (no nodes)", finding.id),
            };
            vec![line().good("fix, proven: ").plain(proof).hanging(INDENT)]
        }
        Some(why) => {
            vec![remedy(finding), line().warn("partial fix, not proven: ").plain(why).hanging(INDENT)]
        }
    }
}
