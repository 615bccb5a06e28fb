//! Which rights a command line needs: the one place that states them. All but those of a proof are rights to read; what is missing is reported.

use plugin_client::{Requirement, Right, Roles, Scope};

use crate::gather::volumes::VOLUMES;
use crate::snapshot::Read;

const KUBE_SYSTEM: &str = "kube-system";

/// `namespace`: of the workloads; `None` is all. `secrets`: their metadata is read.
fn requirements(namespace: Option<&str>, secrets: bool) -> Vec<Requirement> {
    let lost = "the checks that read it are unchecked (exit 5)";
    let everywhere =
        "see where the pods of a lost or drained node can go, which depends on the whole cluster";
    let unknown = "node loss, zone loss and drain are unknown (exit 5)";
    let mut all = vec![
        Requirement::reported(Right::new("list", "", "pods"), everywhere, unknown),
        Requirement::reported(Read::Nodes.right(None), everywhere, unknown),
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
    let own = Read::ALL.into_iter().filter(|read| match read {
        Read::Pods | Read::Nodes | Read::Leases | Read::Namespaces | Read::Claims => false,
        Read::Secrets => secrets,
        _ => true,
    });
    for read in own {
        let namespace = namespace.filter(|_| read != Read::EndpointSlices);
        all.push(Requirement::reported(read.right(namespace), purpose(read), lost));
    }
    let own = Right { namespace: namespace.map(str::to_owned), ..Right::new("get", "", "namespaces") };
    let own = match namespace {
        Some(name) => own.name(name),
        None => own,
    };
    let read = "read the labels and the annotation of a namespace that is checked alone";
    all.push(Requirement::reported(own, read, lost));
    all
}

fn purpose(read: Read) -> &'static str {
    match read {
        Read::ConfigMaps | Read::ServiceAccounts | Read::PriorityClasses | Read::RuntimeClasses => {
            "see whether what pods need exists"
        }
        Read::Secrets => {
            "see whether the Secrets that pods need exist (--secrets); only their metadata is requested"
        }
        Read::Quotas | Read::LimitRanges => "see whether a replacement would be admitted",
        Read::ValidatingWebhooks | Read::MutatingWebhooks => "see which webhooks no pod is created without",
        Read::EndpointSlices => "see what is behind Services, and behind webhooks of other namespaces",
        Read::Events => "see why containers were stopped and pods were not created",
        _ => "check the workloads, and what belongs to them",
    }
}

/// What a command line needs beyond reading without Secrets.
#[derive(Clone, Copy, Debug)]
pub struct More {
    pub secrets: bool,
    pub asks: bool,
    pub watches: bool,
    pub proves: bool,
}

/// `--print-rbac`
pub fn roles(namespace: Option<&str>, more: More) -> Roles {
    let mut roles = reading(namespace, more.secrets);
    if more.asks {
        roles.title = vec![
            "Rights for `kubectl heal-check --ask-server`, and no more. It creates and evicts nothing, but dry runs take the same rights as what they try.".to_owned(),
            "Printed by --print-rbac, which does not contact the cluster.".to_owned(),
        ];
        roles.name.push_str("-ask-server");
        roles.requirements.extend(for_dry_runs(namespace));
    }
    if more.watches {
        roles.name.push_str("-watch");
        roles.requirements.extend(for_watch(namespace));
    }
    if more.proves {
        roles.title = vec![
            "Rights for `kubectl heal-check --prove=evict`, and no more. Printed by --print-rbac, which does not contact the cluster.".to_owned(),
        ];
        roles.name.push_str("-prove");
        roles.requirements.extend(for_proof(namespace, None));
    }
    roles
}

/// Of `--ask-server`. The server does not tell a dry run from the real thing when it looks at rights.
fn for_dry_runs(namespace: Option<&str>) -> Vec<Requirement> {
    let here = |right: Right| Right { namespace: namespace.map(str::to_owned), ..right };
    let pods = || Right::new("create", "", "pods");
    vec![
        Requirement::reported(
            here(pods().subresource("eviction")),
            "ask by a dry run whether a pod can be evicted",
            "whether drains are refused is predicted from the budgets only (exit 5)",
        ),
        Requirement::reported(
            here(pods()),
            "ask by a dry run whether a replacement is admitted",
            "HC508 is unchecked (exit 5)",
        ),
    ]
}

/// Of `--watch`, for each kind that is watched.
fn for_watch(namespace: Option<&str>) -> Vec<Requirement> {
    let watched = Read::ALL.into_iter().filter(|read| read.is_watched());
    let right = |read: Read| Right { verb: "watch".to_owned(), ..read.right(namespace) };
    let requirement = |read| {
        Requirement::reported(right(read), "notice that something changed", "changes are seen once a minute")
    };
    watched.map(requirement).collect()
}

/// What a proof needs beyond that. `kind`: of the workload; `None` is any.
pub fn for_proof(namespace: Option<&str>, kind: Option<Read>) -> Vec<Requirement> {
    let here = |right: Right| Right { namespace: namespace.map(str::to_owned), ..right };
    let pods = |verb: &str| here(Right::new(verb, "", "pods"));
    let slices = |verb: &str| here(Right::new(verb, "discovery.k8s.io", "endpointslices"));
    let follow = "follow the pods that are evicted and their replacements";
    let serving = "see when the Services have the replacement";
    let kinds = [Read::Deployments, Read::StatefulSets, Read::DaemonSets, Read::ReplicaSets];
    let mut all = vec![
        Requirement::required(
            here(Right::new("create", "", "pods").subresource("eviction")),
            "evict one pod at a time",
        ),
        Requirement::required(pods("list"), follow),
        Requirement::required(pods("watch"), follow),
        Requirement::required(pods("get"), "read a pod before its eviction is repeated"),
        Requirement::required(slices("list"), serving),
        Requirement::required(slices("watch"), serving),
        Requirement::reported(
            Right::new("watch", "", "nodes"),
            "stop if a node fails meanwhile",
            "a node that fails meanwhile is not seen",
        ),
    ];
    for read in kinds.into_iter().filter(|it| kind.is_none_or(|kind| kind == *it)) {
        let watch = Right { verb: "watch".to_owned(), ..read.right(None) };
        all.push(Requirement::required(here(watch), "notice that the workload is changed meanwhile"));
    }
    let autoscaler = Right { verb: "get".to_owned(), ..Read::Autoscalers.right(None) };
    all.push(Requirement::required(here(autoscaler), "see whether it is scaling"));
    all
}

fn reading(namespace: Option<&str>, secrets: bool) -> Roles {
    let title = vec![
        "Rights for `kubectl heal-check`, and no more: it reads only. Printed by --print-rbac, which does not contact the cluster.".to_owned(),
    ];
    let scope = match namespace {
        None => Scope::All,
        Some(namespace) => Scope::One(namespace.to_owned()),
    };
    let name = if secrets { "heal-check-secrets" } else { "heal-check" };
    Roles { title, name: name.to_owned(), scope, requirements: requirements(namespace, secrets) }
}
