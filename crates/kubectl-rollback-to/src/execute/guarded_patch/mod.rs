//! One guarded write until its result is known: what to send, when to read, when to give up. Pure.
//!
//! Never overwrites: each try is guarded by the UID and by the exact template that was read, and nothing is repeated before
//! the workload was read again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use cluster_model::Raw;
use cluster_model::rollout::{Id, Rollout, same};
use serde_json::Value;

use super::change;
use super::write_answer::Answer;
use crate::outcome::reason::Change;
use crate::patch;

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrote {
    Written {
        /// As the server has it now.
        object: Value,
        /// Admission changed the template.
        mutated: bool,
    },
    /// Somebody else wrote the same template.
    Already,
    /// Somebody else wrote another template, or an annotation that this would write; nothing was overwritten.
    Changed(Change),
    /// Deleted, or deleted and recreated.
    Gone,
    /// Nothing was written.
    Failed(String),
    /// The answer was lost, and the workload cannot be read.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// JSON patch.
    Send(Vec<Value>),
    Read,
    End(Wrote),
}

/// What a read showed.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadResult {
    /// `None`: it is not there.
    Found(Option<Value>),
    /// The server did not answer.
    NoAnswer(String),
    /// The user may not read it.
    Denied(String),
}

/// What to do, after waiting this long.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    pub wait: Duration,
    pub act: Act,
}

/// So many lost answers and lost connections are retried: some twenty seconds, as long as an API server takes to start.
pub(super) const LOST_ATTEMPTS: u32 = 8;
/// Conflicts with a write that changed neither the template nor what this would write, as a status or another annotation.
const RACES: u32 = 3;
/// So often a server may answer 429.
const TIMES_BUSY: u32 = 6;
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(250);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(4);

pub struct GuardedPatch {
    id: Id,
    manager: String,
    /// As it was when the write was decided.
    start: Value,
    /// As it was last read: the guard of the next patch.
    seen: Value,
    template: Value,
    annotations: Vec<(String, Option<String>)>,
    lost_attempts: u32,
    busy: u32,
    /// An annotation that somebody changed is left alone, and the rest written; else nothing is.
    lenient: bool,
    /// Conflicts that were not about the template.
    raced: u32,
    /// An answer was lost: the template that is there now, or later, may be from this write. A read that does not find it proves
    /// nothing: a server that was silent may answer the read before it applies the write.
    outcome_unknown: bool,
    /// No write was answered since the last read.
    unanswered: bool,
    message: String,
}

impl GuardedPatch {
    /// `template` instead of that of `seen`; annotations are set, or removed for `None`, key by key.
    pub fn new(
        id: Id,
        seen: Value,
        template: Value,
        annotations: Vec<(String, Option<String>)>,
        manager: &str,
    ) -> Self {
        GuardedPatch {
            id,
            manager: manager.to_owned(),
            start: seen.clone(),
            seen,
            template,
            annotations,
            lost_attempts: 0,
            busy: 0,
            lenient: false,
            raced: 0,
            outcome_unknown: false,
            unanswered: false,
            message: String::new(),
        }
    }

    /// To restore: annotations that somebody else changed meanwhile are left alone, and the template is restored all the same.
    pub fn restore(
        id: Id,
        seen: Value,
        template: Value,
        annotations: Vec<(String, Option<String>)>,
        manager: &str,
    ) -> Self {
        GuardedPatch { lenient: true, ..GuardedPatch::new(id, seen, template, annotations, manager) }
    }

    pub fn id(&self) -> &Id {
        &self.id
    }

    pub fn manager(&self) -> &str {
        &self.manager
    }

    pub fn start(&self) -> Next {
        now(Act::Send(self.ops()))
    }

