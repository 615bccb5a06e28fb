//! One round: one pod is evicted, and its replacement followed until it serves.

use std::time::{Duration, Instant};

use cluster_model::PodExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use plugin_client::api::eviction::{EvictionAnswer, EvictionRequest, evict};
use plugin_client::{Cluster, Failure};

use super::{FRAME, Proof, at, pending};
use crate::proof::event::Event;
use crate::proof::observed::Seen;
use crate::proof::outcome::{End, Round};
use crate::proof::refusal::refusal;
use crate::proof::timeline::{Phase, Timeline};
use crate::snapshot::Kind;

/// From when the replacement can be made: a controller that has not made it by then is not at work.
const CREATED_WITHIN: Duration = Duration::from_secs(30);
/// Beyond its grace period a pod is gone within moments; a recovery is a recovery without it.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const ERRORS: u32 = 5;
/// After the end of a round, for the answer to a request that is under way.
const LAST_ANSWER: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An answer to the eviction, or what the pod is before the eviction is repeated: an eviction with a UID that is gone spends the budget
/// all the same (pkg/registry/core/pod/storage/eviction.go decrements before it deletes).
enum Answer {
    Eviction(EvictionAnswer),
    Pod(Result<Option<PodNow>, Failure>),
}

struct PodNow {
    uid: String,
    is_terminating: bool,
}

/// The request of a round, and how often it was refused.
struct Asking<'r> {
    request: Option<BoxFuture<'r, Answer>>,
    again_at: Option<Instant>,
    until: Instant,
    errors: u32,
    message: String,
    /// One of the requests was accepted, or its answer is not known.
    may_have_acted: bool,
}

impl<'a> Proof<'a> {
    pub(super) async fn round(&mut self, number: usize) -> Result<Round, End> {
        let ready = self.observed.ready();
        // Whatever the plan said: this is how it is at this moment.
        if ready.len() < 2 && !self.plan.is_outage() {
            return Err(End::Aborted("only one pod is ready, and the last one is never evicted".to_owned()));
        }
        let victim = self.agreed.victim(&ready).map_err(End::Aborted)?.clone();
        let mut timeline = Timeline::new(self.plan.kind, self.plan.min_ready, &victim, &self.observed);
        let interruptions = self.observed.interruptions;
        self.reporter.event(&Event::Evicting {
            round: number,
            victim: victim.name.clone(),
            node: victim.node.clone(),
        });
        let end = self.follow(&mut timeline, &victim).await;
        if timeline.accepted().is_none() {
            // Nothing happened, and nothing is reported as if it had.
            return Err(end.err().unwrap_or(End::Interrupted));
        }
        let round = Round::of(&timeline, Instant::now(), self.observed.interruptions > interruptions);
        self.rounds.push(round.clone());
        if let Some(after) = round.recovery {
            self.reporter.event(&Event::Recovered { round: number, after });
        }
        end.map(|()| round)
    }

    /// However it ends, an eviction that may have been accepted is reported.
    async fn follow(&mut self, timeline: &mut Timeline, victim: &Seen) -> Result<(), End> {
        let mut asking = Asking {
            request: None,
            again_at: None,
            until: Instant::now() + self.options.blocked_at_most(),
            errors: 0,
            message: String::new(),
            may_have_acted: false,
        };
        let end = self.attend(timeline, victim, &mut asking).await;
        if let Some(request) = asking.request.take() {
            let answer = tokio::time::timeout(LAST_ANSWER, request).await;
            match answer {
                Err(_) | Ok(Answer::Eviction(EvictionAnswer::Accepted | EvictionAnswer::Unknown { .. })) => {
                    timeline.accepted_at(Instant::now());
                }
                Ok(_) => {}
            }
        }
        end
    }

