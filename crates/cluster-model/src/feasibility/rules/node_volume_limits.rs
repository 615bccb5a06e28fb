//! NodeVolumeLimits (`plugins/nodevolumelimits/csi.go`): a CSI driver can attach only so many volumes to a node.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Volume;

use crate::Known;
use crate::feasibility::cluster::{NodeId, PodFacts, PodId};
use crate::feasibility::in_tree::{plugin_named, plugin_of_disk};
use crate::feasibility::miss::Miss;
use crate::feasibility::requirements::VolumeUse;
use crate::feasibility::rule::COUNTED;
use crate::feasibility::rule::{Answer, Counted, Filter, Rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::feasibility::volumes::{CsiNode, Lookup, Source, Volumes};
use crate::pod::resources::Amounts;
use crate::quantity;

pub const RULE: Rule = Rule {
    plugin: "NodeVolumeLimits",
    filter,
    conflicts: None,
    certainty: None,
    counted: Some(Counted { needs, free }),
};

/// A volume that counts towards the limit of its driver; the same one is counted once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attached<'a> {
    driver: &'a str,
    id: Id<'a>,
    /// It may be that it does not count, or that it is the same as another one.
    is_certain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Id<'a> {
    CsiHandle(&'a str),
    PersistentVolume(&'a str),
    UnboundClaim(String),
    /// A volume of the pod to be placed.
    New(&'a str),
    Disk(PodId, &'a str),
}

/// Volumes by driver.
type ByDriver<'a> = BTreeMap<&'a str, BTreeSet<Attached<'a>>>;

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let volumes = &scenario.cluster.volumes;
    let own = by_driver(new_volumes(scenario, pod));
    if own.is_empty() {
        return None;
    }
    Some(Box::new(move |node| {
        let csi_node = match volumes.csi_node(&scenario.node(node).name) {
            Lookup::Found(csi_node) => Some(csi_node),
            Lookup::Missing => None,
            Lookup::Unknown(why) => return Answer::Unknown(why.to_owned()),
        };
        let limits = csi_node.map(|it| it.limits.as_slice()).unwrap_or_default();
        let mut result = Answer::Passes;
        for (driver, limit) in limits {
            let Some(own) = own.get(&**driver) else { continue };
            match within(*limit, own, scenario, node, driver) {
                Answer::Passes => {}
                miss @ Answer::Fails(_) => return miss,
                unknown @ Answer::Unknown(_) => result = unknown,
            }
        }
        if let Some(why) = own.keys().find_map(|driver| absent(volumes, driver, csi_node)) {
            result = Answer::Unknown(why);
        }
        result
    }))
}

fn within(
    limit: i64,
    own: &BTreeSet<Attached<'_>>,
    scenario: &Scenario<'_>,
    node: NodeId,
    driver: &str,
) -> Answer {
    let stays = |pod: &PodFacts| !pod.is_terminating;
    let pods = scenario.staying(node).iter().map(|id| scenario.pod(*id)).filter(|pod| stays(pod));
    let at_most = own.len() + pods.map(|pod| pod.requirements.volumes.len()).sum::<usize>();
    if i64::try_from(at_most).is_ok_and(|sum| sum > limit) {
        let there = by_driver(existing(scenario, node, stays));
        let there = there.get(driver);
        if exceeds(limit, own, there, |it| it.is_certain) {
            return Answer::Fails(Miss::VolumeLimit(driver.to_owned()));
        }
        if exceeds(limit, own, there, |_| true) {
            return Answer::Unknown(format!("how many volumes of {driver} count on each node"));
        }
    }
    match &scenario.cluster.volumes.attachments {
        // In the best case volumes that no pod uses are detached, but what is left for certain is not known.
        Known::Unknown(why) => Answer::Unknown(why.clone()),
        Known::Seen(_) => Answer::Passes,
    }
}

/// Why it is not known whether the node needs the driver (`checkCSIDriverOnNode`): that depends on the feature gate VolumeLimitScaling, which is
/// on from v1.37.
fn absent(volumes: &Volumes, driver: &str, csi_node: Option<&CsiNode>) -> Option<String> {
    if csi_node.is_some_and(|it| it.drivers.iter().any(|there| **there == *driver)) {
        return None;
    }
    match volumes.driver(driver) {
        Lookup::Found(facts) if facts.must_be_on_node => {
            Some(format!("whether pods need {driver} on their node"))
        }
        Lookup::Found(_) | Lookup::Missing => None,
        Lookup::Unknown(why) => Some(why.to_owned()),
    }
}

/// More volumes than the limit, if the pod brings any that are not there yet.
fn exceeds(
    limit: i64,
    own: &BTreeSet<Attached<'_>>,
    there: Option<&BTreeSet<Attached<'_>>>,
    counts: impl Fn(&Attached<'_>) -> bool,
) -> bool {
    let is_there = |it: &Attached<'_>| there.is_some_and(|there| there.iter().any(|other| other.id == it.id));
    let new = own.iter().filter(|it| counts(it) && !is_there(it)).count();
    let used = there.into_iter().flatten().filter(|it| counts(it)).count();
    new > 0 && i64::try_from(used + new).is_ok_and(|sum| sum > limit)
}

fn needs(scenario: &Scenario<'_>, pod: Replacement<'_>) -> Amounts {
    let volumes = by_driver(new_volumes(scenario, pod));
    volumes.iter().map(|(driver, volumes)| (resource(driver), amount(volumes.len()))).collect()
}

/// The scheduler counts attachments as well, until they are gone.
fn free(scenario: &Scenario<'_>, node: NodeId) -> Amounts {
    let volumes = &scenario.cluster.volumes;
    let Some(csi_node) = volumes.csi_node(&scenario.node(node).name).found() else { return Amounts::new() };
    if csi_node.limits.is_empty() {
        return Amounts::new();
    }
    let there = existing(scenario, node, |_| true).chain(attachments(volumes, &scenario.node(node).name));
    let there = by_driver(there);
    let left = csi_node.limits.iter().map(|(driver, limit)| {
        let used = amount(there.get(&**driver).map_or(0, BTreeSet::len));
        (resource(driver), i128::from(*limit) * quantity::ONE - used)
    });
    left.collect()
}

fn resource(driver: &str) -> String {
    format!("{COUNTED}volumes of {driver}")
}

fn amount(count: usize) -> i128 {
    i128::try_from(count).unwrap_or(i128::MAX / quantity::ONE) * quantity::ONE
}

fn by_driver<'a>(volumes: impl Iterator<Item = Attached<'a>>) -> ByDriver<'a> {
    let mut all = ByDriver::new();
    for volume in volumes {
        all.entry(volume.driver).or_default().insert(volume);
    }
    all
}

/// Volumes of a pod that has to be placed.
fn new_volumes<'a>(scenario: &'a Scenario<'_>, pod: Replacement<'a>) -> impl Iterator<Item = Attached<'a>> {
    let volumes = &scenario.cluster.volumes;
    let is_new = scenario.pod(pod.of).node.is_some();
    pod.requirements.volumes.iter().filter_map(move |volume| match volume {
        VolumeUse::Claim(name) => of_claim(volumes, pod.namespace, name),
        VolumeUse::Ephemeral { volume, storage_class } => {
            let default = || volumes.default_class().map(|(name, _)| name);
            let class = storage_class.as_deref().or_else(default)?;
            // While its claim is not bound, its class decides; a claim that is there already may be bound.
            of_class(volumes, class, Id::New(volume), is_new)
        }
        VolumeUse::Disk(disk) => of_disk(disk, pod.of),
    })
}

