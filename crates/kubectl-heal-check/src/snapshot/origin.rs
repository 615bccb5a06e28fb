//! Where the objects of a snapshot come from: a cluster, or a dump of one; or manifests, of which there is no cluster yet.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use crate::finding::{Location, Subject, Unchecked};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Objects with their status, from a server or from a file that was written by one.
    #[default]
    Cluster,
    /// Objects as they are applied. There are neither nodes nor what controllers make.
    Manifests,
}

#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub basis: Basis,
    /// What it leaves open, beside kinds that are missing.
    pub unchecked: Vec<Unchecked>,
    /// When it is, where the time of what was read is not known: rules that expire do so all the same.
    pub today: Option<Timestamp>,
    /// Budgets whose status is what their controller will compute, because a change is only tried.
    pub predicted: BTreeSet<Subject>,
    /// Where each object of manifests is.
    pub locations: BTreeMap<Subject, Location>,
    /// The objects of manifests that leave their namespace to `kubectl apply -n`.
    pub without_namespace: BTreeSet<Subject>,
}

impl Origin {
    pub fn is_manifests(&self) -> bool {
        self.basis == Basis::Manifests
    }
}
