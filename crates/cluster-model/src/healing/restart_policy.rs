//! Does the kubelet restart a container that has ended? (`pkg/api/v1/pod/util.go`, ContainerShouldRestart: KEP-5307, rules of a container;
//! KEP-5532, RestartAllContainers; KEP-753, sidecars.)

use std::collections::BTreeSet;

use crate::Raw;

/// What the end of a container with some exit code leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterExit {
    /// It runs again, after its back-off.
    Restarts,
    /// All containers of the pod run again, the init containers first.
    AllRestart,
    /// It does not run again, and the pod stays Running with the others: it is never Ready again.
    StaysDead,
    /// It was the only one: the pod is Failed or Succeeded (`pkg/kubelet/kubelet_pods.go`, getPhase).
    EndsPod,
}

/// `spec`: of the pod or of its template.
pub fn after_exit<J: Raw>(spec: &J, container: &J, code: i64) -> AfterExit {
    match action(spec, container, code) {
        Action::RestartAll => AfterExit::AllRestart,
        Action::Restart => AfterExit::Restarts,
        Action::Nothing if spec.list("/containers").len() > 1 => AfterExit::StaysDead,
        Action::Nothing => AfterExit::EndsPod,
    }
}

/// The smallest exit code after which it does not run again, with what happens then; of those that `counts` accepts.
pub fn final_exit<J: Raw>(spec: &J, container: &J, counts: fn(i64) -> bool) -> Option<(i64, AfterExit)> {
    let rules = container.list("/restartPolicyRules").iter();
    let mentioned: BTreeSet<i64> =
        rules.flat_map(|rule| rule.list("/exitCodes/values")).filter_map(J::as_i64).collect();
    // Codes that no rule mentions all end the same way.
    let unmentioned = (1..=255).find(|code| !mentioned.contains(code));
    let mut codes: BTreeSet<i64> = mentioned;
    codes.extend([0].into_iter().chain(unmentioned));
    codes.into_iter().filter(|code| counts(*code)).find_map(|code| match after_exit(spec, container, code) {
        AfterExit::Restarts | AfterExit::AllRestart => None,
        end => Some((code, end)),
    })
}

/// The rules, by their position, of which an earlier rule takes every exit code that a process can end with.
pub fn dead_rules<J: Raw>(container: &J) -> Vec<usize> {
    let mut taken = BTreeSet::new();
    let mut dead = Vec::new();
    for (at, rule) in container.list("/restartPolicyRules").iter().enumerate() {
        let before = taken.len();
        taken.extend((0..=255).filter(|code| matches(rule, *code)));
        if taken.len() == before {
            dead.push(at);
        }
    }
    dead
}

/// The containers that run as long as the pod: the main ones, then the sidecars. `spec`: of the pod or of its template.
pub fn running_containers<J: Raw>(spec: &J) -> impl Iterator<Item = &J> {
    let sidecars = spec.list("/initContainers").iter().filter(|it| is_sidecar(*it));
    spec.list("/containers").iter().chain(sidecars)
}

/// An init container that runs as long as the pod (KEP-753). It is always restarted.
pub fn is_sidecar<J: Raw>(init_container: &J) -> bool {
    init_container.text("/restartPolicy") == "Always"
}

enum Action {
    Restart,
    RestartAll,
    Nothing,
}

/// The rules of the container in their order, then its own policy, then that of the pod.
fn action<J: Raw>(spec: &J, container: &J, code: i64) -> Action {
    let own = container.text("/restartPolicy");
    // Without a policy of its own a container cannot have rules (pkg/apis/core/validation, validateContainerRestartPolicy).
    if !own.is_empty()
        && let Some(rule) = container.list("/restartPolicyRules").iter().find(|rule| matches(*rule, code))
    {
        match rule.text("/action") {
            "Restart" => return Action::Restart,
            "RestartAllContainers" => return Action::RestartAll,
            _ => {}
        }
    }
    let policy = if own.is_empty() { spec.text("/restartPolicy") } else { own };
    match policy {
        "Never" => Action::Nothing,
        "OnFailure" if code == 0 => Action::Nothing,
        _ => Action::Restart,
    }
}

