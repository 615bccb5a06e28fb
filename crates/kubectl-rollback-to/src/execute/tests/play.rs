//! What every test here starts from: a world with workloads in it, a plan to roll them back, and a reporter that records events.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use cluster_model::rollout::{Id, Kind, Rollout};
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plugin_client::connection::client::connect_in;
use plugin_client::connection::kubeconfig::Environment;
use plugin_client::{Clock, Cluster, ConnectionFlags, Failure, Ui};
use tempfile::TempDir;
use testbed::fake::{Fake, Request};

use super::objects::{
    control_deployment, control_statefulset, deployment, pod, replicaset, revision, statefulset,
};
use super::world::{DEPLOYMENTS, PODS, REPLICASETS, REVISIONS, STATEFULSETS, World};
use crate::blocking::BlockingPod;
use crate::choose::Target;
use crate::diff::Diff;
use crate::execute::Execution;
use crate::execute::engine::model::Question;
use crate::execute::event::{Event, Note, Reporter};
use crate::execute::progress::model::Progress;
use crate::journal::Journal;
use crate::options::{OnFailure, Options};
use crate::outcome::reason::Reason;
use crate::outcome::{Outcome, RolloutResult};
use crate::plan::{Action, Plan, Step};
use crate::snapshot::Snapshot;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    connection: ConnectionFlags,
}

pub struct Play {
    pub fake: Fake,
    pub world: World,
    pub ui: Ui,
    pub options: Options,
    pub snapshot: Snapshot,
    pub plan: Plan,
    pub deadline: Option<Instant>,
    pub silent_after: Option<SignedDuration>,
    folder: TempDir,
    events: Arc<Mutex<Vec<Event>>>,
    /// The API server did not respond.
    is_unavailable: Arc<AtomicBool>,
}

/// Records each event, and can do something about it.
struct Recorder<'a> {
    events: Arc<Mutex<Vec<Event>>>,
    /// The API server did not respond.
    is_unavailable: Arc<AtomicBool>,
    react: Box<dyn FnMut(&Event) + 'a>,
}

impl Reporter for Recorder<'_> {
    fn event(&mut self, _: &Id, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
        (self.react)(event);
    }

    fn server(&mut self, failure: Option<&Failure>) {
        self.is_unavailable.fetch_or(failure.is_some(), Ordering::Relaxed);
    }

    fn draw(&mut self, _: &[(Id, Progress)]) {}

    fn confirm(&mut self, _: &Question) -> Result<bool, Failure> {
        Ok(false)
    }
}

impl Play {
    /// Deployments of these names at image `now`, each to go back to image `to`.
    pub fn deployments(steps: &[(&str, &str)]) -> Self {
        let mut play = Play::new(World::new(control_deployment));
        for (name, to) in steps {
            let object = deployment(name, "now");
            let histories = [replicaset(&object, "now", 2), replicaset(&object, to, 1)];
            for history in &histories {
                play.world.put(REPLICASETS, history.clone());
            }
            play.world.put(DEPLOYMENTS, object.clone());
            let object = play.world.get(DEPLOYMENTS, name).unwrap();
            play.add(Rollout::new(Kind::Deployment, object, &histories, Vec::new()), 0);
        }
        play
    }

    /// A StatefulSet `db` of two pods at image `now`, the first broken, to go back to image `good`.
    pub fn stuck_statefulset() -> Self {
        let mut play = Play::new(World::new(control_statefulset));
        let object = statefulset();
        let histories = [revision(&object, "good", 1), revision(&object, "now", 2)];
        for history in &histories {
            play.world.put(REVISIONS, history.clone());
        }
        play.world.put(STATEFULSETS, object);
        let object = play.world.get(STATEFULSETS, "db").unwrap();
        play.world.put(PODS, pod(&object, "db-0", "db-now", "StatefulSet", true));
        play.world.put(PODS, pod(&object, "db-1", "db-now", "StatefulSet", false));
        play.add(Rollout::new(Kind::StatefulSet, object, &histories, Vec::new()), 0);
        play
    }

