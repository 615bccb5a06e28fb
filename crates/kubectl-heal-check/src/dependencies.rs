//! What a workload needs to be of use: the Services that its environment names, and the pods behind them. A layer of its own: the cells of the
//! matrix say whether the workload itself is back. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{Json, NodeExt, Raw};
use serde::Serialize;

use crate::checks::{endpoints, service_pods};
use crate::snapshot::{PodState, Read, Snapshot, Workload, is_system};

/// A Service that the workload needs has no ready pod left if this node or zone is lost, while the workload itself has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Impairment {
    /// As in DNS: `db.shop`.
    pub service: String,
    /// What serves it, as `statefulset/db` in the Service's namespace; empty: it selects no pod.
    pub workload: String,
    /// `node n1` or `zone a`; empty: nothing serves it now.
    pub domain: String,
}

/// Namespace and name of a Service.
type Key<'s> = (&'s str, &'s str);

/// Which workloads serve each Service.
pub struct Services<'s> {
    snapshot: &'s Snapshot,
    served_by: BTreeMap<Key<'s>, Vec<&'s Workload>>,
    /// Services that select neither a pod nor a template.
    unserved: BTreeMap<Key<'s>, &'s Json>,
    zones: BTreeMap<&'s str, &'s str>,
}

impl<'s> Services<'s> {
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let mut served_by: BTreeMap<Key<'s>, Vec<&'s Workload>> = BTreeMap::new();
        for workload in &snapshot.workloads {
            for service in &workload.services {
                served_by.entry((&workload.subject.namespace, &service.name)).or_default().push(workload);
            }
        }
        let unserved =
            unserved(snapshot).map(|it| ((it.text("/metadata/namespace"), it.name()), it)).collect();
        let zones =
            snapshot.nodes.iter().filter_map(|node| Some((node.name(), snapshot.zone(node)?))).collect();
        Services { snapshot, served_by, unserved, zones }
    }

    /// None where the pods are not known, or not there yet as with manifests: nothing is said of what was not seen.
    pub fn impaired_by(&self, workload: &'s Workload) -> Vec<Impairment> {
        if self.snapshot.origin.is_manifests() || self.snapshot.missing(&[Read::Pods]).is_some() {
            return Vec::new();
        }
        let needed: BTreeSet<Key<'_>> =
            workload.hosts.iter().filter_map(|host| self.service(workload, host)).collect();
        let mut found: Vec<Impairment> =
            needed.into_iter().flat_map(|service| self.by_service(workload, service)).collect();
        found.sort();
        found
    }

    /// The Service that a host names, if there is one and pods that it selects are known
    /// (names as in `staging/src/k8s.io/dns`'s specification: SERVICE, SERVICE.NAMESPACE, SERVICE.NAMESPACE.svc…, and a pod's name before them).
    fn service(&self, workload: &'s Workload, host: &'s str) -> Option<Key<'s>> {
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, port.parse::<i64>().ok()),
            None => (host, None),
        };
        let labels: Vec<&str> = name.split('.').collect();
        let own = workload.subject.namespace.as_str();
        let wanted: Vec<(&str, &str)> = match labels.as_slice() {
            [service] => vec![(own, service)],
            // A pod of a Service in the same namespace looks the same.
            [first, second] => vec![(second, first), (own, second)],
            [service, namespace, "svc", ..] | [_, service, namespace, "svc", ..] => {
                vec![(namespace, service)]
            }
            _ => return None,
        };
        wanted.into_iter().find_map(|key| {
            let (known, ports) = self.ports(&key)?;
            port.is_none_or(|port| ports.contains(&port)).then_some(known)
        })
    }

    fn ports(&self, key: &Key<'s>) -> Option<(Key<'s>, Vec<i64>)> {
        if let Some((known, serving)) = self.served_by.get_key_value(key) {
            let own = serving.iter().flat_map(|it| &it.services).filter(|it| it.name == known.1);
            return Some((*known, own.flat_map(|it| &it.ports).copied().collect()));
        }
        let (known, service) = self.unserved.get_key_value(key)?;
        let ports = service.list("/spec/ports").iter().filter_map(|port| port.number("/port"));
        Some((*known, ports.collect()))
    }

    fn by_service(&self, workload: &Workload, (namespace, name): Key<'_>) -> Vec<Impairment> {
        let serving = self.served_by.get(&(namespace, name)).map(Vec::as_slice).unwrap_or_default();
        // Its own Service.
        if serving.iter().any(|it| it.uid == workload.uid) {
            return Vec::new();
        }
        let words: Vec<String> = serving.iter().map(|it| it.subject.to_string()).collect();
        let impairment = |domain: String| Impairment {
            service: format!("{name}.{namespace}"),
            workload: words.join(", "),
            domain,
        };
        let ready: Vec<&PodState> = serving.iter().flat_map(|it| it.ready()).collect();
        if ready.is_empty() {
            return vec![impairment(String::new())];
        }
        let node = |pod: &'_ PodState| self.snapshot.node(&pod.node).map(|it| it.name().to_owned());
        let zone = |pod: &'_ PodState| self.zones.get(&*pod.node).map(|it| (*it).to_owned());
        let lost_with = |domain: &dyn Fn(&PodState) -> Option<String>| {
            let only = domain(ready[0])
                .filter(|first| ready.iter().all(|pod| domain(pod).as_ref() == Some(first)))?;
            let serves_on = workload.ready().any(|pod| domain(pod).is_some_and(|it| it != only));
            serves_on.then_some(only)
        };
        let node = lost_with(&node).map(|it| impairment(format!("node {it}")));
        let zone = lost_with(&zone).map(|it| impairment(format!("zone {it}")));
        node.into_iter().chain(zone).collect()
    }
}

