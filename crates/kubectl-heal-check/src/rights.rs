//! Which rights a command line needs: the one place that states them. All but those of a proof are rights to read; what is missing is reported.

use plugin_client::api::access_review::distinct;
use plugin_client::{Requirement, Right, Roles, Scope};

use crate::fix;
use crate::gather::volumes::VOLUMES;
use crate::half::Half;
use crate::options::Options;
use crate::proof::harm::Harm;
use crate::proof::options::ProofOptions;
use crate::snapshot::{HEALERS, NODE_LEASES, Read};

const KUBE_SYSTEM: &str = "kube-system";

const EVERYWHERE: &str =
    "see where the pods of a lost or drained node can go, which depends on the whole cluster";
const NO_PLACEMENT: &str = "pod loss, node loss, zone loss and drain are unknown (exit 5)";
const LOST: &str = "the checks that read it are unchecked (exit 5)";

/// `namespace`: of the workloads; `None` is all.
fn requirements(namespace: Option<&str>, options: &Options) -> Vec<Requirement> {
    let reads = options.reads();
    let mut all = if options.half.has_matrix() { placement() } else { without_placement(namespace) };
    let lease = Right {
        namespace: Some(KUBE_SYSTEM.to_owned()),
        ..Right::new("get", "coordination.k8s.io", "leases")
    };
    for name in HEALERS.iter().filter(|_| reads.contains(&Read::Leases)) {
        let alive = "see whether the controllers that heal are alive";
        all.push(Requirement::reported(lease.clone().name(*name), alive, LOST));
    }
    if let Some(own) = namespace {
        let pods = "check the pods of the namespace";
        let lost = "nothing is known about the workloads (exit 5)";
        all.push(Requirement::reported(Read::Pods.right(Some(own)), pods, lost));
        // Those of all namespaces are among what placement depends on.
        if reads.contains(&Read::Claims) {
            all.push(Requirement::reported(Read::Claims.right(Some(own)), purpose(Read::Claims), LOST));
        }
    } else if reads.contains(&Read::Claims) && !options.half.has_matrix() {
        all.push(Requirement::reported(Read::Claims.right(None), purpose(Read::Claims), LOST));
    }
    let own = reads
        .iter()
        .filter(|read| {
            !matches!(read, Read::Pods | Read::Nodes | Read::Leases | Read::Namespaces | Read::Claims)
        })
        .copied();
    for read in own {
        all.push(Requirement::reported(read.right(namespace), purpose(read), LOST));
    }
    let reads_webhooks =
        [Read::ValidatingWebhooks, Read::MutatingWebhooks].iter().any(|it| reads.contains(it));
    if namespace.is_some() && reads_webhooks {
        let behind = "see what is behind webhooks of other namespaces";
        all.push(Requirement::reported(Read::EndpointSlices.right(None), behind, LOST));
    }
    let own = Right { namespace: namespace.map(str::to_owned), ..Right::new("get", "", "namespaces") };
    let own = match namespace {
        Some(name) => own.name(name),
        None => own,
    };
    let read = "read the labels and the annotation of a namespace that is checked alone";
    all.push(Requirement::reported(own, read, LOST));
    all
}

/// What the model of the scheduler reads: room for a replacement on any node depends on all pods that are there.
fn placement() -> Vec<Requirement> {
    let mut all = vec![
        Requirement::reported(Right::new("list", "", "pods"), EVERYWHERE, NO_PLACEMENT),
        Requirement::reported(Read::Nodes.right(None), EVERYWHERE, NO_PLACEMENT),
        Requirement::reported(
            Right::new("list", "", "namespaces"),
            "see which namespaces a term of pod affinity means",
            NO_PLACEMENT,
        ),
    ];
    for (group, resource) in VOLUMES {
        all.push(Requirement::reported(
            Right::new("list", group, resource),
            "see on which nodes the volumes of pods can be used",
            NO_PLACEMENT,
        ));
    }
    all
}

/// With `--now` where pods can go is not asked.
fn without_placement(namespace: Option<&str>) -> Vec<Requirement> {
    let nodes = "see which nodes are down, short of something or cordoned";
    let mut all = vec![Requirement::reported(Read::Nodes.right(None), nodes, LOST)];
    if namespace.is_none() {
        let lost = "nothing is known about the workloads (exit 5)";
        all.push(Requirement::reported(Read::Pods.right(None), purpose(Read::Pods), lost));
        let list = Right::new("list", "", "namespaces");
        all.push(Requirement::reported(list, purpose(Read::Namespaces), LOST));
    }
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
        Read::EndpointSlices => "see what is behind Services and webhooks",
        Read::Events => "see why containers were stopped and pods were not created",
        _ => "check the workloads, and what belongs to them",
    }
}