/// Volumes of pods that stay on the node.
fn existing<'a>(
    scenario: &'a Scenario<'_>,
    node: NodeId,
    counts: impl Fn(&PodFacts) -> bool + 'a,
) -> impl Iterator<Item = Attached<'a>> {
    let volumes = &scenario.cluster.volumes;
    let pods = scenario.staying(node).iter().map(|id| (*id, scenario.pod(*id)));
    pods.filter(move |(_, pod)| counts(pod)).flat_map(move |(id, pod)| {
        pod.requirements.volumes.iter().filter_map(move |volume| match volume {
            VolumeUse::Claim(name) => of_claim(volumes, &pod.namespace, name),
            // `component-helpers/storage/ephemeral`, VolumeClaimName.
            VolumeUse::Ephemeral { volume, .. } => {
                of_claim(volumes, &pod.namespace, &format!("{}-{volume}", pod.name))
            }
            VolumeUse::Disk(disk) => of_disk(disk, id),
        })
    })
}

/// `getNodeVolumeAttachmentInfo`: only those of volumes that are CSI volumes themselves.
fn attachments<'a>(volumes: &'a Volumes, node: &str) -> impl Iterator<Item = Attached<'a>> {
    let all = volumes.attachments(node).found().into_iter().flatten();
    all.filter_map(|it| {
        let id = match volumes.persistent_volume(&it.volume) {
            Lookup::Missing => return None,
            Lookup::Unknown(_) => Id::PersistentVolume(&it.volume),
            Lookup::Found(volume) => match &volume.source {
                Source::Csi { handle, .. } => Id::CsiHandle(handle),
                Source::InTree { .. } | Source::Other => return None,
            },
        };
        Some(Attached { driver: &it.driver, id, is_certain: true })
    })
}

/// `getCSIDriverInfo`: by its volume; without one by its class.
fn of_claim<'a>(volumes: &'a Volumes, namespace: &str, name: &str) -> Option<Attached<'a>> {
    let claim = volumes.claim(namespace, name).found()?;
    let by_class = |id| of_class(volumes, &claim.class, id, false);
    let unbound = || Id::UnboundClaim(format!("{namespace}/{name}"));
    let Some(volume) = claim.volume.as_deref() else { return by_class(unbound()) };
    match volumes.persistent_volume(volume) {
        Lookup::Found(found) => match &found.source {
            Source::Csi { driver, handle } => {
                Some(Attached { driver, id: Id::CsiHandle(handle), is_certain: true })
            }
            // Older schedulers count it only where the node's CSINode says that the driver has taken over; v1.37 always does.
            Source::InTree { plugin, .. } => {
                Some(Attached { driver: plugin.driver, id: Id::PersistentVolume(volume), is_certain: false })
            }
            Source::Other => None,
        },
        Lookup::Missing => by_class(unbound()),
        Lookup::Unknown(_) => by_class(Id::PersistentVolume(volume)),
    }
}

fn of_class<'a>(volumes: &'a Volumes, class: &str, id: Id<'a>, is_certain: bool) -> Option<Attached<'a>> {
    let class = volumes.class(class).found()?;
    let provisioner = class.provisioner.as_deref()?;
    match plugin_named(provisioner) {
        Some(plugin) => Some(Attached { driver: plugin.driver, id, is_certain: false }),
        None => Some(Attached { driver: provisioner, id, is_certain: is_certain && class.waits_for_pod }),
    }
}

fn of_disk(disk: &Volume, pod: PodId) -> Option<Attached<'_>> {
    let plugin = plugin_of_disk(disk)?;
    Some(Attached { driver: plugin.driver, id: Id::Disk(pod, &disk.name), is_certain: false })
}

#[cfg(test)]
mod tests;
