//! What is offered to fix a finding, and how far it is proven. Data only: `crate::fix` makes it.

use serde::Serialize;
use serde_json::Value;

use super::location::Location;
use super::subject::Subject;

/// A change of one object: a strategic merge patch, as `kubectl patch` sends it, or a new object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The object does not exist yet, and the patch is all of it.
    pub creates: bool,
    pub target: Subject,
    pub patch: Value,
    /// Of manifests: where the object is; of one that does not exist yet, the object that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    #[serde(flatten)]
    pub first: Change,
    /// What has to be changed with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Change>,
    pub proof: Proof,
    /// What the proof lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// What is said of the acceptance is the server's own word.
    #[serde(skip)]
    pub is_by_server: bool,
    /// What makes the changes, in this order. Of manifests there is none: no cluster may have the objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

impl Fix {
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        std::iter::once(&self.first).chain(&self.also)
    }

    /// The changes are made in files.
    pub fn is_for_files(&self) -> bool {
        self.first.location.is_some()
    }

    /// The server does not accept it, or could not be asked.
    pub fn not_accepted(&mut self, why: String) {
        self.proof.accepted = false;
        self.partial = Some(self.partial.take().map_or(why.clone(), |known| format!("{known}; {why}")));
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// By the server's dry run, and by the schema of its kind; from files by the schema alone.
    pub accepted: bool,
    /// The model of the scheduler places all pods.
    pub fits: bool,
    /// The check finds nothing any more.
    pub resolved: bool,
    /// No other finding is new or worse.
    pub no_worse: bool,
}

/// With `--fix`, of each finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    Fix(Box<Fix>),
    /// Why there is none.
    Nothing(String),
}

impl Offer {
    pub fn fix(&self) -> Option<&Fix> {
        match self {
            Offer::Fix(fix) => Some(fix),
            Offer::Nothing(_) => None,
        }
    }
}
