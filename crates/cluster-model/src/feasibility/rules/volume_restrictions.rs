//! VolumeRestrictions (`plugins/volumerestrictions`): a ReadWriteOncePod claim has one user in the cluster, and some disks that are named in a
//! pod itself have one user on a node.

use k8s_openapi::api::core::v1::Volume;

use crate::feasibility::cluster::{NodeId, PodFacts};
use crate::feasibility::miss::Miss;
use crate::feasibility::requirements::{Requirements, VolumeUse};
use crate::feasibility::rule::{Answer, Certainty, Conflict, Filter, Reach, Rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = Rule {
    plugin: "VolumeRestrictions",
    filter,
    conflicts: Some(conflicts),
    certainty: Some(certainty),
    counted: None,
};

/// Claims that are missing or could not be read are left to VolumeBinding.
fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let has_disks = disks(pod.requirements).next().is_some();
    if !has_disks && claims_for_one_pod(scenario, pod).next().is_none() {
        return None;
    }
    let stays = |pod: &PodFacts| !pod.is_terminating;
    let claim_in_use = claim_in_use(scenario, pod, stays);
    Some(Box::new(move |node| {
        if let Some(volume) = disk_in_use(scenario, pod, node, stays) {
            return Answer::Fails(Miss::DiskInUse(volume));
        }
        match &claim_in_use {
            Some(claim) => Answer::Fails(Miss::ClaimInUse(claim.clone())),
            None => Answer::Passes,
        }
    }))
}

fn conflicts(scenario: &Scenario<'_>, this: Replacement<'_>, other: Replacement<'_>) -> Vec<Conflict> {
    let shares = |claim: &str| uses(other.requirements, claim);
    if this.namespace == other.namespace && claims_for_one_pod(scenario, this).any(shares) {
        return vec![Conflict::certain(Reach::Everywhere)];
    }
    let clashes = disks(this.requirements).any(|disk| disks(other.requirements).any(|it| clash(disk, it)));
    clashes.then(|| Conflict::certain(Reach::Node)).into_iter().collect()
}

/// A pod that is terminating keeps its claims and disks until it is gone.
fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    if claim_in_use(scenario, pod, |_| true).is_some() {
        return Certainty::OneOf(Vec::new());
    }
    let is_free = |node: &NodeId| disk_in_use(scenario, pod, *node, |_| true).is_none();
    Certainty::OneOf(passing.iter().copied().filter(is_free).collect())
}

fn claims_for_one_pod<'a>(scenario: &'a Scenario<'_>, pod: Replacement<'a>) -> impl Iterator<Item = &'a str> {
    pod.requirements.volumes.iter().filter_map(move |volume| {
        let VolumeUse::Claim(name) = volume else { return None };
        let claim = scenario.cluster.volumes.claim(pod.namespace, name).found()?;
        claim.is_for_one_pod.then_some(name.as_str())
    })
}

fn uses(requirements: &Requirements, name: &str) -> bool {
    requirements.volumes.iter().any(|volume| matches!(volume, VolumeUse::Claim(used) if used == name))
}

/// The first of the pod's claims for one pod that another pod on any node uses.
fn claim_in_use(
    scenario: &Scenario<'_>,
    pod: Replacement<'_>,
    counts: impl Fn(&PodFacts) -> bool,
) -> Option<String> {
    claims_for_one_pod(scenario, pod)
        .find(|claim| {
            scenario.nodes().flat_map(|node| scenario.staying(node)).any(|id| {
                let other = scenario.pod(*id);
                *other.namespace == *pod.namespace && uses(&other.requirements, claim) && counts(other)
            })
        })
        .map(str::to_owned)
}

/// The first volume whose disk a pod on the node uses as well.
fn disk_in_use(
    scenario: &Scenario<'_>,
    pod: Replacement<'_>,
    node: NodeId,
    counts: impl Fn(&PodFacts) -> bool,
) -> Option<String> {
    let others = || scenario.staying(node).iter().map(|id| scenario.pod(*id)).filter(|other| counts(other));
    let is_used =
        |disk: &&Volume| others().any(|other| disks(&other.requirements).any(|used| clash(disk, used)));
    disks(pod.requirements).find(is_used).map(|disk| disk.name.clone())
}

