//! Where the replacements of pods go, as the model of the scheduler says (`matrix/placement.rs`): the matrix and the checks read the same.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Whether the replacement of a pod finds a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Fits,
    /// It depends on where others go; why.
    Tight(String),
    Cannot(Refusal),
    Unknown(String),
}

/// Why no node takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    text: String,
    /// Some nodes do not take it only because its volume cannot be used there.
    pub is_by_volume: bool,
}

impl Refusal {
    pub fn new(text: String, is_by_volume: bool) -> Self {
        Refusal { text, is_by_volume }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// By the UID of the pod that is replaced.
pub type Places = BTreeMap<Arc<str>, Place>;

/// The loss of some nodes.
pub struct Loss {
    pub places: Places,
    pub nodes: BTreeMap<String, Lost>,
}

/// A node that is lost.
pub enum Lost {
    /// Its Node object is gone.
    Gone,
    /// It is tainted after that many seconds, at the latest.
    Tainted { after: i64, is_out_of_service: bool },
    /// The node controller taints no node now.
    NotTainted(Why),
}

#[derive(Clone)]
pub enum Why {
    NothingIsReady,
    MostOfZone { lost: usize, of: usize },
}

/// By the node or zone that is lost or drained.
#[derive(Default)]
pub struct Losses {
    pub nodes: BTreeMap<String, Loss>,
    pub zones: BTreeMap<String, Loss>,
    pub drains: BTreeMap<String, Places>,
}
