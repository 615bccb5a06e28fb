//! The pods that were agreed to, and whose turn it is. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::member::Member;
use super::observed::Seen;
use super::outcome::Round;
use super::plan::Plan;

/// No other pod is ever a victim.
pub struct Agreed {
    /// All pods of the workload: those that were shown, and of those that were evicted since, their replacements.
    members: Vec<Member>,
    /// Whose turn has not come, in their order. A replacement is the last one.
    victims: VecDeque<Member>,
}

impl Agreed {
    pub fn of(plan: &Plan) -> Self {
        let victims = plan.kill.as_ref().map_or(&plan.members, |kill| &kill.victims);
        Agreed { members: plan.members.clone(), victims: victims.iter().cloned().collect() }
    }

    /// How the pods differ, by what somebody else did.
    pub fn changes<'a>(&self, now: impl Iterator<Item = &'a Seen>) -> Vec<String> {
        let now: BTreeMap<&str, &Seen> = now.map(|pod| (&*pod.uid, pod)).collect();
        let agreed: BTreeSet<&str> = self.members.iter().map(|it| it.uid.as_str()).collect();
        let gone = self.members.iter().filter(|it| !now.contains_key(it.uid.as_str()));
        let new = now.values().filter(|it| !agreed.contains(it.uid.as_str()));
        gone.map(|it| format!("pod {} is gone", it.name))
            .chain(new.map(|it| format!("pod {} is new", it.name)))
            .collect()
    }

    /// The next victim. If it cannot be used now, no other one takes its turn.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub fn victim<'a>(&self, ready: &[&'a Seen]) -> Result<&'a Seen, String> {
        let Some(next) = self.victims.front() else { return Err("the turn of each pod has come".to_owned()) };
        let found = ready.iter().find(|pod| pod.uid == next.uid);
        found.copied().ok_or_else(|| format!("pod {} is not ready", next.name))
    }

    /// Its victim had its turn.
    pub fn after(&mut self, round: &Round) {
        self.victims.retain(|it| it.uid != round.victim.uid);
        if let Some(replacement) = &round.replacement {
            self.members.retain(|it| it.uid != round.victim.uid);
            self.members.push(replacement.clone());
            self.victims.push_back(replacement.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checks::testing::healthy;
    use crate::proof::kill::ladder::Way;
    use crate::proof::kill::plan::{KillPlan, Means};
    use crate::proof::kill::signal::Signal;
    use crate::proof::options::testing::options;

    fn seen(name: &str) -> Seen {
        Seen { name: name.to_owned(), uid: format!("pod-{name}"), is_ready: true, ..Seen::default() }
    }

    fn round(victim: &Seen, replacement: Option<&Seen>) -> Round {
        Round {
            victim: Member::from(victim),
            replacement: replacement.map(Member::from),
            phases: BTreeMap::new(),
            recovery: None,
            no_endpoint: None,
            is_uncertain: false,
            killed: None,
        }
    }

    fn plan() -> Plan {
        let snapshot = healthy().snapshot();
        let workload = snapshot.selected().find(|it| it.subject.name == "web").unwrap();
        Plan::of(&snapshot, workload, &options()).unwrap()
    }

    /// The turns of so many rounds, each of which replaces its victim.
    fn turns(mut agreed: Agreed, mut pods: Vec<Seen>, rounds: usize) -> Vec<String> {
        let turn = |number| {
            let victim = agreed.victim(&pods.iter().collect::<Vec<_>>()).unwrap().clone();
            let replacement = seen(&format!("new-{number}"));
            pods.retain(|it| it.uid != victim.uid);
            pods.push(replacement.clone());
            agreed.after(&round(&victim, Some(&replacement)));
            assert_eq!(agreed.changes(pods.iter()), [""; 0]);
            victim.name
        };
        (1..=rounds).map(turn).collect()
    }

    #[test]
    fn each_pod_that_was_shown_has_its_turn_and_then_the_oldest_replacement() {
        let names: Vec<String> = plan().members.into_iter().map(|it| it.name).collect();
        let pods = || names.iter().map(|it| seen(it)).collect();
        assert_eq!(
            turns(Agreed::of(&plan()), pods(), 5),
            [&names[..], &["new-1".into(), "new-2".into()]].concat()
        );
        // The only pod: each time its replacement.
        let only = Plan { members: vec![Member::from(&seen("web-a"))], ..plan() };
        assert_eq!(turns(Agreed::of(&only), vec![seen("web-a")], 3), ["web-a", "new-1", "new-2"]);
    }

    /// Somebody deletes the second one after the first round: neither its replacement nor that of the first one was agreed to for this turn.
    #[test]
    fn a_pod_that_is_gone_is_replaced_by_no_other_one() {
        let mut agreed = Agreed::of(&plan());
        let names: Vec<String> = plan().members.into_iter().map(|it| it.name).collect();
        agreed.after(&round(&seen(&names[0]), Some(&seen("new"))));
        let now = [seen("new"), seen("other"), seen(&names[2])];
        assert_eq!(
            agreed.changes(now.iter()),
            [format!("pod {} is gone", names[1]), "pod other is new".to_owned()]
        );
        let ready: Vec<&Seen> = now.iter().collect();
        assert_eq!(agreed.victim(&ready), Err(format!("pod {} is not ready", names[1])));
    }

    #[test]
    fn a_container_is_killed_in_no_other_pod_than_the_one_that_was_shown() {
        let way = Way {
            process: 1,
            name: String::new(),
            start: 0,
            boot: String::new(),
            signal: Signal::TERM,
            because: "",
        };
        let victims: Vec<Member> = ["web-c", "web-a"].iter().map(|it| Member::from(&seen(it))).collect();
        let kill = KillPlan { container: "main".to_owned(), victims, means: Means::Inside(way) };
        let mut agreed = Agreed::of(&Plan { kill: Some(kill), ..plan() });
        let now = ["web-a", "web-b", "web-c"].map(seen);
        let ready: Vec<&Seen> = now.iter().collect();
        assert_eq!(agreed.victim(&ready[..2]), Err("pod web-c is not ready".to_owned()));
        assert_eq!(agreed.victim(&ready).unwrap().name, "web-c");
        // It is not replaced.
        agreed.after(&round(&now[2], None));
        assert_eq!(agreed.changes(now.iter()), [""; 0]);
        assert_eq!(agreed.victim(&ready).unwrap().name, "web-a");
    }
}
