//! What a revision changed in the images, beside the one before it.

use cluster_model::image_ref::{Reference, short_digest};
use cluster_model::rollout::{images, restart_only};
use plugin_client::Line;

use crate::choose::Past;

/// `web 1.4 → 1.5`; `wide` names every container and its whole image.
pub fn changed(past: Past<'_>, index: usize, wide: bool) -> Line {
    let template = &past.rollout.revisions[index].template;
    let now = images(template);
    let Some(before) = before(past, index).map(|before| &past.rollout.revisions[before].template) else {
        let all = now.iter().map(|(name, image)| format!("{name} {}", shown(image, wide)));
        return Line::from(all.collect::<Vec<_>>().join(", "));
    };
    let was = images(before);
    let image_in =
        |list: &[(String, String)], name: &str| list.iter().find(|(n, _)| n == name).map(|(_, i)| i.clone());
    let mut parts: Vec<Line> = Vec::new();
    for (name, image) in &now {
        match image_in(&was, name) {
            Some(old) if old == *image && wide => parts.push(format!("{name} {image}").into()),
            Some(old) if old == *image => {}
            Some(old) => parts.push(Line::from(format!("{name} ")).then(delta(&old, image, wide))),
            None => parts.push(Line::new().good("+").plain(format!("{name} {}", shown(image, wide)))),
        }
    }
    for (name, _) in was.iter().filter(|(name, _)| image_in(&now, name).is_none()) {
        parts.push(Line::new().bad("-").plain(name));
    }
    if restart_only(before, template) {
        parts.push(Line::new().dim("restart"));
    } else if parts.is_empty() {
        parts.push(Line::new().dim(if now.len() == 1 { "same image" } else { "same images" }));
    }
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |line, part| line.plain(", ").then(part))
}

/// What was active before it; where that is no longer kept, the next lower number.
fn before(past: Past<'_>, index: usize) -> Option<usize> {
    let stretches = &past.timeline.stretches;
    match past.timeline.of(index).next_back() {
        Some((0, _)) => None,
        Some((at, _)) if !stretches[at - 1].then_lost => Some(stretches[at - 1].revision),
        _ => index.checked_sub(1),
    }
}

fn delta(old: &str, new: &str, wide: bool) -> Line {
    let ((old_name, old_tag), (new_name, new_tag)) = (split(old), split(new));
    // The same repository: only the tag or digest differs.
    if !wide && old_name == new_name {
        return Line::from(short(old_tag)).plain(" → ").strong(short(new_tag));
    }
    let whole = wide || shown(old, false) == shown(new, false);
    Line::from(shown(old, whole)).plain(" → ").strong(shown(new, whole))
}

/// The last part of the path distinguishes images.
fn shown(image: &str, wide: bool) -> String {
    if wide {
        return image.to_owned();
    }
    let (name, tag) = split(image);
    let name = name.rsplit('/').next().unwrap_or(name);
    match tag {
        "" => name.to_owned(),
        tag if tag.contains(':') => format!("{name}@{}", short(tag)),
        tag => format!("{name}:{tag}"),
    }
}

/// Repository, and tag or digest.
fn split(image: &str) -> (&str, &str) {
    let reference = Reference::parse(image);
    match reference.digest {
        Some(digest) => (&image[..image.len() - digest.len() - 1], digest),
        None => (reference.repository, reference.tag.unwrap_or_default()),
    }
}

/// A digest as git would show it; no tag is `latest`.
fn short(tag: &str) -> String {
    if tag.is_empty() { "latest".to_owned() } else { short_digest(tag, 12) }
}
