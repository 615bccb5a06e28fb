//! May the user do what a plugin is about to do? One SelfSubjectAccessReview per right: unlike SelfSubjectRulesReview
//! its answer is complete with every authoriser. Network I/O.

mod messages;
mod requirement;
mod right;
mod role;
mod rule;

use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::Api;
use kube::api::PostParams;

pub use messages::{finding, grant, not_checked, refusal};
pub use requirement::{Need, Requirement};
pub use right::Right;
pub use role::{Roles, Scope, distinct, publish_roles};
pub use rule::rbac_rule;

use crate::{Cluster, Failure};

/// Those of `rights` that the server denies, in their order. Eight questions at a time.
pub async fn missing(cluster: &Cluster, rights: &[Right]) -> Result<Vec<Right>, Failure> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answers: Vec<Option<Right>> = stream::iter(rights.to_vec())
        .map(|right| {
            let reviews = reviews.clone();
            async move {
                let answer = reviews
                    .create(&PostParams::default(), &right.review())
                    .await
                    .map_err(|error| Failure::from_kube("check permissions", &error))?;
                let allowed = answer.status.is_some_and(|status| status.allowed);
                Ok::<_, Failure>((!allowed).then_some(right))
            }
        })
        .buffered(8)
        .try_collect()
        .await?;
    Ok(answers.into_iter().flatten().collect())
}

/// `right` where it is not given as a whole, but for each of `parts`: what of these is denied. All of them: then the whole is.
pub async fn missing_parts(
    cluster: &Cluster,
    right: Right,
    parts: Vec<Right>,
) -> Result<Vec<Right>, Failure> {
    let denied = missing(cluster, &parts).await?;
    let all = !parts.is_empty() && denied.len() == parts.len();
    Ok(if all { vec![right] } else { denied })
}
