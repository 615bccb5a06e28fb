//! Which rights a command line needs: the one place that states them. All of them are rights to read; what is missing is reported.

use plugin_client::{Requirement, Right, Roles, Scope};

use crate::gather::volumes::VOLUMES;
use crate::snapshot::Read;

const KUBE_SYSTEM: &str = "kube-system";

/// `namespace`: of the workloads; `None` is all.
fn requirements(namespace: Option<&str>) -> Vec<Requirement> {
    let lost = "the checks that read it are unchecked (exit 5)";
    let everywhere =
        "see where the pods of a lost or drained node can go, which depends on the whole cluster";
    let unknown = "node loss, zone loss and drain are unknown (exit 5)";
    let mut all = vec![
        Requirement::reported(Right::new("list", "", "pods"), everywhere, unknown),
        Requirement::reported(Read::Nodes.right(), everywhere, unknown),
        Requirement::reported(
            Right::new("list", "", "namespaces"),
            "see which namespaces a term of pod affinity means",
            unknown,
        ),
    ];
    for (group, resource) in VOLUMES {
        all.push(Requirement::reported(
            Right::new("list", group, resource),
            "see on which nodes the volumes of pods can be used",
            unknown,
        ));
    }
    let lease = Right {
        namespace: Some(KUBE_SYSTEM.to_owned()),
        ..Right::new("get", "coordination.k8s.io", "leases")
    };
    for name in crate::gather::HEALERS {
        let alive = "see whether the controllers that heal are alive";
        all.push(Requirement::reported(lease.clone().name(name), alive, lost));
    }
    let own = Read::ALL
        .into_iter()
        .filter(|read| !matches!(read, Read::Pods | Read::Nodes | Read::Leases | Read::Namespaces));
    for read in own {
        let right = Right { namespace: namespace.map(str::to_owned), ..read.right() };
        all.push(Requirement::reported(right, "check the workloads, and what belongs to them", lost));
    }
    if let Some(namespace) = namespace {
        let right = Right { namespace: Some(namespace.to_owned()), ..Right::new("get", "", "namespaces") };
        let annotated = "read the annotation of the namespace that leaves out findings";
        all.push(Requirement::reported(right.name(namespace), annotated, "its annotation does not count"));
    }
    all
}

/// `--print-rbac`
pub fn roles(namespace: Option<&str>) -> Roles {
    let title = vec![
        "Rights for `kubectl heal-check`, and no more: it reads only. Printed by --print-rbac, which does not contact the cluster.".to_owned(),
    ];
    let scope = match namespace {
        None => Scope::All,
        Some(namespace) => Scope::One(namespace.to_owned()),
    };
    Roles { title, name: "heal-check".to_owned(), scope, requirements: requirements(namespace) }
}
