//! What is read and asked before the question, and before each round: the conditions, and the plan. Network I/O, and no change.

use plugin_client::api::access_review;
use plugin_client::api::eviction::{EvictionRequest, evict};
use plugin_client::{Cluster, Failure, Line, Ui, shell};
use serde_json::Value;

use super::conditions::Conditions;
use super::harm::Harm;
use super::kill;
use super::options::ProofOptions;
use super::plan::Plan;
use super::preflight::{self, Test, failures};
use super::render;
use crate::finding::Subject;
use crate::gather::objects;
use crate::rights;
use crate::snapshot::stop::UnheardStop;
use crate::snapshot::{Read, Snapshot, Workload};

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
    let workload = only(cluster, snapshot)?;
    let refuse = |tests: &[Test], hint| refusal(ui, &workload.subject, tests, options.harm, hint);
    let (mut tests, mut plan) = match look(cluster, options, snapshot, workload).await? {
        Conditions::Hold(tests, plan) => (tests, *plan),
        Conditions::Fail(tests) => return Err(refuse(&tests, None)),
    };
    let (mut unheard, mut refused, mut hint) = (None, None, None);
    match options.harm {
        Harm::Evict => {
            tests.push(dry_run(cluster, &plan).await);
            if !failures(&tests).is_empty() {
                return Err(refuse(&tests, None));
            }
        }
        Harm::Kill => {
            let inside =
                Box::pin(kill::prepare::prepare(cluster, snapshot, workload, &plan, options)).await?;
            tests.extend(inside.tests);
            unheard = inside.unheard;
            refused = failures(&tests).first().filter(|_| unheard.is_some()).map(|it| (*it).to_owned());
            match inside.kill {
                Some((kill, rounds)) => (plan.kill, plan.rounds) = (Some(kill), rounds),
                None if refused.is_none() => return Err(refuse(&tests, inside.hint)),
                None => hint = inside.hint,
            }
        }
    }
    Ok(Prepared { tests, plan, unheard, refused, hint })
}

/// Why the next round of a proof that was agreed to may not begin. The server is not asked for a dry run: the eviction itself follows, and
/// a container is looked into right before each signal.
///
/// # Errors
///
/// Something cannot be read.
pub async fn obstacle(
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
    agreed: &Plan,
) -> Result<Option<String>, Failure> {
    let now = look(cluster, options, snapshot, only(cluster, snapshot)?).await?;
    Ok(now.obstacle(agreed))
}

/// The workload that the proof is about.
fn only<'s>(cluster: &Cluster, snapshot: &'s Snapshot) -> Result<&'s Workload, Failure> {
    match snapshot.selected().collect::<Vec<_>>().as_slice() {
        [one] => Ok(*one),
        [] => {
            let name = snapshot.not_found.first().map_or("the workload", String::as_str);
            Err(Failure::refused(format!("{name} is not there, or its pods belong to another workload"))
                .hint(format!(
                    "kubectl get deployments,statefulsets,daemonsets -n {}",
                    shell::word(&cluster.namespace)
                )))
        }
        _ => Err(Failure::refused("more than one workload is meant")),
    }
}

/// The conditions of each round. What does not hold of the snapshot is not asked of the server.
async fn look(
    cluster: &Cluster,
    options: &ProofOptions,
    snapshot: &Snapshot,
    workload: &Workload,
) -> Result<Conditions, Failure> {
    let (mut tests, plan) = match Conditions::of(snapshot, workload, options) {
        Conditions::Hold(tests, plan) => (tests, plan),
        failed @ Conditions::Fail(_) => return Ok(failed),
    };
    let rights: Vec<_> = rights::for_proof(Some(&workload.subject.namespace), Some(plan.read()), options)
        .into_iter()
        .filter(|it| it.is_required())
        .map(|it| it.right)
        .collect();
    let missing = access_review::missing(cluster, &rights).await?;
    let autoscaler = autoscaler(cluster, workload).await?;
    tests.extend(preflight::of_server(&missing, autoscaler.as_ref(), snapshot.now));
    Ok(Conditions::judged(tests, plan))
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

async fn dry_run(cluster: &Cluster, plan: &Plan) -> Test {
    let first = plan.members.first().cloned();
    let request = EvictionRequest {
        namespace: plan.subject.namespace.clone(),
        name: first.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        uid: first.map(|it| it.uid).unwrap_or_default(),
        grace_seconds: plan.grace_seconds,
        dry_run: true,
    };
    preflight::dry_run(evict(cluster, &request).await, &request.name)
}

/// As it is now: the snapshot keeps no more of it than its minimum.
async fn autoscaler(cluster: &Cluster, workload: &Workload) -> Result<Option<Value>, Failure> {
    let Some((name, _)) = &workload.autoscaler else { return Ok(None) };
    let api = objects::api(cluster, Read::Autoscalers, Some(&workload.subject.namespace));
    let found = api.get_opt(name).await;
    found.map(|it| it.map(|it| it.value)).map_err(|error| Failure::from_kube("read the autoscaler", &error))
}

fn refusal(ui: &Ui, subject: &Subject, tests: &[Test], harm: Harm, hint: Option<&str>) -> Failure {
    render::preflight(tests).iter().for_each(|line| ui.status(line));
    let done = harm.done();
    let failure = Failure::refused(format!("not ready to be proven; nothing was {done}"))
        .cause(failures(tests).join("; "));
    // Of the others the reason says what to do, or to wait for.
    let is_of_objects = |it: &Test| it.outcome.is_err() && matches!(it.what, "findings" | "budget");
    let fix = tests.iter().any(is_of_objects).then(|| {
        let namespace = shell::word(&subject.namespace);
        format!("what can be changed: kubectl heal-check {subject} -n {namespace} --fix")
    });
    match hint.map(str::to_owned).or(fix) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
