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

/// `[[NAMESPACE/]KIND/]NAME`, or `NAMESPACE/NAME` where the first is no kind.
pub fn parse(text: &str) -> Result<Object, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let exact = |part: &str| name(part).map(|it| Some(Glob::exactly(it)));
    match parts.as_slice() {
        [own] => Ok(Object { name: exact(own)?, ..Object::default() }),
        [first, own] => match kind(first) {
            Ok(kind) => Ok(Object { kind: Some(kind), name: exact(own)?, namespace: None }),
            Err(_) => Ok(Object { kind: None, namespace: exact(first)?, name: exact(own)? }),
        },
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
        false => Err(format!(
            "{} is no kind that is known here; write that of an operator as in Rollout",
            shorten(word, 40)
        )),
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
        for (text, expected) in [
            ("web", "- - web"),
            ("shop/web", "- shop web"),
            ("deploy/web", "Deployment - web"),
            ("Deployment/web", "Deployment - web"),
            ("DEPLOYMENTS/web", "Deployment - web"),
            ("deployment.apps/web", "Deployment - web"),
            ("shop/deployments.v1.apps/web", "Deployment shop web"),
            ("shop/pdb/web", "PodDisruptionBudget shop web"),
            ("Rollout/web", "Rollout - web"),
            (
                "shop/rollout/web",
                "rollout is no kind that is known here; write that of an operator as in Rollout",
            ),
            ("", "\"\" cannot be a name"),
            ("deploy/", "\"\" cannot be a name"),
            ("deploy/My_App", "\"My_App\" cannot be a name"),
            ("a/b/c/d", "a/b/c/d is not [NAMESPACE/][KIND/]NAME"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
