//! Whatever comes, in whatever order: answers late, twice and in any order, changes while a question is open, deadlines at every point.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const STEPS: usize = 3;

#[derive(Clone, Debug)]
enum Input {
    /// The nth of what is open is answered, in the mth way.
    Answer(usize, u8),
    /// The same answer once more.
    Again,
    /// What is there changes; the watches have not shown it yet.
    Change(usize, u8),
    /// What was watched, which may be older or newer than what is there.
    Watched(usize, u8),
    Unwatchable(usize),
    Deadline,
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => (0..4usize, 0..8u8).prop_map(|(open, how)| Input::Answer(open, how)),
        1 => Just(Input::Again),
        4 => (0..STEPS, 0..10u8).prop_map(|(step, state)| Input::Change(step, state)),
        6 => (0..STEPS, 0..9u8).prop_map(|(step, state)| Input::Watched(step, state)),
        1 => (0..STEPS).prop_map(Input::Unwatchable),
        1 => Just(Input::Deadline),
    ]
}

fn state(n: u8) -> State {
    match n {
        0 => State::Moving,
        1 | 2 => DONE,
        3 => crashed(),
        4 => reverted(),
        5 => stuck("p"),
        6 => State::Deleted,
        7 => superseded(true),
        8 => State::BeingDeleted(being_deleted()),
        _ => stalled(false),
    }
}

fn wrote(n: u8) -> Wrote {
    match n {
        0..=3 => written(),
        4 => Wrote::Already,
        5 => Wrote::Changed(change()),
        6 => Wrote::Failed("x".into()),
        _ => Wrote::Unknown("x".into()),
    }
}

/// The cluster and the user, and what they did.
struct Judge {
    engine: Engine,
    rules: Rules,
    there: Vec<State>,
    open: Vec<(Command, usize)>,
    last: Option<(Command, u8)>,
    /// Numbers answers and questions: which came first.
    clock: usize,
    /// What a fresh read showed last, and when that read was begun.
    read: Vec<Option<(State, usize)>>,
    /// When the user agreed: to each deletion, by step and UID, and to the way back.
    agreed: BTreeMap<(usize, String), usize>,
    agreed_to_restore: Option<usize>,
    not_written: BTreeSet<usize>,
    written: BTreeSet<usize>,
    back: BTreeSet<usize>,
    late: bool,
}

impl Judge {
    fn new(rules: Rules) -> Self {
        Judge {
            engine: Engine::new(vec![input("a"), input("b"), input("c")], rules),
            rules,
            there: vec![State::Moving; STEPS],
            open: Vec::new(),
            last: None,
            clock: 0,
            read: vec![None; STEPS],
            agreed: BTreeMap::new(),
            agreed_to_restore: None,
            not_written: BTreeSet::new(),
            written: BTreeSet::new(),
            back: BTreeSet::new(),
            late: false,
        }
    }

    fn commands(&mut self) -> Result<(), TestCaseError> {
        for rounds in 0.. {
            prop_assert!(rounds < 50, "it never comes to rest");
            let commands = self.engine.next(at(0));
            if commands.is_empty() {
                break;
            }
            for command in commands {
                self.allowed(&command)?;
                self.clock += 1;
                match command {
                    Command::Watch(_) | Command::Follow(_) => {}
                    command => self.open.push((command, self.clock)),
                }
            }
        }
        Ok(())
    }

