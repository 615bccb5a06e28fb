//! Values that every plugin completes: what the kubeconfig lists, and namespaces. Reads files; one list.

use kube::config::Kubeconfig;

use super::candidate::{Candidate, Candidates};
use super::completing::{Completing, connection};
use crate::Failure;
use crate::api::server_table;
use crate::connection::kubeconfig::{self, Environment};

/// `None`: not a flag of kubectl with values to offer.
pub(super) async fn values(at: &Completing<'_>) -> Option<Result<Candidates, Failure>> {
    let of_kubeconfig = |list: fn(&Kubeconfig) -> Candidates| {
        connection(at.line)
            .and_then(|flags| kubeconfig::merged(&flags, &Environment::read()))
            .map(|it| list(&it))
    };
    Some(match at.flag()? {
        "context" => of_kubeconfig(contexts),
        "cluster" => {
            of_kubeconfig(|it| it.clusters.iter().map(|named| Candidate::new(&named.name, "")).collect())
        }
        "user" => {
            of_kubeconfig(|it| it.auth_infos.iter().map(|named| Candidate::new(&named.name, "")).collect())
        }
        "namespace" => namespaces(at).await,
        _ => return None,
    })
}

fn contexts(kubeconfig: &Kubeconfig) -> Candidates {
    let current = kubeconfig.current_context.as_deref();
    let candidate = |named: &kube::config::NamedContext| {
        let context = named.context.clone().unwrap_or_default();
        let mut description = format!("cluster {}", context.cluster);
        if let Some(namespace) = context.namespace.filter(|namespace| !namespace.is_empty()) {
            description.extend([", namespace ", &namespace]);
        }
        if current == Some(named.name.as_str()) {
            description.push_str(", current");
        }
        Candidate::new(&named.name, description)
    };
    kubeconfig.contexts.iter().map(candidate).collect()
}

async fn namespaces(at: &Completing<'_>) -> Result<Candidates, Failure> {
    let rows = server_table::rows(&at.cluster().await?, "/api/v1/namespaces").await?;
    Ok(rows.iter().map(|row| Candidate::new(row.name(), row.cells(&["Status", "Age"]))).collect())
}
