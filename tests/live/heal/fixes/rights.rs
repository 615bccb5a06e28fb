//! What `--fix` needs: the printed role is enough, and without a part of it a fix is not proven. Nothing is written in any case.

use ::testbed::shared;

use super::leases;
use crate::plugin::heal_check;
use crate::rbac::{Printed, User, marker, without};

#[test]
fn without_the_right_to_try_a_fix_it_is_partial() {
    leases();
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let generation = || shared().get(&room.path_of("Deployment", "web"))["metadata"]["generation"].clone();
    let before = generation();
    let all = Printed::of("heal-check", &["-A", "--fix"]).all();
    let run = |name: &str, rules: &[serde_json::Value]| {
        let user = User::new(&room, name, &[&[marker()], rules].concat());
        let outcome = user.run(heal_check, &["--fix", "-o", "json", "--fail-on=critical"]).run();
        (
            outcome.finding("HC203")["fix"].clone(),
            outcome.finding("HC409")["fix"].clone(),
            user.refused_since_start(),
        )
    };
    let (budget, tolerations, refused) = run("fixer", &all);
    assert_eq!(
        (&budget["proof"]["accepted"], &tolerations["proof"]["accepted"]),
        (&true.into(), &true.into())
    );
    assert_eq!(refused, [""; 0]);
    let (budget, tolerations, _) = run("reader", &without(&all, "apps", "deployments", "patch"));
    assert!(budget["partial"].is_null(), "{budget:#}");
    assert_eq!(tolerations["proof"]["accepted"], false);
    let why = tolerations["partial"].as_str().unwrap();
    assert!(why.contains("cannot patch resource \"deployments\""), "{why}");
    let budgets = shared().list(&room.path_of("PodDisruptionBudget", ""));
    assert_eq!((generation(), budgets.len()), (before, 0), "nothing was changed");
}
