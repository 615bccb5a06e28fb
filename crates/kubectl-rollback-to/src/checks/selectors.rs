//! Network policies and disruption budgets find pods by labels too, and report nothing when they select others.

use std::collections::BTreeMap;

use cluster_model::{Finding, Raw, Severity, selector};
use serde_json::Value;

use super::Case;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match case.seen("network policies", |around| &around.network_policies) {
        Ok(policies) => findings.extend(policies.iter().filter_map(|policy| network(case, policy))),
        Err(unknown) => findings.push(unknown),
    }
    match case.seen("PodDisruptionBudgets", |around| &around.budgets) {
        Ok(budgets) => findings.extend(budgets.iter().filter_map(|budget| protection(case, budget))),
        Err(unknown) => findings.push(unknown),
    }
    findings
}

fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    selector::selects(selector::from_json(selector).as_ref(), Some(labels))
}

fn network(case: &Case<'_>, policy: &Value) -> Option<Finding> {
    let (today, then) = (case.rollout().template().labels(), case.template().labels());
    let changed = |selector: &Value| (selects(selector, &today), selects(selector, &then));
    // Peers in other namespaces are not pods of this workload, whatever their labels.
    let peers = |rules: &str, side: &str| -> Vec<(bool, bool)> {
        let rules =
            policy.list(rules).iter().flat_map(move |rule| rule[side].as_array().into_iter().flatten());
        rules
            .filter(|peer| peer["namespaceSelector"].is_null())
            .map(|peer| changed(&peer["podSelector"]))
            .collect()
    };
    let flips = |found: Vec<(bool, bool)>, lost: &str, gained: &str| -> Option<String> {
        // It is enough that one of the peers lets the pods through.
        let (today, then) = (found.iter().any(|(today, _)| *today), found.iter().any(|(_, then)| *then));
        let what = if today { lost } else { gained };
        (today != then).then(|| what.to_owned())
    };
    let changes: Vec<String> = [
        flips(
            vec![changed(&policy["spec"]["podSelector"])],
            "no longer applies to its pods",
            "applies to its pods after the rollback",
        ),
        flips(
            peers("/spec/ingress", "from"),
            "no longer allows its pods in",
            "allows its pods in after the rollback",
        ),
        flips(
            peers("/spec/egress", "to"),
            "no longer allows egress to its pods",
            "allows egress to its pods after the rollback",
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let name = policy.name();
    (!changes.is_empty()).then(|| {
        let message = format!("changes network policy {name}, which {}", changes.join(", and "));
        case.finding("network-policy-selection-changes", Severity::Warning, message)
            .remedy(format!("kubectl describe networkpolicy {name} -n {}", case.rollout().id.namespace))
    })
}

fn protection(case: &Case<'_>, budget: &Value) -> Option<Finding> {
    let (today, then) = (case.rollout().template().labels(), case.template().labels());
    let selector = &budget["spec"]["selector"];
    let name = budget.name();
    let changes = |message: String| {
        case.finding("budget-selection-changes", Severity::Warning, message)
            .remedy(format!("kubectl describe pdb {name} -n {}", case.rollout().id.namespace))
    };
    match (selects(selector, &today), selects(selector, &then)) {
        (true, false) => Some(changes(format!("is no longer selected by PDB {name} after the rollback"))),
        (false, true) => {
            Some(changes(format!("is selected by PDB {name} after the rollback, and is not now")))
        }
        (true, true) => {
            // pkg/controller: no workload controller evicts; it deletes.
            let message = format!(
                "is selected by PDB {name}, which limits evictions, not rollouts: only the update strategy applies"
            );
            Some(case.finding("budget-does-not-protect", Severity::Info, message))
        }
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    /// Today's template has label tier=web; the older one has what is given.
    fn fixture(labels: Value) -> Fixture {
        Fixture::of(Kind::Deployment)
            .live(json!({"spec": {"template": {"metadata": {"labels": {"tier": "web"}}}}}))
            .then(json!({"metadata": {"labels": labels}}))
    }

    fn policy(spec: Value, labels: Value) -> Fixture {
        let mut fixture = fixture(labels);
        fixture.around().network_policies =
            Known::Seen(vec![json!({"metadata": {"name": "walls"}, "spec": spec})]);
        fixture
    }

    fn budget(selector: Value, labels: Value) -> Fixture {
        let mut fixture = fixture(labels);
        let budget = json!({"metadata": {"name": "guard"}, "spec": {"selector": selector}});
        fixture.around().budgets = Known::Seen(vec![budget]);
        fixture
    }

    fn tier() -> Value {
        json!({"matchLabels": {"tier": "web"}})
    }

    #[test]
    fn network_policy_selection_changes() {
        let not = json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]});
        let none = json!({"matchLabels": {"app": "other"}});
        let cases = [
            (json!({"podSelector": tier()}), "no longer applies to its pods"),
            (json!({"podSelector": not}), "applies to its pods after the rollback"),
            (
                json!({"podSelector": none, "ingress": [{"from": [{"podSelector": tier()}]}]}),
                "no longer allows its pods in",
            ),
            (
                json!({"podSelector": none, "egress": [{"to": [{"podSelector": tier()}]}]}),
                "no longer allows egress to its pods",
            ),
        ];
        for (spec, message) in cases {
            let bad = policy(spec.clone(), json!({}));
            fires(
                "network-policy-selection-changes",
                Severity::Warning,
                &bad,
                &policy(spec, json!({"tier": "web"})),
            );
            assert_eq!(
                bad.message_of("network-policy-selection-changes"),
                format!("changes network policy walls, which {message}")
            );
        }
        let bad = policy(json!({"podSelector": tier()}), json!({}));
        for harmless in [
            json!({"podSelector": {}}),
            json!({"podSelector": none}),
            json!({"podSelector": none, "ingress": [{"from": [{"podSelector": tier(), "namespaceSelector": {}}]}]}),
            json!({"podSelector": none, "ingress": [{"from": [{"podSelector": tier()}, {"podSelector": {}}]}]}),
        ] {
            fires("network-policy-selection-changes", Severity::Warning, &bad, &policy(harmless, json!({})));
        }
    }

    #[test]
    fn budget_selection_changes() {
        let good = budget(tier(), json!({"tier": "web"}));
        fires("budget-selection-changes", Severity::Warning, &budget(tier(), json!({})), &good);
        let other = json!({"matchLabels": {"tier": "db"}});
        fires("budget-selection-changes", Severity::Warning, &budget(other, json!({"tier": "db"})), &good);
    }

    #[test]
    fn budget_does_not_protect() {
        let tiered = json!({"tier": "web"});
        fires(
            "budget-does-not-protect",
            Severity::Info,
            &budget(json!({}), tiered.clone()),
            &budget(Value::Null, tiered),
        );
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut bad = Fixture::of(Kind::Deployment);
        bad.around().budgets = Known::Unknown("forbidden".into());
        fires("surroundings-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
        let mut bad = Fixture::of(Kind::Deployment);
        bad.around().network_policies = Known::Unknown("forbidden".into());
        fires("surroundings-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
    }
}
