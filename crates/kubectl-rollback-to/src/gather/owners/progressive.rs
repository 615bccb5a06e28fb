//! Controllers that take a workload's template as the start of a rollout of their own, found by their reference to it or by what
//! they leave on it. Pure.

use cluster_model::managed_fields::entries;
use cluster_model::rollout::{Id, Kind, Rollout};
use cluster_model::{Known, Raw};
use serde_json::Value;

use super::judge::Sources;
use super::signs::is_name;
use crate::snapshot::{Controls, Owner, Reverts};

pub fn progressive(rollout: &Rollout, sources: &Sources) -> Vec<Owner> {
    let found = [kruise(rollout, sources), argo(rollout, sources), flagger(&rollout.id, sources)];
    found.into_iter().flatten().collect()
}

/// What an owner of this kind could do is not known.
fn unread(who: &str, controls: Controls, why: &str) -> Owner {
    Owner { who: who.to_owned(), reverts: Reverts::Unknown(why.to_owned()), instead: String::new(), controls }
}

const BY_ITS_OWN_STEPS: &str = "it takes this template and rolls it out by its own steps";

/// The annotation is there as long as its Rollout is under way; then the workload must not be resumed
/// (openkruise/rollouts, pkg/util/constant.go, InRolloutProgressingAnnotation).
const IN_PROGRESS: &str = "rollouts.kruise.io/in-progressing";

fn kruise(rollout: &Rollout, sources: &Sources) -> Option<Owner> {
    let id = &rollout.id;
    let owner = |name: Option<&str>, why: &str| Owner {
        who: name.map_or("an OpenKruise rollout".to_owned(), |name| format!("OpenKruise rollout {name}")),
        reverts: Reverts::Perhaps(why.to_owned()),
        instead: match name {
            Some(name) => format!(
                "kubectl kruise rollout undo rollout/{name} -n {}; approve in place of undo goes on with the new version",
                id.namespace
            ),
            None => format!("kubectl get rollouts.rollouts.kruise.io -n {}", id.namespace),
        },
        controls: Controls::Progress,
    };
    let state: Option<Value> =
        rollout.object.annotation(IN_PROGRESS).map(|text| serde_json::from_str(text).unwrap_or_default());
    let named = state.as_ref().map(|state| state.text("/rolloutName")).filter(|name| is_name(name));
    match sources.kruise.get(&id.namespace) {
        Some(Known::Seen(list)) => {
            // v1beta1, and v1alpha1.
            let refers = |it: &&Value| {
                it["spec"]["disabled"] != true
                    && ["/spec/workloadRef", "/spec/objectRef/workloadRef"]
                        .iter()
                        .any(|at| it.pointer(at).is_some_and(|reference| is(reference, id)))
            };
            match list.iter().find(refers) {
                Some(it) => Some(owner(Some(it.name()), BY_ITS_OWN_STEPS)),
                None if state.is_some() => {
                    Some(owner(named, "it is named on the object, and no such Rollout was found"))
                }
                None => None,
            }
        }
        Some(Known::Unknown(why)) if state.is_some() || is_marked(rollout, "rollouts.kruise.io/") => {
            Some(owner(named, why))
        }
        Some(Known::Unknown(why)) => Some(unread("OpenKruise Rollouts", Controls::Progress, why)),
        None => state.is_some().then(|| owner(named, "its Rollouts are not served here")),
    }
}

fn argo(rollout: &Rollout, sources: &Sources) -> Option<Owner> {
    let id = &rollout.id;
    let owner = |name: Option<&str>, why: &str| Owner {
        who: name
            .map_or("an Argo Rollouts rollout".to_owned(), |name| format!("Argo Rollouts rollout {name}")),
        reverts: Reverts::Perhaps(why.to_owned()),
        instead: match name {
            Some(name) => format!(
                "kubectl argo rollouts undo {name} -n {0}; in the middle of a rollout: kubectl argo rollouts abort {name} -n {0}",
                id.namespace
            ),
            None => format!("kubectl argo rollouts list rollouts -n {}", id.namespace),
        },
        controls: Controls::Progress,
    };
    // Its controller scales the Deployment down, and writes nothing else to it.
    let marked = || {
        is_marked(rollout, "rollout.argoproj.io/")
            || entries(&rollout.object).any(|entry| entry.manager == "rollouts-controller")
    };
    match sources.rollouts.get(&id.namespace)? {
        Known::Seen(list) => list.iter().find(|it| is(&it["spec"]["workloadRef"], id)).map(|it| {
            owner(Some(it.name()), &format!("{BY_ITS_OWN_STEPS}; the pods here may be scaled to 0"))
        }),
        Known::Unknown(why) if marked() => Some(owner(None, why)),
        Known::Unknown(why) => Some(unread("Argo Rollouts", Controls::Progress, why)),
    }
}

fn flagger(id: &Id, sources: &Sources) -> Option<Owner> {
    match sources.canaries.get(&id.namespace)? {
        Known::Seen(list) => list.iter().find(|it| is(&it["spec"]["targetRef"], id)).map(|canary| Owner {
            who: format!("Flagger canary {}", canary.name()),
            reverts: Reverts::Perhaps(format!(
                "it takes this template as a canary; {}-primary serves until it is promoted",
                id.name
            )),
            instead: format!("kubectl describe canary {} -n {}", canary.name(), id.namespace),
            controls: Controls::Template,
        }),
        Known::Unknown(why) => Some(unread("Flagger", Controls::Template, why)),
    }
}

/// Does the reference mean this workload?
fn is(reference: &Value, id: &Id) -> bool {
    reference["kind"] == id.kind.name() && reference["name"] == id.name.as_str()
}

fn is_marked(rollout: &Rollout, prefix: &str) -> bool {
    let keys =
        ["/metadata/annotations", "/metadata/labels"].into_iter().filter_map(|at| rollout.object.map(at));
    keys.flat_map(|map| map.keys()).any(|key| key.starts_with(prefix))
}

/// Where their references have to be read: each takes templates of these kinds only.
pub const KRUISE_KINDS: &[Kind] = &Kind::ALL;
pub const ARGO_KINDS: &[Kind] = &[Kind::Deployment];
pub const FLAGGER_KINDS: &[Kind] = &[Kind::Deployment, Kind::DaemonSet];
