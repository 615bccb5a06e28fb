//! Which rights a command line needs: the one place that states them. They are checked before anything is changed, so that none is found
//! missing half-way, and printed by `--print-rbac`.

use cluster_model::{Finding, Inventory, PodExt, Severity};
use plugin_client::api::access_review::{self, grant};
use plugin_client::{
    Cluster, DryRun, Failure, Requirement, Right, Roles, Scope, distinct, missing, missing_parts, rbac_rule,
};

use crate::args::{Args, Target};
use crate::checks::{NODES_NOT_WATCHED, RIGHTS_MISSING};
use crate::gather::offline::kind::Kind;
use crate::options::Options;
use crate::pod_filter::pods_to_evict;

/// Who may read these pods may read the others.
const ASKED_ABOUT: usize = 8;

/// What a command line does, as far as it decides about rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With any `--dry-run` too: a plan shows whether the drain would be refused, also for a missing right.
    Drain,
    /// `--cordon-only` and `--uncordon`.
    Cordon,
    /// The same with `--dry-run=client`, which writes nothing.
    CordonPlan,
    /// `--snapshot`
    Snapshot,
}

impl Mode {
    pub fn of(args: &Args) -> Self {
        if args.snapshot.is_some() {
            return Mode::Snapshot;
        }
        match (args.cordon_only || args.uncordon, args.dry_run) {
            (false, _) => Mode::Drain,
            (true, DryRun::Client) => Mode::CordonPlan,
            (true, _) => Mode::Cordon,
        }
    }
}

/// All of them, whatever is on the nodes.
fn requirements(target: &Target, options: &Options, mode: Mode) -> Vec<Requirement> {
    if mode == Mode::Snapshot {
        return of_snapshot();
    }
    let mut all = Vec::new();
    let find = "find the nodes, and read them again before anything is claimed about them";
    if let Target::Selector(_) = target {
        all.push(Requirement::required(Right::new("list", "", "nodes"), find));
    }
    // A plan that has listed them reads none again.
    if mode != Mode::CordonPlan || matches!(target, Target::Names(_)) {
        all.extend(on_nodes(target, "get").map(|right| Requirement::required(right, find)));
    }
    if mode != Mode::CordonPlan {
        let cordon = "cordon and uncordon: Kubernetes has no smaller right for it, so it also allows labels and taints";
        all.extend(on_nodes(target, "patch").map(|right| Requirement::required(right, cordon)));
    }
    if mode != Mode::Drain {
        return all;
    }
    let follow = "plan, follow the pods on the nodes, and look up what an unclear answer meant";
    all.extend(
        ["get", "list", "watch"].map(|verb| Requirement::required(Right::new(verb, "", "pods"), follow)),
    );
    all.push(match options.disable_eviction {
        true => Requirement::required(
            Right::new("delete", "", "pods"),
            "delete pods, which no disruption budget prevents (--disable-eviction)",
        ),
        false => Requirement::required(
            Right::new("create", "", "pods").subresource("eviction"),
            "evict pods, which disruption budgets may prevent",
        ),
    });
    // A watch begins with a list.
    all.extend(["list", "watch"].iter().flat_map(|verb| on_nodes(target, verb)).map(|right| {
        Requirement::optional(
            right,
            "notice at once that somebody uncordons a node",
            "the node is read every two seconds instead (nodes-not-watched)",
        )
    }));
    all.extend(["list", "watch"].map(|verb| {
        Requirement::optional(
            Right::new(verb, "policy", "poddisruptionbudgets"),
            "show which budgets block and when",
            "budgets are unknown (budgets-not-checked); the server respects them anyway",
        )
    }));
    all.extend(forecast());
    // The list of a selector is there twice.
    distinct(all)
}

/// Lists of all kinds that a plan reads.
fn of_snapshot() -> Vec<Requirement> {
    let list = |kind: &Kind| {
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        let (right, purpose) =
            (Right::new("list", group, kind.plural()), "write what a plan reads into the file");
        match kind {
            Kind::Node | Kind::Pod => Requirement::required(right, purpose),
            _ => Requirement::reported(
                right,
                purpose,
                "it is missing in the file, and unknown in a plan from it",
            ),
        }
    };
    Kind::ALL.iter().map(list).collect()
}

/// What the scheduler's filters read besides pods.
const ROOM: [(&str, &str); 8] = [
    ("", "nodes"),
    ("", "namespaces"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "volumeattachments"),
];