    /// The plan named the broken pod.
    pub fn agree_to_delete(&mut self) {
        self.options.unstick = true;
        let (name, uid) = ("db-1".to_owned(), "uid-db-1-now".to_owned());
        self.plan.steps[0].deletes = Some(BlockingPod { name, uid, fault: String::new() });
    }

    fn new(world: World) -> Self {
        Play {
            fake: Fake::start(),
            world,
            ui: Ui::captured(),
            options: Options {
                fail_after: Duration::ZERO,
                on_failure: OnFailure::Stop,
                ..Options::default()
            },
            snapshot: Snapshot::empty(Timestamp::now()),
            plan: Plan::default(),
            deadline: Some(Instant::now() + Duration::from_secs(60)),
            silent_after: None,
            folder: TempDir::new().unwrap(),
            events: Arc::default(),
            is_unavailable: Arc::default(),
        }
    }

    fn add(&mut self, rollout: Rollout, revision: usize) {
        let target = Target {
            revision: Some(revision),
            template: rollout.revisions[revision].template.clone(),
            change_cause: rollout.revisions[revision].change_cause.clone(),
            cause_inherited: false,
            chosen_by: "--previous".into(),
            evidence: String::new(),
        };
        let rollout_index = self.snapshot.rollouts.len();
        self.snapshot.rollouts.push(rollout);
        self.plan.steps.push(Step {
            deletes: None,
            rollout: rollout_index,
            action: Action::RollBack,
            target: Some(target),
            dry_run: None,
            diff: Diff::default(),
        });
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.jsonl")
    }

    pub async fn cluster(&self) -> Cluster {
        let environment = Environment {
            kubeconfig: Some(self.fake.kubeconfig(self.folder.path()).into()),
            ..Environment::default()
        };
        let flags = Args::try_parse_from(["test"]).unwrap().connection;
        connect_in(&environment, &flags, "kubectl-rollback-to", &self.ui).await.unwrap()
    }

    pub async fn run(&self) -> Vec<Outcome> {
        self.run_reacting(std::future::pending(), |_| {}).await
    }

    pub async fn run_reacting(
        &self,
        interrupted: impl Future<Output = ()>,
        react: impl FnMut(&Event),
    ) -> Vec<Outcome> {
        self.world.serve(&self.fake);
        let cluster = self.cluster().await;
        let execution = Execution {
            cluster: &cluster,
            ui: &self.ui,
            snapshot: &self.snapshot,
            plan: &self.plan,
            options: &self.options,
            may_ask: true,
            clock: Clock::start(),
            deadline: self.deadline,
            silent_after: self.silent_after,
            zone: TimeZone::UTC,
            journal: Some(Journal::at(self.journal())),
        };
        let mut recorder = Recorder {
            events: Arc::clone(&self.events),
            is_unavailable: Arc::clone(&self.is_unavailable),
            react: Box::new(react),
        };
        execution.run(interrupted, &mut recorder).await
    }

    /// As `PATCH web`, of what changes something.
    pub fn writes(&self) -> Vec<String> {
        let written = self.fake.requests().into_iter().filter(|r| r.method != "GET" && r.method != "POST");
        written.map(|r| format!("{} {}", r.method, r.path.rsplit('/').next().unwrap())).collect()
    }

    pub fn patches(&self, name: &str) -> Vec<Request> {
        let end = format!("/{name}");
        self.fake.requests().into_iter().filter(|r| r.method == "PATCH" && r.path.ends_with(&end)).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub fn notes(&self) -> Vec<Note> {
        let note = |event| if let Event::Note(note) = event { Some(note) } else { None };
        self.events().into_iter().filter_map(note).collect()
    }

    pub fn was_unavailable(&self) -> bool {
        self.is_unavailable.load(Ordering::Relaxed)
    }

    pub fn reported(&self, event: impl Fn(&Event) -> bool) -> bool {
        self.events().iter().any(event)
    }
}

pub type Ended = (RolloutResult, Vec<Reason>);

pub fn over(result: RolloutResult, reasons: impl Into<Vec<Reason>>) -> Ended {
    (result, reasons.into())
}

/// How each ended.
pub fn ends(outcomes: &[Outcome]) -> Vec<Ended> {
    outcomes.iter().map(|outcome| (outcome.result, outcome.reasons.clone())).collect()
}
