//! The one place that states which rights a command line needs, and why. Pure.

use cluster_model::PodExt;
use cluster_model::rollout::{Id, Kind, ResourceType, Rollout, ordinal};
use plugin_client::{Requirement, Right, distinct};

use crate::gather::{ARGO_KINDS, FLAGGER_KINDS, KRUISE_KINDS};
use crate::options::{Mode, Options};

/// A workload whose rights are needed, as far as it is known.
pub(super) struct Subject<'a> {
    pub kind: Kind,
    pub namespace: &'a str,
    /// `None`: found by a selector that was not evaluated yet.
    pub name: Option<&'a str>,
    /// What `--unstick` may have to delete; `None`: no name is known.
    pub pods: Vec<Option<String>>,
}

impl<'a> Subject<'a> {
    pub fn of(rollout: &'a Rollout, options: &Options) -> Self {
        let Id { kind, namespace, name, .. } = &rollout.id;
        let pods = if options.unstick { deletable(rollout) } else { Vec::new() };
        Subject { kind: *kind, namespace, name: Some(name), pods }
    }
}

/// Names of the pods that `--unstick` may have to delete: a role may name them. As long as none is broken it may be any; `None`: no name is
/// known.
fn deletable(rollout: &Rollout) -> Vec<Option<String>> {
    let own = || rollout.pods.iter().filter(|pod| ordinal(&rollout.object, pod).is_some());
    let mut pods: Vec<_> = own().filter(|pod| !pod.is_ready() && !pod.is_terminating()).collect();
    if pods.is_empty() {
        pods = own().collect();
    }
    let names: Vec<_> = pods.into_iter().map(|pod| Some(pod.name().to_owned())).collect();
    if names.is_empty() { vec![None] } else { names }
}

/// The right that the dry run of a pod needs.
pub fn create_pods(namespace: &str) -> Right {
    Right::new("create", "", "pods").namespace(namespace)
}

