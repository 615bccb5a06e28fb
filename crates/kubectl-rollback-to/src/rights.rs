//! Has the user the rights that this rollback needs? Checked before anything is changed, so that none is found missing half-way.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use cluster_model::rollout::{ResourceType, Rollout, ordinal};
use cluster_model::{Finding, PodExt, Severity};
use plugin_client::api::access_review::{self, finding, grant};
use plugin_client::{Cluster, Failure, Right, missing};

use crate::checks::{RIGHTS_LIMITED, RIGHTS_MISSING, RIGHTS_NOT_CHECKED};
use crate::options::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Nothing goes without it.
    Needed,
    /// What is lost without it. Rights to see what is around have no place here: what could not be seen is a finding of its own.
    Optional(&'static str),
}

/// The rights that planning these rollbacks needs; with `write` also those that carrying them out needs.
fn required_rights<R: Borrow<Rollout>>(
    rollouts: &[R],
    options: &Options,
    write: bool,
) -> BTreeSet<(Right, Need)> {
    let mut all = BTreeSet::new();
    for rollout in rollouts {
        let rollout = rollout.borrow();
        let (id, namespace) = (&rollout.id, &rollout.id.namespace);
        let mut add = |verbs: &[&str], right: Right, need: Need| {
            for verb in verbs {
                all.insert((Right { verb: (*verb).to_owned(), ..right.clone() }, need));
            }
        };
        // The verb is filled in by `add`.
        let right = |group: &str, resource: &str| Right::new("", group, resource).namespace(namespace);
        let watching = write && options.wait;
        let of_type = |it: ResourceType| right(it.group, it.plural);
        let kind = || of_type(id.kind.resource()).name(&id.name);
        let history = || of_type(id.kind.revision_type());

        add(&["get"], kind(), Need::Needed);
        add(&["list"], history(), Need::Needed);
        add(&["list"], right("", "pods"), Need::Needed);
        add(
            &["list"],
            right("", "events"),
            Need::Optional("when and why something happened is known less exactly"),
        );
        if write {
            add(&["patch"], kind(), Need::Needed);
            let record = right("events.k8s.io", "events");
            add(
                &["create"],
                record,
                Need::Optional("the rollback is not recorded as an event of the workload"),
            );
            if options.reason.is_some() && !id.kind.rules().copies_change_cause() {
                add(
                    &["patch"],
                    history(),
                    Need::Optional("the revision keeps the change cause of its first rollout"),
                );
            }
            if options.unstick && id.kind.rules().pod_can_block() {
                let lost = "a deletion whose answer is lost cannot be looked up";
                for pod in deletable(rollout) {
                    let pod = Right { name: pod, ..right("", "pods") };
                    add(&["delete"], pod.clone(), Need::Needed);
                    add(&["get"], pod, Need::Optional(lost));
                }
            }
        }
        if watching {
            add(&["list", "watch"], kind(), Need::Needed);
            add(&["watch"], history(), Need::Needed);
            add(&["watch"], right("", "pods"), Need::Needed);
            let lost = "a failure is seen later, and with less of its cause";
            add(&["list", "watch"], right("events.k8s.io", "events"), Need::Optional(lost));
            let log = right("", "pods").subresource("log");
            add(&["get"], log, Need::Optional("the last lines of a crashed container are not shown"));
        }
    }
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
    write: bool,
) -> Result<Vec<Right>, Failure> {
    let mut of_all: BTreeMap<Right, Vec<Right>> = BTreeMap::new();
    for (right, _) in required_rights(rollouts, options, write) {
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
    write: bool,
) -> Vec<Finding> {
    match check(cluster, rollouts, options, write).await {
        Ok(denied) => findings(&denied, rollouts, options, write),
        Err(failure) => vec![not_checked(&failure)],
    }
}

/// What `denied` by `check` means, with the RBAC rule that grants it.
pub fn findings<R: Borrow<Rollout>>(
    denied: &[Right],
    rollouts: &[R],
    options: &Options,
    write: bool,
) -> Vec<Finding> {
    required_rights(rollouts, options, write)
        .into_iter()
        .filter(|(right, _)| denied.contains(right))
        .map(|(right, need)| match need {
            Need::Needed => finding(&right, RIGHTS_MISSING),
            Need::Optional(lost) => {
                let message = format!("you have no right to do this: {lost}");
                Finding::new(RIGHTS_LIMITED, Severity::Info, right.to_string(), message).remedy(grant(&right))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let all = required_rights(&[&rollout(kind)], options, write);
        let of = all.iter().filter(|(_, need)| (*need == Need::Needed) == needed);
        of.map(|(right, _)| right.to_string().replace(" in namespace shop", "")).collect()
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
            let denied = check(&connect(fake).await, &rollouts, &options, true).await.unwrap();
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
            findings(&[right], &[&web], &Options::default(), true)
        };
        let patch = found("patch", "apps", "deployments", Some("web"));
        assert_eq!((patch[0].id, patch[0].severity), (RIGHTS_MISSING, Severity::Error));
        assert_eq!(
            patch[0].remedy,
            r#"grant {apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["web"], verbs: ["patch"]}"#
        );
        let events = found("list", "", "events", None);
        assert_eq!((events[0].id, events[0].severity), (RIGHTS_LIMITED, Severity::Info));
        assert_eq!(findings(&[], &[&web], &Options::default(), true), []);
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
            let missing = check(&connect(&fake).await, &all, &Options::default(), true).await.unwrap();
            assert_eq!(missing.len(), if denied.is_empty() { 0 } else { 4 * 9 });
            assert!(missing.iter().all(|right| right.name.is_some()), "{missing:?}");
            assert_eq!(fake.requests().len(), requests);
        }
    }

    #[test]
    fn two_workloads_share_what_they_share() {
        let (a, b) = (rollout(Kind::Deployment), rollout(Kind::StatefulSet));
        let both = required_rights(&[&a, &b], &Options::default(), false);
        assert_eq!(both.iter().filter(|(right, _)| right.resource == "pods").count(), 1);
    }
}
