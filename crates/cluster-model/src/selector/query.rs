//! The text form of label selectors, as `-l` takes it (`apimachinery/pkg/labels/selector.go`, `Parser`): `app=web,tier notin (cache),!old`.

use kube_core::{Expression, Selector};

/// An empty text selects everything, as for the API server.
///
/// # Errors
///
/// What is not understood.
pub fn parse(text: &str) -> Result<Selector, String> {
    let mut selector = Selector::default();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(selector);
    }
    loop {
        let (expression, behind) = requirement(rest)?;
        selector.extend(expression);
        rest = match behind.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if behind.is_empty() => return Ok(selector),
            None => return Err(format!("a comma is missing before {behind}")),
        };
    }
}

/// The first requirement, and what follows it.
fn requirement(text: &str) -> Result<(Expression, &str), String> {
    if let Some(rest) = text.strip_prefix('!') {
        let (key, rest) = key(rest.trim_start())?;
        return Ok((Expression::DoesNotExist(key), rest));
    }
    let (key, rest) = key(text)?;
    if rest.is_empty() || rest.starts_with(',') {
        return Ok((Expression::Exists(key), rest));
    }
    if let Some(rest) = rest.strip_prefix("!=") {
        let (value, rest) = value(rest)?;
        return Ok((Expression::NotEqual(key, value), rest));
    }
    if let Some(rest) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        let (value, rest) = value(rest)?;
        return Ok((Expression::Equal(key, value), rest));
    }
    let (word, behind) = split(rest);
    match word {
        "in" => {
            values(behind).map(|(values, rest)| (Expression::In(key, values.into_iter().collect()), rest))
        }
        "notin" => {
            values(behind).map(|(values, rest)| (Expression::NotIn(key, values.into_iter().collect()), rest))
        }
        _ if rest.starts_with(['<', '>']) => {
            Err(format!("{key}: comparing numbers is not possible without a server"))
        }
        _ => Err(format!("{rest}: expected =, ==, !=, in or notin")),
    }
}

/// A word of letters, digits, `.`, `_`, `-` and `/`, and what follows it and the space behind it.
fn split(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

fn key(text: &str) -> Result<(String, &str), String> {
    match split(text) {
        ("", _) => {
            Err(format!("{}: expected the key of a label", if text.is_empty() { "end" } else { text }))
        }
        (key, rest) => Ok((key.to_owned(), rest)),
    }
}

/// May be empty.
fn value(text: &str) -> Result<(String, &str), String> {
    let (value, rest) = split(text.trim_start());
    match value.contains('/') {
        true => Err(format!("{value}: no value of a label")),
        false => Ok((value.to_owned(), rest)),
    }
}

fn values(text: &str) -> Result<(Vec<String>, &str), String> {
    let Some(mut rest) = text.strip_prefix('(') else { return Err(format!("{text}: expected (")) };
    let mut values = Vec::new();
    loop {
        let (one, behind) = value(rest)?;
        values.push(one);
        rest = match behind.strip_prefix(',') {
            Some(more) => more,
            None => {
                let Some(end) = behind.strip_prefix(')') else { return Err("a ) is missing".to_owned()) };
                return Ok((values, end.trim_start()));
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kube_core::SelectorExt;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_select_as_the_server_does() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect::<BTreeMap<_, _>>()
        };
        let web = labels(&[("app", "web"), ("example.com/tier", "front"), ("empty", "")]);
        let bare = labels(&[]);
        for (text, of_web, of_bare) in [
            ("", true, true),
            ("app", true, false),
            ("!app", false, true),
            ("! app", false, true),
            ("app=web", true, false),
            ("app==web", true, false),
            (" app = web ", true, false),
            ("app=db", false, false),
            ("app!=db", true, true),
            ("app!=web", false, true),
            ("app in (db, web)", true, false),
            ("app in (db)", false, false),
            ("app notin (db,web)", false, true),
            ("app notin(db)", true, true),
            ("empty=", true, false),
            ("empty in ()", true, false),
            ("empty in (,x)", true, false),
            ("example.com/tier=front,app in (web),!old", true, false),
            ("example.com/tier=front,app in (web),old", false, false),
            ("in in (in)", false, false),
        ] {
            let selector = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((selector.matches(&web), selector.matches(&bare)), (of_web, of_bare), "{text}");
        }
        for text in
            [",", "a=b,", "a b", "=b", "a=b=c", "a in b", "a in (b", "a in (b c)", "a>1", "a=b/c", "a=ü", "!"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|[a-b!=,() <>in]*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_a_selector_prints_is_the_same_selector(key in "[a-z]{1,3}", values in prop::collection::btree_set("[a-z]{1,3}", 1..3)) {
            let selector = parse(&format!("{key} in ({})", values.iter().cloned().collect::<Vec<_>>().join(","))).unwrap();
            prop_assert_eq!(parse(&selector.to_string()).unwrap(), selector);
        }
    }
}
