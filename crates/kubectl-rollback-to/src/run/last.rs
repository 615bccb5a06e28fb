//! `--last`: back to where the last rollback from this machine began.

use cluster_model::rollout::{Id, same};
use plugin_client::{Cluster, Failure};

use super::Run;
use crate::choose::{Chosen, Past, Target};
use crate::gather;
use crate::journal::{self, Entry, Journal, Workload};
use crate::moment;
use crate::subjects::Subjects;

impl Run<'_> {
    /// The last rollback on this cluster; of these workloads, if any are named.
    pub(super) async fn last(&self, cluster: &Cluster, subjects: &Subjects) -> Result<Entry, Failure> {
        let ids: Option<Vec<Id>> = match subjects {
            Subjects::Journal => None,
            named => Some(gather::rollouts(cluster, named).await?.into_iter().map(|r| r.id).collect()),
        };
        let journal =
            Journal::of_user().ok_or_else(|| Failure::refused("there is no journal: no home directory"))?;
        journal::last(journal.path(), &cluster.server, ids.as_deref())?.ok_or_else(|| {
            Failure::refused("no rollback of this is in the journal of this machine")
                .cause(journal.path().display().to_string())
                .hint("see what there is to go back to: kubectl rollback-to TYPE/NAME --history")
        })
    }

    pub(super) fn before_the_last(&self, entry: &Entry, past: Past<'_>) -> Result<Chosen, Failure> {
        let id = &past.rollout.id;
        let mine = |workload: &&Workload| workload.id().is_some_and(|known| known == *id);
        let Some(workload) = entry.workloads.iter().find(mine) else {
            return Err(Failure::refused("was deleted and made again since that rollback").object(id.typed()));
        };
        let template = &workload.from_template;
        let when = entry.time.parse().map_or(entry.time.clone(), |at| moment::show(at, &self.zone));
        let reason = entry.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        Ok(Chosen::Target(Target {
            revision: past.rollout.revisions.iter().rposition(|revision| same(&revision.template, template)),
            template: template.clone(),
            change_cause: workload.from_change_cause.clone(),
            chosen_by: "--last".to_owned(),
            evidence: format!("undoes the rollback of {when}{reason}"),
        }))
    }
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
