//! What TAB offers: workloads as TYPE/NAME, names after a TYPE, and checks by their ids.

use cluster_model::Raw;
use cluster_model::healing::restart_policy::running_containers;
use plugin_client::api::server_table;
use plugin_client::{Candidate, Candidates, Completing, Completion, Failure};

use crate::args::{Args, words};
use crate::checks::CHECKS;
use crate::gather::objects;
use crate::snapshot::Read;

impl Completion for Args {
    async fn complete(at: &Completing<'_>) -> Result<Candidates, Failure> {
        match at.flag() {
            Some("ignore" | "explain") => Ok(ids()),
            Some("domain") => Ok(domains()),
            Some("container") => containers(at).await,
            None if !at.has(&["selector", "all_namespaces"]) => {
                match (at.words().first(), at.typed().split_once('/')) {
                    (Some(word), _) if !word.contains('/') => names(at, word, "").await,
                    (_, None) => Ok(types()),
                    (_, Some((word, _))) => names(at, word, &format!("{word}/")).await,
                }
            }
            _ => Ok(Candidates::default()),
        }
    }
}

/// Those that Kubernetes defines; others work as well.
fn domains() -> Candidates {
    ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]
        .into_iter()
        .map(|label| Candidate::new(label, ""))
        .collect()
}

fn ids() -> Candidates {
    CHECKS.iter().map(|check| Candidate::new(check.id, check.name)).collect()
}

fn types() -> Candidates {
    Read::NAMED.iter().map(|read| Candidate::new(format!("{}/", read.api().0.to_lowercase()), "")).collect()
}

/// Those of the workload that is named before it: of its template, to which others may have been added in its pods.
async fn containers(at: &Completing<'_>) -> Result<Candidates, Failure> {
    let named = words::named(at.words()).unwrap_or_default();
    let Some((read, name)) = named.into_iter().next() else { return Ok(Candidates::default()) };
    let cluster = at.cluster().await?;
    let api = objects::api(&cluster, read, Some(&cluster.namespace));
    let found = api.get_opt(&name).await.map_err(|error| Failure::from_kube("read the workload", &error))?;
    let object = found.map(|it| it.value).unwrap_or_default();
    let all = running_containers(&object["spec"]["template"]["spec"]);
    Ok(all.map(|it| Candidate::new(it.text("/name"), it.text("/image"))).collect())
}

/// Those not named yet, in the form that was begun.
async fn names(at: &Completing<'_>, word: &str, prefix: &str) -> Result<Candidates, Failure> {
    let Some(read) = Read::of_word(word).filter(|read| Read::NAMED.contains(read)) else {
        return Ok(Candidates::default());
    };
    let (_, group, version, plural) = read.api();
    let cluster = at.cluster().await?;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let rows =
        server_table::rows(&cluster, &format!("{root}/namespaces/{}/{plural}", cluster.namespace)).await?;
    let left = rows
        .iter()
        .map(|row| (format!("{prefix}{}", row.name()), row))
        .filter(|(name, _)| !at.words().contains(name));
    Ok(left.map(|(name, row)| Candidate::new(name, row.cells(&["Ready", "Status", "Age"]))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_offered_with_its_name() {
        let all = ids();
        assert_eq!(all, CHECKS.iter().map(|check| Candidate::new(check.id, check.name)).collect());
        assert_ne!(all, Candidates::default());
        assert_ne!(types(), Candidates::default());
    }
}
