//! VolumeBinding (`plugins/volumebinding`): the volumes of bound claims reach the node, and those that have to be provisioned can be for it.
//!
//! What is missing or could not be read is reported here, for all rules about volumes.

use crate::feasibility::miss::Miss;
use crate::feasibility::node::NodeFacts;
use crate::feasibility::requirements::VolumeUse;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::feasibility::volumes::{Class, Lookup, PersistentVolumeFacts, Source, Volumes, reaches};

pub const RULE: Rule = rule("VolumeBinding", filter);

enum Check<'a> {
    /// The same for all nodes.
    Always(Answer),
    Bound {
        name: &'a str,
        volume: &'a PersistentVolumeFacts,
    },
    ToProvision(ToProvision<'a>),
}

struct ToProvision<'a> {
    class_name: &'a str,
    class: &'a Class,
    /// Why a volume is not certain even where the class allows one.
    uncertain: Option<String>,
    /// Why a volume is not impossible even where the class allows none.
    otherwise: Option<String>,
}

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let volumes = &scenario.cluster.volumes;
    let has_claims_already = scenario.is_waiting(pod.of);
    let checks: Vec<Check<'a>> = pod
        .requirements
        .volumes
        .iter()
        .filter_map(|volume| match volume {
            VolumeUse::Claim(name) => Some(of_claim(volumes, pod.namespace, name)),
            VolumeUse::Ephemeral { volume, .. } if has_claims_already => {
                Some(unknown(format!("whether its ephemeral volume {volume} is bound")))
            }
            VolumeUse::Ephemeral { volume, storage_class } => {
                Some(of_new_claim(volumes, volume, storage_class.as_deref()))
            }
            VolumeUse::Disk(_) => None,
        })
        .collect();
    if checks.is_empty() {
        return None;
    }
    Some(Box::new(move |node| {
        let mut result = Answer::Passes;
        for check in &checks {
            match answer(check, volumes, scenario.node(node)) {
                Answer::Passes => {}
                miss @ Answer::Fails(_) => return miss,
                unknown @ Answer::Unknown(_) => result = unknown,
            }
        }
        result
    }))
}

fn unknown<'a>(why: impl Into<String>) -> Check<'a> {
    Check::Always(Answer::Unknown(why.into()))
}

fn of_claim<'a>(volumes: &'a Volumes, namespace: &str, name: &'a str) -> Check<'a> {
    let claim = match volumes.claim(namespace, name) {
        Lookup::Found(claim) => claim,
        Lookup::Missing => return Check::Always(Answer::Fails(Miss::ClaimMissing(name.to_owned()))),
        Lookup::Unknown(why) => return unknown(why),
    };
    if claim.is_terminating {
        return unknown(format!("PVC {name} is being deleted"));
    }
    let not_bound = || format!("PVC {name} is not bound yet");
    match &claim.volume {
        Some(volume) if claim.is_bound => match volumes.persistent_volume(volume) {
            // The controller of PersistentVolumes will find the volume.
            Lookup::Found(_) if claim.has_lost_its_volume => unknown(format!("PVC {name} has phase Lost")),
            Lookup::Found(found) => Check::Bound { name: volume, volume: found },
            Lookup::Missing => Check::Always(Answer::Fails(Miss::VolumeMissing(volume.to_string()))),
            Lookup::Unknown(why) => unknown(why),
        },
        Some(_) => unknown(not_bound()),
        None if claim.is_being_provisioned => unknown(not_bound()),
        None => match volumes.class(&claim.class) {
            Lookup::Found(class) if class.waits_for_pod => {
                provision(volumes, &claim.class, class, not_bound())
            }
            Lookup::Found(_) | Lookup::Missing => unknown(not_bound()),
            Lookup::Unknown(why) => unknown(why),
        },
    }
}

/// The claim of a generic ephemeral volume, which is made anew for a new pod.
fn of_new_claim<'a>(volumes: &'a Volumes, volume: &str, class: Option<&'a str>) -> Check<'a> {
    let not_bound = || format!("whether its ephemeral volume {volume} can be bound");
    let (name, class) = match class {
        Some(name) => match volumes.class(name) {
            Lookup::Found(class) => (name, class),
            Lookup::Missing => return unknown(not_bound()),
            Lookup::Unknown(why) => return unknown(why),
        },
        None => match (volumes.default_class(), &volumes.classes) {
            (Some(default), _) => default,
            (None, crate::Known::Unknown(why)) => return unknown(why),
            (None, crate::Known::Seen(_)) => return unknown(not_bound()),
        },
    };
    if !class.waits_for_pod {
        return unknown(not_bound());
    }
    provision(volumes, name, class, not_bound())
}

/// A claim that is bound after a node is chosen: to a volume that is free, or else to a new one.
fn provision<'a>(
    volumes: &'a Volumes,
    class_name: &'a str,
    class: &'a Class,
    not_bound: String,
) -> Check<'a> {
    let Some(provisioner) = &class.provisioner else { return unknown(not_bound) };
    let uncertain = match volumes.driver(provisioner) {
        // No CSI driver, or one that does not track it.
        Lookup::Missing => None,
        Lookup::Found(driver) => driver
            .tracks_capacity
            .then(|| format!("whether {provisioner} has enough storage for StorageClass {class_name}")),
        Lookup::Unknown(why) => Some(why.to_owned()),
    };
    let otherwise = volumes.may_have_a_free_volume(class_name).then_some(not_bound);
    Check::ToProvision(ToProvision { class_name, class, uncertain, otherwise })
}

fn answer(check: &Check<'_>, volumes: &Volumes, node: &NodeFacts) -> Answer {
    match check {
        Check::Always(answer) => answer.clone(),
        Check::Bound { name, volume } => match reaches_node(volume, volumes, node) {
            Ok(true) => Answer::Passes,
            Ok(false) => Answer::Fails(Miss::VolumeAffinity((*name).to_owned())),
            Err(why) => Answer::Unknown(why.to_owned()),
        },
        Check::ToProvision(ToProvision { class_name, class, uncertain, otherwise }) => {
            let (allows, doubt) = if class.allows(node) { (true, uncertain) } else { (false, otherwise) };
            match doubt {
                Some(why) => Answer::Unknown(why.clone()),
                None if allows => Answer::Passes,
                None => Answer::Fails(Miss::ClassTopology((*class_name).to_owned())),
            }
        }
    }
}

/// An in-tree volume is taken as the CSI volume that it became, on nodes whose CSINode says so (`binder.go`, tryTranslatePVToCSI).
fn reaches_node<'a>(
    volume: &PersistentVolumeFacts,
    volumes: &'a Volumes,
    node: &NodeFacts,
) -> Result<bool, &'a str> {
    let as_it_is = reaches(volume.affinity.as_deref(), node);
    let Source::InTree { plugin, migrated_affinity } = &volume.source else { return Ok(as_it_is) };
    let migrated = reaches(migrated_affinity.as_deref(), node);
    match volumes.csi_node(&node.name) {
        Lookup::Found(csi) if csi.migrated.iter().any(|name| **name == *plugin.name) => Ok(migrated),
        Lookup::Unknown(why) if as_it_is != migrated => Err(why),
        Lookup::Found(_) | Lookup::Missing | Lookup::Unknown(_) => Ok(as_it_is),
    }
}

#[cfg(test)]
mod tests;
