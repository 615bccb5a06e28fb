//! What may fix a finding, the smallest change first; or why no change of an object honestly can.

pub mod budgets;
mod containers;
mod placement;
mod replicas;
mod updates;

use serde_json::{Value, json};

use crate::finding::{Change, Finding};
use crate::snapshot::{Read, Snapshot, Workload};

type Candidates = Result<Vec<Change>, &'static str>;

pub fn of(finding: &Finding, snapshot: &Snapshot) -> Candidates {
    let subject = &finding.subject;
    let workload =
        || snapshot.workloads.iter().find(|it| it.subject == *subject).ok_or("its object was not read");
    match finding.id {
        "HC110" => containers::own_policies(workload()?),
        "HC201" => replicas::two(workload()?),
        "HC203" => budgets::new(workload()?, snapshot),
        "HC204" | "HC207" | "HC209" => Ok(budgets::one_at_a_time(subject)),
        "HC208" => budgets::always_allow(subject, snapshot),
        "HC211" => updates::rolling(workload()?, snapshot),
        "HC212" => updates::deadline(workload()?),
        "HC303" => containers::thresholds(workload()?),
        "HC305" => containers::startup(workload()?, snapshot),
        "HC308" => containers::grace_for_hooks(workload()?),
        "HC309" => containers::grace(workload()?),
        "HC401" => placement::spread_nodes(workload()?, snapshot),
        "HC402" => placement::spread(workload()?, &snapshot.domain.label),
        "HC403" => placement::without_lost_nodes(workload()?),
        "HC406" | "HC407" => updates::recreate(workload()?),
        "HC409" => placement::tolerations(workload()?),
        other => Err(why_not(other)),
    }
}

const WORKLOADS: [Read; 5] = [
    Read::Deployments,
    Read::StatefulSets,
    Read::DaemonSets,
    Read::ReplicaSets,
    Read::ReplicationControllers,
];

/// What the candidates of [`of`] change: kinds whose objects are patched, and whether a budget is made.
pub fn changed(id: &str) -> (Vec<Read>, bool) {
    match id {
        "HC203" => (Vec::new(), true),
        "HC204" | "HC207" | "HC208" | "HC209" => (vec![Read::Budgets], false),
        "HC201" => ([&WORKLOADS[..], &[Read::Autoscalers]].concat(), false),
        "HC110" | "HC211" | "HC212" | "HC303" | "HC305" | "HC308" | "HC309" | "HC401" | "HC402" | "HC403"
        | "HC406" | "HC407" | "HC409" => (WORKLOADS.to_vec(), false),
        _ => (Vec::new(), false),
    }
}

/// Of checks whose findings no change of an object can be proven to fix.
fn why_not(id: &str) -> &'static str {
    match id {
        "HC101" => "which controller it needs is not for a tool to say",
        "HC104" => "how its updates are to be rolled out is not known",
        "HC105" => "selectors are immutable: one of the two has to be recreated with other labels",
        "HC111" | "HC903" => "whether its work may be repeated is not known",
        "HC112" => "what the rule was meant for is not known",
        "HC202" => "whether anybody needs it is not known",
        "HC205" => "which pods it is meant for is not known",
        "HC206" => "which of the budgets to keep is not for a tool to say",
        "HC210" => "what it lacks is outside of the objects, or is a number that nobody knows",
        "HC301" | "HC302" | "HC304" => {
            "what tells that the process works is not known: a probe cannot be invented"
        }
        "HC306" => "which port is meant is not known",
        "HC307" => "how long an answer may take is not known",
        "HC404" => "it takes other nodes, or other wishes of the template",
        "HC405" | "HC408" => "its data is where it is: that takes another volume",
        "HC410" => "Kubernetes never runs two pods of one name: no field changes that",
        "HC411" => "how much memory it uses is not known",
        "HC412" => "how much it matters beside others is not known",
        "HC414" => "it takes more nodes, or smaller requests, and what it uses is not known",
        "HC501" => "what the missing object has to contain is not known",
        "HC503" => "which rights its processes need is not known",
        "HC506" => "which of the images of the tag is meant is not known",
        "HC507" => "whether the registry has the image is not known",
        "HC509" => "which pods or which port it is meant for is not known",
        "HC708" => "what has been changed while it was paused would be rolled out, whether it works or not",
        "HC803" => "whether somebody still works on it is not known",
        "HC601" => "why the process ends is not known",
        "HC602" => "how much memory it needs is not known",
        "HC604" => "which image is meant is not known",
        _ => "no change of an object is known to fix it",
    }
}

fn template(workload: &Workload, spec: Value) -> Vec<Change> {
    vec![Change::patch(&workload.subject, json!({"spec": {"template": {"spec": spec}}}))]
}

/// The workload's own selector. An empty one would select every pod of the namespace.
fn selector(workload: &Workload) -> Result<Value, &'static str> {
    let selector = Some(workload.selector_value()).filter(|it| {
        let labels = it["matchLabels"].as_object().is_some_and(|it| !it.is_empty());
        let terms = it["matchExpressions"].as_array().is_some_and(|it| !it.is_empty());
        labels || terms
    });
    selector.ok_or("its selector is empty: what is made from it would mean every pod")
}

/// A kind whose objects have pods.
pub fn has_pods(read: Read) -> bool {
    WORKLOADS.contains(&read)
}
