//! What single words of the command line name: workloads, and checks.

use plugin_client::{Failure, nearest};

use crate::checks;
use crate::ignores::{Rule, Source, object};
use crate::snapshot::Read;

/// `deploy/web sts/db`, or `deploy web api` as kubectl also takes it.
pub fn named(words: &[String]) -> Result<Vec<(Read, String)>, Failure> {
    match words {
        [kind, names @ ..] if !kind.contains('/') && !names.is_empty() => {
            names.iter().map(|name| one(&format!("{kind} {name}"), kind, name)).collect()
        }
        _ => {
            let split = |word: &String| match word.split_once('/') {
                Some((kind, name)) => one(word, kind, name),
                None => Err(expected(word)),
            };
            words.iter().map(split).collect()
        }
    }
}

/// `word`: as it was typed.
fn one(word: &str, kind: &str, name: &str) -> Result<(Read, String), Failure> {
    if name.is_empty() || name.contains('/') {
        return Err(expected(word));
    }
    let found = Read::of_word(kind).filter(|read| Read::NAMED.contains(read));
    let read = found.ok_or_else(|| {
        let known = Read::NAMED.map(|read| read.api().0.to_lowercase());
        Failure::usage(format!("{word}: {kind} is no type that can be checked by name"))
            .hint(format!("there are: {}", known.join(", ")))
    })?;
    Ok((read, plugin_client::name(word, name)?.to_owned()))
}

fn expected(word: &str) -> Failure {
    Failure::usage(format!("{word}: TYPE/NAME expected"))
        .hint("for example: kubectl heal-check deployment/web")
}

pub fn ignored(word: &str) -> Result<Rule, Failure> {
    let (id, name) = match word.split_once(':') {
        Some((id, name)) if !name.is_empty() => (id, Some(name)),
        Some(_) => return Err(Failure::usage(format!("--ignore {word}: a name is missing after the colon"))),
        None => (word, None),
    };
    let mut rule = Rule::new(vec![known(id, &format!("--ignore {word}"))?], Source::CommandLine);
    if let Some(name) = name {
        let object = object::parse(name).map_err(|why| {
            Failure::usage(format!("--ignore {word}: {why}"))
                .hint("for example: --ignore HC203:web, HC203:deploy/web or HC203:shop/deploy/web")
        })?;
        (rule.kind, rule.namespace, rule.name) = (object.kind, object.namespace, object.name);
    }
    Ok(rule)
}

/// The id of a check, by its id or its name. `place`: what it was given in, as in `--ignore HC203`.
pub fn known(word: &str, place: &str) -> Result<&'static str, Failure> {
    checks::find(word).map(|check| check.id).ok_or_else(|| {
        let all = || checks::CHECKS.iter();
        let meant = nearest::question(word, all().flat_map(|check| [check.id, check.name]));
        let ids = || all().map(|check| check.id).collect::<Vec<_>>().join(", ");
        Failure::usage(format!("{place}: there is no such check"))
            .hint("with their names: kubectl heal-check --explain")
            .hint(meant.unwrap_or_else(|| format!("there are: {}", ids())))
    })
}
