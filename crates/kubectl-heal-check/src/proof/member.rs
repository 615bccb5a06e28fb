//! A pod of the workload that a proof is about.

use super::observed::Seen;
use crate::snapshot::PodState;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub uid: String,
    pub node: String,
}

impl From<&PodState> for Member {
    fn from(pod: &PodState) -> Self {
        Member { name: pod.name.clone(), uid: pod.uid.to_string(), node: pod.node.to_string() }
    }
}

impl From<&Seen> for Member {
    fn from(pod: &Seen) -> Self {
        Member { name: pod.name.clone(), uid: pod.uid.clone(), node: pod.node.clone() }
    }
}
