//! Why there is nothing to check, or not all that was named. Pure.

use cluster_model::Raw;
use plugin_client::nearest;

use crate::args::Target;
use crate::checks::hc804_healer_dead;
use crate::finding::{Subject, Unchecked};
use crate::snapshot::{Read, Snapshot};

/// That a namespace does not exist.
pub const NAMESPACE: &str = "namespace";
/// That there is no workload at all.
const NOTHING: &str = "workloads";

/// The namespace in question, if it is known not to be there.
pub fn namespace(snapshot: &Snapshot, namespace: Option<&str>) -> Option<Unchecked> {
    let name = namespace?;
    let is_there = snapshot.missing(&[Read::Namespaces]).is_some()
        || snapshot.all(Read::Namespaces).iter().any(|it| it.name() == name)
        || snapshot.workloads.iter().any(|it| it.subject.namespace == name);
    let reason = no_namespace(name);
    (!is_there).then(|| Unchecked { id: NAMESPACE.to_owned(), reason })
}

fn no_namespace(name: &str) -> String {
    format!("namespace {name} does not exist")
}

/// Which existing namespace may have been meant: `names` are those that there are.
pub fn suggest<'n>(unchecked: &mut [Unchecked], namespace: &str, names: impl Iterator<Item = &'n str>) {
    let missing = no_namespace(namespace);
    let found = unchecked.iter_mut().find(|it| it.id == NAMESPACE && it.reason == missing);
    if let (Some(it), Some(meant)) = (found, nearest::question(namespace, names)) {
        it.reason = format!("{missing}: {meant}");
    }
}

/// The cause first. Where nothing is there, that nothing shows whether the controllers act is no news.
pub fn in_order(
    mut unchecked: Vec<Unchecked>,
    namespace: Option<Unchecked>,
    mut workloads: Vec<Unchecked>,
) -> Vec<Unchecked> {
    if namespace.is_some() || workloads.iter().any(|it| it.id == NOTHING) {
        unchecked.retain(|it| it.id != hc804_healer_dead::CHECK.id);
    }
    unchecked.sort();
    unchecked.dedup();
    workloads.sort();
    namespace.into_iter().chain(workloads).chain(unchecked).collect()
}

/// What was named and is not there, and that nothing is there at all.
pub fn workloads(snapshot: &Snapshot, namespace: Option<&str>, target: &Target) -> Vec<Unchecked> {
    let named = snapshot.not_found.iter();
    let mut all: Vec<Unchecked> = named
        .map(|name| Unchecked { id: name.clone(), reason: not_found(snapshot, name, namespace) })
        .collect();
    let is_absent = self::namespace(snapshot, namespace).is_some();
    if snapshot.posture().next().is_none() && all.is_empty() && !is_absent {
        let reason = nothing(snapshot, namespace, target);
        all.push(Unchecked { id: NOTHING.to_owned(), reason });
    }
    all
}

/// Pods and Jobs are part of their owners.
fn not_found(snapshot: &Snapshot, named: &str, namespace: Option<&str>) -> String {
    let owner_of = |uid: &str| snapshot.workload_of.get(uid).map(|at| &snapshot.workloads[*at]);
    let (kind, name) = named.split_once('/').unwrap_or((named, ""));
    let owner = match kind {
        "pod" => snapshot.workloads.iter().find(|it| it.pods.iter().any(|pod| pod.name == name)),
        "job" => snapshot.jobs().find(|it| it.name() == name).and_then(|it| owner_of(it.uid())),
        "replicaset" => snapshot.named_replica_sets.get(name).and_then(|uid| owner_of(uid)),
        _ => None,
    };
    if let Some(owner) = owner {
        return format!("belongs to {}: name that instead", owner.subject);
    }
    if let Some(read) = Read::of_word(kind).filter(|read| snapshot.unknown.contains_key(read)) {
        return format!("{} could not be read", read.api().3);
    }
    let reason =
        namespace.map_or("not found in the files".to_owned(), |it| format!("not found in namespace {it}"));
    // Of another kind it may have this very name.
    let is_here = |subject: &&Subject| namespace.is_none_or(|it| it == subject.namespace);
    let all = || snapshot.workloads.iter().map(|it| &it.subject).filter(is_here);
    let named_so = all().find(|it| it.name == name).map(ToString::to_string);
    let of_kind = all().filter(|it| it.kind.eq_ignore_ascii_case(kind)).map(|it| it.name.as_str());
    let meant = match named_so {
        Some(other) => Some(format!("did you mean {other}?")),
        None => nearest::question(name, of_kind),
    };
    meant.map_or(reason.clone(), |meant| format!("{reason}: {meant}"))
}

