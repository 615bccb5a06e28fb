//! What EndpointSlices say of a Service.

use cluster_model::Raw;

use crate::snapshot::webhook::SERVICE_NAME;
use crate::snapshot::{Read, Snapshot};

/// Endpoints that get traffic, as far as they were counted when the slices were read.
pub fn ready(snapshot: &Snapshot, namespace: &str, service: &str) -> i64 {
    let slices = snapshot.in_namespace(Read::EndpointSlices, namespace);
    slices.filter(|it| it.label(SERVICE_NAME) == Some(service)).filter_map(|it| it.number("/ready")).sum()
}