/// What is read for the plan only. What could not be read is a finding.
fn forecast() -> Vec<Requirement> {
    let owners = [
        ("apps", "daemonsets"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "jobs"),
        ("", "replicationcontrollers"),
    ];
    let read = |verb: &str, group: &str, resource: &str, purpose, lost| {
        Requirement::reported(Right::new(verb, group, resource), purpose, lost)
    };
    let mut all: Vec<Requirement> = owners
        .iter()
        .map(|(group, resource)| {
            let recreated = "see whether the pods are recreated elsewhere";
            read("get", group, resource, recreated, "that is unknown (owner-not-checked)")
        })
        .collect();
    for resource in ["persistentvolumeclaims", "persistentvolumes"] {
        let data = "see whether data of the pods is bound to the node";
        all.push(read("get", "", resource, data, "that is unknown (volume-not-checked)"));
    }
    let room = "see whether the pods find room on other nodes";
    for (group, resource) in ROOM {
        all.push(read("list", group, resource, room, "that is unknown (room-not-checked)"));
    }
    let webhooks = "see whether a webhook that evictions need is served from the node";
    let lost = "that is unknown (webhooks-not-checked)";
    for resource in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        all.push(read("list", "admissionregistration.k8s.io", resource, webhooks, lost));
    }
    all.push(read("get", "", "services", webhooks, lost));
    all
}

/// The right to each of the nodes that are named, or to all.
fn on_nodes(target: &Target, verb: &str) -> impl Iterator<Item = Right> {
    let all = Right::new(verb, "", "nodes");
    let names = match target {
        Target::Names(names) => names.iter().cloned().map(Some).collect(),
        Target::Selector(_) => vec![None],
    };
    names.into_iter().map(move |name| Right { name, ..all.clone() })
}

/// `--print-rbac`
pub fn roles(target: &Target, options: &Options, mode: Mode) -> Roles {
    let (name, what) = match mode {
        Mode::Cordon => ("safe-drain-cordon", "`kubectl safe-drain` with --cordon-only or --uncordon"),
        Mode::CordonPlan => {
            ("safe-drain-cordon-plan", "`kubectl safe-drain` with --cordon-only or --uncordon, and --dry-run")
        }
        Mode::Snapshot => ("safe-drain-snapshot", "`kubectl safe-drain --snapshot`"),
        Mode::Drain if options.disable_eviction => {
            ("safe-drain-disable-eviction", "`kubectl safe-drain --disable-eviction`, also with --dry-run")
        }
        Mode::Drain => ("safe-drain", "`kubectl safe-drain`, also with --dry-run"),
    };
    let mut title = vec![format!(
        "Rights for {what}, and no more. Printed by --print-rbac, which does not contact the cluster."
    )];
    if mode == Mode::Drain {
        title.push(
            "A node may have pods of any namespace, so this assumes all namespaces; the right to evict may be granted by namespace instead."
                .to_owned(),
        );
    }
    let scope = match target {
        _ if mode == Mode::Snapshot => Scope::All,
        Target::Selector(_) => Scope::All,
        Target::Names(names) => match names.as_slice() {
            // Else the role of this node would have the name of another mode's.
            [name]
                if !["cordon", "disable-eviction", "snapshot"].iter().any(|mode| name.starts_with(mode)) =>
            {
                Scope::One(name.clone())
            }
            _ => Scope::Other,
        },
    };
    Roles { title, name: name.to_owned(), scope, requirements: requirements(target, options, mode) }
}

/// Before anything is read: what is missing for certain. The right to evict may be granted per namespace, and that to read a pod for some
/// pods only; see `findings`. A node's own credentials (kubernetes/kubernetes#131241) may read and change that node and list what is on it.
pub async fn check(
    cluster: &Cluster,
    target: &Target,
    options: &Options,
    mode: Mode,
) -> Result<Vec<Requirement>, Failure> {
    let checked = requirements(target, options, mode).into_iter().filter(|it| it.need.is_checked());
    // The right to all nodes includes each of them: single nodes are asked about only if it is denied.
    let whole = |it: Requirement| Requirement { right: Right { name: None, ..it.right }, ..it };
    let whole: Vec<Requirement> = distinct(checked.map(whole));
    let rights: Vec<Right> = whole.iter().map(|it| it.right.clone()).collect();
    let lacking = missing(cluster, &rights).await?;
    let mut denied = Vec::new();
    for requirement in whole.into_iter().filter(|it| lacking.contains(&it.right)) {
        let parts = match target {
            Target::Names(names) => {
                names.iter().filter_map(|node| of_node(&requirement.right, node)).collect()
            }
            Target::Selector(_) => Vec::new(),
        };
        if parts.is_empty() {
            denied.push(requirement);
            continue;
        }
        let of_nodes = missing_parts(cluster, requirement.right.clone(), parts).await?;
        denied.extend(of_nodes.into_iter().map(|right| Requirement { right, ..requirement.clone() }));
    }
    Ok(denied)
}

