//! Which rights a command line needs: the one place that states them. They are checked before anything is changed, so that none is found
//! missing half-way, and printed by `--print-rbac`.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use cluster_model::rollout::{Id, Kind, ResourceType, Rollout, ordinal};
use cluster_model::{Finding, PodExt, Severity};
use plugin_client::api::access_review::{self, finding, grant};
use plugin_client::{Cluster, DryRun, Failure, Need, Requirement, Right, Roles, distinct, missing};

use crate::args::Args;
use crate::checks::{RIGHTS_LIMITED, RIGHTS_MISSING, RIGHTS_NOT_CHECKED};
use crate::gather::{ARGO_KINDS, FLAGGER_KINDS, KRUISE_KINDS};
use crate::journal::{Entry, Workload};
use crate::options::Options;
use crate::workload_selector::Subjects;

/// What a command line does, as far as it decides about rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `--history`
    History,
    /// `--status`
    Status,
    /// `--dry-run=client`
    Plan,
    /// With `--dry-run=server` too: it shows whether the rollback would be refused, also for a missing right.
    Rollback,
}

impl Mode {
    pub fn of(args: &Args) -> Self {
        match (args.history, args.status, args.dry_run) {
            (true, ..) => Mode::History,
            (_, true, _) => Mode::Status,
            (.., DryRun::Client) => Mode::Plan,
            _ => Mode::Rollback,
        }
    }
}

/// A workload whose rights are needed, as far as it is known.
struct Subject<'a> {
    kind: Kind,
    namespace: &'a str,
    /// `None`: found by a selector that was not evaluated yet.
    name: Option<&'a str>,
    /// What `--unstick` may have to delete; `None`: no name is known.
    pods: Vec<Option<String>>,
}

impl<'a> Subject<'a> {
    fn of(rollout: &'a Rollout, options: &Options) -> Self {
        let Id { kind, namespace, name, .. } = &rollout.id;
        let pods = if options.unstick { deletable(rollout) } else { Vec::new() };
        Subject { kind: *kind, namespace, name: Some(name), pods }
    }
}

/// The right that the dry run of a pod needs.
pub fn create_pods(namespace: &str) -> Right {
    Right::new("create", "", "pods").namespace(namespace)
}

