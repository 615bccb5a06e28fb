//! What is read and asked before the question: the conditions, and the plan. Network I/O, and no change.

use plugin_client::api::access_review;
use plugin_client::api::eviction::{EvictionAnswer, EvictionRequest, evict};
use plugin_client::{Cluster, Failure, Line, Ui, shell};
use serde_json::Value;

use super::harm::Harm;
use super::kill;
use super::options::ProofOptions;
use super::plan::Plan;
use super::preflight::{self, Test};
use super::render;
use crate::checks::hc508_replacement_refused;
use crate::finding::Subject;
use crate::gather::objects;
use crate::snapshot::stop::UnheardStop;
use crate::snapshot::{Read, Snapshot, Workload};
use crate::{checks, matrix, rights};

/// What was read and asked before the question.
pub struct Prepared {
    /// What holds, as it is shown above the question.
    pub tests: Vec<Test>,
    pub plan: Plan,
    /// The stop signal that a container does not hear.
    pub unheard: Option<UnheardStop>,
    /// Why the harm has no effect here: with what was found out.
    pub refused: Option<String>,
    hint: Option<&'static str>,
}

/// Reads, and asks the server; changes nothing.
///
/// # Errors
///
/// A condition does not hold, or something cannot be read.
pub async fn prepare(
    ui: &Ui,
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
) -> Result<Prepared, Failure> {
    let harm = options.harm;
    let workload = match snapshot.selected().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        [] => {
            let name = snapshot.not_found.first().map_or("the workload", String::as_str);
            return Err(Failure::refused(format!(
                "{name} is not there, or its pods belong to another workload"
            ))
            .hint(format!(
                "kubectl get deployments,statefulsets,daemonsets -n {}",
                shell::word(&cluster.namespace)
            )));
        }
        _ => return Err(Failure::refused("more than one workload is meant")),
    };
    let matrices = matrix::matrices(snapshot);
    let matrix = matrices.iter().find(|(it, _)| it.subject == workload.subject).map(|(_, matrix)| matrix);
    // All of them: what somebody leaves out of a report is in the way all the same.
    let is_asked =
        |check: &checks::Check| check.id != hc508_replacement_refused::CHECK.id || snapshot.answers.is_some();
    let (findings, unchecked) = checks::run(snapshot, is_asked);
    let mut tests = preflight::of_snapshot(snapshot, workload, matrix, &findings, &unchecked, options);
    refuse(ui, &workload.subject, &tests, harm, None)?;
    let Some(mut plan) = Plan::of(workload, options) else {
        return Err(Failure::refused("its pods belong to several controllers: a rollout is under way"));
    };
    let rights: Vec<_> = rights::for_proof(Some(&workload.subject.namespace), Some(plan.read()), options)
        .into_iter()
        .filter(|it| it.is_required())
        .map(|it| it.right)
        .collect();
    let missing = access_review::missing(cluster, &rights).await?;
    let dry_run = match harm {
        Harm::Evict => Some(dry_run(cluster, &plan).await),
        Harm::Kill => None,
    };
    let autoscaler = autoscaler(cluster, workload).await?;
    let of_server = preflight::of_server(&missing, dry_run, autoscaler.as_ref(), snapshot.now, &plan);
    tests.extend(of_server);
    let (mut unheard, mut refused, mut hint) = (None, None, None);
    if harm == Harm::Kill && tests.iter().all(|it| it.outcome.is_ok()) {
        let inside = Box::pin(kill::prepare::prepare(cluster, snapshot, workload, &plan, options)).await?;
        tests.extend(inside.tests);
        unheard = inside.unheard;
        let why = tests.iter().find_map(|it| it.outcome.as_ref().err());
        refused = why.filter(|_| unheard.is_some()).cloned();
        match inside.kill {
            Some((kill, rounds)) => (plan.kill, plan.rounds) = (Some(kill), rounds),
            None if refused.is_none() => refuse(ui, &workload.subject, &tests, harm, inside.hint)?,
            None => hint = inside.hint,
        }
    } else {
        refuse(ui, &workload.subject, &tests, harm, None)?;
    }
    Ok(Prepared { tests, plan, unheard, refused, hint })
}

impl Prepared {
    /// What holds, and what will be done.
    pub fn show(&self, ui: &Ui, options: &ProofOptions) {
        let is_asked = self.refused.is_none() && (!options.yes || self.plan.is_outage());
        let show = |line: &Line| ui.plan(line, is_asked);
        render::preflight(&self.tests).iter().for_each(show);
        show(&Line::new());
        if let Some(hint) = self.hint {
            ui.hint(hint);
        }
        if self.refused.is_none() {
            render::plan(&self.plan, options).iter().for_each(show);
            show(&Line::new());
        }
    }

    /// What is not as it was when it was agreed to; the prediction may change by itself.
    pub fn changes(&self, then: &Prepared) -> Option<String> {
        let is_same = |test: &Test, old: &Test| {
            test.what == old.what && (test.what == preflight::PREDICTION || test.outcome == old.outcome)
        };
        let pairs = || self.tests.iter().zip(&then.tests);
        if let Some((test, _)) = pairs().find(|(test, old)| !is_same(test, old)) {
            let (Ok(now) | Err(now)) = &test.outcome;
            return Some(format!("{} is now: {now}", test.what));
        }
        (self.plan != then.plan || self.tests.len() != then.tests.len())
            .then(|| "the workload or its pods were changed".to_owned())
    }
}

async fn dry_run(cluster: &Cluster, plan: &Plan) -> EvictionAnswer {
    let first = plan.members.first().cloned();
    let request = EvictionRequest {
        namespace: plan.subject.namespace.clone(),
        name: first.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        uid: first.map(|it| it.uid).unwrap_or_default(),
        grace_seconds: plan.grace_seconds,
        dry_run: true,
    };
    evict(cluster, &request).await
}

/// As it is now: the snapshot keeps no more of it than its minimum.
async fn autoscaler(cluster: &Cluster, workload: &Workload) -> Result<Option<Value>, Failure> {
    let Some((name, _)) = &workload.autoscaler else { return Ok(None) };
    let api = objects::api(cluster, Read::Autoscalers, Some(&workload.subject.namespace));
    let found = api.get_opt(name).await;
    found.map(|it| it.map(|it| it.value)).map_err(|error| Failure::from_kube("read the autoscaler", &error))
}

fn refuse(ui: &Ui, subject: &Subject, tests: &[Test], harm: Harm, hint: Option<&str>) -> Result<(), Failure> {
    let failed: Vec<&str> =
        tests.iter().filter_map(|it| it.outcome.as_ref().err().map(String::as_str)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    render::preflight(tests).iter().for_each(|line| ui.status(line));
    let done = harm.done();
    let failure =
        Failure::refused(format!("not ready to be proven; nothing was {done}")).cause(failed.join("; "));
    // Of the others the reason says what to do, or to wait for.
    let is_of_objects = |it: &Test| it.outcome.is_err() && matches!(it.what, "findings" | "budget");
    let fix = tests.iter().any(is_of_objects).then(|| {
        let namespace = shell::word(&subject.namespace);
        format!("what can be changed: kubectl heal-check {subject} -n {namespace} --fix")
    });
    Err(match hint.map(str::to_owned).or(fix) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}
