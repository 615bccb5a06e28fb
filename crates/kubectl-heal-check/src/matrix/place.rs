//! What becomes of the replacement of a pod.

use std::collections::BTreeMap;

/// Whether the replacement of a pod finds a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Fits,
    /// It depends on where others go; why.
    Tight(String),
    /// Why each node does not take it.
    Cannot(String),
    Unknown(String),
}

/// By the UID of the pod that is replaced.
pub type Places = BTreeMap<String, Place>;
