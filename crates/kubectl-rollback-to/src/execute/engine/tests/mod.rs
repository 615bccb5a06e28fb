mod any_order;
mod consent;
mod restore;
mod run;
mod silence;
mod stuck;

use std::collections::BTreeMap;

use cluster_model::BeingDeleted;
use cluster_model::rollout::{Id, Kind};
use k8s_openapi::jiff::{SignedDuration, Zoned};
use serde_json::json;

use super::model::*;
use super::*;
use crate::execute::progress::model::{Progress, State};
use crate::options::OnFailure;
use crate::outcome::cause::{Author, Cause, Counts, KeptBy, KeptPods, PodCause, Problem, Waiting};
use crate::outcome::reason::{BlockedByPod, Change, EndedAt, NotRestored, Unobserved};

fn rules() -> Rules {
    Rules {
        on_failure: OnFailure::Ask,
        can_ask: false,
        unstick: false,
        wait: true,
        watch_after_done: SignedDuration::from_secs(5),
        silent_after: Some(SILENT_AFTER),
    }
}

fn id(name: &str) -> Id {
    Id { kind: Kind::StatefulSet, namespace: "shop".into(), name: name.into(), uid: name.into() }
}

fn input(name: &str) -> StepInput {
    StepInput {
        id: id(name),
        start: Start::Write,
        has_reconciling_owner: false,
        finish: false,
        revision: 3,
        agreed: None,
    }
}

/// How a step ended.
type Ended = (RolloutResult, Vec<Reason>);

fn over(result: RolloutResult, reasons: impl Into<Vec<Reason>>) -> Ended {
    (result, reasons.into())
}

fn done() -> Ended {
    over(RolloutResult::Done, [])
}

/// Restored because this one failed.
fn restored_for(failed: &str) -> Ended {
    over(RolloutResult::Restored, [Reason::OtherFailed(id(failed)), Reason::Restored])
}

fn author(manager: &str) -> Option<Author> {
    Some(Author { manager: manager.into(), at: at(7) })
}

fn change() -> Change {
    Change::Annotation("a".into())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn silent() -> End {
    End::Silent { since: Zoned::default(), seconds: 600, message: None }
}

fn written() -> Wrote {
    Wrote::Written { object: json!({}), mutated: false }
}

fn progress(state: State) -> Progress {
    Progress {
        state,
        done: 0,
        total: 0,
        desired: 1,
        waiting: Waiting::Pods(Counts::default()),
        pods: Vec::new(),
        seconds_left: None,
    }
}

fn cause(message: &str) -> Cause {
    Cause::Problem(Problem::FailedCreate(message.into()))
}

fn rollout(message: &str) -> Reason {
    Reason::Rollout(cause(message))
}

fn crashed() -> State {
    State::Failed { cause: cause("crashed"), pod: Some("p".into()), container: Some("web".into()) }
}

fn reverted() -> State {
    State::Reverted { by: author("argo") }
}

fn being_deleted() -> BeingDeleted {
    BeingDeleted { since: at(7), finalizers: vec!["x.io/hold".into()] }
}

fn superseded(restart: bool) -> State {
    State::Superseded { by: author("kim"), restart }
}

fn stalled(blocked: bool) -> State {
    State::Stalled { cause: cause("no node"), blocked }
}

fn stuck(pod: &str) -> State {
    State::Stuck {
        pod: pod.into(),
        pod_uid: format!("uid-{pod}"),
        pod_version: "7".into(),
        message: "CrashLoopBackOff".into(),
    }
}

const DONE: State = State::Done { kept: None };

/// An engine over `a`, `b`, `c`, … and the events that it reported.
struct Play {
    engine: Engine,
    events: Vec<(usize, Event)>,
    /// What a fresh read shows; at first what was watched last.
    there: BTreeMap<usize, Progress>,
}

impl Play {
    fn new(steps: usize, rules: Rules) -> Self {
        Play::with(["a", "b", "c"][..steps].iter().map(|name| input(name)).collect(), rules)
    }

    fn with(inputs: Vec<StepInput>, rules: Rules) -> Self {
        Play { engine: Engine::new(inputs, rules), events: Vec::new(), there: BTreeMap::new() }
    }

    /// The commands since, as `write 0, watch 0`; questions are answered with `answer`, and what is read is what is there.
    fn next_answering(&mut self, answer: bool) -> String {
        let mut all = Vec::new();
        loop {
            let commands = self.engine.next(at(0));
            if commands.is_empty() {
                break;
            }
            for command in commands {
                if let Command::Verify(step) = command {
                    let there = self.there.get(&step).cloned().unwrap_or_else(|| progress(State::Moving));
                    self.engine.verified(step, &there, at(0));
                    continue;
                }
                all.push(match &command {
                    Command::Verify(_) => unreachable!(),
                    Command::Follow(step) => format!("follow {step}"),
                    Command::Write(step) => format!("write {step}"),
                    Command::Watch(step) => format!("watch {step}"),
                    Command::Log { step, pod, .. } => format!("log {step} {pod}"),
                    Command::Delete { step, pod, uid, .. } => format!("delete {step} {pod} {uid}"),
                    Command::Finish(step) => format!("finish {step}"),
                    Command::Restore(step) => format!("restore {step}"),
                    Command::Ask(Question::Restore { .. }) => "ask restore".into(),
                    Command::Ask(Question::Unstick { step, .. }) => format!("ask unstick {step}"),
                });
                if let Command::Ask(question) = &command {
                    self.engine.answered(question, answer);
                }
            }
        }
        self.events.extend(self.engine.take_events());
        all.join(", ")
    }

    fn next(&mut self) -> String {
        self.next_answering(false)
    }

    /// All of them are written.
    fn write_all(&mut self) -> &mut Self {
        for step in 0..self.engine.steps.len() {
            self.next();
            self.engine.wrote(step, written(), at(0));
        }
        self.next();
        self
    }

    fn seen(&mut self, step: usize, state: State) -> &mut Self {
        self.seen_as(step, progress(state))
    }

    fn seen_as(&mut self, step: usize, progress: Progress) -> &mut Self {
        self.engine.seen(step, &progress);
        self.there.insert(step, progress);
        self
    }

    /// It failed, and its log came.
    fn fails(&mut self, step: usize) -> &mut Self {
        self.seen(step, crashed());
        assert_eq!(self.next(), format!("log {step} p"));
        self.engine.logged(step, vec!["boom".into()]);
        self
    }

    /// How each step ended, once all are over.
    fn ends(&mut self) -> Vec<Ended> {
        self.next();
        assert!(
            self.engine.is_done(),
            "{:?}",
            self.engine.steps.iter().map(|s| &s.phase).collect::<Vec<_>>()
        );
        self.engine.outcomes().into_iter().map(|outcome| (outcome.result, outcome.reasons)).collect()
    }

    fn reported(&self, is_it: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| is_it(event))
    }
}
