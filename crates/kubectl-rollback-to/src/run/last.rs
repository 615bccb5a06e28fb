//! `--last`: back to where the last rollback from this machine began.

use std::collections::BTreeSet;

use cluster_model::managed_fields::template_writer::written;
use cluster_model::rollout::{Id, Rollout, same, without_restart};
use cluster_model::secret::log::redacted;
use cluster_model::text::count;
use plugin_client::{Cluster, ConnectionFlags, Failure, shell};

use super::Run;
use crate::blocking::unstick_flag;
use crate::choose::{Chosen, Past, Target};
use crate::gather;
use crate::journal::{self, Entry, Journal, Workload};
use crate::time_arg;
use crate::workload_selector::Subjects;
use serde_json::Value;

impl Run<'_> {
    /// The last rollback on this cluster; of these workloads, if any are named.
    pub(super) async fn last(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Entry, Failure> {
        let ids: Option<Vec<Id>> = match subjects {
            Subjects::Journal => None,
            named => Some(gather::rollouts(cluster, named).await?.into_iter().map(|r| r.id).collect()),
        };
        let journal =
            Journal::of_user().ok_or_else(|| Failure::refused("there is no journal: no home directory"))?;
        let flags = &self.args.connection;
        let kubeconfig = self.options.kubeconfig.as_deref();
        let last = if ids.is_none() { journal::last_anywhere(journal.path())? } else { None };
        if let Some(last) = &last
            && is_elsewhere(last, flags, cluster)
        {
            let here = journal::last(journal.path(), &cluster.server, None)?;
            let here = here.as_ref().filter(|here| here.id != last.id);
            return Err(elsewhere(last, here, cluster, kubeconfig));
        }
        let entry = journal::last(journal.path(), &cluster.server, ids.as_deref())?.ok_or_else(|| {
            let failure = Failure::refused("the journal on this machine has no such rollback")
                .cause(journal.path().display().to_string())
                .hint("list the revisions: kubectl rollback-to TYPE/NAME --history");
            match &last {
                Some(last) => failure.hint(match there(last, cluster, kubeconfig) {
                    Some(command) => format!("the last rollback was {}: {command}", place(last)),
                    None => format!(
                        "the last rollback was {}, where context {} does not lead any more",
                        place(last),
                        last.context
                    ),
                }),
                None => failure,
            }
        })?;
        // What a selector matches may have been rolled back at different times; what was named is meant.
        if let (Subjects::Named(_), Some(ids)) = (subjects, &ids) {
            all_in(&entry, ids)?;
        }
        Ok(entry)
    }

    pub(super) fn before_the_last(&self, entry: &Entry, past: Past<'_>) -> Result<Chosen, Failure> {
        let id = &past.rollout.id;
        let mine = |workload: &&Workload| workload.id().is_some_and(|known| known == *id);
        let Some(workload) = entry.workloads.iter().find(mine) else {
            return Err(Failure::refused("was deleted and recreated after that rollback").object(id.typed()));
        };
        let template = &workload.from_template;
        if let Some(who) = changed_since(workload, past.rollout, &self.options.field_manager) {
            let mut failure = Failure::refused(format!(
                "{who} after that rollback: --last would undo more than the rollback; nothing was changed"
            ))
            .object(id.typed());
            failure = match workload.from_template_revision {
                Some(number) => {
                    let index = past.rollout.revisions.iter().position(|revision| revision.number == number);
                    let unstick = index.map_or("", |index| unstick_flag(past.rollout, index));
                    failure.hint(format!(
                        "to roll back anyway: kubectl rollback-to {} --to-revision {number}{unstick}",
                        id.typed()
                    ))
                }
                None => failure.hint(format!("choose from: kubectl rollback-to {} --history", id.typed())),
            };
            return Err(failure);
        }
        let when = entry.time.parse().map_or(entry.time.clone(), |at| time_arg::show(at, &self.zone));
        let reason = entry.reason.as_ref().map(|reason| redacted(&[reason]).concat());
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        Ok(Chosen::Target(Target {
            revision: past.rollout.revisions.iter().rposition(|revision| same(&revision.template, template)),
            template: template.clone(),
            change_cause: workload.from_change_cause.clone(),
            cause_inherited: false,
            chosen_by: "--last".to_owned(),
            evidence: format!("undoes the rollback of {when}{reason}"),
        }))
    }
}