fn nothing(snapshot: &Snapshot, namespace: Option<&str>, target: &Target) -> String {
    let place = namespace.map_or("in any namespace".to_owned(), |it| format!("in namespace {it}"));
    let unread: Vec<&str> = Read::NAMED
        .into_iter()
        .filter(|read| snapshot.unknown.contains_key(read))
        .map(|read| read.api().3)
        .collect();
    if !unread.is_empty() {
        return format!("{} could not be read {place}: nothing was checked", unread.join(", "));
    }
    match target {
        Target::Selector(selector) => format!("no workload {place} matches --selector {selector}"),
        Target::All | Target::Named(_) => format!("there is no workload {place}: nothing was checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy};
    use crate::snapshot::Selection;
    use serde_json::json;

    fn shop() -> serde_json::Value {
        json!({"kind": "Namespace", "metadata": {"name": "shop", "uid": "ns"}})
    }

    fn empty() -> World {
        let mut world = healthy();
        world.objects.retain(|it| it["metadata"]["namespace"] != "shop");
        world
    }

    #[test]
    fn why_nothing_is_there() {
        let all = Target::All;
        let labelled = Target::Selector("app=x".to_owned());
        for (world, target, expected) in [
            (healthy(), &all, &[][..]),
            (empty().with(shop()), &all, &["there is no workload in namespace shop: nothing was checked"]),
            (empty().with(shop()), &labelled, &["no workload in namespace shop matches --selector app=x"]),
            (
                empty().with(shop()).unknown(Read::Deployments).unknown(Read::Jobs),
                &all,
                &["deployments, jobs could not be read in namespace shop: nothing was checked"],
            ),
            (empty(), &all, &[]),
        ] {
            let found = workloads(&world.snapshot(), Some("shop"), target);
            let found: Vec<&str> = found.iter().map(|it| it.reason.as_str()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_below_a_workload_is_found() {
        let reason = |read: Read, name: &str| {
            let named = Selection::Named(vec![(read, name.to_owned())]);
            workloads(&healthy().selected(&named), Some("shop"), &Target::All).remove(0).reason
        };
        let world = healthy();
        let sets = world.objects.iter().filter(|it| it["kind"] == "ReplicaSet");
        let sets: Vec<&str> = sets.filter_map(|it| it["metadata"]["name"].as_str()).collect();
        assert_ne!(sets, [""; 0]);
        for (read, name) in
            sets.into_iter().map(|name| (Read::ReplicaSets, name)).chain([(Read::Pods, "web-a")])
        {
            assert_eq!(reason(read, name), "belongs to deployment/web: name that instead", "{name}");
        }
        assert_eq!(
            reason(Read::ReplicaSets, "web"),
            "not found in namespace shop: did you mean deployment/web?"
        );
    }

    #[test]
    fn a_namespace_that_is_not_there_is_named() {
        let of = |world: &World| namespace(&world.snapshot(), Some("shop")).map(|it| it.reason);
        assert_eq!(of(&empty()).as_deref(), Some("namespace shop does not exist"));
        assert_eq!(of(&empty().with(shop())), None);
        assert_eq!(of(&empty().unknown(Read::Namespaces)), None, "nobody knows");
        assert_eq!(of(&healthy()), None, "a dump without it has objects in it");
        assert_eq!(namespace(&empty().snapshot(), None), None);
    }

    #[test]
    fn what_may_have_been_meant_is_named() {
        let of = |read: Read, name: &str| {
            let named = Selection::Named(vec![(read, name.to_owned())]);
            workloads(&healthy().selected(&named), Some("shop"), &Target::All).remove(0).reason
        };
        let here = "not found in namespace shop";
        assert_eq!(of(Read::Deployments, "wbe"), format!("{here}: did you mean web?"));
        assert_eq!(of(Read::StatefulSets, "web"), format!("{here}: did you mean deployment/web?"));
        assert_eq!(of(Read::Deployments, "database"), here);
        let mut unchecked = vec![namespace(&empty().snapshot(), Some("shop")).unwrap()];
        suggest(&mut unchecked, "shop", ["prod", "shop-2", "kube-system"].into_iter());
        assert_eq!(unchecked[0].reason, "namespace shop does not exist: did you mean shop-2?");
    }

    #[test]
    fn the_cause_comes_first_and_what_follows_from_it_is_left_out() {
        let new = |id: &str, reason: &str| Unchecked { id: id.to_owned(), reason: reason.to_owned() };
        let others =
            || vec![new("HC804", "no Lease"), new("HC102", "no right"), new("HC804", "nor that one")];
        let ids = |all: Vec<Unchecked>| all.into_iter().map(|it| it.id).collect::<Vec<_>>();
        let nothing = || vec![new(NOTHING, "there is no workload")];
        assert_eq!(ids(in_order(others(), None, nothing())), ["workloads", "HC102"]);
        assert_eq!(ids(in_order(others(), Some(new("namespace", "x")), vec![])), ["namespace", "HC102"]);
        let named = vec![new("deployment/x", "not found")];
        assert_eq!(ids(in_order(others(), None, named)), ["deployment/x", "HC102", "HC804", "HC804"]);
    }

    #[test]
    fn what_could_not_be_read_is_not_missing() {
        let named = Selection::Named(vec![(Read::StatefulSets, "db".to_owned())]);
        let of = |world: World| workloads(&world.selected(&named), Some("shop"), &Target::All).remove(0);
        assert_eq!(of(healthy()).reason, "not found in namespace shop");
        assert_eq!(of(healthy().unknown(Read::StatefulSets)).reason, "statefulsets could not be read");
    }
}