    pub fn on_answer(&mut self, answer: Answer) -> Next {
        match answer {
            Answer::Applied(object) => now(self.written(object)),
            // Only a read proves that it is gone.
            Answer::Gone(message) => {
                self.message = message;
                now(Act::Read)
            }
            // A server that comes back has not read its roles and tokens yet.
            Answer::Denied(message) if self.lost_attempts > 0 => {
                self.try_again(message, |this| Act::Send(this.ops()))
            }
            Answer::Denied(message) | Answer::Refused(message) => end(Wrote::Failed(message)),
            Answer::Conflict(message) => {
                self.message = message;
                now(Act::Read)
            }
            Answer::Busy { message, wait } => {
                self.busy += 1;
                if self.busy > TIMES_BUSY {
                    return end(Wrote::Failed(message));
                }
                Next { wait, act: Act::Send(self.ops()) }
            }
            Answer::Lost(message) => {
                (self.outcome_unknown, self.unanswered) = (true, true);
                self.try_again(message, |_| Act::Read)
            }
            Answer::NotSent(message) => self.try_again(message, |this| Act::Send(this.ops())),
        }
    }

    pub fn on_read(&mut self, result: ReadResult) -> Next {
        let live = match result {
            ReadResult::Found(Some(live)) if live.uid() == self.id.uid => live,
            ReadResult::Found(_) => return end(Wrote::Gone),
            ReadResult::NoAnswer(message) => return self.try_again(message, |_| Act::Read),
            ReadResult::Denied(message) if self.lost_attempts > 1 => {
                return self.try_again(message, |_| Act::Read);
            }
            ReadResult::Denied(message) => return end(self.gave_up(message)),
        };
        let template = &live["spec"]["template"];
        if same(template, &self.template) {
            return if self.outcome_unknown { now(self.written(live)) } else { end(Wrote::Already) };
        }
        if !same(template, &self.seen["spec"]["template"]) {
            let by = change::author(&self.seen, &live);
            // From this write, and then changed by a webhook.
            return if self.outcome_unknown && by.is_some_and(|by| by.manager == self.manager) {
                now(self.written(live))
            } else {
                end(Wrote::Changed(change::of_template(&self.start, &live)))
            };
        }
        let start = &self.start;
        let foreign = |key: &str| live.annotation(key) != start.annotation(key);
        if self.lenient {
            self.annotations.retain(|(key, _)| !foreign(key));
        } else if let Some((key, _)) = self.annotations.iter().find(|(key, _)| foreign(key)) {
            return end(Wrote::Changed(Change::Annotation(key.clone())));
        }
        // The template is as it was: something else did not fit, as an annotation; or the write never arrived.
        let unanswered = std::mem::take(&mut self.unanswered);
        if !unanswered {
            self.raced += 1;
            if self.raced > RACES {
                return end(Wrote::Failed(self.message.clone()));
            }
        }
        self.seen = live;
        now(Act::Send(self.ops()))
    }

    fn written(&self, object: Value) -> Act {
        let mutated = !same(&object["spec"]["template"], &self.template);
        Act::End(Wrote::Written { object, mutated })
    }

    fn try_again(&mut self, message: String, act: impl FnOnce(&Self) -> Act) -> Next {
        self.message = message.clone();
        self.lost_attempts += 1;
        if self.lost_attempts > LOST_ATTEMPTS {
            return end(self.gave_up(message));
        }
        // The first read is immediate. Not `backon`: a state machine keeps a count, not an iterator of waits.
        let doubled = FIRST_WAIT.saturating_mul(1 << (self.lost_attempts - 1));
        let wait = if self.lost_attempts == 1 { Duration::ZERO } else { doubled.min(LONGEST_WAIT) };
        Next { wait, act: act(self) }
    }

    /// Nothing more can be read.
    fn gave_up(&self, message: String) -> Wrote {
        if self.outcome_unknown { Wrote::Unknown(message) } else { Wrote::Failed(message) }
    }

    fn ops(&self) -> Vec<Value> {
        let rollout = Rollout {
            id: self.id.clone(),
            object: self.seen.clone(),
            revisions: Vec::new(),
            pods: Vec::new(),
        };
        let mut ops = patch::template_patch(&rollout, &self.template);
        let annotations: Vec<(&str, Option<&str>)> =
            self.annotations.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        ops.extend(patch::annotation_tests(&self.seen, &annotations));
        ops.extend(patch::annotation_ops(&self.seen, &annotations));
        ops
    }
}

fn now(act: Act) -> Next {
    Next { wait: Duration::ZERO, act }
}

fn end(wrote: Wrote) -> Next {
    now(Act::End(wrote))
}
