//! `--keep-ownership`: the fields a rollback took over are returned to their managers, so that their next apply has no conflict.
//! Only managedFields are changed, no value is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use cluster_model::Raw;
use cluster_model::managed_fields::paths::{
    FieldManager, Path, Paths, fields, manager_and_paths, owned, paths,
};
use cluster_model::rollout::Id;
use plugin_client::Cluster;
use serde_json::{Value, json};

use super::event::Note;
use super::guarded_patch::{FIRST_WAIT, LONGEST_WAIT, LOST_ATTEMPTS};
use super::write::{ConnectionFailures, get, patch, patch_right, report};
use super::write_answer::{self, Answer};

/// The managedFields of `after` with the fields that `own_manager` took since `before` returned to those who had them; `None` if
/// there are none. A field that had no manager, as one that only the old template has, goes to the only manager of the fields around it.
pub fn hand_back(before: &Value, after: &Value, own_manager: &str) -> Option<Vec<Value>> {
    let owned = owned(before);
    let others: BTreeMap<&FieldManager, &Paths> =
        owned.iter().filter(|(owner, _)| owner.manager != own_manager).collect();
    let mut entries = after.list("/metadata/managedFields").to_vec();
    let mut given: BTreeMap<FieldManager, Paths> = BTreeMap::new();
    for entry in &mut entries {
        let Some(owner) = FieldManager::of(entry) else { continue };
        if owner.manager != own_manager || owner.operation != "Update" {
            continue;
        }
        let mut own = paths(&entry["fieldsV1"]);
        let kept = owned.get(&owner).cloned().unwrap_or_default();
        let took: Vec<Path> = own.difference(&kept).cloned().collect();
        for path in took {
            let to = new_owners(&others, &path);
            if !to.is_empty() {
                own.remove(&path);
            }
            for owner in to {
                given.entry(owner.clone()).or_default().insert(path.clone());
            }
        }
        entry["fieldsV1"] = fields(&own);
    }
    if given.is_empty() {
        return None;
    }
    entries.retain(|entry| entry["fieldsV1"].as_object().is_none_or(|fields| !fields.is_empty()));
    for (owner, mut took) in given {
        match entries.iter_mut().find(|entry| FieldManager::of(entry).as_ref() == Some(&owner)) {
            Some(entry) => {
                took.append(&mut paths(&entry["fieldsV1"]));
                entry["fieldsV1"] = fields(&took);
            }
            // All of its fields had been taken, and an empty entry is dropped.
            None => {
                let all = before.list("/metadata/managedFields");
                let mut entry =
                    all.iter().find(|entry| FieldManager::of(entry).as_ref() == Some(&owner))?.clone();
                entry["fieldsV1"] = fields(&took);
                entries.push(entry);
            }
        }
    }
    Some(entries)
}

/// The managers that had this field; else the one that has all fields around it, no further out than the template.
fn new_owners<'a>(others: &BTreeMap<&'a FieldManager, &Paths>, path: &Path) -> Vec<&'a FieldManager> {
    let had: Vec<&FieldManager> =
        others.iter().filter(|(_, paths)| paths.contains(path)).map(|(owner, _)| *owner).collect();
    if !had.is_empty() {
        return had;
    }
    if !path.iter().map(String::as_str).take(TEMPLATE.len()).eq(TEMPLATE) {
        return Vec::new();
    }
    for depth in (TEMPLATE.len()..path.len()).rev() {
        let around = &path[..depth];
        let near: Vec<&FieldManager> = others
            .iter()
            .filter(|(_, paths)| paths.iter().any(|path| path.starts_with(around)))
            .map(|(owner, _)| *owner)
            .collect();
        match near.as_slice() {
            [] => {}
            [_] => return near,
            // More than one may be its manager.
            _ => return Vec::new(),
        }
    }
    Vec::new()
}

/// As many as other writes are repeated.
const CONFLICTS: usize = LOST_ATTEMPTS as usize;

const TEMPLATE: [&str; 2] = ["f:spec", "f:template"];

/// Hands back the fields of `id` that `manager` took since `before`; `None` if there are none. Its controller writes the status of a
/// workload again and again while it is rolled out, and each write is a conflict.
pub async fn keep(
    cluster: &Cluster,
    id: &Id,
    before: &Value,
    manager: &str,
    failures: &ConnectionFailures,
) -> Option<Note> {
    let waits = ExponentialBuilder::new()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(CONFLICTS)
        .with_jitter();
    keep_within(cluster, id, before, manager, failures, waits.build()).await
}

/// Tries again after each conflict, as long as there are `waits`.
async fn keep_within(
    cluster: &Cluster,
    id: &Id,
    before: &Value,
    manager: &str,
    failures: &ConnectionFailures,
    mut waits: impl Iterator<Item = Duration>,
) -> Option<Note> {
    let failed = |message: String| Some(Note::OwnershipKept { manager: manager.to_owned(), message });
    let right = patch_right(id);
    let mut conflicts = 0;
    loop {
        let live = match get(cluster, id).await {
            Ok(live) => live.filter(|live| live.uid() == id.uid)?,
            Err(refusal) => {
                report(&refusal, failures);
                return failed(refusal.message(&format!("read {id}")));
            }
        };
        let entries = hand_back(before, &live, manager)?;
        let to = receivers(&live, &entries, manager);
        let ops = [
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}),
            json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}),
        ];
        let answer = patch(cluster, id, &ops, manager).await;
        match write_answer::of(answer, &format!("hand fields of {id} back"), &right) {
            Answer::Applied(_) => return Some(Note::OwnershipReturned(to)),
            Answer::Gone(_) => return None,
            Answer::Conflict(_) => {
                conflicts += 1;
                let Some(wait) = waits.next() else {
                    let message = format!("{id} was changed during each of {conflicts} attempts (conflict)");
                    return failed(message);
                };
                tokio::time::sleep(wait).await;
            }
            Answer::Busy { message, .. }
            | Answer::Lost(message)
            | Answer::NotSent(message)
            | Answer::Denied(message)
            | Answer::Refused(message) => return failed(message),
        }
    }
}

/// Who has now how many of the fields that were `own_manager`'s.
fn receivers(live: &Value, entries: &[Value], own_manager: &str) -> Vec<(String, usize)> {
    let is_own = |owner: &FieldManager| owner.manager == own_manager;
    let new: Vec<(FieldManager, Paths)> = entries.iter().filter_map(manager_and_paths).collect();
    let kept: Paths =
        new.iter().filter(|(owner, _)| is_own(owner)).flat_map(|(_, paths)| paths.clone()).collect();
    let had = owned(live).into_iter().filter(|(owner, _)| is_own(owner)).flat_map(|(_, paths)| paths);
    let given: Paths = had.filter(|path| !kept.contains(path)).collect();
    let others = new.iter().filter(|(owner, _)| !is_own(owner));
    let received = others.filter_map(|(owner, paths)| {
        let fields = paths.intersection(&given).count();
        (fields > 0).then(|| (owner.manager.clone(), fields))
    });
    received.collect()
}
