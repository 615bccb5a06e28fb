//! What is said of a judgement by the model of the scheduler: whether the replacement of a pod finds a place, and why not.

use std::collections::BTreeSet;

use cluster_model::feasibility::{Judgement, Miss, NodeId, Verdict, Why};
use cluster_model::text::count;

use crate::snapshot::places::{Place, Refusal};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Whatever another one is made for while the node is lost.
    Lost,
    /// Whatever a drain evicts.
    Drained,
}

/// To one of the nodes that are lost or drained: it tolerates what keeps others from them.
pub fn comes_back(judgement: &Judgement, nodes: &BTreeSet<NodeId>, leave: Leave) -> Option<Place> {
    let back = judgement.nodes.iter().filter(|node| nodes.contains(node)).count();
    if back == 0 || matches!(judgement.verdict, Verdict::Unknown(_)) {
        return None;
    }
    if back < judgement.nodes.len() {
        let why = match leave {
            Leave::Lost => "it may be bound to the lost node again",
            Leave::Drained => "it tolerates the cordon, and may come back to the node",
        };
        return Some(Place::Unknown(why.to_owned()));
    }
    let why = match leave {
        Leave::Lost => "it tolerates the taints of the lost node, and is bound to it again",
        Leave::Drained => "it tolerates the cordon, and comes back to the node",
    };
    Some(refused(judgement, format!("{}; {why}", misses(judgement))))
}

pub fn not_there() -> Place {
    Place::Unknown("the pod came or went while the cluster was read".to_owned())
}

/// `own`: how many such pods its workload has to place.
pub fn place(judgement: Judgement, own: usize) -> Place {
    match judgement.verdict {
        Verdict::Fits => Place::Fits,
        Verdict::Unknown(why) => Place::Unknown(why.join("; ")),
        Verdict::Cannot => refused(&judgement, misses(&judgement)),
        Verdict::Tight(why) => match &judgement.shortage {
            Some(short) if short.placed < own => {
                let text =
                    format!("only {} of {own} such pods find a place: {}", short.placed, misses(&judgement));
                refused(&judgement, text)
            }
            // Those of other workloads may be the ones that find none.
            Some(short) => {
                Place::Tight(format!("only {} of {} such pods find a place", short.placed, short.of))
            }
            None => Place::Tight(doubt(why).to_owned()),
        },
    }
}

fn doubt(why: Why) -> &'static str {
    match why {
        Why::Competition => "other pods may take the room",
        Why::Placement => "it depends on where other pods are placed",
        Why::Preemption => "only by preempting pods of lower priority",
        Why::MayBePreempted => "a pod of higher priority may preempt it",
    }
}

fn refused(judgement: &Judgement, text: String) -> Place {
    let is_volume = |miss: &Miss| matches!(miss, Miss::VolumeAffinity(_) | Miss::VolumeZone(_));
    Place::Cannot(Refusal::new(text, judgement.misses.iter().any(|(_, miss)| is_volume(miss))))
}

/// `2 nodes: cpu short by 500m`. That the lost nodes are lost is no news.
fn misses(judgement: &Judgement) -> String {
    let others = judgement.misses.iter().filter(|(_, miss)| !matches!(miss, Miss::Drained | Miss::Lost));
    let shown: Vec<String> =
        others.map(|(nodes, miss)| format!("{}: {miss}", count(*nodes, "node"))).collect();
    if shown.is_empty() { "there is no other node".to_owned() } else { shown.join("; ") }
}
