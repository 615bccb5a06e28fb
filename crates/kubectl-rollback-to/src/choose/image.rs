//! `--image`: the revision that has an image, as written or as a container runtime would read it.

use std::collections::BTreeSet;

use cluster_model::image_ref::normalized;
use cluster_model::raw::Raw;
use cluster_model::rollout::{containers, images};
use plugin_client::Failure;
use serde_json::Value;

use super::messages::{self, Hints};
use super::{Chosen, Past, Target, target};
use crate::options::ImagePattern;

/// One revision with the containers whose image matches.
struct Match<'a> {
    index: usize,
    containers: Vec<&'a Value>,
}

impl Match<'_> {
    fn images(&self) -> BTreeSet<&str> {
        self.containers.iter().map(|container| container.text("/image")).collect()
    }

    /// `web=shop:1.4`
    fn told(&self) -> String {
        let each = self.containers.iter().map(|c| format!("{}={}", c.text("/name"), c.text("/image")));
        each.collect::<Vec<_>>().join(",")
    }
}

pub fn image(past: Past<'_>, pattern: &ImagePattern) -> Result<Chosen, Failure> {
    let wanted =
        if pattern.image.starts_with('@') { format!("*{}", pattern.image) } else { pattern.image.clone() };
    let normal = normalized(&wanted);
    let mut how = "";
    let mut found = matching(past, pattern, |_, _, image| glob(&wanted, image));
    if found.is_empty() {
        how = " (normalized as by the container runtime)";
        found = matching(past, pattern, |_, _, image| glob(&normal, &normalized(image)));
    }
    if found.is_empty() && wanted.contains('@') {
        how = " (by the image ID its pods run now)";
        found = matching(past, pattern, |index, name, _| runs(past, index, name, &wanted));
    }
    let Some(newest) = found.iter().max_by_key(|found| activation(past, found.index)) else {
        return Err(nothing(past, pattern));
    };
    if found.iter().any(|other| other.images() != newest.images()) {
        return Err(several(past, pattern, &found));
    }
    let indices: Vec<usize> = found.iter().map(|found| found.index).collect();
    let number = messages::number(past, newest.index);
    let mut evidence = match indices.len() {
        1 => format!("revision {number} has {}{how}", newest.told()),
        _ => format!(
            "{} have {}{how}, {number} was active last",
            messages::revisions(past, &indices, "and"),
            newest.told()
        ),
    };
    if past.rollout.current() == Some(newest.index) {
        evidence.push_str("; it is the current one");
    }
    if let Some(image) = newest.containers.iter().find(|c| is_pulled_anew(c)).map(|c| c.text("/image")) {
        evidence.push_str(&format!(
            "; {image} is pulled again (imagePullPolicy Always), and its tag may have been moved"
        ));
    }
    evidence.push_str(&format!("; {}", messages::health(&past.health[newest.index])));
    Ok(target(past, newest.index, "--image", evidence))
}

/// `--image web=shop:1.4`, where that leads to this revision.
pub fn flag(past: Past<'_>, index: usize) -> Option<String> {
    images(&past.rollout.revisions[index].template).into_iter().find_map(|(container, reference)| {
        let flag = format!("--image {container}={reference}");
        let pattern = ImagePattern { container: Some(container), image: reference };
        let leads_to = |target: &Target| target.revision == Some(index);
        matches!(image(past, &pattern), Ok(Chosen::Target(target)) if leads_to(&target)).then_some(flag)
    })
}

fn matching<'a>(
    past: Past<'a>,
    pattern: &ImagePattern,
    matches: impl Fn(usize, &str, &str) -> bool,
) -> Vec<Match<'a>> {
    let wanted = |name: &str| pattern.container.as_deref().is_none_or(|wanted| wanted == name);
    let of = |index: usize| {
        let all = containers(&past.rollout.revisions[index].template);
        let fits = |c: &&Value| wanted(c.text("/name")) && matches(index, c.text("/name"), c.text("/image"));
        Match { index, containers: all.filter(fits).collect() }
    };
    messages::all(past).into_iter().map(of).filter(|found| !found.containers.is_empty()).collect()
}

/// Later is greater.
fn activation(past: Past<'_>, index: usize) -> (Option<usize>, usize) {
    (past.timeline.of(index).next_back().map(|(place, _)| place), index)
}

/// Does a pod of this revision run the digest? A tag does not tell which bits it stood for.
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

fn is_pulled_anew(container: &Value) -> bool {
    container["imagePullPolicy"] == "Always" && !container.text("/image").contains('@')
}

fn nothing(past: Past<'_>, pattern: &ImagePattern) -> Failure {
    let id = &past.rollout.id;
    let mut names = BTreeSet::new();
    let mut images = BTreeSet::new();
    for container in past.rollout.revisions.iter().flat_map(|revision| containers(&revision.template)) {
        names.insert(container.text("/name").to_owned());
        images.insert(format!("{}={}", container.text("/name"), container.text("/image")));
    }
    let sorted = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
    if let Some(wanted) = pattern.container.as_ref().filter(|wanted| !names.contains(*wanted)) {
        let names = messages::listed(&sorted(names), "and");
        return Failure::refused(format!("no revision of {id} has a container {wanted}; there is {names}"))
            .history(past);
    }
    let images = messages::listed(&sorted(images), "and");
    let message = format!("no revision of {id} has an image {}; there is {images}", pattern.image);
    let failure = Failure::refused(message);
    let elsewhere = format!("*/{}", pattern.image.trim_start_matches('/'));
    let failure = if matching(past, pattern, |_, _, image| glob(&elsewhere, image)).is_empty() {
        failure
    } else {
        let container = pattern.container.iter().map(|name| format!("{name}=")).collect::<String>();
        let flag = format!("--image '{container}{elsewhere}'");
        failure.hint(format!("for another registry: kubectl rollback-to {} {flag}", id.typed()))
    };
    failure.history(past).block(&messages::choices(past, &messages::all(past)))
}

fn several(past: Past<'_>, pattern: &ImagePattern, found: &[Match<'_>]) -> Failure {
    let each: Vec<String> =
        found.iter().map(|m| format!("{} ({})", messages::number(past, m.index), m.told())).collect();
    let indices: Vec<usize> = found.iter().map(|found| found.index).collect();
    let message = format!(
        "{} matches different images of {}: revisions {}",
        pattern.image,
        past.rollout.id,
        messages::listed(&each, "and")
    );
    let newest: Vec<usize> = indices.iter().rev().take(3).copied().collect();
    Failure::refused(message).take(past, &newest).history(past).block(&messages::choices(past, &indices))
}

/// `*` stands for any run of characters, `/` included.
fn glob(pattern: &str, text: &str) -> bool {
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
