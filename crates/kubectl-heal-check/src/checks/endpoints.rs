//! What EndpointSlices say of a Service.

use cluster_model::Raw;

use crate::snapshot::webhook::SERVICE_NAME;
use crate::snapshot::{Read, Snapshot};

/// Endpoints that get traffic. One that does not say whether it is ready is (`discovery/v1`, EndpointConditions).
pub fn ready(snapshot: &Snapshot, namespace: &str, service: &str) -> usize {
    let slices = snapshot.in_namespace(Read::EndpointSlices, namespace);
    let own = slices.filter(|it| it.label(SERVICE_NAME) == Some(service));
    own.flat_map(|it| it.list("/endpoints")).filter(|it| it["conditions"]["ready"] != false).count()
}
