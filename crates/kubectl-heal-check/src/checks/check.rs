//! What a check is: what it reads, when it fires, and what is written about it.

use plugin_client::shell;

use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::snapshot::{Read, Snapshot};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Would it heal?
    Posture,
    /// Is it healing?
    Now,
}

/// Checks that read nodes only to say more: without any the template says enough.
const WITHOUT_NODES: [&str; 1] = ["HC506"];
/// Checks of what the containers of one workload's own pods do: what they find is true whatever else is not known.
const OF_OWN_PODS: [&str; 4] = ["HC601", "HC602", "HC604", "HC605"];
/// Checks that find what nothing of any kind refers to, or what does not exist: of a part of the kinds that does not follow.
const OF_WHAT_IS_ABSENT: [&str; 2] = ["HC205", "HC210"];
/// The check that asks the server: of manifests there is none.
const ASKS_SERVER: &str = "HC508";
/// A check of what is wrong now that shows in objects without a status.
const SHOWS_IN_OBJECTS: &str = "HC509";

pub struct Check {
    pub id: &'static str,
    pub name: &'static str,
    pub about: About,
    /// All severities that it reports, worst first.
    pub severities: &'static [Severity],
    /// If one of these is not known, the check is reported as unchecked, and runs only if [`Check::finds_without`] it.
    pub reads: &'static [Read],
    pub fires_when: &'static str,
    pub why: &'static str,
    pub remedy: &'static str,
    /// When it does not fire although it looks as if it should.
    pub exceptions: &'static str,
    pub run: fn(&Snapshot, &mut Found<'_>),
}

impl Check {
    /// Whether manifests can say it: not what is happening now, and not what depends on nodes or on what they seldom contain.
    pub fn is_about_manifests(&self) -> bool {
        let is_there =
            |read: &Read| read.is_in_manifests() || *read == Read::Nodes && WITHOUT_NODES.contains(&self.id);
        let is_asked = self.is_posture() && self.id != ASKS_SERVER || self.id == SHOWS_IN_OBJECTS;
        is_asked && self.reads.iter().all(is_there)
    }

    /// Whether it runs for the workloads that are known while this kind of workloads is not.
    pub fn finds_without(&self, read: Read, snapshot: &Snapshot) -> bool {
        OF_OWN_PODS.contains(&self.id) && read != Read::Pods
            || !OF_WHAT_IS_ABSENT.contains(&self.id) && snapshot.controls_no_pod(read)
    }

    pub fn is_posture(&self) -> bool {
        self.about == About::Posture
    }
}

/// What a check that runs reports.
pub struct Found<'c> {
    check: &'c Check,
    pub findings: Vec<Finding>,
    pub unchecked: Vec<Unchecked>,
}

impl<'c> Found<'c> {
    pub fn by(check: &'c Check) -> Self {
        Found { check, findings: Vec::new(), unchecked: Vec::new() }
    }

    /// With the remedy of the check, in which NAMESPACE and NAME are those of the subject.
    pub fn add(&mut self, severity: Severity, subject: &Subject, message: impl Into<String>) {
        let remedy = self.check.remedy.replace("NAMESPACE", &shell::word(&subject.namespace));
        self.add_with(severity, subject, message, remedy.replace("NAME", &shell::word(&subject.name)));
    }

    pub fn add_with(
        &mut self,
        severity: Severity,
        subject: &Subject,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let Check { id, name, .. } = *self.check;
        let (message, remedy) = (message.into(), remedy.into());
        self.findings.push(Finding {
            id,
            name,
            severity,
            subject: subject.clone(),
            message,
            remedy,
            location: None,
            offer: None,
        });
    }

    /// Of one object it cannot be said.
    pub fn unknown(&mut self, reason: impl Into<String>) {
        self.unchecked.push(Unchecked { id: self.check.id.to_owned(), reason: reason.into() });
    }
}