/// `--print-rbac`
pub fn roles(namespace: Option<&str>, options: &Options, proves: Option<&ProofOptions>) -> Roles {
    let mut roles = reading(namespace, options);
    if options.asks_server {
        roles.title = vec![
            "Rights for `kubectl heal-check --ask-server`, and no more. It creates and evicts nothing, but dry runs take the same rights as what they try.".to_owned(),
            "Printed by --print-rbac, which does not contact the cluster.".to_owned(),
        ];
        roles.name.push_str("-ask-server");
        roles.requirements.extend(for_dry_runs(namespace));
    }
    if options.watches {
        roles.name.push_str("-watch");
        roles.requirements.extend(for_watch(namespace));
        if options.observes_nodes() {
            roles.requirements.extend(for_node_leases());
        }
    }
    if let Some(proof) = proves {
        let (flag, name) = match (proof.harm, &proof.debug_image) {
            (Harm::Evict, _) => ("evict", "heal-check-prove"),
            (Harm::Kill, None) => ("kill", "heal-check-prove-kill"),
            (Harm::Kill, Some(_)) => ("kill --debug-image", "heal-check-prove-kill-debug-image"),
        };
        roles.title[0] = format!(
            "Rights for `kubectl heal-check --prove={flag}`, and no more. Printed by --print-rbac, which does not contact the cluster."
        );
        roles.name = name.to_owned();
        // A right that both need is required.
        roles.requirements =
            distinct(for_proof(namespace, None, proof).into_iter().chain(roles.requirements));
    }
    roles
}

