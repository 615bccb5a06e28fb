//! One round: one container of one pod is killed from inside, and its restart followed until the pod serves again.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use plugin_client::Failure;
use plugin_client::api::exec::{Executed, Running};

use super::{FRAME, Proof, at, pending};
use crate::proof::event::Event;
use crate::proof::kill::inside::{self, Sent};
use crate::proof::kill::ladder::Way;
use crate::proof::kill::look::SENDING;
use crate::proof::kill::plan::{KillPlan, Means};
use crate::proof::kill::target::Target;
use crate::proof::kill::timeline::{EFFECT_WITHIN, KillTimeline};
use crate::proof::outcome::{End, Round};
use crate::proof::timeline::Phase;

/// Without a back-off the kubelet starts it again at once.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// The command that sends the signal: it runs, and has ended.
enum Command {
    Runs(Result<Running, Failure>),
    Ended(Executed),
}

struct Sending<'r> {
    command: Option<BoxFuture<'r, Command>>,
    /// It is not known whether the signal was sent.
    doubt: Option<String>,
}

impl<'a> Proof<'a> {
    pub(super) async fn kill_round(&mut self, number: usize, kill: &'a KillPlan) -> Result<Round, End> {
        let ready = self.observed.ready();
        if ready.len() < 2 && !self.plan.is_outage() {
            return Err(End::Aborted("only one pod is ready, and the last one is never killed".to_owned()));
        }
        let victim = self.agreed.victim(&ready).map_err(End::Aborted)?.clone();
        let (target, way) = match &kill.means {
            Means::Inside(_) => self.look_inside(&victim, &kill.container).await?,
            Means::Ephemeral { image } => self.look_from_beside(&victim, &kill.container, image).await?,
        };
        let min_ready = self.plan.min_ready;
        let timeline = KillTimeline::new(&victim, &kill.container, min_ready, &self.observed);
        let Some(mut timeline) = timeline else {
            return Err(End::Aborted(format!("pod {} has no container {}", victim.name, kill.container)));
        };
        let interruptions = self.observed.interruptions;
        self.reporter.event(&Event::Killing {
            round: number,
            victim: victim.name.clone(),
            node: victim.node.clone(),
            container: kill.container.clone(),
            signal: way.signal,
        });
        let end = self.attend_kill(&mut timeline, &target, &way).await;
        if timeline.sent().is_none() {
            // Nothing happened, and nothing is reported as if it had.
            return Err(end.err().unwrap_or(End::Interrupted));
        }
        let is_uncertain = self.observed.interruptions > interruptions;
        let round = Round::of_kill(&timeline, way.signal, Instant::now(), is_uncertain);
        self.rounds.push(round.clone());
        if let Some(after) = round.recovery {
            self.reporter.event(&Event::Recovered { round: number, after });
        }
        end.map(|()| round)
    }

    async fn attend_kill(
        &mut self,
        timeline: &mut KillTimeline,
        target: &Target,
        way: &Way,
    ) -> Result<(), End> {
        let (cluster, namespace) = (self.cluster, self.plan.subject.namespace.clone());
        let send = {
            let (target, way) = (target.clone(), way.clone());
            async move { Command::Runs(inside::send(cluster, &namespace, &target, &way).await) }
        };
        let mut sending = Sending { command: Some(send.boxed()), doubt: None };
        let mut is_leaving = false;
        loop {
            tokio::select! {
                biased;
                () = self.interrupted.clone(), if !is_leaving => {
                    is_leaving = true;
                    self.reporter.event(&Event::WaitingToLeave);
                }
                () = at(self.deadline) => {
                    // The command is on its way, or was.
                    timeline.sent_at(Instant::now());
                    return Err(End::Timeout);
                }
                news = self.watches.next() => self.take(news)?,
                command = pending(&mut sending.command) => {
                    sending.command = None;
                    on_command(command, timeline, target, &mut sending)?;
                }
                () = at(timeline.wake_at()) => {}
                () = tokio::time::sleep(FRAME) => {}
            }
            let now = Instant::now();
            for phase in timeline.look(now, &self.observed) {
                let after = timeline.phases().get(&phase).copied().unwrap_or_default();
                let victim = timeline.victim();
                let (pod, node) = (victim.name.clone(), victim.node.clone());
                self.reporter.event(&Event::Reached { phase, after, pod, node });
            }
            if let Some(why) = timeline.void() {
                return Err(End::Void(why.to_owned()));
            }
            self.still_safe()?;
            self.reporter.draw(doing(timeline));
            if let Some(since) = timeline.sent()
                && self.is_kill_over(timeline, since, now, &sending)?
            {
                return if is_leaving { Err(End::Interrupted) } else { Ok(()) };
            }
        }
    }

