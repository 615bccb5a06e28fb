mod any_order;
mod consent;
mod restore;
mod run;
mod silence;
mod stuck;

use std::collections::BTreeMap;

use cluster_model::rollout::{Id, Kind};
use k8s_openapi::jiff::SignedDuration;
use serde_json::json;

use super::model::*;
use super::*;
use crate::execute::progress::model::{Progress, State};
use crate::options::OnFailure;

fn rules() -> Rules {
    Rules {
        on_failure: OnFailure::Ask,
        can_ask: false,
        unstick: false,
        wait: true,
        linger: SignedDuration::from_secs(5),
        silent_after: Some(SILENT_AFTER),
    }
}

fn part(name: &str) -> Part {
    let id = Id { kind: Kind::StatefulSet, namespace: "shop".into(), name: name.into(), uid: name.into() };
    Part { id, start: Start::Write, contested: false, finish: false, again: "AGAIN --unstick".into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
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
        summary: String::new(),
        pods: Vec::new(),
        seconds_left: None,
    }
}

fn crashed() -> State {
    State::Failed { cause: "crashed".into(), pod: Some("p".into()), container: Some("web".into()) }
}

fn reverted() -> State {
    State::Reverted { by: "argo".into(), at: "2026-01-01T00:00:00Z".parse().ok() }
}

fn superseded(restart: bool) -> State {
    State::Superseded { by: "kim".into(), at: "2026-01-01T00:00:00Z".parse().ok(), restart }
}

fn stalled(blocked: bool) -> State {
    State::Stalled { cause: "no node".into(), blocked }
}

fn stuck(pod: &str) -> State {
    State::Stuck {
        pod: pod.into(),
        pod_uid: format!("uid-{pod}"),
        pod_version: "7".into(),
        why: "CrashLoopBackOff".into(),
    }
}

const FINE: State = State::Done { note: None };

/// A engine over `a`, `b`, `c`, … and what was commanded and told.
struct Play {
    engine: Engine,
    told: Vec<String>,
    /// What a fresh read shows; at first what was watched last.
    there: BTreeMap<usize, Progress>,
}

impl Play {
    fn new(steps: usize, rules: Rules) -> Self {
        Play::with(["a", "b", "c"][..steps].iter().map(|name| part(name)).collect(), rules)
    }

    fn with(parts: Vec<Part>, rules: Rules) -> Self {
        Play { engine: Engine::new(parts, rules), told: Vec::new(), there: BTreeMap::new() }
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
        let events = self.engine.take_events();
        self.told.extend(events.iter().map(|event| format!("{event:?}")));
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

    /// `result: cause` of each step, once all is over.
    fn ends(&mut self) -> Vec<String> {
        self.next();
        assert!(
            self.engine.is_done(),
            "{:?}",
            self.engine.steps.iter().map(|s| &s.phase).collect::<Vec<_>>()
        );
        let outcomes = self.engine.outcomes();
        outcomes
            .iter()
            .map(|o| format!("{:?}: {}", o.result, o.cause.as_deref().unwrap_or_default()))
            .collect()
    }

    fn was_told(&self, words: &str) -> bool {
        self.told.iter().any(|event| event.contains(words))
    }
}
