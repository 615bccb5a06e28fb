//! The question before the first write: it says what is done, and nothing else.

use cluster_model::rollout::Rollout;
use cluster_model::text::count;

use crate::plan::{Action, Step};

/// `despite`: the findings, as in ` despite 1 warning`.
pub fn question_about(rollout: &Rollout, step: &Step, despite: &str) -> String {
    let id = &rollout.id;
    let pod = step.deletes.as_ref().map(|pod| format!("pod {}", pod.name));
    if let (Action::Nothing, Some(pod)) = (&step.action, &pod) {
        return format!("Delete {pod} of {id}{despite}?");
    }
    let number = step.target.as_ref().and_then(|target| number(rollout, target.revision));
    let to = number.map_or("to its earlier template".to_owned(), |number| format!("to revision {number}"));
    let and = pod.map(|pod| format!(" and delete {pod}")).unwrap_or_default();
    format!("Roll {id} back {to}{and}{despite}?")
}

pub fn question_about_several(namespace: &str, steps: &[&Step], despite: &str) -> String {
    let back = steps.iter().filter(|step| matches!(step.action, Action::RollBack)).count();
    let pods = steps.iter().filter(|step| step.deletes.is_some()).count();
    match (back, count(pods, "pod")) {
        (0, pods) => format!("Delete {pods} of {namespace}{despite}?"),
        (back, _) if pods == 0 => format!("Roll {} of {namespace} back{despite}?", count(back, "workload")),
        (back, pods) => {
            format!("Roll {} of {namespace} back and delete {pods}{despite}?", count(back, "workload"))
        }
    }
}

pub fn number(rollout: &Rollout, index: Option<usize>) -> Option<String> {
    index.map(|index| rollout.revisions[index].number.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stateful, step};
    use super::*;
    use crate::blocking::BlockingPod;

    #[test]
    fn it_says_what_is_done() {
        let rollouts = vec![stateful("db")];
        let with = |action: Action, deletes: bool| {
            let pod = BlockingPod { name: "db-1".into(), uid: "u".into(), fault: "not Ready".into() };
            Step { deletes: deletes.then_some(pod), ..step(&rollouts, 0, action) }
        };
        let (back, both, pod) =
            (with(Action::RollBack, false), with(Action::RollBack, true), with(Action::Nothing, true));
        for (step, expected) in [
            (&back, "Roll statefulset/db back to revision 1 despite 1 warning?"),
            (&both, "Roll statefulset/db back to revision 1 and delete pod db-1 despite 1 warning?"),
            (&pod, "Delete pod db-1 of statefulset/db despite 1 warning?"),
        ] {
            assert_eq!(question_about(&rollouts[0], step, " despite 1 warning"), expected);
        }
        for (steps, expected) in [
            (vec![&back, &back], "Roll 2 workloads of shop back?"),
            (vec![&back, &pod], "Roll 1 workload of shop back and delete 1 pod?"),
            (vec![&pod, &pod], "Delete 2 pods of shop?"),
        ] {
            assert_eq!(question_about_several("shop", &steps, ""), expected);
        }
    }
}
