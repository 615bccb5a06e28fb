//! Which revisions have an image, as written or as a container runtime would read it.

use std::collections::BTreeSet;

use cluster_model::image_ref::normalized;
use cluster_model::raw::Raw;
use cluster_model::rollout::{containers, images};
use serde_json::Value;

use super::messages;
use super::target::Past;
use crate::options::ImagePattern;

/// One revision with the containers whose image matches.
pub struct Match<'a> {
    pub index: usize,
    pub containers: Vec<&'a Value>,
}

impl Match<'_> {
    pub fn images(&self) -> BTreeSet<&str> {
        self.containers.iter().map(|container| container.text("/image")).collect()
    }

    /// `web=shop:1.4`
    pub fn description(&self) -> String {
        let each = self.containers.iter().map(|c| format!("{}={}", c.text("/name"), c.text("/image")));
        each.collect::<Vec<_>>().join(",")
    }
}

/// The revisions that match, and how if not as written.
pub fn found<'a>(past: Past<'a>, pattern: &ImagePattern) -> (Vec<Match<'a>>, &'static str) {
    let reference =
        if pattern.image.starts_with('@') { format!("*{}", pattern.image) } else { pattern.image.clone() };
    let normal = normalized(&reference);
    let mut how = "";
    let mut found = matching(past, pattern, |_, _, image| glob(&reference, image));
    if found.is_empty() {
        how = " (normalized as by the container runtime)";
        found = matching(past, pattern, |_, _, image| glob(&normal, &normalized(image)));
    }
    if found.is_empty() && !reference.contains('/') {
        how = " (its registry and path were not given)";
        found = matching(past, pattern, |_, _, image| glob(&reference, last_part(image)));
    }
    if found.is_empty() && reference.contains('@') {
        how = " (by the image ID its pods run now)";
        found = matching(past, pattern, |index, name, _| runs(past, index, name, &reference));
    }
    (found, how)
}

/// `web:1.4` of `registry.example/team/web:1.4`, as the image is shown.
fn last_part(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

/// The one that was active last.
pub fn newest<'m, 'a>(past: Past<'_>, found: &'m [Match<'a>]) -> Option<&'m Match<'a>> {
    found.iter().max_by_key(|found| activation(past, found.index))
}

/// Do they match with different images?
pub fn is_ambiguous(found: &[Match<'_>]) -> bool {
    found.windows(2).any(|pair| pair[0].images() != pair[1].images())
}

/// `--image web=shop:1.4`, where that leads to this revision.
pub fn flag(past: Past<'_>, index: usize) -> Option<String> {
    images(&past.rollout.revisions[index].template).into_iter().find_map(|(container, reference)| {
        let flag = format!("--image {container}={reference}");
        let pattern = ImagePattern { container: Some(container), image: reference };
        let (found, _) = found(past, &pattern);
        let leads_here = newest(past, &found).is_some_and(|newest| newest.index == index);
        (leads_here && !is_ambiguous(&found)).then_some(flag)
    })
}

pub fn matching<'a>(
    past: Past<'a>,
    pattern: &ImagePattern,
    matches: impl Fn(usize, &str, &str) -> bool,
) -> Vec<Match<'a>> {
    let selects = |name: &str| pattern.container.as_deref().is_none_or(|container| container == name);
    let of = |index: usize| {
        let all = containers(&past.rollout.revisions[index].template);
        let fits = |c: &&Value| selects(c.text("/name")) && matches(index, c.text("/name"), c.text("/image"));
        Match { index, containers: all.filter(fits).collect() }
    };
    messages::all(past).into_iter().map(of).filter(|found| !found.containers.is_empty()).collect()
}

/// Later is greater.
fn activation(past: Past<'_>, index: usize) -> (Option<usize>, usize) {
    (past.timeline.of(index).next_back().map(|(place, _)| place), index)
}

/// Does a pod of this revision run the digest? A tag does not identify the digest that it stood for.
fn runs(past: Past<'_>, index: usize, container: &str, wanted: &str) -> bool {
    past.rollout.pods_of(&past.rollout.revisions[index]).any(|pod| {
        let status = pod.status.iter();
        let mut all =
            status.flat_map(|s| s.container_statuses.iter().chain(&s.init_container_statuses).flatten());
        all.any(|status| {
            status.name == container && glob(wanted, status.image_id.trim_start_matches("docker-pullable://"))
        })
    })
}

/// `*` stands for any run of characters, `/` included.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run() {
        for (pattern, text, expected) in [
            ("shop:1.4.*", "shop:1.4.2", true),
            ("shop:1.4.*", "shop:1.5.2", false),
            ("*:1.4", "r.example.com/shop:1.4", true),
            ("*:1.4", "shop:1.4.1", false),
            ("*shop*", "a/shop:1", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("shop", "shop:1", false),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
