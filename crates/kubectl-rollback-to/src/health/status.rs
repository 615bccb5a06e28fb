//! The workload's own status: of the current rollout, and of the last completed one.

use cluster_model::raw::Raw;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::rollout::{CompletionRecord, Status};
use cluster_model::text::{shorten, span};
use serde_json::Value;

use super::inferred::lasting;
use super::pods::{counted, patience};
use super::verdict::{Health, Trial, Verdict};

impl Trial<'_> {
    fn number(&self, pointer: &str) -> i64 {
        self.rollout.object.number(pointer).unwrap_or_default()
    }

    fn condition(&self, kind: &str) -> Option<&Value> {
        self.rollout.object.list("/status/conditions").iter().find(|condition| condition["type"] == kind)
    }

    /// Pods on the live template that are available, as its controller counts them.
    fn available_now(&self) -> i64 {
        let rules = self.rollout.id.kind.rules();
        if rules.revisions_own_pods() {
            return self.pods.available;
        }
        // The status does not distinguish the pods of one revision from the others', unless there are no others.
        let counts = rules.counts();
        let is_all = self.number(counts.updated) >= self.number(counts.all);
        self.pods.available.max(if is_all { self.number(counts.available) } else { 0 })
    }

    pub(super) fn complete_now(&self) -> Option<Health> {
        let status = Status { kind: self.rollout.id.kind, object: &self.rollout.object };
        if !status.is_all_updated() {
            return None;
        }
        let desired = self.rollout.desired();
        let all = if desired == 1 {
            "its pod is available".to_owned()
        } else {
            format!("all {desired} pods are available")
        };
        Some(self.weighed(desired, format!("{all} now")))
    }

    /// The rollout to it is stuck.
    pub(super) fn stuck(&self) -> Option<Health> {
        let available = self.available_now();
        let issue = self.pods.issue().map(|first| format!(": {first}")).unwrap_or_default();
        let of = self.available_of();
        if let Some(condition) = self.condition("Progressing")
            && condition["reason"] == "ProgressDeadlineExceeded"
            && self.is_about_it(condition.text("/message"))
        {
            let deadline = span(patience(self.rollout));
            let evidence = format!("did not roll out within its deadline of {deadline}: {of}{issue}");
            return Some(Health::new(Verdict::Unhealthy, evidence));
        }
        if available > 0 {
            return None;
        }
        if let Some(condition) =
            self.condition("ReplicaFailure").filter(|condition| condition["status"] == "True")
        {
            let why = shorten(condition.text("/message"), 160);
            return Some(Health::new(Verdict::Unhealthy, format!("its pods cannot be created: {why}")));
        }
        let issue = self.pods.issue()?;
        Some(Health::new(Verdict::Unhealthy, format!("no pod is available: {issue}")))
    }

    /// `2 of 3 pods available`
    fn available_of(&self) -> String {
        format!("{} of {} available", self.available_now(), counted(self.rollout.desired()))
    }

    /// A ReplicaSet that is rolled back to inherits the condition of the one before it until it moves; the message names which one it is about.
    fn is_about_it(&self, message: &str) -> bool {
        let named = |name: &str| message.contains(&format!("\"{name}\""));
        named(&self.revision.name) || !self.rollout.revisions.iter().any(|revision| named(&revision.name))
    }

    /// Its rollout was completed at some time.
    pub(super) fn rolled_out_once(&self) -> Option<Health> {
        match self.rollout.id.kind.rules().completion_record() {
            CompletionRecord::ProgressingCondition => self.progressed(),
            CompletionRecord::CurrentRevision if self.moves_on() => self.is_current_revision(),
            CompletionRecord::CurrentRevision | CompletionRecord::None => None,
        }
    }

    /// `ReplicaSet "x" has successfully progressed.`
    fn progressed(&self) -> Option<Health> {
        let condition = self.condition("Progressing")?;
        let named = condition.text("/message").contains(&format!("\"{}\"", self.revision.name));
        if condition["reason"] != "NewReplicaSetAvailable" || !named {
            return None;
        }
        let ago = condition.time("/lastUpdateTime").map(|at| (self.now.as_second() - at.as_second()).max(0));
        let when = ago.map(|ago| format!(" {} ago", span(ago))).unwrap_or_default();
        if !self.is_current {
            // With no replicas every rollout is complete.
            let evidence = format!("rolled out completely{when}");
            let had_pods = self.rollout.desired() > 0 && !self.never_had_pods();
            return had_pods.then(|| Health::new(Verdict::Healthy, evidence));
        }
        let now = self.available_of();
        if self.available_now() == 0 {
            return Some(Health::new(
                Verdict::Unknown,
                format!("rolled out completely{when}, but {now} now"),
            ));
        }
        Some(self.weighed(self.available_now(), format!("rolled out completely{when}; {now} now")))
    }

    /// With OnDelete nobody moves status.currentRevision on, however many pods are replaced.
    pub(super) fn moves_on(&self) -> bool {
        self.rollout.strategy().moves != Moves::OnDelete
    }

    /// It moves on only when all pods of an update are ready (`stateful_set_control.go`, completeRollingUpdate),
    /// but the very first revision is it from the start.
    fn is_current_revision(&self) -> Option<Health> {
        let object = &self.rollout.object;
        if object.text("/status/currentRevision") != self.revision.name {
            return None;
        }
        let earliest = self.rollout.revisions.iter().all(|r| r.created >= self.revision.created);
        let returned = self.timeline.of(self.index).count() > 1;
        let from_the_start = self.revision.number == 1 || (earliest && returned);
        if self.is_current {
            let proven = !from_the_start && self.available_now() > 0;
            let evidence = format!("rolled out completely before; {} now", self.available_of());
            return proven.then(|| self.weighed(self.available_now(), evidence));
        }
        // With no replicas it moves on at once.
        if self.rollout.desired() == 0 {
            return None;
        }
        let evidence = if from_the_start {
            "is status.currentRevision, which the first revision is even if it was never ready"
        } else {
            "was the last to roll out completely (status.currentRevision), unless that was with 0 replicas"
        };
        Some(Health::new(Verdict::Likely, evidence))
    }

    /// The current one, neither complete nor stuck.
    pub(super) fn partly(&self) -> Health {
        let desired = self.rollout.desired();
        let (available, of) = (self.available_now(), self.available_of());
        let seconds = self
            .timeline
            .of(self.index)
            .next_back()
            .map(|(at, _)| self.timeline.reach(at, self.now).seconds());
        let seconds = seconds.unwrap_or_default();
        // A rollout that is on has its time; after that it is a running workload with a pod or two missing.
        if seconds >= patience(self.rollout) && available * 2 > desired && self.pods.mostly_good(available) {
            return Health::new(Verdict::Likely, format!("{of} now, and active for {}", lasting(seconds)));
        }
        match self.pods.issue() {
            Some(issue) => Health::new(Verdict::Unknown, format!("{of} now, but {issue}")),
            None => Health::new(Verdict::Unknown, format!("{of} so far")),
        }
    }
}
