//! One guarded write, from first try to certain end: what to send, when to look, when to give up. Pure.
//!
//! Never overwrites: each try is guarded by the UID and by the exact template that was seen, and nothing is repeated before
//! the workload was looked at again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use cluster_model::Raw;
use cluster_model::rollout::{Id, Rollout, same};
use serde_json::Value;

use super::change;
use super::verdict::Answer;
use crate::patch;

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrote {
    Written {
        /// As the server has it now.
        object: Value,
        /// Something on its way made another template of it.
        mutated: bool,
    },
    /// The template is there, and it was not this that put it there.
    Already,
    /// Somebody else wrote another template, or another value of what this would write; nothing was overwritten.
    Changed { change: String },
    /// Deleted, or deleted and made again.
    Gone,
    /// Nothing was written.
    Failed { says: String },
    /// The answer was lost, and what is there cannot be seen.
    Unknown { says: String },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// JSON patch.
    Send(Vec<Value>),
    Look,
    End(Wrote),
}

/// What a look showed.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// `None`: it is not there.
    Seen(Option<Value>),
    /// The server could not be heard.
    Blind { says: String },
    /// There is no right to look.
    Denied { says: String },
}

/// What to do, after waiting this long.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    pub wait: Duration,
    pub act: Act,
}

/// Lost answers and lost connections that are ridden out: some twenty seconds, as long as an API server takes to start.
const LOST_ATTEMPTS: u32 = 8;
/// Races lost to a write that changed neither the template nor what this would write, as of a status or another annotation.
const RACES: u32 = 3;
/// Times a server may ask to come back later.
const TIMES_BUSY: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

pub struct GuardedPatch {
    id: Id,
    manager: String,
    /// What the write was decided by.
    start: Value,
    /// What must be there: the workload as it was last looked at.
    seen: Value,
    template: Value,
    annotations: Vec<(String, Option<String>)>,
    lost_attempts: u32,
    busy: u32,
    /// An annotation that somebody changed is left alone, and the rest written; else nothing is.
    lenient: bool,
    /// Times that something but the template was in the way.
    raced: u32,
    /// An answer was lost: what is there now, or comes yet, may be ours. A look that does not find it ends no doubt: a server that
    /// was silent answers the look before it comes to the write.
    doubt: bool,
    /// Nothing was answered since the last look.
    unanswered: bool,
    says: String,
}

impl GuardedPatch {
    /// `template` instead of that of `seen`; annotations are set, or removed for `None`, key by key. `manager` is ours.
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
            doubt: false,
            unanswered: false,
            says: String::new(),
        }
    }

    /// The way back: what somebody else annotated meanwhile is no reason to leave a broken template there.
    pub fn back(
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

    pub fn answered(&mut self, answer: Answer) -> Next {
        match answer {
            Answer::Applied(object) => now(self.written(object)),
            // That it is gone is only believed of a read.
            Answer::Gone => {
                "the server cannot find it".clone_into(&mut self.says);
                now(Act::Look)
            }
            // A server that comes back has not read its roles and tokens yet.
            Answer::Denied { says } if self.lost_attempts > 0 => {
                self.try_again(says, |this| Act::Send(this.ops()))
            }
            Answer::Denied { says } | Answer::Refused { says } => end(Wrote::Failed { says }),
            Answer::Misfit { says } => {
                self.says = says;
                now(Act::Look)
            }
            Answer::Busy { says, wait } => {
                self.busy += 1;
                if self.busy > TIMES_BUSY {
                    return end(Wrote::Failed { says });
                }
                Next { wait, act: Act::Send(self.ops()) }
            }
            Answer::Lost { says } => {
                (self.doubt, self.unanswered) = (true, true);
                self.try_again(says, |_| Act::Look)
            }
            Answer::Unsent { says } => self.try_again(says, |this| Act::Send(this.ops())),
        }
    }

    pub fn looked(&mut self, look: Look) -> Next {
        let live = match look {
            Look::Seen(Some(live)) if live.uid() == self.id.uid => live,
            Look::Seen(_) => return end(Wrote::Gone),
            Look::Blind { says } => return self.try_again(says, |_| Act::Look),
            Look::Denied { says } if self.lost_attempts > 1 => return self.try_again(says, |_| Act::Look),
            Look::Denied { says } => return end(self.blind(says)),
        };
        let template = &live["spec"]["template"];
        if same(template, &self.template) {
            return if self.doubt { now(self.written(live)) } else { end(Wrote::Already) };
        }
        if !same(template, &self.seen["spec"]["template"]) {
            let by = change::author(&self.seen, &live);
            // Ours, but for what a webhook made of it.
            return if self.doubt && by.is_some_and(|by| by.manager == self.manager) {
                now(self.written(live))
            } else {
                end(Wrote::Changed { change: change::of_template(&self.start, &live) })
            };
        }
        let start = &self.start;
        let foreign = |key: &str| live.annotation(key) != start.annotation(key);
        if self.lenient {
            self.annotations.retain(|(key, _)| !foreign(key));
        } else if let Some((key, _)) = self.annotations.iter().find(|(key, _)| foreign(key)) {
            return end(Wrote::Changed { change: change::of_annotation(key) });
        }
        // The template is as it was: what did not fit is something else, as the annotations; or the write never arrived.
        let unanswered = std::mem::take(&mut self.unanswered);
        if !unanswered {
            self.raced += 1;
            if self.raced > RACES {
                return end(Wrote::Failed { says: self.says.clone() });
            }
        }
        self.seen = live;
        now(Act::Send(self.ops()))
    }

    fn written(&self, object: Value) -> Act {
        let mutated = !same(&object["spec"]["template"], &self.template);
        Act::End(Wrote::Written { object, mutated })
    }

    fn try_again(&mut self, says: String, act: impl FnOnce(&Self) -> Act) -> Next {
        self.says = says.clone();
        self.lost_attempts += 1;
        if self.lost_attempts > LOST_ATTEMPTS {
            return end(self.blind(says));
        }
        // A first look costs nothing. By hand: a state machine keeps a count, not an iterator of waits.
        let doubled = FIRST_WAIT.saturating_mul(1 << (self.lost_attempts - 1));
        let wait = if self.lost_attempts == 1 { Duration::ZERO } else { doubled.min(LONGEST_WAIT) };
        Next { wait, act: act(self) }
    }

    /// Nothing more will be learnt.
    fn blind(&self, says: String) -> Wrote {
        if self.doubt { Wrote::Unknown { says } } else { Wrote::Failed { says } }
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
