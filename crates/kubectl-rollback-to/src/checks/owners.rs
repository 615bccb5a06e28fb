//! Who else keeps the workload, and will bring today's template back.

use cluster_model::{Finding, Severity};

use super::Case;
use crate::snapshot::{Owner, Reverts};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    match case.snapshot.owners.get(&case.rollout().id.uid) {
        Some(owners) => owners.iter().map(|owner| finding(case, owner)).collect(),
        None => vec![not_checked(case, "it was not looked up")],
    }
}

fn not_checked(case: &Case<'_>, why: &str) -> Finding {
    case.finding("owner-not-checked", Severity::Unknown, format!("who else keeps it is not known: {why}"))
}

fn finding(case: &Case<'_>, Owner { who, reverts, instead }: &Owner) -> Finding {
    let (id, severity, message) = match reverts {
        Reverts::Certainly(when) => (
            "owner-reverts",
            Severity::Error,
            format!("is kept by {who}, which puts its own template back {when}"),
        ),
        Reverts::Perhaps(why) => (
            "owner-may-revert",
            Severity::Warning,
            format!("is kept by {who}, which may have the last word: {why}"),
        ),
        Reverts::Later(when) => (
            "owner-out-of-date",
            Severity::Warning,
            format!("is kept by {who}, which still has its own template and brings it back {when}"),
        ),
        Reverts::Unknown(why) => return not_checked(case, &format!("{who}: {why}")),
    };
    case.finding(id, severity, message).remedy(instead.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::snapshot::{Owner, Reverts};
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;

    fn kept(reverts: Reverts) -> Scene {
        let mut scene = Scene::of(Kind::Deployment);
        let owner =
            Owner { who: "Helm release web".into(), reverts, instead: "helm history web -n shop".into() };
        scene.snapshot.owners.insert("w".into(), vec![owner]);
        scene
    }

    #[test]
    fn an_owner_weighs_as_much_as_is_known_of_it() {
        let good = Scene::of(Kind::Deployment);
        let cases = [
            ("owner-reverts", Severity::Error, Reverts::Certainly("at once".into())),
            ("owner-may-revert", Severity::Warning, Reverts::Perhaps("forbidden".into())),
            ("owner-out-of-date", Severity::Warning, Reverts::Later("at the next helm upgrade".into())),
            ("owner-not-checked", Severity::Unknown, Reverts::Unknown("forbidden".into())),
        ];
        for (id, severity, reverts) in cases {
            fires(id, severity, &kept(reverts), &good);
        }
        let mut unread = Scene::of(Kind::Deployment);
        unread.snapshot.owners.clear();
        fires("owner-not-checked", Severity::Unknown, &unread, &good);
    }
}
