//! Disruption budgets, found by the namespace of a pod: a namespace has few of them, a cluster has thousands.

use std::collections::BTreeMap;
use std::ops::Deref;

use k8s_openapi::api::core::v1::Pod;

use crate::disruption_budget::DisruptionBudget;
use crate::pod::PodExt;

/// Read as a slice, in the order in which they were listed.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    all: Vec<DisruptionBudget>,
    by_namespace: BTreeMap<String, Vec<usize>>,
}

impl Budgets {
    /// `namespace/name`.
    pub fn get(&self, key: &str) -> Option<&DisruptionBudget> {
        let (namespace, _) = key.split_once('/')?;
        self.in_namespace(namespace).find(|budget| budget.key() == key)
    }

    /// Those that select the pod; with more than one of them the API server does not evict it.
    pub fn of(&self, pod: &Pod) -> Vec<&DisruptionBudget> {
        self.in_namespace(pod.namespace()).filter(|budget| budget.selects(pod)).collect()
    }

    fn in_namespace(&self, name: &str) -> impl Iterator<Item = &DisruptionBudget> {
        self.by_namespace.get(name).into_iter().flatten().map(|&index| &self.all[index])
    }
}

/// Adds a page of a list.
impl Extend<DisruptionBudget> for Budgets {
    fn extend<I: IntoIterator<Item = DisruptionBudget>>(&mut self, page: I) {
        for budget in page {
            self.by_namespace.entry(budget.namespace().to_owned()).or_default().push(self.all.len());
            self.all.push(budget);
        }
    }
}

impl From<Vec<DisruptionBudget>> for Budgets {
    fn from(all: Vec<DisruptionBudget>) -> Self {
        let mut budgets = Budgets::default();
        budgets.extend(all);
        budgets
    }
}

impl Deref for Budgets {
    type Target = [DisruptionBudget];

    fn deref(&self) -> &[DisruptionBudget] {
        &self.all
    }
}

impl IntoIterator for Budgets {
    type Item = DisruptionBudget;
    type IntoIter = std::vec::IntoIter<DisruptionBudget>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, budget, pod};
    use serde_json::json;

    #[test]
    fn budgets_of_a_pod_are_those_of_its_namespace_that_select_it() {
        let everything = json!({"spec": {"selector": {"matchLabels": null}}});
        let mut budgets = Budgets::from(vec![budget("shop/web", json!({})), budget("other/web", json!({}))]);
        budgets.extend([budget("shop/all", everything)]);
        let keys = |pod: &Pod| budgets.of(pod).into_iter().map(DisruptionBudget::key).collect::<Vec<_>>();
        assert_eq!(keys(&pod("shop/p", "n").label("app", "web")), ["shop/web", "shop/all"]);
        assert_eq!(keys(&pod("shop/p", "n")), ["shop/all"]);
        assert_eq!(keys(&pod("other/p", "n")), [""; 0]);
        assert_eq!(keys(&pod("none/p", "n")), [""; 0]);
        assert_eq!(budgets.get("other/web").map(DisruptionBudget::key), Some("other/web"));
        assert_eq!(budgets.get("other/all"), None);
    }
}
