//! TYPE/NAME, TYPE NAME and TYPE: which of them comes next, and the names.

use cluster_model::rollout::Kind;
use futures::future::try_join_all;
use plugin_client::api::server_table::{self, Row};
use plugin_client::{Candidate, Candidates, Cluster, Failure};

/// What the positional argument is.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// TYPE, before a selector or `--all`.
    Types,
    /// Names of these kinds, each after a prefix: `deployment/`, or nothing.
    Names(Vec<(Kind, String)>),
    /// The number after TYPE/NAME.
    Revisions,
}

/// By the words before the one that is typed. `selects`: by a selector, or all; `has_target`: a flag says which revision.
pub fn wanted(words: &[String], typed: &str, selects: bool, has_target: bool) -> Wanted {
    if selects {
        return if words.is_empty() { Wanted::Types } else { Wanted::Names(Vec::new()) };
    }
    let all_kinds =
        || Kind::ALL.into_iter().filter_map(|kind| Some((kind, format!("{}/", form(kind, typed)?))));
    match (words, typed.split_once('/')) {
        ([], Some((word, _))) => Wanted::Names(of_type(word, &format!("{word}/"))),
        ([], None) => Wanted::Names(all_kinds().collect()),
        ([first, ..], _) if !first.contains('/') => Wanted::Names(of_type(first, "")),
        ([_, ..], Some((word, _))) => Wanted::Names(of_type(word, &format!("{word}/"))),
        ([_], None) if !has_target && typed.chars().all(|c| c.is_ascii_digit()) => Wanted::Revisions,
        ([_, ..], None) => Wanted::Names(all_kinds().collect()),
    }
}

fn of_type(word: &str, prefix: &str) -> Vec<(Kind, String)> {
    Kind::parse(word).map(|kind| (kind, prefix.to_owned())).into_iter().collect()
}

/// The kind's word, or the one of kubectl's other words for it that was begun.
fn form(kind: Kind, typed: &str) -> Option<&'static str> {
    [kind.word(), kind.rules().short(), kind.plural()].into_iter().find(|word| word.starts_with(typed))
}

pub fn types() -> Candidates {
    Kind::ALL.into_iter().map(|kind| Candidate::new(kind.word(), "")).collect()
}

/// The workloads that `words` name.
pub fn named(words: &[String]) -> Vec<(Kind, &str)> {
    match words {
        [first, names @ ..] if !first.contains('/') => Kind::parse(first)
            .into_iter()
            .flat_map(|kind| names.iter().map(move |name| (kind, name.as_str())))
            .collect(),
        _ => {
            let named = words.iter().filter_map(|word| word.split_once('/'));
            named.filter_map(|(word, name)| Some((Kind::parse(word)?, name))).collect()
        }
    }
}

/// Those not named yet; one list for each kind.
pub async fn names(
    cluster: &Cluster,
    wanted: &[(Kind, String)],
    words: &[String],
) -> Result<Candidates, Failure> {
    let lists = wanted.iter().map(|(kind, _)| {
        let path = kind.resource().path(&cluster.namespace);
        async move { server_table::rows(cluster, &path).await }
    });
    let lists = try_join_all(lists).await?;
    let named = named(words);
    let candidates = wanted.iter().zip(&lists).flat_map(|((kind, prefix), rows)| {
        let left = rows.iter().filter(|row| !named.contains(&(*kind, row.name())));
        left.map(move |row| Candidate::new(format!("{prefix}{}", row.name()), description(*kind, row)))
    });
    Ok(candidates.collect())
}

/// `2/3 ready, shop:1.4`
fn description(kind: Kind, row: &Row) -> String {
    let ready = match kind.rules().is_per_node() {
        true => format!("{}/{}", row.cell("Ready"), row.cell("Desired")),
        false => row.cell("Ready").to_owned(),
    };
    match row.cell("Images") {
        "" => format!("{ready} ready"),
        images => format!("{ready} ready, {images}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{DaemonSet, Deployment, StatefulSet};

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn names(list: &[(Kind, &str)]) -> Wanted {
        Wanted::Names(list.iter().map(|(kind, prefix)| (*kind, (*prefix).to_owned())).collect())
    }

    #[test]
    fn what_comes_next() {
        let all = [(Deployment, "deployment/"), (StatefulSet, "statefulset/"), (DaemonSet, "daemonset/")];
        let cases: [(&[&str], &str, Wanted); 15] = [
            (&[], "", names(&all)),
            (&[], "de", names(&all[..1])),
            (&[], "d", names(&[all[0], all[2]])),
            (&[], "sts", names(&[(StatefulSet, "sts/")])),
            (&[], "deployments", names(&[(Deployment, "deployments/")])),
            (&[], "web", names(&[])),
            (&[], "deploy/w", names(&[(Deployment, "deploy/")])),
            (&[], "rs/w", names(&[])),
            (&["deploy"], "", names(&[(Deployment, "")])),
            (&["deploy", "web"], "a", names(&[(Deployment, "")])),
            (&["rs"], "", names(&[])),
            (&["deploy/web"], "", Wanted::Revisions),
            (&["deploy/web"], "1", Wanted::Revisions),
            (&["deploy/web"], "sts/", names(&[(StatefulSet, "sts/")])),
            (&["deploy/web", "sts/db"], "", names(&all)),
        ];
        for (words, typed, expected) in cases {
            assert_eq!(wanted(&owned(words), typed, false, false), expected, "{words:?} {typed:?}");
        }
        assert_eq!(wanted(&owned(&["deploy/web"]), "", false, true), names(&all), "the revision is a flag's");
        assert_eq!(wanted(&[], "", true, false), Wanted::Types);
        assert_eq!(wanted(&owned(&["deploy"]), "", true, false), names(&[]));
    }

    #[test]
    fn which_workloads_are_named() {
        for (words, expected) in [
            (&["deploy/web", "sts/db", "rs/x"][..], &[(Deployment, "web"), (StatefulSet, "db")][..]),
            (&["deploy", "web", "api"], &[(Deployment, "web"), (Deployment, "api")]),
            (&["rs", "web"], &[]),
            (&[], &[]),
        ] {
            assert_eq!(named(&owned(words)), expected);
        }
    }

    #[test]
    fn a_workload_with_its_ready_pods_and_its_images() {
        let row = Row::of(&[("Ready", "2/3"), ("Images", "shop:1.4,proxy:2")]);
        assert_eq!(description(Deployment, &row), "2/3 ready, shop:1.4,proxy:2");
        let row = Row::of(&[("Ready", "2"), ("Desired", "3"), ("Images", "agent:1")]);
        assert_eq!(description(DaemonSet, &row), "2/3 ready, agent:1");
    }
}
