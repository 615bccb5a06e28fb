//! Who else keeps the workload, and will bring today's template back.

use cluster_model::rollout::containers;
use cluster_model::{Finding, Raw, Severity};

use super::Case;
use crate::snapshot::{Controls, Owner, Reverts};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    match case.snapshot.owners.get(&case.rollout().id.uid) {
        Some(owners) => {
            owners.iter().filter(|owner| is_affected(case, owner)).map(|owner| finding(case, owner)).collect()
        }
        None => vec![not_checked(case, "not read")],
    }
}

fn not_checked(case: &Case<'_>, why: &str) -> Finding {
    case.finding(
        "owner-not-checked",
        Severity::Unknown,
        format!("could not be checked for other managers: {why}"),
    )
}

/// An owner that writes one image only does not revert the other fields.
fn is_affected(case: &Case<'_>, owner: &Owner) -> bool {
    let Controls::Image(name) = &owner.controls else { return true };
    let image = |template| containers(template).find(|c| c.text("/name") == name).map(|c| c.text("/image"));
    image(case.rollout().template()) != image(&case.target.template)
}

fn finding(case: &Case<'_>, Owner { who, reverts, instead, controls }: &Owner) -> Finding {
    let what = if matches!(controls, Controls::Image(_)) { "image" } else { "template" };
    let (id, severity, message) = match reverts {
        Reverts::Certainly(when) => (
            "owner-reverts",
            Severity::Error,
            format!("is managed by {who}, which restores its own {what} {when}"),
        ),
        Reverts::Perhaps(why) => (
            "owner-may-revert",
            Severity::Warning,
            format!("is managed by {who}, which may revert this change: {why}"),
        ),
        Reverts::Later(when) => (
            "owner-out-of-date",
            Severity::Warning,
            format!("is managed by {who}, which still has its own {what} and restores it {when}"),
        ),
        Reverts::Unknown(why) => return not_checked(case, &format!("{who}: {why}")),
    };
    case.finding(id, severity, message).remedy(instead.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::snapshot::{Controls, Owner, Reverts};
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn kept(reverts: Reverts) -> Fixture {
        let mut fixture = Fixture::of(Kind::Deployment);
        let owner = Owner {
            who: "Helm release web".into(),
            reverts,
            instead: "helm history web -n shop".into(),
            controls: Controls::Template,
        };
        fixture.snapshot.owners.insert("w".into(), vec![owner]);
        fixture
    }

    /// Only the image of its own container is put back.
    #[test]
    fn who_decides_about_one_image_minds_that_image_alone() {
        let trigger = |container: &str| {
            let mut fixture = kept(Reverts::Certainly("at once".into()));
            for owner in fixture.snapshot.owners.values_mut().flatten() {
                owner.controls = Controls::Image(container.into());
            }
            fixture
        };
        fires("owner-reverts", Severity::Error, &trigger("web"), &trigger("side"));
        assert!(trigger("web").message_of("owner-reverts").ends_with("restores its own image at once"));
        let same = trigger("web").then_container(json!({"image": "web:2", "command": ["other"]}));
        fires("owner-reverts", Severity::Error, &trigger("web"), &same);
    }

    #[test]
    fn the_severity_of_an_owner_depends_on_what_is_known_of_it() {
        let good = Fixture::of(Kind::Deployment);
        let cases = [
            ("owner-reverts", Severity::Error, Reverts::Certainly("at once".into())),
            ("owner-may-revert", Severity::Warning, Reverts::Perhaps("forbidden".into())),
            ("owner-out-of-date", Severity::Warning, Reverts::Later("at the next helm upgrade".into())),
            ("owner-not-checked", Severity::Unknown, Reverts::Unknown("forbidden".into())),
        ];
        for (id, severity, reverts) in cases {
            fires(id, severity, &kept(reverts), &good);
        }
        let mut unread = Fixture::of(Kind::Deployment);
        unread.snapshot.owners.clear();
        fires("owner-not-checked", Severity::Unknown, &unread, &good);
    }
}