    fn is_kill_over(
        &self,
        timeline: &KillTimeline,
        since: Instant,
        now: Instant,
        sending: &Sending<'_>,
    ) -> Result<bool, End> {
        if timeline.is_recovered() {
            return Ok(true);
        }
        let waited = now.duration_since(since);
        let phases = timeline.phases();
        let container = timeline.container();
        let Some(terminated) = phases.get(&Phase::Terminated).copied() else {
            if waited <= EFFECT_WITHIN {
                return Ok(false);
            }
            let doubt = sending
                .doubt
                .as_ref()
                .map_or(String::new(), |why| format!("; it is not known whether the signal was sent: {why}"));
            return Err(End::Void(format!(
                "the kill had no effect: container {container} was not restarted within {}s{doubt}",
                EFFECT_WITHIN.as_secs()
            )));
        };
        if !timeline.is_seen(Phase::Started) && waited > terminated + STARTED_WITHIN {
            let code = timeline.ended().map_or(String::new(), |it| format!(" with exit code {}", it.code));
            return Err(End::NotRecovered(format!(
                "container {container} ended{code} and was not started again within {}s",
                STARTED_WITHIN.as_secs()
            )));
        }
        let most = self.options.recovery_at_most(0);
        if waited > most {
            return Err(End::NotRecovered(format!("{} after {}s", doing(timeline), most.as_secs())));
        }
        Ok(false)
    }
}

fn on_command(
    command: Command,
    timeline: &mut KillTimeline,
    target: &Target,
    sending: &mut Sending<'_>,
) -> Result<(), End> {
    let now = Instant::now();
    match command {
        Command::Runs(Ok(running)) => {
            // Its first word comes right before the signal.
            let answered = running.answered.filter(|_| running.first_output().starts_with(SENDING));
            sending.command = Some(async move { Command::Ended(inside::end(running).await) }.boxed());
            if let Some(answered) = answered {
                timeline.sent_at(answered);
            }
            Ok(())
        }
        // The server may have passed it on before its answer was lost.
        Command::Runs(Err(failure)) if failure.code.is_none_or(|code| code >= 500) => {
            timeline.sent_at(now);
            sending.doubt = Some(failure.to_string());
            Ok(())
        }
        Command::Runs(Err(failure)) => Err(End::Failed(failure)),
        Command::Ended(executed) => match inside::sent(&executed) {
            Sent::Yes => {
                timeline.sent_at(now);
                Ok(())
            }
            Sent::Unknown => {
                timeline.sent_at(now);
                sending.doubt = Some("the command did not come to its end".to_owned());
                Ok(())
            }
            Sent::Changed => {
                timeline.unsent();
                Err(End::Aborted(format!(
                    "the process in container {} of {} is another one by now; it was not touched",
                    target.container, target.pod
                )))
            }
            Sent::No(why) => {
                timeline.unsent();
                Err(End::Aborted(format!("the signal could not be sent: {why}")))
            }
        },
    }
}

/// What is waited for.
fn doing(timeline: &KillTimeline) -> &'static str {
    let waits = [
        (Phase::Terminated, "waiting until the container ends"),
        (Phase::Started, "the container is not started again"),
        (Phase::Ready, "the pod is not ready"),
        (Phase::Available, "the pod is not available"),
    ];
    if timeline.sent().is_none() {
        return "sending the signal";
    }
    let open = waits.into_iter().find(|(phase, _)| !timeline.is_seen(*phase)).map(|(_, words)| words);
    open.unwrap_or("the pod is in no EndpointSlice")
}
