//! Fixes that are proven (`--fix`). Pure: nothing is sent anywhere, and nothing is ever applied.
//!
//! A candidate is applied to the objects as they were gathered; the snapshot is built again, with the pods where they would be; and all
//! checks run again. What falls short of that is partial, and says why.

mod candidates;
mod change;
pub mod files;
mod obstacles;
mod placement;
mod scope;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::checks;
use crate::finding::{Change, Finding, Fix, Proof, Subject};
use crate::half::Half;
use crate::options::Options;
use crate::snapshot::{Domain, Gathered, Kind, Packed, Read, Selection, Snapshot, Workload};
use cluster_model::{Known, Raw};
use placement::RollOut;
use scope::Index;
use serde_json::json;

/// So many further changes, each for what the ones before would bring about.
const COMBINED: usize = 3;

/// What fixes of this half of the checks may change: the kinds whose objects are patched, and whether budgets are made. A fix may need the
/// changes of other findings beside its own.
pub fn changed(half: Half) -> (Vec<Read>, bool) {
    let (mut kinds, mut makes_budgets) = (Vec::new(), false);
    for check in checks::CHECKS.iter().filter(|check| half.wants(check)) {
        let (patched, makes_budget) = candidates::changed(check.id);
        let new: Vec<Read> = patched.into_iter().filter(|read| !kinds.contains(read)).collect();
        kinds.extend(new);
        makes_budgets |= makes_budget;
    }
    (kinds, makes_budgets)
}

/// Changes of objects are tried for it, whether one can be proven or not.
pub fn is_tried(finding: &Finding) -> bool {
    let (kinds, makes_budget) = candidates::changed(finding.id);
    makes_budget || !kinds.is_empty()
}

/// What fixes are tried on.
pub struct Workbench {
    gathered: Gathered,
    selection: Selection,
    all_namespaces: bool,
    half: Half,
    domain: Domain,
    index: OnceLock<Index>,
}

/// What a finding and its fixes may concern.
struct Bench<'b> {
    of: &'b Workbench,
    /// The whole.
    snapshot: &'b Snapshot,
    gathered: Gathered,
    /// What is found in it before anything is changed.
    now: Vec<Finding>,
}

impl Workbench {
    pub fn new(gathered: Gathered, selection: Selection, all_namespaces: bool, options: &Options) -> Self {
        let (half, domain) = (options.half, options.domain.clone());
        Workbench { gathered, selection, all_namespaces, half, domain, index: OnceLock::new() }
    }

    /// For one finding of this snapshot; or why there is none.
    pub fn fix(&self, finding: &Finding, snapshot: &Snapshot) -> Result<Fix, String> {
        // Before anything is copied.
        let changes = candidates::of(finding, snapshot)?;
        if let Some(other) = changes.iter().find(|it| !is_announced(finding.id, it)) {
            return Err(format!("{} is of a kind that fixes do not change", other.target));
        }
        let index = self.index.get_or_init(|| Index::of(&self.gathered, snapshot));
        let gathered = index.part(&self.gathered, snapshot, finding);
        let mut bench = Bench { of: self, snapshot, gathered, now: Vec::new() };
        bench.now = bench.found(&bench.built(bench.gathered.clone()));
        bench.fix(finding, changes)
    }
}

/// `--print-rbac` has the right to it.
fn is_announced(id: &str, change: &Change) -> bool {
    let (kinds, makes_budgets) = candidates::changed(id);
    if change.creates { makes_budgets } else { change.read().is_none_or(|read| kinds.contains(&read)) }
}