/// All rights that a command line needs for these workloads, each once.
fn requirements(subjects: &[Subject<'_>], options: &Options, mode: Mode) -> Vec<Requirement> {
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

/// `--print-rbac`. `workloads` are those of the last rollback, which `--last` without names means.
pub fn roles(
    subjects: &Subjects,
    last: Option<&Entry>,
    namespace: &str,
    options: &Options,
    mode: Mode,
) -> Roles {
    let (mut name, mut what) = match mode {
        Mode::History => ("rollback-to-history", "`kubectl rollback-to --history`"),
        Mode::Status => ("rollback-to-status", "`kubectl rollback-to --status`"),
        Mode::Plan => ("rollback-to-plan", "`kubectl rollback-to --dry-run`"),
        Mode::Rollback => ("rollback-to", "`kubectl rollback-to`, also with --dry-run=server"),
    };
    if mode == Mode::Rollback && options.unstick {
        (name, what) = ("rollback-to-unstick", "`kubectl rollback-to --unstick`, also with --dry-run=server");
    }
    let ids: Vec<Id> = last.into_iter().flat_map(|entry| &entry.workloads).filter_map(Workload::id).collect();
    let subject = |kind, name| Subject { kind, namespace, name, pods: vec![None] };
    let subjects: Vec<Subject<'_>> = match subjects {
        Subjects::Named(named) => {
            named.iter().map(|(kind, name)| subject(*kind, Some(name.as_str()))).collect()
        }
        Subjects::Selected { kinds, .. } | Subjects::All { kinds } => {
            kinds.iter().map(|kind| subject(*kind, None)).collect()
        }
        Subjects::Journal if ids.is_empty() => Kind::ALL.iter().map(|kind| subject(*kind, None)).collect(),
        Subjects::Journal => ids
            .iter()
            .map(|id| Subject { namespace: &id.namespace, ..subject(id.kind, Some(id.name.as_str())) })
            .collect(),
    };
    let title = vec![
        format!("Rights for {what}, and no more. Printed by --print-rbac, which does not contact the cluster."),
        "Owners and whatever else a template can name are assumed: what a cluster does not have can be left out."
            .to_owned(),
    ];
    Roles { title, name: name.to_owned(), requirements: requirements(&subjects, options, mode) }
}

/// What is checked before anything is changed.
fn required_rights<R: Borrow<Rollout>>(rollouts: &[R], options: &Options, mode: Mode) -> Vec<Requirement> {
    let subjects: Vec<Subject<'_>> =
        rollouts.iter().map(|rollout| Subject::of(rollout.borrow(), options)).collect();
    let mut all = requirements(&subjects, options, mode);
    all.retain(|it| it.need.is_checked());
    all
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

/// Those that the user does not have.
pub async fn check<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Result<Vec<Right>, Failure> {
    let mut of_all: BTreeMap<Right, Vec<Right>> = BTreeMap::new();
    for Requirement { right, .. } in required_rights(rollouts, options, mode) {
        of_all.entry(Right { name: None, ..right.clone() }).or_default().push(right);
    }
    // The right to all objects includes each of them: single names are checked only if it is denied.
    let first: Vec<Right> = of_all
        .iter()
        .map(|(all, each)| if let [one] = each.as_slice() { one.clone() } else { all.clone() })
        .collect();
    let (mut denied, mut single) = (Vec::new(), Vec::new());
    for right in missing(cluster, &first).await? {
        match of_all.get(&right) {
            Some(each) if each.len() > 1 => single.extend(each.iter().cloned()),
            _ => denied.push(right),
        }
    }
    denied.extend(missing(cluster, &single).await?);
    Ok(denied)
}

/// The access reviews themselves failed.
pub fn not_checked(failure: &Failure) -> Finding {
    access_review::not_checked(failure, RIGHTS_NOT_CHECKED)
}

/// `check` and `findings` together; a failed access review is a finding, not a failure.
pub async fn found<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Vec<Finding> {
    match check(cluster, rollouts, options, mode).await {
        Ok(denied) => findings(&denied, rollouts, options, mode),
        Err(failure) => vec![not_checked(&failure)],
    }
}

/// What `denied` by `check` means, with the RBAC rule that grants it.
pub fn findings<R: Borrow<Rollout>>(
    denied: &[Right],
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Vec<Finding> {
    required_rights(rollouts, options, mode)
        .into_iter()
        .filter(|it| denied.contains(&it.right))
        .map(|Requirement { right, need, .. }| match need {
            Need::Required => finding(&right, RIGHTS_MISSING),
            Need::Optional(lost) | Need::Reported(lost) => {
                let message = format!("you have no right to do this: {lost}");
                Finding::new(RIGHTS_LIMITED, Severity::Info, right.to_string(), message).remedy(grant(&right))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::server_dry_run::testing::{connect, deny};
    use cluster_model::build::{self, PodBuild};
    use cluster_model::rollout::Kind;
    use serde_json::json;
    use testbed::fake::{Answer, Fake};

    fn rollout(kind: Kind) -> Rollout {
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"}});
        Rollout::new(kind, object, &[], Vec::new())
    }

    fn rights_of(kind: Kind, options: &Options, write: bool, needed: bool) -> BTreeSet<String> {
        let mode = if write { Mode::Rollback } else { Mode::Plan };
        let all = required_rights(&[&rollout(kind)], options, mode);
        let of = all.iter().filter(|it| it.is_required() == needed);
        of.map(|it| it.right.to_string().replace(" in namespace shop", "")).collect()
    }

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_rollback_needs_no_more_rights_than_it_uses() {
        let plain = Options::default();
        let of = |write, needed| rights_of(Kind::Deployment, &plain, write, needed);
        let look = set(&["get deployments.apps web", "list replicasets.apps", "list pods"]);
        assert_eq!((of(false, true), of(false, false)), (look.clone(), set(&["list events"])));
        let written = &look | &set(&["patch deployments.apps web"]);
        let watched = [
            "list deployments.apps web",
            "watch deployments.apps web",
            "watch replicasets.apps",
            "watch pods",
        ];
        assert_eq!(of(true, true), &written | &set(&watched));
        let events =
            ["create events.events.k8s.io", "list events.events.k8s.io", "watch events.events.k8s.io"];
        assert_eq!(of(true, false), &set(&events) | &set(&["get pods/log", "list events"]));
        let no_wait = Options { wait: false, ..Options::default() };
        assert_eq!(rights_of(Kind::Deployment, &no_wait, true, true), written);
    }

    #[test]
    fn flags_need_rights_of_their_own() {
        let options = Options { unstick: true, reason: Some("because".into()), ..Options::default() };
        let has = |kind, needed, text: &str| rights_of(kind, &options, true, needed).contains(text);
        assert!(has(Kind::StatefulSet, true, "delete pods"));
        assert!(!has(Kind::DaemonSet, true, "delete pods"), "nothing else sticks");
        assert!(has(Kind::DaemonSet, false, "patch controllerrevisions.apps"));
        assert!(!has(Kind::Deployment, false, "patch replicasets.apps"), "its controller copies the cause");
    }

    fn stuck(ready: [bool; 3]) -> Rollout {
        let object = json!({"metadata": {"name": "db", "namespace": "shop", "uid": "uid-db"}, "spec": {"replicas": 3}});
        let pod = |(ordinal, ready): (usize, bool)| {
            let ready = if ready { "True" } else { "False" };
            build::pod(&format!("shop/db-{ordinal}"), "n1")
                .owned_by("apps/v1", "StatefulSet", "db")
                .edit(json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}}))
        };
        let pods = ready.into_iter().enumerate().map(pod).collect();
        Rollout::new(Kind::StatefulSet, object, &[], pods)
    }

    /// A role may name the pods that may be deleted.
    #[tokio::test]
    async fn the_right_to_delete_a_pod_is_checked_by_its_name() {
        let options = Options { unstick: true, ..Options::default() };
        let only = |allowed: &'static str| {
            let fake = Fake::start();
            fake.on("POST", "*selfsubjectaccessreviews").answer(Answer::compute(move |request| {
                let attributes = request.json()["spec"]["resourceAttributes"].clone();
                let allowed = attributes["verb"] != "delete" || attributes["name"] == allowed;
                Answer::json(
                    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                    "metadata": {}, "spec": {}, "status": {"allowed": allowed}}),
                )
            }));
            fake
        };
        let denied = async |fake: &Fake, ready| {
            let rollouts = [stuck(ready)];
            let denied = check(&connect(fake).await, &rollouts, &options, Mode::Rollback).await.unwrap();
            denied.iter().map(Right::to_string).collect::<Vec<_>>()
        };
        let blocked = [true, false, true];
        assert_eq!(denied(&only("db-1"), blocked).await, [""; 0]);
        assert_eq!(denied(&only("db-0"), blocked).await, ["delete pods db-1 in namespace shop"]);
        // None is broken so far: whichever may be in the way.
        assert_eq!(
            denied(&only("db-0"), [true; 3]).await,
            ["delete pods db-1 in namespace shop", "delete pods db-2 in namespace shop"]
        );
    }

    #[test]
    fn a_missing_right_is_an_error_if_it_is_needed_and_reported_if_it_is_optional() {
        let web = rollout(Kind::Deployment);
        let found = |verb: &str, group: &str, resource: &str, name: Option<&str>| {
            let mut right = Right::new(verb, group, resource).namespace("shop");
            right.name = name.map(str::to_owned);
            findings(&[right], &[&web], &Options::default(), Mode::Rollback)
        };
        let patch = found("patch", "apps", "deployments", Some("web"));
        assert_eq!((patch[0].id, patch[0].severity), (RIGHTS_MISSING, Severity::Error));
        assert_eq!(
            patch[0].remedy,
            r#"grant {apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["web"], verbs: ["patch"]}"#
        );
        let events = found("list", "", "events", None);
        assert_eq!((events[0].id, events[0].severity), (RIGHTS_LIMITED, Severity::Info));
        assert_eq!(findings(&[], &[&web], &Options::default(), Mode::Rollback), []);
        assert_eq!(found("delete", "", "nodes", None), [], "not asked for");
        let unchecked = not_checked(&Failure::failed("cannot ask"));
        assert_eq!((unchecked.id, unchecked.severity), (RIGHTS_NOT_CHECKED, Severity::Unknown));
    }

    #[tokio::test]
    async fn names_are_checked_only_where_the_right_to_all_is_denied() {
        let web = |name: &str| {
            let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name}});
            Rollout::new(Kind::Deployment, object, &[], Vec::new())
        };
        let all: Vec<Rollout> = (0..9).map(|number| web(&format!("web-{number}"))).collect();
        for (denied, requests) in [(&[][..], 13), (&["deployments"][..], 13 + 4 * 9)] {
            let fake = Fake::start();
            deny(&fake, denied);
            let missing =
                check(&connect(&fake).await, &all, &Options::default(), Mode::Rollback).await.unwrap();
            assert_eq!(missing.len(), if denied.is_empty() { 0 } else { 4 * 9 });
            assert!(missing.iter().all(|right| right.name.is_some()), "{missing:?}");
            assert_eq!(fake.requests().len(), requests);
        }
    }

    #[test]
    fn two_workloads_share_what_they_share() {
        let (a, b) = (rollout(Kind::Deployment), rollout(Kind::StatefulSet));
        let both = required_rights(&[&a, &b], &Options::default(), Mode::Plan);
        assert_eq!(both.iter().filter(|it| it.right.resource == "pods").count(), 1);
    }
}
