//! `--image`: the revision that has an image, as written or as a container runtime would read it.

use std::collections::BTreeSet;

use cluster_model::raw::Raw;
use cluster_model::rollout::containers;
use plugin_client::Failure;
use serde_json::Value;

use super::hints::Hints;
use super::image_match::{Match, found, glob, is_ambiguous, matching, newest};
use super::messages;
use super::refusal::Refusal;
use super::target::{Chosen, Past, target};
use crate::options::ImagePattern;

pub fn image(past: Past<'_>, pattern: &ImagePattern) -> Result<Chosen, Refusal> {
    let (found, how) = found(past, pattern);
    let Some(newest) = newest(past, &found) else {
        return Err(nothing(past, pattern));
    };
    if is_ambiguous(&found) {
        return Err(several(past, pattern, &found));
    }
    let indices: Vec<usize> = found.iter().map(|found| found.index).collect();
    let number = messages::number(past, newest.index);
    let mut evidence = match indices.len() {
        1 => format!("revision {number} has {}{how}", newest.description()),
        _ => format!(
            "{} have {}{how}, {number} was active last",
            messages::revisions(past, &indices, "and"),
            newest.description()
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

fn is_pulled_anew(container: &Value) -> bool {
    container["imagePullPolicy"] == "Always" && !container.text("/image").contains('@')
}

fn nothing(past: Past<'_>, pattern: &ImagePattern) -> Refusal {
    let id = &past.rollout.id;
    let mut names = BTreeSet::new();
    for container in past.rollout.revisions.iter().flat_map(|revision| containers(&revision.template)) {
        names.insert(container.text("/name").to_owned());
    }
    if let Some(container) = pattern.container.as_ref().filter(|container| !names.contains(*container)) {
        let names = messages::listed(&names.into_iter().collect::<Vec<_>>(), "and");
        return Failure::refused(format!(
            "no revision of {id} has a container {container}; there is {names}"
        ))
        .history(past)
        .into();
    }
    // The table has those that there are.
    let failure = Failure::refused(format!("no revision of {id} has an image {}", pattern.image));
    let elsewhere = format!("*/{}", pattern.image.trim_start_matches('/'));
    let failure = if matching(past, pattern, |_, _, image| glob(&elsewhere, image)).is_empty() {
        failure
    } else {
        let container = pattern.container.iter().map(|name| format!("{name}=")).collect::<String>();
        let flag = format!("--image '{container}{elsewhere}'");
        failure.hint(format!("for another registry: kubectl rollback-to {} {flag}", id.typed()))
    };
    Refusal::of_all(failure.history(past), past)
}

fn several(past: Past<'_>, pattern: &ImagePattern, found: &[Match<'_>]) -> Refusal {
    let each: Vec<String> =
        found.iter().map(|m| format!("{} ({})", messages::number(past, m.index), m.description())).collect();
    let indices: Vec<usize> = found.iter().map(|found| found.index).collect();
    let message = format!(
        "{} matches different images of {}: revisions {}",
        pattern.image,
        past.rollout.id,
        messages::listed(&each, "and")
    );
    Refusal::of(Failure::refused(message).take(past, &indices).history(past), &indices)
}
