//! The context, cluster and user that are meant. No I/O.

use std::path::PathBuf;

use cluster_model::text::sanitize;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig};

use super::files::list;
use super::given;
use crate::{ConnectionFlags, Exit, Failure};

pub(super) fn context(
    kubeconfig: &Kubeconfig,
    files: &[PathBuf],
    flags: &ConnectionFlags,
) -> Result<(String, Context), Failure> {
    let by_flag = given(&flags.context);
    let names = || kubeconfig.contexts.iter().map(|named| named.name.as_str());
    let Some(name) = by_flag.or(kubeconfig.current_context.as_deref()) else {
        if given(&flags.cluster).or(given(&flags.server)).is_some() {
            return Ok((String::new(), Context::default()));
        }
        return Err(Failure::failed(format!("no current context in {}", list(files)))
            .hint(existing("contexts", names()))
            .hint("choose one with --context or `kubectl config use-context`"));
    };
    let found =
        kubeconfig.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.clone());
    match found {
        Some(context) => Ok((name.to_owned(), context)),
        None => {
            Err(Failure::new(exit_code(by_flag), format!("there is no context {name} in {}", list(files)))
                .hint(existing("contexts", names())))
        }
    }
}

pub(super) fn cluster(
    kubeconfig: &Kubeconfig,
    context_name: &str,
    context: &Context,
    flags: &ConnectionFlags,
) -> Result<Cluster, Failure> {
    let by_flag = given(&flags.cluster);
    let name = by_flag.unwrap_or(&context.cluster);
    let found =
        kubeconfig.clusters.iter().find(|named| named.name == name).and_then(|named| named.cluster.clone());
    match found {
        Some(cluster) => Ok(cluster),
        // --server is the address; only a cluster named by --cluster must exist.
        None if by_flag.is_none() && given(&flags.server).is_some() => Ok(Cluster::default()),
        None => {
            let origin = if by_flag.is_some() {
                String::new()
            } else {
                format!(", which context {context_name} names,")
            };
            Err(Failure::new(
                exit_code(by_flag),
                format!("the cluster {name}{origin} is not in the kubeconfig"),
            )
            .hint(existing("clusters", kubeconfig.clusters.iter().map(|named| named.name.as_str()))))
        }
    }
}

/// A user that only the context names may be missing, as in client-go: the server then decides about anonymous requests.
pub(super) fn user(
    kubeconfig: &Kubeconfig,
    context: &Context,
    flags: &ConnectionFlags,
) -> Result<AuthInfo, Failure> {
    let by_flag = given(&flags.user);
    let Some(name) = by_flag.or(given(&context.user)) else { return Ok(AuthInfo::default()) };
    let found = kubeconfig
        .auth_infos
        .iter()
        .find(|named| named.name == name)
        .and_then(|named| named.auth_info.clone());
    match found {
        Some(user) => Ok(user),
        None if by_flag.is_none() => Ok(AuthInfo::default()),
        None => Err(Failure::usage(format!("the user {name} is not in the kubeconfig"))
            .hint(existing("users", kubeconfig.auth_infos.iter().map(|named| named.name.as_str())))),
    }
}

/// A wrong name from a flag is a usage error, one from a kubeconfig is not.
fn exit_code(by_flag: Option<&str>) -> Exit {
    if by_flag.is_some() { Exit::Usage } else { Exit::Failed }
}

fn existing<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| sanitize(name).into_owned()).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    match (names.is_empty(), more) {
        (true, _) => format!("it has no {what}"),
        (false, 0) => format!("{what} there: {}", names.join(", ")),
        (false, more) => format!("{what} there: {} and {more} more", names.join(", ")),
    }
}