    async fn attend(
        &mut self,
        timeline: &mut Timeline,
        victim: &Seen,
        asking: &mut Asking<'a>,
    ) -> Result<(), End> {
        let (cluster, plan) = (self.cluster, self.plan);
        let request = EvictionRequest {
            namespace: plan.subject.namespace.clone(),
            name: victim.name.clone(),
            uid: victim.uid.clone(),
            grace_seconds: plan.grace_seconds,
            dry_run: false,
        };
        let send = || {
            let request = request.clone();
            async move { Answer::Eviction(evict(cluster, &request).await) }.boxed()
        };
        asking.request = Some(send());
        let mut is_leaving = false;
        loop {
            tokio::select! {
                biased;
                () = self.interrupted.clone(), if !is_leaving => {
                    is_leaving = true;
                    if timeline.accepted().is_some() {
                        self.reporter.event(&Event::WaitingToLeave);
                    }
                }
                () = at(self.deadline) => return Err(End::Timeout),
                news = self.watches.next() => self.take(news)?,
                answer = pending(&mut asking.request) => {
                    asking.request = None;
                    match answer {
                        Answer::Eviction(answer) => self.on_answer(answer, timeline, asking)?,
                        Answer::Pod(found) => {
                            if is_still_there(found, &request, asking)? {
                                asking.request = Some(send());
                            }
                        }
                    }
                    if timeline.accepted().is_some() && is_leaving {
                        self.reporter.event(&Event::WaitingToLeave);
                    }
                }
                () = at(asking.again_at) => {
                    asking.again_at = None;
                    asking.request = Some(read(cluster, &request));
                }
                () = at(timeline.wake_at()) => {}
                () = tokio::time::sleep(FRAME) => {}
            }
            let now = Instant::now();
            let phases = timeline.look(now, &self.observed);
            if timeline.accepted().is_some() && asking.request.is_none() && !asking.may_have_acted {
                timeline.disown();
                return Err(End::Aborted(format!("pod {} was deleted by somebody else", victim.name)));
            }
            for phase in phases {
                self.reached(phase, timeline);
            }
            if let Some(why) = timeline.void() {
                return Err(End::Void(why.to_owned()));
            }
            self.still_safe()?;
            self.reporter.draw(doing(timeline));
            match timeline.accepted() {
                None if is_leaving && asking.request.is_none() => return Err(End::Interrupted),
                None if now > asking.until && asking.request.is_none() => {
                    return Err(End::Aborted(format!(
                        "the eviction was refused all the time: {}",
                        asking.message
                    )));
                }
                None => {}
                Some(since) if self.is_over(timeline, since, now)? => {
                    return if is_leaving { Err(End::Interrupted) } else { Ok(()) };
                }
                Some(_) => {}
            }
        }
    }

    fn reached(&mut self, phase: Phase, timeline: &Timeline) {
        let after = timeline.phases().get(&phase).copied().unwrap_or_default();
        let pod = match phase {
            Phase::Gone => Some(timeline.victim()),
            _ => timeline.replacement(),
        };
        let pod = pod.cloned().unwrap_or_default();
        self.reporter.event(&Event::Reached { phase, after, pod: pod.name, node: pod.node });
    }

    /// Recovered, and the victim gone or late.
    fn is_over(&self, timeline: &Timeline, since: Instant, now: Instant) -> Result<bool, End> {
        let waited = now.duration_since(since);
        let grace = Duration::from_secs(u64::try_from(self.plan.grace).unwrap_or(0));
        if timeline.is_recovered() {
            return Ok(timeline.is_seen(Phase::Gone) || waited > grace + GONE_WITHIN);
        }
        // These are made when the old pod is gone.
        let is_free = match self.plan.kind {
            Kind::StatefulSet | Kind::DaemonSet => timeline.phases().get(&Phase::Gone).copied(),
            _ => Some(Duration::ZERO),
        };
        if !timeline.is_seen(Phase::Created) && is_free.is_some_and(|from| waited > from + CREATED_WITHIN) {
            return Err(End::NotRecovered(format!(
                "no replacement was made within {}s",
                CREATED_WITHIN.as_secs()
            )));
        }
        let most = self.options.recovery_at_most(self.plan.grace);
        if waited > most {
            return Err(End::NotRecovered(format!("{} after {}s", doing(timeline), most.as_secs())));
        }
        Ok(false)
    }