impl Bench<'_> {
    /// By the checks that run; also findings that are left out. Nodes and what heals are not changed.
    fn found(&self, snapshot: &Snapshot) -> Vec<Finding> {
        checks::run(snapshot, |check| self.of.half.wants(check) && !check.id.starts_with("HC8")).0
    }

    /// With the nodes of the whole, and with what their loss means: neither changes.
    fn built(&self, gathered: Gathered) -> Snapshot {
        let snapshot = Snapshot::of(gathered, &self.of.selection, self.of.all_namespaces);
        let (nodes, node_facts) = (self.snapshot.nodes.clone(), self.snapshot.node_facts.clone());
        let losses = self.snapshot.losses.get().cloned().map_or_else(OnceLock::new, OnceLock::from);
        Snapshot { domain: self.of.domain.clone(), nodes, node_facts, losses, ..snapshot }
    }

    fn fix(&self, finding: &Finding, mut changes: Vec<Change>) -> Result<Fix, String> {
        let mut tried = self.tried(finding, &changes)?;
        for _ in 0..COMBINED {
            let Some(worse) = tried.worse.first() else { break };
            // What is worse about the finding itself is no matter of a further change.
            let Ok(more) = candidates::of(worse, &tried.snapshot) else { break };
            let mut combined = changes.clone();
            more.into_iter().for_each(|change| add(&mut combined, change));
            let Ok(next) = self.tried(finding, &combined) else { break };
            if combined == changes {
                break;
            }
            (changes, tried) = (combined, next);
        }
        let origin = &self.snapshot.origin;
        let commands = match origin.is_manifests() {
            true => Vec::new(),
            false => changes.iter().map(Change::command).collect(),
        };
        let mut changes = changes.into_iter().map(|change| match origin.is_manifests() {
            true => change.in_files(origin, &finding.subject),
            false => change,
        });
        let first = changes.next().ok_or("nothing is to be changed")?;
        Ok(Fix {
            first,
            also: changes.collect(),
            partial: tried.lacks(),
            proof: tried.proof,
            is_by_server: false,
            commands,
        })
    }

    fn tried(&self, finding: &Finding, changes: &[Change]) -> Result<Tried, String> {
        let mut gathered = self.gathered.clone();
        changes.iter().try_for_each(|change| change.apply(&mut gathered))?;
        let (misfit, old) = self.roll_out(&mut gathered, changes)?;
        let snapshot = self.built(gathered);
        let found = self.found(&snapshot);
        let misfit = misfit.or_else(|| obstacles::obstacle(changes, self.snapshot, &snapshot, &found));
        let is_it = |it: &Finding| it.id == finding.id && it.subject == finding.subject;
        let was = |it: &Finding| {
            self.now
                .iter()
                .any(|old| old.id == it.id && old.subject == it.subject && old.severity >= it.severity)
        };
        let resolved = old.is_none() && !found.iter().any(is_it);
        let worse: Vec<Finding> = found.into_iter().filter(|it| !is_it(it) && !was(it)).collect();
        let proof = Proof { accepted: true, fits: misfit.is_none(), resolved, no_worse: worse.is_empty() };
        Ok(Tried { snapshot, proof, misfit, old, worse })
    }

    /// The pods and budgets as they would be then; why it is not certain that the pods find a place, and why there would be no new ones.
    fn roll_out(
        &self,
        gathered: &mut Gathered,
        changes: &[Change],
    ) -> Result<(Option<String>, Option<String>), String> {
        let changed = self.built(gathered.clone());
        let (mut misfit, mut old) = (None, None);
        let mut budgets: BTreeSet<Subject> = BTreeSet::new();
        for workload in &changed.workloads {
            let is_meant = |change: &&Change| {
                change.target == workload.subject && change.read().is_some_and(candidates::has_pods)
                    || change.read() == Some(Read::Autoscalers)
                        && change.target.namespace == workload.subject.namespace
                        && workload.autoscaler.as_ref().is_some_and(|(name, _)| *name == change.target.name)
            };
            if !changes.iter().any(|change| is_meant(&change)) {
                continue;
            }
            budgets.extend(workload.budgets.iter().map(|at| changed.budgets[*at].subject.clone()));
            let is_updated = changes.iter().any(|it| it.target == workload.subject && it.is_of_template());
            old = old.or(is_updated.then(|| stays_old(workload)).flatten());
            if changed.origin.is_manifests() {
                let moves = changes.iter().any(Change::moves_pods);
                let why = "manifests have no nodes: whether its pods find a place is not known";
                misfit = misfit.or(moves.then(|| why.to_owned()));
                continue;
            }
            let of_it = || changes.iter().filter(|change| change.target == workload.subject);
            let moves = of_it().any(Change::places_anew);
            // With another strategy the next update has to find its place.
            let is_updated = is_updated || of_it().any(|it| !it.patch["spec"]["strategy"].is_null());
            let roll_out = RollOut::of(workload, moves);
            misfit = misfit.or(match &changed.scheduling {
                Known::Seen(cluster) => match roll_out.misfit(&changed, cluster)? {
                    None if is_updated => roll_out.first_step(&changed, cluster)?,
                    found => found,
                },
                Known::Unknown(_) if roll_out.new == 0 && !is_updated => None,
                Known::Unknown(why) => Some(format!("whether its pods find a place is not known: {why}")),
            });
            let new = roll_out.pods(&changed);
            let old: BTreeSet<&str> = workload.pods.iter().map(|pod| &*pod.uid).collect();
            if let (Known::Seen(pods), false) = (&mut gathered.pods, new.is_empty()) {
                pods.retain(|pod| !old.contains(&*pod.uid));
                let ready = new.iter().filter(|pod| pod.is_ready).count();
                pods.extend(new.into_iter().map(Arc::new));
                report(gathered, workload, ready);
            }
        }
        budgets
            .extend(changes.iter().filter(|it| it.read() == Some(Read::Budgets)).map(|it| it.target.clone()));
        gathered.origin.predicted = budgets;
        Ok((misfit, old))
    }
}