fn disks(requirements: &Requirements) -> impl Iterator<Item = &Volume> {
    requirements.volumes.iter().filter_map(|volume| match volume {
        VolumeUse::Disk(disk) => Some(&**disk),
        VolumeUse::Claim(_) | VolumeUse::Ephemeral { .. } => None,
    })
}

/// `isVolumeConflict`: an EBS disk has one user even if all only read it; of the others many users can read.
fn clash(a: &Volume, b: &Volume) -> bool {
    let can_write = |a: Option<bool>, b: Option<bool>| a != Some(true) || b != Some(true);
    let gce = a.gce_persistent_disk.as_ref().zip(b.gce_persistent_disk.as_ref());
    let ebs = a.aws_elastic_block_store.as_ref().zip(b.aws_elastic_block_store.as_ref());
    let iscsi = a.iscsi.as_ref().zip(b.iscsi.as_ref());
    let rbd = a.rbd.as_ref().zip(b.rbd.as_ref());
    // The server fills in the pool.
    let pool = |name: &Option<String>| name.clone().unwrap_or_else(|| "rbd".to_owned());
    gce.is_some_and(|(a, b)| a.pd_name == b.pd_name && can_write(a.read_only, b.read_only))
        || ebs.is_some_and(|(a, b)| a.volume_id == b.volume_id)
        // Whatever the target and the LUN.
        || iscsi.is_some_and(|(a, b)| a.iqn == b.iqn && can_write(a.read_only, b.read_only))
        || rbd.is_some_and(|(a, b)| {
            a.monitors.iter().any(|monitor| b.monitors.contains(monitor))
                && pool(&a.pool) == pool(&b.pool)
                && a.image == b.image
                && can_write(a.read_only, b.read_only)
        })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::cluster::Cluster;
    use crate::feasibility::testing::{
        answers, claim, cluster, pod_with_claim, verdicts, volume_of, volumes,
    };
    use crate::feasibility::{Verdict, Why};

    #[test]
    fn disks_that_are_in_use() {
        let gce = |name, read_only| json!({"gcePersistentDisk": {"pdName": name, "readOnly": read_only}});
        let ebs = |id| json!({"awsElasticBlockStore": {"volumeID": id, "readOnly": true}});
        let iscsi = |iqn, read_only| json!({"iscsi": {"iqn": iqn, "lun": 0, "targetPortal": "t", "readOnly": read_only}});
        let rbd = |monitors: &[&str], pool, image, read_only| json!({"rbd": {"monitors": monitors, "pool": pool, "image": image, "readOnly": read_only}});
        let (passes, in_use) = ("passes", "disk of volume disk in use");
        let cases = [
            (gce("x", false), gce("x", false), in_use),
            (gce("x", true), gce("x", false), in_use),
            (gce("x", true), gce("x", true), passes),
            (gce("x", false), gce("y", false), passes),
            (ebs("x"), ebs("x"), in_use),
            (ebs("x"), ebs("y"), passes),
            (gce("x", false), ebs("x"), passes),
            (iscsi("x", false), iscsi("x", false), in_use),
            (iscsi("x", true), iscsi("x", true), passes),
            (iscsi("x", false), iscsi("y", false), passes),
            (rbd(&["m", "n"], "p", "i", false), rbd(&["n"], "p", "i", true), in_use),
            (rbd(&["n"], "p", "i", true), rbd(&["n"], "p", "i", true), passes),
            (rbd(&["m"], "p", "i", false), rbd(&["n"], "p", "i", false), passes),
            (rbd(&["n"], "p", "i", false), rbd(&["n"], "q", "i", false), passes),
            (rbd(&["n"], "p", "i", false), rbd(&["n"], "p", "j", false), passes),
        ];
        for (own, other, expected) in cases {
            let using = |key, on, mut disk: Value| {
                disk["name"] = json!("disk");
                pod(key, on).volume(disk)
            };
            let pods = vec![using("a/p", "n1", own.clone()), using("b/other", "n2", other.clone())];
            let nodes = vec![node("n1", json!({})), node("n2", json!({})), node("n3", json!({}))];
            let all = answers("VolumeRestrictions", &cluster(nodes.clone(), pods.clone()), "a/p");
            assert_eq!(all, [passes, expected, passes], "{own} {other}");
            let leaving = vec![pods[0].clone(), pods[1].clone().deleted("2026-01-01T00:00:00Z")];
            let all = answers("VolumeRestrictions", &cluster(nodes, leaving), "a/p");
            assert_eq!(all, [passes; 3], "{own} {other}");
        }
    }

    fn with_claim(mode: &str, others: Vec<Pod>) -> Cluster {
        let room = |name| node(name, json!({"status": {"allocatable": {"pods": "9"}}}));
        let pods = [vec![pod_with_claim("a/p", "n0", "c")], others].concat();
        let mut cluster = cluster(vec![room("n0"), room("n1"), room("n2")], pods);
        let mode = json!({"spec": {"accessModes": [mode]}});
        let mut in_b = claim("c", mode.clone());
        in_b["metadata"]["namespace"] = json!("b");
        cluster.volumes = volumes(&[
            in_b,
            claim("c", mode.clone()),
            claim("d", mode),
            volume_of("c", json!({})),
            volume_of("d", json!({})),
        ]);
        cluster
    }

    #[test]
    fn a_claim_for_one_pod_is_in_use_everywhere() {
        let answer = |mode, key, claim| {
            answers("VolumeRestrictions", &with_claim(mode, vec![pod_with_claim(key, "n1", claim)]), "a/p")
                .join(", ")
        };
        let in_use = ["PVC c in use by another pod"; 3].join(", ");
        assert_eq!(answer("ReadWriteOncePod", "a/other", "c"), in_use);
        assert_eq!(answer("ReadWriteOncePod", "a/other", "d"), "passes, passes, passes");
        assert_eq!(answer("ReadWriteOncePod", "b/other", "c"), "passes, passes, passes");
        assert_eq!(answer("ReadWriteOnce", "a/other", "c"), "");
    }

    #[test]
    fn who_uses_a_claim_for_one_pod_decides() {
        let of = |others| verdicts(&with_claim("ReadWriteOncePod", others));
        let other = |key, on| pod_with_claim(key, on, "c");
        let tight = Verdict::Tight(Why::Competition);
        assert_eq!(of(vec![]), [Verdict::Fits]);
        assert_eq!(of(vec![other("a/other", "n1")]), [Verdict::Cannot]);
        let terminating = other("a/other", "n1").deleted("2026-01-01T00:00:00Z");
        assert_eq!(of(vec![terminating]), std::slice::from_ref(&tight));
        assert_eq!(of(vec![other("a/other", "n0")]), [tight.clone(), tight]);
        assert_eq!(of(vec![other("b/other", "n0")]), [Verdict::Fits, Verdict::Fits]);
    }

    #[test]
    fn pods_with_one_disk_need_a_node_each() {
        let room = |name: &&str| node(name, json!({"status": {"allocatable": {"pods": "9"}}}));
        let disk = json!({"name": "disk", "iscsi": {"iqn": "x", "lun": 0, "targetPortal": "t"}});
        let of = |names: &[&str], more: Vec<Pod>| {
            let pods = vec![pod("a/p", "n0").volume(disk.clone()), pod("a/q", "n0").volume(disk.clone())];
            verdicts(&cluster(names.iter().map(room).collect(), [pods, more].concat())).remove(0)
        };
        assert_eq!(of(&["n0", "n1"], vec![]), Verdict::Tight(Why::Competition));
        assert_eq!(of(&["n0", "n1", "n2"], vec![]), Verdict::Fits);
        let terminating = pod("b/there", "n2").volume(disk.clone()).deleted("2026-01-01T00:00:00Z");
        assert_eq!(of(&["n0", "n1", "n2"], vec![terminating]), Verdict::Tight(Why::Competition));
    }
}
