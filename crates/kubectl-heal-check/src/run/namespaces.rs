//! Which namespace may have been meant, where the one that was named does not exist.

use plugin_client::api::namespaces;
use plugin_client::{Cluster, Failure};

use super::absent;
use crate::finding::Unchecked;

/// Without the right to list namespaces nothing is said.
pub async fn suggest(cluster: &Cluster, named: &str, unchecked: &mut [Unchecked]) -> Result<(), Failure> {
    if unchecked.iter().any(|it| it.id == absent::NAMESPACE)
        && let Some(names) = namespaces::names(cluster).await
    {
        absent::suggest(unchecked, named, names.iter().map(String::as_str));
    }
    Ok(())
}
