//! The revisions of one workload, newest first, by number and by image.

use std::collections::HashSet;

use cluster_model::rollout::{Kind, Revision, Rollout, images as images_of};
use cluster_model::text::age;
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Candidate, Candidates, Cluster, Failure};

use crate::gather;

pub struct Kept {
    rollout: Rollout,
    /// What time it is at the server.
    now: Timestamp,
}

pub async fn kept(cluster: &Cluster, kind: Kind, name: &str) -> Result<Kept, Failure> {
    let rollout = gather::revisions(cluster, kind, name).await?;
    Ok(Kept { rollout, now: cluster.now() })
}

/// `3`: shop:1.4, 2h old, current
pub fn numbers(kept: &Kept) -> Candidates {
    let mut seen = HashSet::new();
    let newest_first = kept.newest_first().filter(|(revision, _)| seen.insert(revision.number));
    let candidate = |(revision, notes): (&Revision, String)| {
        let images: Vec<String> =
            images_of(&revision.template).into_iter().map(|(_, image)| image.to_owned()).collect();
        Candidate::new(revision.number.to_string(), format!("{}, {notes}", images.join(" ")))
    };
    Candidates::in_order(newest_first.map(candidate).collect())
}

/// `shop:1.4`, and `web=shop:1.4` where there are several containers: revision 3, 2h old, current
pub fn images(kept: &Kept) -> Candidates {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (revision, notes) in kept.newest_first() {
        let images = images_of(&revision.template);
        let several = images.len() > 1;
        for (container, image) in images {
            let value = if several { format!("{container}={image}") } else { image.to_string() };
            if seen.insert(value.clone()) {
                all.push(Candidate::new(value, format!("revision {}, {notes}", revision.number)));
            }
        }
    }
    Candidates::in_order(all)
}

impl Kept {
    /// Each with its age, and whether it is the current one.
    fn newest_first(&self) -> impl Iterator<Item = (&Revision, String)> {
        let current = self.rollout.current();
        self.rollout.revisions.iter().enumerate().rev().map(move |(index, revision)| {
            let age = revision
                .created
                .map(|created| format!("{} old", age(self.now.duration_since(created).as_secs())));
            let current = (current == Some(index)).then(|| "current".to_owned());
            (revision, age.into_iter().chain(current).collect::<Vec<_>>().join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::fixture::{History, at};
    use serde_json::json;

    fn offered(list: fn(&Kept) -> Candidates, edit: serde_json::Value) -> Candidates {
        let history =
            History::of(Kind::Deployment).revision(1, "a", 100).revision(2, "b", 7000).revision(3, "a", 7300);
        let rollout = history.kept(edit).live("b").rollout();
        list(&Kept { rollout, now: at(7500) })
    }

    fn in_order(all: &[(&str, &str)]) -> Candidates {
        Candidates::in_order(
            all.iter().map(|(value, description)| Candidate::new(*value, *description)).collect(),
        )
    }

    #[test]
    fn revisions_come_newest_first_with_image_and_age_and_the_current_one_is_marked() {
        assert_eq!(
            offered(numbers, json!({})),
            in_order(&[("3", "web:a, 3m old"), ("2", "web:b, 8m old, current"), ("1", "web:a, 2h old")])
        );
        // ReplicaSets may share a number for a moment.
        let same = json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}});
        assert_eq!(offered(numbers, same), in_order(&[("2", "web:a, 3m old"), ("1", "web:a, 2h old")]));
    }

    #[test]
    fn an_image_is_offered_once_and_after_its_container_if_there_are_several() {
        assert_eq!(
            offered(images, json!({})),
            in_order(&[("web:a", "revision 3, 3m old"), ("web:b", "revision 2, 8m old, current")])
        );
        let two = json!([{"name": "web", "image": "shop:3"}, {"name": "proxy", "image": "proxy:1"}]);
        let newest = "revision 3, 3m old";
        assert_eq!(
            offered(images, json!({"spec": {"template": {"spec": {"containers": two}}}})),
            in_order(&[
                ("web=shop:3", newest),
                ("proxy=proxy:1", newest),
                ("web:b", "revision 2, 8m old, current"),
                ("web:a", "revision 1, 2h old")
            ])
        );
    }
}
