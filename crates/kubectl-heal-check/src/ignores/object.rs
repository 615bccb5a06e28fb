//! Which objects an entry means: a kind as in kubectl, and the names of namespace and object. Pure.

use cluster_model::text::shorten;

use super::name::name;
use super::rule::Glob;
use crate::snapshot::Read;

/// What is said of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub kind: Option<String>,
    pub namespace: Option<Glob>,
    pub name: Option<Glob>,
}

/// `[[NAMESPACE/]KIND/]NAME`. A namespace without a kind would make one of a kind that is mistyped.
pub fn parse(text: &str) -> Result<Object, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let exact = |part: &str| name(part).map(|it| Some(Glob::exactly(it)));
    match parts.as_slice() {
        [own] => Ok(Object { name: exact(own)?, ..Object::default() }),
        [first, own] => {
            let kind = kind(first).map_err(|why| {
                let (first, own) = (shorten(first, 40), shorten(own, 60));
                format!("{why}; of a namespace as in {first}/deployment/{own}")
            })?;
            Ok(Object { kind: Some(kind), name: exact(own)?, namespace: None })
        }
        [namespace, first, own] => {
            Ok(Object { kind: Some(kind(first)?), namespace: exact(namespace)?, name: exact(own)? })
        }
        _ => Err(format!("{} is not [NAMESPACE/][KIND/]NAME", shorten(text, 60))),
    }
}

/// A kind in any of kubectl's forms, or the kind of an operator as it is written, as in `Rollout`.
pub fn kind(word: &str) -> Result<String, String> {
    if let Some(read) = Read::of_word(word) {
        return Ok(read.api().0.to_owned());
    }
    let is_custom =
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(|c| c.is_ascii_alphanumeric());
    match is_custom {
        true => Ok(word.to_owned()),
        false => {
            let known = Read::NAMED.map(|read| read.api().0.to_lowercase()).join(", ");
            Err(format!(
                "{} is no kind that is known here, as {known} are; write that of an operator as in Rollout",
                shorten(word, 40)
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_grammar_for_objects() {
        let shown = |text: &str| match parse(text) {
            Ok(it) => {
                let of = |glob: Option<Glob>| glob.map_or("-".to_owned(), |it| it.to_string());
                format!("{} {} {}", it.kind.unwrap_or("-".to_owned()), of(it.namespace), of(it.name))
            }
            Err(why) => why,
        };
        let unknown = |word: &str| {
            format!(
                "{word} is no kind that is known here, as deployment, statefulset, daemonset, replicaset, replicationcontroller, job, cronjob, pod are; write that of an operator as in Rollout"
            )
        };
        let rollout = unknown("rollout");
        let deploi = format!("{}; of a namespace as in deploi/deployment/web", unknown("deploi"));
        for (text, expected) in [
            ("deploi/web", deploi.as_str()),
            ("web", "- - web"),
            ("deploy/web", "Deployment - web"),
            ("Deployment/web", "Deployment - web"),
            ("DEPLOYMENTS/web", "Deployment - web"),
            ("deployment.apps/web", "Deployment - web"),
            ("shop/deployments.v1.apps/web", "Deployment shop web"),
            ("shop/pdb/web", "PodDisruptionBudget shop web"),
            ("Rollout/web", "Rollout - web"),
            ("shop/rollout/web", &rollout),
            ("", "\"\" cannot be a name"),
            ("deploy/", "\"\" cannot be a name"),
            ("deploy/My_App", "\"My_App\" cannot be a name"),
            ("a/b/c/d", "a/b/c/d is not [NAMESPACE/][KIND/]NAME"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