/// All rights that a command line needs for these workloads, each once.
pub(super) fn requirements(subjects: &[Subject<'_>], options: &Options, mode: Mode) -> Vec<Requirement> {
    let mut all = Vec::new();
    for subject in subjects {
        all.extend(reads(subject, mode));
        match mode {
            Mode::History => {}
            Mode::Status => all.extend(progress_owners(subject)),
            Mode::Plan => all.extend(around(subject)),
            Mode::Rollback => {
                all.extend(writes(subject, options));
                if options.wait {
                    all.extend(watches(subject));
                }
                all.extend(around(subject));
            }
        }
    }
    distinct(all)
}

fn of_type(subject: &Subject<'_>, verb: &str, it: ResourceType) -> Right {
    Right::new(verb, it.group, it.plural).namespace(subject.namespace)
}

fn of_workload(subject: &Subject<'_>, verb: &str) -> Right {
    let name = subject.name.map(str::to_owned);
    Right { name, ..of_type(subject, verb, subject.kind.resource()) }
}

fn of_history(subject: &Subject<'_>, verb: &str) -> Right {
    of_type(subject, verb, subject.kind.revision_type())
}

fn here(subject: &Subject<'_>, verb: &str, group: &str, resource: &str) -> Right {
    Right::new(verb, group, resource).namespace(subject.namespace)
}

/// What is lost without events.
pub const EVENTS_LOST: &str = "when and why something happened is known less exactly";

/// What every mode reads.
fn reads(subject: &Subject<'_>, mode: Mode) -> Vec<Requirement> {
    let find = "read the workloads, their revisions and their pods";
    let mut all = Vec::new();
    // These two read nothing again that was listed.
    if subject.name.is_some() || !matches!(mode, Mode::History | Mode::Status) {
        all.push(Requirement::required(of_workload(subject, "get"), find));
    }
    if subject.name.is_none() {
        all.push(Requirement::required(of_workload(subject, "list"), find));
    }
    all.push(Requirement::required(of_history(subject, "list"), find));
    all.push(Requirement::required(here(subject, "list", "", "pods"), find));
    all.push(Requirement::optional(here(subject, "list", "", "events"), "read events", EVENTS_LOST));
    all
}

fn writes(subject: &Subject<'_>, options: &Options) -> Vec<Requirement> {
    let rules = subject.kind.rules();
    let mut all = vec![
        Requirement::required(
            of_workload(subject, "patch"),
            "write the template: Kubernetes has no smaller right for it, so it also allows replicas and any template",
        ),
        Requirement::optional(
            here(subject, "create", "events.k8s.io", "events"),
            "record the rollback",
            "the rollback is not recorded as an event of the workload",
        ),
    ];
    if options.reason.is_some() && !rules.copies_change_cause() {
        all.push(Requirement::optional(
            of_history(subject, "patch"),
            "record --reason",
            "the revision keeps the change cause of its first rollout",
        ));
    }
    if options.unstick && rules.pod_can_block() {
        for name in &subject.pods {
            let pod = |verb| Right { name: name.clone(), ..here(subject, verb, "", "pods") };
            all.push(Requirement::required(
                pod("delete"),
                "delete the pods that block a StatefulSet (--unstick)",
            ));
            all.push(Requirement::optional(
                pod("get"),
                "look up what an unclear answer to a deletion meant",
                "a deletion whose answer is lost cannot be looked up",
            ));
        }
    }
    all.push(Requirement::reported(
        create_pods(subject.namespace),
        "ask by a dry run whether a pod of the template is admitted",
        "that is unknown (admission-not-checked)",
    ));
    all
}

/// While the rollout is followed.
fn watches(subject: &Subject<'_>) -> Vec<Requirement> {
    let follow = "follow the rollout (not with --no-wait)";
    let lost = "a failure is seen later, and with less of its cause";
    let events = |verb| here(subject, verb, "events.k8s.io", "events");
    vec![
        Requirement::required(of_workload(subject, "list"), follow),
        Requirement::required(of_workload(subject, "watch"), follow),
        Requirement::required(of_history(subject, "watch"), follow),
        Requirement::required(here(subject, "watch", "", "pods"), follow),
        Requirement::optional(events("list"), "see at once why it is stuck", lost),
        Requirement::optional(events("watch"), "see at once why it is stuck", lost),
        Requirement::optional(
            here(subject, "get", "", "pods").subresource("log"),
            "show why a container crashed",
            "the last lines of a crashed container are not shown",
        ),
    ]
}

/// What is read to see what could go wrong. What could not be read is a finding.
fn around(subject: &Subject<'_>) -> Vec<Requirement> {
    let mut all = Vec::new();
    let surroundings = "see what sends traffic to the pods, guards, scales and limits them";
    for (group, resource) in [
        ("", "services"),
        ("", "resourcequotas"),
        ("networking.k8s.io", "networkpolicies"),
        ("policy", "poddisruptionbudgets"),
        ("autoscaling", "horizontalpodautoscalers"),
    ] {
        let right = here(subject, "list", group, resource);
        all.push(Requirement::reported(right, surroundings, "that is unknown (surroundings-not-checked)"));
    }
    let references = "see whether what the template names exists; of ConfigMaps only metadata is read";
    let unknown = "that is unknown (reference-not-checked)";
    for (group, resource) in [
        ("", "configmaps"),
        ("", "persistentvolumeclaims"),
        ("", "serviceaccounts"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
    ] {
        all.push(Requirement::reported(here(subject, "get", group, resource), references, unknown));
    }
    all.extend(progress_owners(subject));
    if FLAGGER_KINDS.contains(&subject.kind) {
        let canaries = here(subject, "list", "flagger.app", "canaries");
        all.push(Requirement::reported(canaries, OWNERS, OWNER_UNKNOWN));
    }
    for (verb, purpose) in [
        (
            "get",
            "see whether the Secrets exist that the template names; only metadata is read, but the right includes the values",
        ),
        ("list", "see which release Helm deployed; only metadata is read, but the right includes the values"),
    ] {
        let secrets = here(subject, verb, "", "secrets");
        let lost = "that is unknown (reference-not-checked, owner-out-of-date)";
        all.push(Requirement::reported(secrets, purpose, lost).apart("secrets"));
    }
    for resource in ["nodes", "pods"] {
        all.push(Requirement::reported(
            Right::new("list", "", resource),
            "see whether the nodes have room for more pods",
            "that is unknown (capacity-not-checked)",
        ));
    }
    for (group, resource) in [
        ("", "namespaces"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "volumeattachments"),
    ] {
        all.push(Requirement::reported(
            Right::new("list", group, resource),
            "see where new pods can be placed that have volumes, or affinity to pods of other namespaces",
            "that is unknown (capacity-not-checked)",
        ));
    }
    for (group, resource) in [
        ("scheduling.k8s.io", "priorityclasses"),
        ("node.k8s.io", "runtimeclasses"),
        ("storage.k8s.io", "storageclasses"),
    ] {
        all.push(Requirement::reported(
            Right::new("get", group, resource),
            "see whether the classes exist that the template names",
            unknown,
        ));
    }
    // These may be in other namespaces than what they own.
    for (verb, group, resource) in [
        ("list", "argoproj.io", "applications"),
        ("get", "kustomize.toolkit.fluxcd.io", "kustomizations"),
        ("get", "helm.toolkit.fluxcd.io", "helmreleases"),
    ] {
        all.push(Requirement::reported(Right::new(verb, group, resource), OWNERS, OWNER_UNKNOWN));
    }
    all
}

const OWNERS: &str = "see whether an owner will undo it, where one of these is installed";
const OWNER_UNKNOWN: &str = "that is unknown (owner-not-checked, owner-may-revert)";

/// Owners that decide how far a rollout goes.
fn progress_owners(subject: &Subject<'_>) -> Vec<Requirement> {
    let groups = [(ARGO_KINDS, "argoproj.io"), (KRUISE_KINDS, "rollouts.kruise.io")];
    let here = |group| Requirement::reported(here(subject, "list", group, "rollouts"), OWNERS, OWNER_UNKNOWN);
    groups.iter().filter(|(kinds, _)| kinds.contains(&subject.kind)).map(|(_, group)| here(group)).collect()
}