fn all_in(entry: &Entry, ids: &[Id]) -> Result<(), Failure> {
    let rolled_back: Vec<Id> = entry.workloads.iter().filter_map(Workload::id).collect();
    let (with, without): (Vec<&Id>, Vec<&Id>) = ids.iter().partition(|id| rolled_back.contains(id));
    let (Some(first), Some(other)) = (with.first(), without.first()) else { return Ok(()) };
    Err(Failure::refused(format!(
        "the last rollback of {} did not include {}; nothing was changed",
        first.typed(),
        other.typed()
    ))
    .hint(format!("undo each on its own: kubectl rollback-to {} --last", first.typed())))
}

/// Who wrote another template than the rollback left, if somebody did. If it is not known what the server stored: admission may have changed
/// what the rollback wrote, and then it was still the last to write.
fn changed_since(workload: &Workload, rollout: &Rollout, field_manager: &str) -> Option<String> {
    let live = rollout.template();
    if let Some(stored) = &workload.left_template_hash {
        let is_as_left = *stored == journal::left_hash(live) || same(live, &workload.from_template);
        let author = written(&rollout.object).filter(|author| author.manager != field_manager);
        // Another run has the same manager, and a field that was removed leaves no trace in managedFields.
        let who = author.map_or("was changed".to_owned(), |author| {
            format!("was changed by {} at {}", author.manager, author.at)
        });
        return (!is_as_left).then_some(who);
    }
    let left = |template: &Value| journal::template_hash(template) == workload.to_template_hash;
    if left(live) || left(&without_restart(live)) || same(live, &workload.from_template) {
        return None;
    }
    match written(&rollout.object) {
        Some(author) if author.manager == field_manager => None,
        Some(author) => Some(format!("was changed by {} at {}", author.manager, author.at)),
        None => Some("was changed by an unknown manager".to_owned()),
    }
}

/// Was the place given on the command line, and is it another one? The command line wins over the journal.
fn is_elsewhere(last: &Entry, flags: &ConnectionFlags, cluster: &Cluster) -> bool {
    let given = |flag: &Option<String>| flag.as_deref().is_some_and(|value| !value.is_empty());
    let server =
        given(&flags.context) || given(&flags.cluster) || given(&flags.server) || flags.kubeconfig.is_some();
    // Another context of the same server may be another namespace; the same one was the place, whatever namespace it names.
    let namespace = given(&flags.namespace) || (given(&flags.context) && cluster.context != last.context);
    (server && last.server != cluster.server)
        || (namespace && !last.namespaces().any(|it| it == cluster.namespace))
}

fn elsewhere(last: &Entry, here: Option<&Entry>, cluster: &Cluster, kubeconfig: Option<&str>) -> Failure {
    let given = format!("not in namespace {} of {}", cluster.namespace, cluster.server);
    let failure =
        Failure::refused(format!("the last rollback was {}, {given}; nothing was changed", place(last)))
            .hint(there(last, cluster, kubeconfig).map_or_else(
                || format!("context {} does not lead there any more", last.context),
                |command| format!("undo it there: {command}"),
            ));
    // An older one of this very place has to be named: it is not the last.
    let mut here = here.into_iter().flat_map(|entry| &entry.workloads).filter_map(Workload::id);
    match here.find(|id| id.namespace == cluster.namespace) {
        Some(id) => {
            failure.hint(format!("undo an earlier one here: kubectl rollback-to {} --last", id.typed()))
        }
        None => failure,
    }
}

/// `of deployment/web in namespace shop of https://…`
fn place(entry: &Entry) -> String {
    let ids: Vec<Id> = entry.workloads.iter().filter_map(Workload::id).collect();
    let what = match ids.as_slice() {
        [id] => id.to_string(),
        several => count(several.len(), "workload"),
    };
    let namespaces: BTreeSet<&str> = entry.namespaces().collect();
    let namespaces = namespaces.into_iter().collect::<Vec<_>>().join(", ");
    format!("of {what} in namespace {namespaces} of {}", entry.server)
}