fn matches<J: Raw>(rule: &J, code: i64) -> bool {
    let is_listed = rule.list("/exitCodes/values").iter().any(|value| value.as_i64() == Some(code));
    match rule.text("/exitCodes/operator") {
        "In" => is_listed,
        "NotIn" => !is_listed,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn rule(action: &str, operator: &str, values: &[i64]) -> Value {
        json!({"action": action, "exitCodes": {"operator": operator, "values": values}})
    }

    fn spec(policy: &str, container: Value) -> Value {
        json!({"restartPolicy": policy, "containers": [container]})
    }

    fn end(spec: &Value, code: i64) -> AfterExit {
        after_exit(spec, &spec["containers"][0], code)
    }

    #[test]
    fn rules_then_the_containers_policy_then_the_pods() {
        use AfterExit::{AllRestart, EndsPod, Restarts};
        let in_42 = |action: &str, own: &str| json!({"restartPolicy": own, "restartPolicyRules": [rule(action, "In", &[42])]});
        // (policy of the pod, container, after 0, after 1, after 42)
        for (policy, container, expected) in [
            ("Always", json!({}), [Restarts, Restarts, Restarts]),
            ("", json!({}), [Restarts, Restarts, Restarts]),
            ("OnFailure", json!({}), [EndsPod, Restarts, Restarts]),
            ("Never", json!({}), [EndsPod, EndsPod, EndsPod]),
            ("Always", json!({"restartPolicy": "Never"}), [EndsPod, EndsPod, EndsPod]),
            ("Never", json!({"restartPolicy": "Always"}), [Restarts, Restarts, Restarts]),
            ("Always", json!({"restartPolicy": "OnFailure"}), [EndsPod, Restarts, Restarts]),
            ("Always", in_42("Restart", "Never"), [EndsPod, EndsPod, Restarts]),
            ("Always", in_42("RestartAllContainers", "Never"), [EndsPod, EndsPod, AllRestart]),
            ("Always", in_42("Later", "Never"), [EndsPod, EndsPod, EndsPod]),
            (
                "Never",
                json!({"restartPolicyRules": [rule("Restart", "In", &[42])]}),
                [EndsPod, EndsPod, EndsPod],
            ),
            (
                "Always",
                json!({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart", "NotIn", &[0])]}),
                [EndsPod, Restarts, Restarts],
            ),
        ] {
            let spec = spec(policy, container);
            assert_eq!([0, 1, 42].map(|code| end(&spec, code)), expected, "{spec}");
        }
    }

    #[test]
    fn beside_another_container_it_stays_dead() {
        let two = json!({"restartPolicy": "Always", "containers": [{"restartPolicy": "Never"}, {}]});
        assert_eq!(end(&two, 1), AfterExit::StaysDead);
        assert_eq!(after_exit(&two, &two["containers"][1], 1), AfterExit::Restarts);
    }

    #[test]
    fn the_first_exit_code_that_is_final() {
        let of = |container: Value, counts: fn(i64) -> bool| {
            let spec = spec("Always", container);
            final_exit(&spec, &spec["containers"][0], counts).map(|(code, _)| code)
        };
        let any = |_| true;
        let crash = |code| code != 0;
        assert_eq!(of(json!({}), any), None);
        assert_eq!(of(json!({"restartPolicy": "Never"}), any), Some(0));
        assert_eq!(of(json!({"restartPolicy": "OnFailure"}), any), Some(0));
        assert_eq!(of(json!({"restartPolicy": "OnFailure"}), crash), None);
        let but_1 = json!({"restartPolicy": "Never", "restartPolicyRules": [rule("Restart", "In", &[0, 1])]});
        assert_eq!(of(but_1, any), Some(2));
    }

    #[test]
    fn only_an_init_container_that_always_restarts_is_a_sidecar() {
        assert!(is_sidecar(&json!({"restartPolicy": "Always"})));
        assert!(!is_sidecar(&json!({})) && !is_sidecar(&json!({"restartPolicy": "OnFailure"})));
    }

    proptest! {
        /// No exit code ends a container for good that `final_exit` does not know of.
        #[test]
        fn what_is_not_final_restarts_after_every_code(
            own in prop::sample::select(vec!["Always", "OnFailure", "Never"]),
            operator in prop::sample::select(vec!["In", "NotIn"]),
            action in prop::sample::select(vec!["Restart", "RestartAllContainers"]),
            values in prop::collection::vec(0..256i64, 0..6),
            code in 0..256i64,
        ) {
            let spec = spec("Always", json!({"restartPolicy": own, "restartPolicyRules": [rule(action, operator, &values)]}));
            if final_exit(&spec, &spec["containers"][0], |_| true).is_none() {
                prop_assert!(matches!(end(&spec, code), AfterExit::Restarts | AfterExit::AllRestart));
            }
        }
    }
}