    fn on_answer(
        &mut self,
        answer: EvictionAnswer,
        timeline: &mut Timeline,
        asking: &mut Asking<'_>,
    ) -> Result<(), End> {
        let now = Instant::now();
        let (message, wait, is_error) = match answer {
            EvictionAnswer::Accepted => {
                asking.may_have_acted = true;
                timeline.accepted_at(now);
                return Ok(());
            }
            EvictionAnswer::BudgetSpent { message } => (message, AGAIN_AFTER, false),
            EvictionAnswer::NotYet { message, .. } => (message, AGAIN_AFTER, false),
            EvictionAnswer::Busy { retry_after } => (
                "the server is busy".to_owned(),
                Duration::try_from(retry_after).unwrap_or(AGAIN_AFTER),
                true,
            ),
            EvictionAnswer::Conflict => ("it is another pod by now".to_owned(), Duration::ZERO, true),
            EvictionAnswer::NotFound => ("there is no such pod".to_owned(), Duration::ZERO, true),
            EvictionAnswer::Unknown { message } => {
                asking.may_have_acted = true;
                (message, AGAIN_AFTER, true)
            }
            other => {
                return Err(End::Aborted(format!("the server refuses the eviction: {}", refusal(other))));
            }
        };
        asking.errors += u32::from(is_error);
        if asking.errors > ERRORS {
            return Err(End::Aborted(format!("the eviction failed {} times: {message}", asking.errors)));
        }
        if asking.message != message {
            self.reporter.event(&Event::Waiting { why: message.clone() });
            asking.message = message;
        }
        asking.again_at = Some(now + wait);
        Ok(())
    }
}

fn read<'r>(cluster: &'r Cluster, request: &EvictionRequest) -> BoxFuture<'r, Answer> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
    let name = request.name.clone();
    async move {
        let found = pods.get_opt(&name).await;
        let now = |pod: Pod| PodNow { uid: pod.uid().to_owned(), is_terminating: pod.is_terminating() };
        let found = found.map(|it| it.map(now));
        Answer::Pod(found.map_err(|error| Failure::from_kube("read the pod again", &error)))
    }
    .boxed()
}

/// May the eviction be repeated? If it is on its way out already, the watch will show so.
fn is_still_there(
    found: Result<Option<PodNow>, Failure>,
    request: &EvictionRequest,
    asking: &mut Asking<'_>,
) -> Result<bool, End> {
    match found {
        Ok(Some(pod)) if pod.uid != request.uid => Err(End::Aborted(format!(
            "pod {} was replaced meanwhile; the new one was not touched",
            request.name
        ))),
        Ok(Some(pod)) => Ok(!pod.is_terminating),
        Ok(None) => Ok(false),
        Err(failure) => {
            asking.errors += 1;
            if asking.errors > ERRORS {
                return Err(End::Failed(failure));
            }
            asking.again_at = Some(Instant::now() + AGAIN_AFTER);
            Ok(false)
        }
    }
}

/// What is waited for.
fn doing(timeline: &Timeline) -> &'static str {
    let waits = [
        (Phase::Created, "waiting for the replacement"),
        (Phase::Scheduled, "the replacement waits for a node"),
        (Phase::Started, "the replacement is starting"),
        (Phase::Ready, "the replacement is not ready"),
        (Phase::Available, "the replacement is not available"),
    ];
    if timeline.accepted().is_none() {
        return "waiting for the eviction";
    }
    let open = waits.into_iter().find(|(phase, _)| !timeline.is_seen(*phase)).map(|(_, words)| words);
    match open {
        Some(words) => words,
        None if timeline.is_recovered() => "waiting until the old pod is gone",
        None => "the replacement is in no EndpointSlice",
    }
}