/// Two changes of one object are one patch.
fn add(changes: &mut Vec<Change>, change: Change) {
    match changes.iter_mut().find(|it| it.target == change.target) {
        Some(known) => change::joined(&mut known.patch, &change.patch),
        None => changes.push(change),
    }
}

fn read_of(workload: &Workload) -> Read {
    Read::of_kind(&workload.subject.kind).unwrap_or(Read::Deployments)
}

/// Its status, as its controller will report it.
fn report(gathered: &mut Gathered, workload: &Workload, ready: usize) {
    let read = read_of(workload);
    let Some(Known::Seen(objects)) = gathered.objects.get_mut(&read) else { return };
    for packed in objects {
        let mut object = packed.value();
        if object.uid() == &*workload.uid && !object["status"].is_null() {
            for field in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
                object["status"][field] = json!(ready);
            }
            *packed = Packed::of(read, &object);
        }
    }
}

const STAYS: &str = "pods that are there stay as they are until they are replaced";

/// Why a new template does not reach the pods that are there.
fn stays_old(workload: &Workload) -> Option<String> {
    let why = match workload.kind {
        Kind::ReplicaSet => {
            return Some(format!("{STAYS}: a {} does not update its pods", workload.subject.kind));
        }
        Kind::Deployment if workload.object["spec"]["paused"] == true => "it is paused",
        Kind::StatefulSet | Kind::DaemonSet
            if workload.object.text("/spec/updateStrategy/type") == "OnDelete" =>
        {
            "its update strategy is OnDelete"
        }
        Kind::StatefulSet
            if workload.object.number("/spec/updateStrategy/rollingUpdate/partition") > Some(0) =>
        {
            "its update strategy has a partition"
        }
        _ => return None,
    };
    Some(format!("{STAYS}: {why}"))
}

struct Tried {
    snapshot: Snapshot,
    proof: Proof,
    misfit: Option<String>,
    /// Why its pods remain as they were.
    old: Option<String>,
    worse: Vec<Finding>,
}

impl Tried {
    fn lacks(&self) -> Option<String> {
        let remains = || self.old.clone().unwrap_or_else(|| "the finding remains".to_owned());
        let unresolved = (!self.proof.resolved).then(remains);
        let worse = self.worse.iter();
        let worse = worse
            .map(|it| format!("it would bring about {} of {} ({})", it.id, it.subject, it.severity.word()));
        let lacks: Vec<String> = self.misfit.clone().into_iter().chain(unresolved).chain(worse).collect();
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }
}