/// The command that undoes it. `None`: its context is another cluster's by now. `kubeconfig` is that of this run.
fn there(entry: &Entry, cluster: &Cluster, kubeconfig: Option<&str>) -> Option<String> {
    // Another kubeconfig may use the same name for another cluster.
    let is_same = entry.context == cluster.context && entry.kubeconfig.as_deref() == kubeconfig;
    if is_same && entry.server != cluster.server && !entry.context.is_empty() {
        return None;
    }
    let file = entry.kubeconfig.as_ref().map(|path| shell::flag("kubeconfig", path)).unwrap_or_default();
    let namespace = entry.namespaces().next().unwrap_or_default();
    let (flag, value) = match entry.context.as_str() {
        "" => ("server", &entry.server),
        _ => ("context", &entry.context),
    };
    // A kubeconfig may call its contexts anything.
    let place = shell::flag(flag, value);
    Some(format!("kubectl rollback-to --last{file}{place} -n {}", shell::word(namespace)))
}

/// The workloads of an entry, and the cluster with their namespace: one run has one.
pub(super) fn those_of<'a>(entry: &Entry, cluster: &'a Cluster) -> (Subjects, std::borrow::Cow<'a, Cluster>) {
    let ids: Vec<Id> = entry.workloads.iter().filter_map(Workload::id).collect();
    let mut cluster = std::borrow::Cow::Borrowed(cluster);
    if let Some(id) = ids.first().filter(|id| id.namespace != cluster.namespace) {
        cluster.to_mut().namespace = id.namespace.clone();
    }
    (Subjects::Named(ids.into_iter().map(|id| (id.kind, id.name)).collect()), cluster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use crate::server_dry_run::testing::connect;
    use clap::Parser;
    use cluster_model::rollout::Kind;
    use serde_json::json;
    use testbed::fake::Fake;

    fn last(server: &str) -> Entry {
        let workload = json!({"kind": "Deployment", "namespace": "a", "name": "w", "uid": "u", "fromTemplate": Value::Null,
            "fromTemplateRevision": 1, "toRevision": 2, "toTemplateHash": ""});
        serde_json::from_value(
            json!({"id": "1", "time": "2026-01-01T00:00:00Z", "context": "it's main", "server": server,
            "workloads": [workload]}),
        )
        .unwrap()
    }

    fn flags(words: &[&str]) -> ConnectionFlags {
        Args::try_parse_from([&["kubectl rollback-to", "--last"], words].concat()).unwrap().connection
    }

    #[test]
    fn what_somebody_wrote_after_the_rollback_is_not_undone_with_it() {
        let template = |image: &str| json!({"spec": {"containers": [{"name": "web", "image": image}]}});
        let mut workload = last("s").workloads.remove(0);
        workload.from_template = template("v3");
        workload.to_template_hash = journal::template_hash(&template("v2"));
        let live = |image: &str, manager: &str| {
            let fields = json!([{"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:07Z",
                "fieldsV1": {"f:spec": {"f:template": {}}}}]);
            let object = json!({"metadata": {"namespace": "a", "name": "w", "uid": "u", "managedFields": fields},
                "spec": {"template": template(image)}});
            Rollout::new(Kind::Deployment, object, &[], Vec::new())
        };
        let own_manager = "kubectl-rollback-to";
        let changed = |image, manager| changed_since(&workload, &live(image, manager), own_manager);
        assert_eq!(changed("v2", "somebody"), None, "as the rollback left it");
        assert_eq!(changed("v3", "somebody"), None, "there already");
        assert_eq!(changed("mutated", own_manager), None, "admission changed what was written");
        assert_eq!(
            changed("hotfix", "kubectl-set"),
            Some("was changed by kubectl-set at 2026-01-01T00:00:07Z".to_owned())
        );
    }

    /// Another run writes as the same manager, and a field that was removed leaves no trace.
    #[test]
    fn what_the_run_left_is_compared_where_it_is_known() {
        let template = |image: &str| {
            json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": image}},
            "spec": {"containers": [{"name": "web", "image": image}]}})
        };
        let mut workload = last("s").workloads.remove(0);
        workload.from_template = template("v3");
        workload.left_template_hash = Some(journal::left_hash(&template("v2-mutated")));
        let live = |template: Value, manager: &str| {
            let fields = json!([{"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:07Z",
                "fieldsV1": {"f:spec": {"f:template": {}}}}]);
            let object = json!({"metadata": {"namespace": "a", "name": "w", "uid": "u", "managedFields": fields},
                "spec": {"template": template}});
            Rollout::new(Kind::Deployment, object, &[], Vec::new())
        };
        let own_manager = "kubectl-rollback-to";
        let changed = |template, manager| changed_since(&workload, &live(template, manager), own_manager);
        assert_eq!(changed(template("v2-mutated"), own_manager), None, "as the rollback left it");
        let mut restarted = template("v2-mutated");
        restarted["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!("later");
        assert_eq!(changed(restarted, "kubectl-rollout"), None, "a restart changes nothing else");
        assert_eq!(changed(template("v3"), "somebody"), None, "there already");
        assert_eq!(changed(template("v1"), own_manager), Some("was changed".to_owned()), "by another run");
        assert_eq!(
            changed(template("hotfix"), "kubectl-set"),
            Some("was changed by kubectl-set at 2026-01-01T00:00:07Z".to_owned())
        );
    }

    #[test]
    fn workloads_that_are_named_are_undone_together_or_not_at_all() {
        let entry = last("s");
        let id = |name: &str| Id { name: name.to_owned(), ..entry.workloads[0].id().unwrap() };
        assert!(all_in(&entry, &[id("w")]).is_ok());
        let failure = all_in(&entry, &[id("w"), id("other")]).unwrap_err();
        assert_eq!(
            failure.message,
            "the last rollback of deployment/w -n a did not include deployment/other -n a; nothing was changed"
        );
    }

    #[tokio::test]
    async fn a_place_that_was_given_wins_over_the_one_that_is_remembered() {
        let fake = Fake::start();
        let cluster = connect(&fake).await;
        let at = |context: &str, namespace: &str| {
            let mut cluster = cluster.clone();
            (cluster.context, cluster.namespace) = (context.to_owned(), namespace.to_owned());
            cluster
        };
        let (same, other) = (cluster.server.as_str(), "https://other");
        for (words, server, context, namespace, elsewhere) in [
            (&[][..], same, "it's main", "b", false),
            (&["-n", "b"], same, "it's main", "b", true),
            (&["-n", "a"], same, "it's main", "a", false),
            (&["--context", "it's main"], same, "it's main", "b", false),
            (&["--context", "second"], same, "second", "b", true),
            (&["--context", "second"], same, "second", "a", false),
            (&["--context", "second"], other, "second", "a", true),
            (&["--cluster", "c"], other, "it's main", "a", true),
            (&["--cluster", "c"], same, "it's main", "b", false),
            (&["--server", "s"], other, "", "a", true),
            (&["--kubeconfig", "k"], other, "it's main", "a", true),
            (&["--kubeconfig", "k"], same, "it's main", "b", false),
            (&[], other, "it's main", "b", false),
        ] {
            let last = last(server);
            assert_eq!(
                is_elsewhere(&last, &flags(words), &at(context, namespace)),
                elsewhere,
                "{words:?} {server}"
            );
        }
    }

    #[tokio::test]
    async fn the_refusal_names_the_place_and_how_to_get_there() {
        let fake = Fake::start();
        let mut cluster = connect(&fake).await;
        cluster.namespace = "b".into();
        let failure = elsewhere(&last("https://other"), None, &cluster, None);
        assert_eq!(
            failure.message,
            format!(
                "the last rollback was of deployment/w in namespace a of https://other, not in namespace b of {}; nothing was changed",
                cluster.server
            )
        );
        assert_eq!(
            failure.hints,
            [r"undo it there: kubectl rollback-to --last --context 'it'\''s main' -n a"]
        );
        let mut earlier = last(&cluster.server);
        assert_eq!(
            elsewhere(&last("https://other"), Some(&earlier), &cluster, None).hints.len(),
            1,
            "in another namespace"
        );
        earlier.workloads[0].namespace = "b".into();
        assert_eq!(
            elsewhere(&last("https://other"), Some(&earlier), &cluster, None).hints[1],
            "undo an earlier one here: kubectl rollback-to deployment/w -n b --last"
        );
        let unnamed = Entry { context: String::new(), ..last("https://other") };
        assert!(there(&unnamed, &cluster, None).unwrap().contains("--server https://other -n a"));
        // The same name leads elsewhere: the command would only fail again.
        cluster.context = "it's main".into();
        assert_eq!(there(&last("https://other"), &cluster, None), None);
        let of_a_file = Entry { kubeconfig: Some("/a b/c".into()), ..last("https://other") };
        assert_eq!(
            there(&of_a_file, &cluster, None).unwrap(),
            r"kubectl rollback-to --last --kubeconfig '/a b/c' --context 'it'\''s main' -n a"
        );
        assert_eq!(there(&of_a_file, &cluster, Some("/a b/c")), None);
        let failure = elsewhere(&last("https://other"), None, &cluster, None);
        assert_eq!(failure.hints, ["context it's main does not lead there any more"]);
    }
}