    /// Is it right to do this, by what was read and agreed to so far?
    fn allowed(&self, command: &Command) -> Result<(), TestCaseError> {
        let writing =
            |(command, _): &&(Command, usize)| matches!(command, Command::Write(_) | Command::Restore(_));
        match command {
            Command::Write(_) => {
                prop_assert!(self.engine.halted.is_none() && !self.late);
                prop_assert_eq!(self.open.iter().filter(writing).count(), 0);
            }
            Command::Restore(step) => {
                prop_assert_eq!(self.open.iter().filter(writing).count(), 0);
                prop_assert!(self.written.contains(step) && !self.back.contains(step));
                let since = match self.rules.on_failure {
                    OnFailure::Restore => 0,
                    OnFailure::Ask => self.agreed_to_restore.expect("restored without consent"),
                    OnFailure::Stop => panic!("restored although it was to stay"),
                };
                // Something is still wrong, by a read that is newer than the consent.
                let wrong = |step: usize| {
                    self.not_written.contains(&step)
                        || self.read[step].as_ref().is_some_and(|(state, begun)| {
                            *state != DONE
                                && (*begun > since || self.engine.steps[step].own_template == OwnTemplate::No)
                        })
                };
                prop_assert!((0..STEPS).any(wrong), "{:?}", self.read);
            }
            Command::Delete { step, uid, .. } => {
                let agreed = self.agreed.get(&(*step, uid.clone())).copied();
                let since = if self.rules.unstick { Some(0) } else { agreed };
                let Some(since) = since else { return Err(TestCaseError::fail("deleted without consent")) };
                let Some((state, begun)) = &self.read[*step] else {
                    return Err(TestCaseError::fail("unread"));
                };
                let is_stuck = matches!(state, State::Stuck { pod_uid, .. } if pod_uid == uid);
                prop_assert!(is_stuck && *begun > since, "{state:?} read at {begun}, agreed at {since}");
            }
            Command::Ask(question) => {
                prop_assert!(self.rules.can_ask);
                let failing = self.engine.steps.iter().any(|step| step.failing);
                prop_assert!(failing || matches!(question, Question::Unstick { .. }), "asked about nothing");
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, command: Command, begun: usize, how: u8) {
        self.clock += 1;
        self.last = Some((command.clone(), how));
        match command {
            Command::Write(step) => {
                let wrote = wrote(how);
                match wrote {
                    Wrote::Written { .. } | Wrote::Unknown(_) => drop(self.written.insert(step)),
                    _ => drop(self.not_written.insert(step)),
                }
                if matches!(wrote, Wrote::Unknown(_)) {
                    self.not_written.insert(step);
                }
                self.engine.wrote(step, wrote, at(0));
            }
            Command::Restore(step) => {
                self.back.insert(step);
                self.engine.restored(step, wrote(how), Vec::new());
            }
            Command::Verify(step) if how == 7 => {
                self.engine.unverified(step, Unobserved::Message("x".into()))
            }
            Command::Verify(step) => {
                let there = self.there[step].clone();
                self.read[step] = Some((there.clone(), begun));
                self.engine.verified(step, &progress(there), at(0));
            }
            Command::Log { step, .. } => self.engine.logged(step, Vec::new()),
            Command::Delete { step, pod, uid, .. } => {
                let deletion = match how {
                    0..=2 => Deletion::Deleted,
                    3 => Deletion::Gone,
                    4..=6 => Deletion::Changed,
                    _ => Deletion::Failed("x".into()),
                };
                self.engine.deleted(step, &pod, &uid, deletion);
            }
            Command::Finish(step) => self.engine.finished(step, Vec::new(), at(0)),
            Command::Ask(question) => {
                let yes = how.is_multiple_of(2);
                match &question {
                    Question::Restore { .. } if yes => self.agreed_to_restore = Some(self.clock),
                    Question::Unstick { step, uid, .. } if yes => {
                        self.agreed.insert((*step, uid.clone()), self.clock);
                    }
                    _ => {}
                }
                self.engine.answered(&question, yes);
            }
            Command::Watch(_) | Command::Follow(_) => {}
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Answer(n, how) if !self.open.is_empty() => {
                let (command, begun) = self.open.remove(n % self.open.len());
                self.answer(command, begun, how);
            }
            Input::Answer(..) => {}
            // Each request has one answer; a late one comes while nothing was requested since.
            Input::Again => match self.last.clone() {
                Some((Command::Verify(step), _)) if !self.engine.steps[step].verifying => {
                    self.engine.verified(step, &progress(self.there[step].clone()), at(0));
                }
                Some((Command::Log { step, .. }, _)) => self.engine.logged(step, Vec::new()),
                Some((Command::Finish(step), _)) => self.engine.finished(step, Vec::new(), at(0)),
                _ => {}
            },
            Input::Change(step, n) => self.there[step] = state(n),
            Input::Watched(step, n) => self.engine.seen(step, &progress(state(n))),
            Input::Unwatchable(step) => self.engine.unwatchable(step, Unobserved::Message("x".into())),
            Input::Deadline => self.late |= self.engine.deadline(),
        }
    }

    /// Nothing is claimed that the last read did not show.
    fn claims(&self) -> Result<(), TestCaseError> {
        for (step, outcome) in self.engine.outcomes().iter().enumerate() {
            if self.rules.wait && matches!(outcome.result, RolloutResult::Done | RolloutResult::Partial) {
                let read = self.read[step].as_ref().map(|(state, _)| state);
                // Written by somebody else, and then a pod was freed for it: that is done, too.
                let did = self.written.contains(&step) || self.engine.steps[step].unstuck;
                prop_assert!(did && !self.back.contains(&step));
                prop_assert_eq!(read, Some(&DONE));
            }
        }
        Ok(())
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let on_failure = prop_oneof![Just(OnFailure::Ask), Just(OnFailure::Restore), Just(OnFailure::Stop)];
    (on_failure, any::<bool>(), any::<bool>(), prop::bool::weighted(0.9)).prop_map(
        |(on_failure, can_ask, unstick, wait)| Rules { on_failure, can_ask, unstick, wait, ..rules() },
    )
}

fn any_rest() -> impl Strategy<Value = Rest> {
    prop_oneof![2 => Just(Rest::Answered), 1 => Just(Rest::Interrupted), 2 => Just(Rest::Silence)]
}

/// How it goes on after the inputs.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Answered,
    Interrupted,
    /// No answer comes any more.
    Silence,
}

impl Judge {
    /// Only time passes: it is over within its bound, and nothing was done meanwhile that a fresh read did not ask for.
    fn silence(mut self) -> Result<(), TestCaseError> {
        let since = at(1000);
        let over: Vec<bool> = self.engine.steps.iter().map(|step| step.phase == Phase::Over).collect();
        self.engine.unanswered(Some(since));
        let mut now = since;
        for rounds in 0.. {
            prop_assert!(rounds < 50, "it never comes to rest");
            let commands = self.engine.next(now);
            for command in &commands {
                self.allowed(command)?;
            }
            if commands.is_empty() && (self.engine.is_done() || self.engine.is_silent(now)) {
                break;
            }
            if commands.is_empty() {
                let Some(wake) = self.engine.wake_at() else {
                    return Err(TestCaseError::fail("it waits for ever"));
                };
                prop_assert!(wake > now && wake <= since + SILENT_AFTER);
                now = wake;
            }
        }
        if !self.engine.is_done() {
            self.engine.stop(&silent());
        }
        prop_assert!(self.engine.is_done() && self.engine.next(now).is_empty());
        for (over, outcome) in over.into_iter().zip(self.engine.outcomes()) {
            let claims = matches!(
                outcome.result,
                RolloutResult::Restored | RolloutResult::Failed | RolloutResult::Timeout
            );
            prop_assert!(over || !self.rules.wait || !claims, "nothing showed that: {outcome:?}");
        }
        self.claims()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Nothing is written after a failure, nothing is restored that was not written or twice, nothing is deleted, restored or claimed
    /// but by a read that is newer than the consent; and wherever it has come to, it ends once everything is answered, and within its
    /// bound if nothing is any more.
    #[test]
    fn in_any_order(inputs in prop::collection::vec(any_input(), 0..80), rules in any_rules(), rest in any_rest()) {
        let mut judge = Judge::new(rules);
        for input in inputs {
            judge.commands()?;
            judge.take(input);
        }
        match rest {
            Rest::Answered => {}
            Rest::Interrupted => {
                judge.engine.stop(&End::Interrupted);
                prop_assert!(judge.engine.is_done());
                return judge.claims();
            }
            Rest::Silence => return judge.silence(),
        }
        // Whatever is there now stays, but for what moves or waits for us: a wait has its own end.
        for (there, step) in judge.there.iter_mut().zip(&judge.engine.steps) {
            let ends = match there {
                State::Moving | State::Superseded { .. } => false,
                // A pod that was deleted is another one, or stalls the rollout.
                State::Stuck { pod_uid, .. } => !step.deleting.contains(pod_uid),
                _ => true,
            };
            if !ends {
                *there = stalled(false);
            }
        }
        for rounds in 0.. {
            prop_assert!(rounds < 200, "it never ends: {:?}", judge.open);
            judge.commands()?;
            if judge.engine.is_done() {
                break;
            }
            let (open, seen): (Vec<_>, Vec<_>) = (judge.open.drain(..).collect(), judge.there.clone());
            for (command, begun) in open {
                if let Command::Delete { step, .. } = &command {
                    judge.there[*step] = DONE;
                }
                judge.answer(command, begun, 0);
            }
            for (step, state) in seen.into_iter().enumerate() {
                judge.engine.seen(step, &progress(state));
            }
        }
        judge.claims()?;
    }
}

#[test]
fn the_generator_reaches_what_is_dangerous() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut deletions, mut restores, mut kept) = (0, 0, 0);
    for _ in 0..3000 {
        let all = (prop::collection::vec(any_input(), 0..80), any_rules());
        let (inputs, rules) = all.new_tree(&mut runner).unwrap().current();
        let mut judge = Judge::new(rules);
        for input in inputs {
            judge.commands().unwrap();
            deletions += judge.open.iter().filter(|(it, _)| matches!(it, Command::Delete { .. })).count();
            judge.take(input);
        }
        restores += judge.back.len();
        kept += judge
            .engine
            .take_events()
            .iter()
            .filter(|(_, event)| matches!(event, Event::Note(Note::Healthy)))
            .count();
    }
    assert!(deletions > 10 && restores > 10 && kept > 0, "{deletions} {restores} {kept}");
}
