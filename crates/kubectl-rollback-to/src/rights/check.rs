//! Which of the rights that are needed the user does not have, and what that means. Asks the API server.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use cluster_model::rollout::Rollout;
use cluster_model::{Finding, Severity};
use plugin_client::api::access_review::{self, finding, grant};
use plugin_client::{Cluster, Failure, Need, Requirement, Right, missing};

use super::requirements::{Subject, requirements};
use crate::checks::{RIGHTS_LIMITED, RIGHTS_MISSING, RIGHTS_NOT_CHECKED};
use crate::options::{Mode, Options};

/// What is checked before anything is changed.
fn required_rights<R: Borrow<Rollout>>(rollouts: &[R], options: &Options, mode: Mode) -> Vec<Requirement> {
    let subjects: Vec<Subject<'_>> =
        rollouts.iter().map(|rollout| Subject::of(rollout.borrow(), options)).collect();
    let mut all = requirements(&subjects, options, mode);
    all.retain(|it| it.need.is_checked());
    all
}

/// Those that the user does not have.
pub async fn check<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Result<Vec<Right>, Failure> {
    let mut of_all: BTreeMap<Right, Vec<Right>> = BTreeMap::new();
    for Requirement { right, .. } in required_rights(rollouts, options, mode) {
        of_all.entry(Right { name: None, ..right.clone() }).or_default().push(right);
    }
    // The right to all objects includes each of them: single names are checked only if it is denied.
    let first: Vec<Right> = of_all
        .iter()
        .map(|(all, each)| if let [one] = each.as_slice() { one.clone() } else { all.clone() })
        .collect();
    let (mut denied, mut single) = (Vec::new(), Vec::new());
    for right in missing(cluster, &first).await? {
        match of_all.get(&right) {
            Some(each) if each.len() > 1 => single.extend(each.iter().cloned()),
            _ => denied.push(right),
        }
    }
    denied.extend(missing(cluster, &single).await?);
    Ok(denied)
}

/// The access reviews themselves failed.
pub fn not_checked(failure: &Failure) -> Finding {
    access_review::not_checked(failure, RIGHTS_NOT_CHECKED)
}

/// `check` and `findings` together; a failed access review is a finding, not a failure.
pub async fn found<R: Borrow<Rollout>>(
    cluster: &Cluster,
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Vec<Finding> {
    match check(cluster, rollouts, options, mode).await {
        Ok(denied) => findings(&denied, rollouts, options, mode),
        Err(failure) => vec![not_checked(&failure)],
    }
}

/// What `denied` by `check` means, with the RBAC rule that grants it.
pub fn findings<R: Borrow<Rollout>>(
    denied: &[Right],
    rollouts: &[R],
    options: &Options,
    mode: Mode,
) -> Vec<Finding> {
    required_rights(rollouts, options, mode)
        .into_iter()
        .filter(|it| denied.contains(&it.right))
        .map(|Requirement { right, need, .. }| match need {
            Need::Required => finding(&right, RIGHTS_MISSING),
            Need::Optional(lost) | Need::Reported(lost) => {
                let message = format!("you have no right to do this: {lost}");
                Finding::new(RIGHTS_LIMITED, Severity::Info, right.to_string(), message).remedy(grant(&right))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