/// In the namespaces of Kubernetes itself there are pods that the kubelet runs from files, which are no part of the snapshot. Somebody may list
/// endpoints of a Service that selects nothing.
fn unserved(snapshot: &Snapshot) -> impl Iterator<Item = &Json> {
    let selecting_none = service_pods::all(snapshot).filter(|it| it.workloads.is_empty());
    selecting_none.map(|it| it.object).filter(|it| {
        let namespace = it.text("/metadata/namespace");
        !is_system(namespace) && endpoints::ready(snapshot, namespace, it.name()) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, healthy, not_ready, pod, stateful_set};
    use crate::snapshot::origin::Basis;
    use serde_json::{Value, json};

    /// Deployment `web` on three nodes, which names this in its environment, and a StatefulSet `db` of one pod with its Service.
    fn world(value: &str) -> World {
        let service = json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "db", "uid": "svc-db"},
            "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432}]}});
        naming(
            healthy().with_all(stateful_set("db", 1)).with(service),
            json!([{"name": "DB", "value": value}]),
        )
    }

    fn naming(world: World, env: Value) -> World {
        world.edit(
            "Deployment/web",
            json!({"spec": {"template": {"spec": {"containers": [
            {"name": "main", "env": env, "ports": [{"name": "http", "containerPort": 8080}]}]}}}}),
        )
    }

    fn found(world: &World) -> Vec<String> {
        let snapshot = world.snapshot();
        let web = snapshot.workloads.iter().find(|it| it.subject.name == "web").unwrap();
        let all = Services::of(&snapshot).impaired_by(web);
        all.into_iter().map(|it| format!("{} {}: {}", it.service, it.workload, it.domain)).collect()
    }

    const NODE: &str = "db.shop statefulset/db: node n1";
    const ZONE: &str = "db.shop statefulset/db: zone a";

    #[test]
    fn a_service_whose_pods_are_in_one_place_impairs_what_needs_it() {
        for value in [
            "postgres://u:p@db:5432/x",
            "db:5432",
            "db.shop",
            "http://db.shop.svc",
            "db-0.db:5432",
            "db-0.db.shop.svc:5432",
        ] {
            assert_eq!(found(&world(value)), [NODE, ZONE], "{value}");
        }
        for value in ["db", "postgres:5432", "db:5433", "http://other", "db.other", "http://db.shop.example"]
        {
            assert_eq!(found(&world(value)), [""; 0], "{value}");
        }
    }

    #[test]
    fn what_is_served_elsewhere_too_impairs_nothing() {
        let two = world("http://db").with_all(stateful_set("db", 2).split_off(2));
        assert_eq!(found(&two), [""; 0]);
        let same_zone = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}});
        assert_eq!(found(&two.edit("Node/n2", same_zone)), [ZONE]);
    }

    #[test]
    fn a_service_without_a_ready_pod_is_missing_now() {
        assert_eq!(found(&world("http://db").edit("Pod/db-0", not_ready())), ["db.shop statefulset/db: "]);
    }

    #[test]
    fn a_service_that_selects_no_pod_is_missing_now() {
        let naming = |host: &str, spec: Value| world(host).edit("Service/db", json!({"spec": spec}));
        let selects = |spec: Value| naming("db:5432", spec);
        let none = json!({"selector": {"app": "renamed"}});
        assert_eq!(found(&selects(none.clone())), ["db.shop : "]);
        assert_eq!(found(&naming("db:5433", none.clone())), [""; 0], "another port");
        // A pod that another template made.
        assert_eq!(
            found(&selects(none.clone()).with(pod("old", "renamed", "n1"))),
            ["db.shop pod/old: node n1", "db.shop pod/old: zone a"]
        );
        for spec in
            [json!({"selector": null}), json!({"selector": {"app": "renamed"}, "type": "ExternalName"})]
        {
            assert_eq!(found(&selects(spec.clone())), [""; 0], "{spec}");
        }
        let listed = json!({"kind": "EndpointSlice", "metadata": {"namespace": "shop", "name": "db-1",
            "labels": {"kubernetes.io/service-name": "db"}}, "endpoints": [{"addresses": ["10.0.0.1"]}]});
        assert_eq!(found(&selects(none).with(listed)), [""; 0], "by somebody else");
    }

    #[test]
    fn manifests_have_no_pods_to_miss() {
        let mut snapshot = world("http://db").edit("Pod/db-0", not_ready()).snapshot();
        snapshot.origin.basis = Basis::Manifests;
        let services = Services::of(&snapshot);
        assert!(snapshot.workloads.iter().all(|it| services.impaired_by(it).is_empty()));
    }

    #[test]
    fn what_is_lost_with_it_is_not_impaired_by_it() {
        let world = world("http://db").edit("Pod/web-b", not_ready()).edit("Pod/web-c", not_ready());
        assert_eq!(found(&world), [""; 0]);
    }

    #[test]
    fn without_the_pods_nothing_is_said() {
        assert_eq!(found(&world("http://db").unknown(Read::Pods)), [""; 0]);
    }

    #[test]
    fn its_own_service_is_no_dependency() {
        let own = naming(healthy(), json!([{"name": "SELF", "value": "http://web"}]));
        let own =
            own.edit("Pod/web-b", not_ready()).edit("Pod/web-c", not_ready()).edit("Pod/web-a", not_ready());
        assert_eq!(found(&own), [""; 0]);
    }
}