/// `--fix`: the server's dry run of a change needs the right to make it.
pub fn add_fixes(roles: &mut Roles, namespace: Option<&str>, half: Half) {
    roles.title = vec![
        "Rights for `kubectl heal-check --fix`, and no more. It changes nothing: the server is asked what it would say (dry run), which needs".to_owned(),
        "the same rights as the change. Printed by --print-rbac, which does not contact the cluster.".to_owned(),
    ];
    roles.name.push_str("-fix");
    let asked = "see whether the server would accept a fix (dry run)";
    let lost = "the fix is not proven, and is shown as partial";
    let right = |verb: &str, read: Read| Right { verb: verb.to_owned(), ..read.right(namespace) };
    let (kinds, makes_budgets) = fix::changed(half);
    let patched = kinds.into_iter().map(|read| right("patch", read));
    let made = makes_budgets.then(|| right("create", Read::Budgets));
    roles.requirements.extend(patched.chain(made).map(|it| Requirement::reported(it, asked, lost)));
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

fn for_node_leases() -> [Requirement; 2] {
    ["list", "watch"].map(|verb| {
        let leases = Right::new(verb, "coordination.k8s.io", "leases");
        let leases = Right { namespace: Some(NODE_LEASES.to_owned()), ..leases };
        Requirement::reported(
            leases,
            "see whether kubelets renew the Leases of their nodes",
            "HC805 sees only which nodes are Ready",
        )
    })
}

/// What a proof needs beyond that. `kind`: of the workload; `None` is any.
pub fn for_proof(namespace: Option<&str>, kind: Option<Read>, proof: &ProofOptions) -> Vec<Requirement> {
    let harm = proof.harm;
    let here = |right: Right| Right { namespace: namespace.map(str::to_owned), ..right };
    let pods = |verb: &str| here(Right::new(verb, "", "pods"));
    let slices = |verb: &str| here(Right::new(verb, "discovery.k8s.io", "endpointslices"));
    let (follow, serving, get) = match harm {
        Harm::Evict => (
            "follow the pods that are evicted and their replacements",
            "see when the Services have the replacement",
            "read a pod before its eviction is repeated",
        ),
        Harm::Kill => (
            "follow the pods whose containers are killed",
            "see when the Services have the pod again",
            "read a pod before a container of it is killed",
        ),
    };
    let kinds = [Read::Deployments, Read::StatefulSets, Read::DaemonSets, Read::ReplicaSets];
    let mut all = match harm {
        Harm::Evict => vec![Requirement::required(
            here(Right::new("create", "", "pods").subresource("eviction")),
            "evict one pod at a time",
        )],
        // It is a GET that becomes a WebSocket; servers since 1.35 demand both (feature AuthorizePodWebsocketUpgradeCreatePermission).
        Harm::Kill => ["create", "get"]
            .map(|verb| {
                let exec = here(Right::new(verb, "", "pods").subresource("exec"));
                Requirement::required(exec, "look into a container, and kill it from inside")
            })
            .into(),
    };
    if proof.debug_image.is_some() {
        let added = here(Right::new("patch", "", "pods").subresource("ephemeralcontainers"));
        all.push(Requirement::required(
            added,
            "add an ephemeral container to a pod whose container has no shell",
        ));
    }
    all.extend([
        Requirement::required(pods("list"), follow),
        Requirement::required(pods("watch"), follow),
        Requirement::required(pods("get"), get),
        Requirement::required(slices("list"), serving),
        Requirement::required(slices("watch"), serving),
        Requirement::reported(
            Right::new("watch", "", "nodes"),
            "stop if a node fails meanwhile",
            "a node that fails meanwhile is not seen",
        ),
    ]);
    for read in kinds.into_iter().filter(|it| kind.is_none_or(|kind| kind == *it)) {
        let watch = Right { verb: "watch".to_owned(), ..read.right(None) };
        all.push(Requirement::required(here(watch), "notice that the workload is changed meanwhile"));
    }
    let autoscaler = Right { verb: "get".to_owned(), ..Read::Autoscalers.right(None) };
    all.push(Requirement::required(here(autoscaler), "see whether it is scaling"));
    all
}

fn reading(namespace: Option<&str>, options: &Options) -> Roles {
    let mut title = vec![
        "Rights for `kubectl heal-check`, and no more: it reads only. Printed by --print-rbac, which does not contact the cluster.".to_owned(),
    ];
    if namespace.is_some() {
        title.extend(of_one_namespace(options).map(str::to_owned));
    }
    let requirements = distinct(requirements(namespace, options));
    let is_all = Options { secrets: options.secrets, ..Options::default() }.reads() == options.reads();
    let scope = match namespace {
        // Fewer rights than those of the published role, or of the one of this namespace.
        _ if !is_all => Scope::Other,
        None => Scope::All,
        Some(namespace) => Scope::One(namespace.to_owned()),
    };
    let name = if options.secrets { "heal-check-secrets" } else { "heal-check" };
    Roles { title, name: name.to_owned(), scope, requirements }
}

/// Which of the roles is needed for what, and how they are bound.
fn of_one_namespace(options: &Options) -> [&'static str; 3] {
    let alone = match options.half.has_matrix() {
        true => {
            "The Role of the namespace is enough to check its workloads; then pod loss, node loss, zone loss and drain are unknown: where a replacement can go depends on the nodes and pods of the whole cluster, which is why the ClusterRole lists them."
        }
        false => {
            "The Role of the namespace is enough to check its workloads; what the others allow is unchecked then."
        }
    };
    [
        alone,
        "What is unknown or unchecked is listed, and the exit code is 5; --ignore leaves checks out.",
        "Bind them with kubectl create rolebinding NAME -n NAMESPACE --role=ROLE --user=USER (one in each namespace), and kubectl create clusterrolebinding NAME --clusterrole=ROLE --user=USER.",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ignores::{Rule, Source};

    /// As `list pods`, in this namespace or in none.
    fn rights(namespace: Option<&str>, of: Option<&str>, options: &Options) -> Vec<String> {
        let all = roles(namespace, options, None).requirements;
        let own = all.into_iter().map(|it| it.right).filter(|it| it.namespace.as_deref() == of);
        own.map(|it| Right { namespace: None, ..it }.to_string()).collect()
    }

    #[test]
    fn what_belongs_to_the_namespace_is_in_its_role() {
        let all = Options::default();
        let own = rights(Some("shop"), Some("shop"), &all);
        for right in [
            "list pods",
            "list persistentvolumeclaims",
            "list endpointslices.discovery.k8s.io",
            "list events",
        ] {
            assert!(own.iter().any(|it| it == right), "{right}: {own:?}");
        }
        let cluster = rights(Some("shop"), None, &all);
        for right in &cluster {
            let is_needed_everywhere = ["pods", "claims", "endpointslices", "namespaces"];
            let (_, resource) = right.split_once(' ').unwrap();
            let is_namespaced = Read::ALL
                .into_iter()
                .any(|it| !it.is_cluster_wide() && resource.split('.').next() == Some(it.api().3));
            assert!(!is_namespaced || is_needed_everywhere.iter().any(|it| resource.contains(it)), "{right}");
        }
        for rights in [own, cluster] {
            let once: std::collections::BTreeSet<&String> = rights.iter().collect();
            assert_eq!(once.len(), rights.len(), "twice: {rights:?}");
        }
    }

    #[test]
    fn a_run_that_asks_less_needs_less() {
        let now = Options { half: Half::Now, ..Options::default() };
        let of_now = rights(Some("shop"), None, &now);
        assert!(!of_now.iter().any(|it| it.contains("pods") || it.contains("csinodes")), "{of_now:?}");
        assert!(rights(None, None, &now).iter().any(|it| it == "list pods"));
        let posture = Options { half: Half::Posture, ..Options::default() };
        assert!(rights(Some("shop"), None, &posture).iter().any(|it| it == "list pods"));
        let rules = vec![
            Rule::new(vec!["HC804"], Source::CommandLine),
            Rule::new(vec!["HC501"], Source::CommandLine),
        ];
        let less = Options { rules, ..Options::default() };
        assert_eq!(rights(None, Some(KUBE_SYSTEM), &less), [""; 0]);
        assert!(rights(None, None, &Options::default()).iter().any(|it| it == "list configmaps"));
        assert!(!rights(None, None, &less).iter().any(|it| it == "list configmaps"));
        let of_fixes = |half| {
            let mut roles = Roles { requirements: Vec::new(), ..roles(None, &Options::default(), None) };
            add_fixes(&mut roles, None, half);
            roles.requirements.into_iter().map(|it| it.right.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of_fixes(Half::Now), ["patch poddisruptionbudgets.policy"]);
        let both = of_fixes(Half::Both);
        assert!(both.iter().any(|it| it == "create poddisruptionbudgets.policy"), "{both:?}");
        assert_eq!((both.len(), of_fixes(Half::Posture)), (8, both));
        assert_eq!(roles(None, &less, None).scope, Scope::Other);
        assert_eq!(roles(None, &Options::default(), None).scope, Scope::All);
    }
}