/// The right as it may be given for a single node. The server takes the name of a list or watch from the field selector `metadata.name`
/// (apiserver/pkg/endpoints/request/requestinfo.go), so it is a name here too.
fn of_node(right: &Right, node: &str) -> Option<Right> {
    match (right.resource.as_str(), right.verb.as_str()) {
        ("nodes", _) => Some(right.clone().name(node)),
        ("pods", "list" | "watch") => Some(right.clone().field("spec.nodeName", node)),
        _ => None,
    }
}

/// The rights that are missing, once it is known in which namespaces pods have to go.
pub async fn findings(
    cluster: &Cluster,
    denied: Vec<Requirement>,
    inventory: &Inventory,
    options: &Options,
) -> Result<Vec<Finding>, Failure> {
    let (needed, optional): (Vec<_>, Vec<_>) = denied.into_iter().partition(Requirement::is_required);
    let (late, needed): (Vec<Right>, Vec<Right>) =
        needed.into_iter().map(|it| it.right).partition(is_of_pods);
    let unwatched = optional.iter().any(|it| it.right.verb == "watch" && it.right.group == "policy")
        && inventory.budgets.seen().is_some();
    let nodes_unwatched: Vec<&Right> =
        optional.iter().map(|it| &it.right).filter(|right| right.resource == "nodes").collect();
    let mut lacking = needed;
    for right in late {
        if right.verb == "get" {
            let some = pods_to_evict(inventory, options).take(ASKED_ABOUT);
            let parts = some.map(|pod| right.clone().namespace(pod.namespace()).name(pod.name())).collect();
            lacking.extend(missing_parts(cluster, right, parts).await?);
            continue;
        }
        let mut namespaces: Vec<&str> = pods_to_evict(inventory, options).map(PodExt::namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let narrowed: Vec<Right> = namespaces.into_iter().map(|ns| right.clone().namespace(ns)).collect();
        lacking.extend(missing(cluster, &narrowed).await?);
    }
    Ok(lacking
        .iter()
        .map(|right| access_review::finding(right, RIGHTS_MISSING))
        .chain(unwatched.then(blind))
        .chain((!nodes_unwatched.is_empty()).then(|| polled(&nodes_unwatched)))
        .collect())
}

/// May it be given for single pods or namespaces, so that the pods have to be known first?
fn is_of_pods(right: &Right) -> bool {
    right.group.is_empty()
        && right.resource == "pods"
        && matches!(right.verb.as_str(), "create" | "delete" | "get")
}

/// Budgets were read once; how they change will not be seen.
fn blind() -> Finding {
    Finding::new(
        "budgets-not-checked",
        Severity::Unknown,
        "disruption budgets",
        "can be read but not watched: the drain retries every few seconds instead",
    )
    .remedy(grant(&Right::new("watch", "policy", "poddisruptionbudgets")))
}

/// The nodes are read again and again instead.
fn polled(denied: &[&Right]) -> Finding {
    Finding::new(
        NODES_NOT_WATCHED,
        Severity::Unknown,
        "nodes",
        "can be read but not watched: an uncordon by someone else is noticed after up to two seconds",
    )
    .remedy(denied.iter().map(|right| grant(right)).collect::<Vec<_>>().join(", "))
}

/// Reading is impossible already. All missing rights are reported at once, also those that are needed only later.
pub fn refusal(denied: &[Requirement]) -> Option<Failure> {
    let fatal: Vec<Right> = denied
        .iter()
        .filter(|it| it.is_required() && !is_of_pods(&it.right) && it.right.verb != "patch")
        .map(|it| it.right.clone())
        .collect();
    access_review::refusal(&fatal).map(|failure| failure.block(&rbac_rule(&rights(denied))))
}

/// Of a run that makes no plan: whatever is missing refuses it.
pub fn plain_refusal(denied: &[Requirement]) -> Option<Failure> {
    access_review::refusal(&rights(denied))
}

fn rights(requirements: &[Requirement]) -> Vec<Right> {
    requirements.iter().map(|it| it.right.clone()).collect()
}
