//! A pod of a template as the scheduler will see it: with what the controller and the API server add.

use cluster_model::PodExt;
use cluster_model::new_pod::new_pod_of;
use cluster_model::rollout::{Ordinals, Rollout};
use k8s_openapi::api::core::v1::{
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodAffinityTerm, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use serde_json::Value;

/// The value of the label that tells revisions apart, for a revision that is still to be made: no pod has it.
const NO_HASH_YET: &str = "new";

/// `ordinal`: of a StatefulSet's pod; without one it is the first. `None`: the template is no pod's.
pub fn pod_to_place(rollout: &Rollout, template: &Value, ordinal: Option<i64>) -> Option<Pod> {
    let ordinal = ordinal.unwrap_or_else(|| Ordinals::of(&rollout.object).all.start);
    let mut pod: Pod = serde_json::from_value(new_pod_of(rollout, template, ordinal)).ok()?;
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.entry(rollout.id.kind.hash_label().to_owned()).or_insert_with(|| NO_HASH_YET.to_owned());
    tolerate(&mut pod, rollout.id.kind.rules().added_tolerations());
    merge_label_keys(&mut pod);
    pin(&mut pod);
    Some(pod)
}

/// Its pods run where others may not.
fn tolerate(pod: &mut Pod, keys: &[&str]) {
    let Some(spec) = &mut pod.spec else { return };
    let added = keys.iter().map(|key| Toleration {
        key: Some((*key).to_owned()),
        operator: Some("Exists".to_owned()),
        ..Toleration::default()
    });
    spec.tolerations.get_or_insert_default().extend(added);
}

/// The server adds the pod's values of `matchLabelKeys` and `mismatchLabelKeys` to the selectors of its terms when the pod is created
/// (`pkg/registry/core/pod/strategy.go`, applyMatchLabelKeysAndMismatchLabelKeys): the template does not have them.
fn merge_label_keys(pod: &mut Pod) {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let Some(affinity) = pod.spec.as_mut().and_then(|spec| spec.affinity.as_mut()) else { return };
    let together = affinity.pod_affinity.iter_mut();
    let together = together.flat_map(|it| &mut it.required_during_scheduling_ignored_during_execution);
    let apart = affinity.pod_anti_affinity.iter_mut();
    let apart = apart.flat_map(|it| &mut it.required_during_scheduling_ignored_during_execution);
    for term in together.chain(apart).flatten() {
        let PodAffinityTerm { label_selector, match_label_keys, mismatch_label_keys, .. } = term;
        let Some(selector) = label_selector else { continue };
        for (operator, keys) in [("In", match_label_keys), ("NotIn", mismatch_label_keys)] {
            for key in keys.iter().flatten() {
                let Some(value) = labels.get(key) else { continue };
                selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                    key: key.clone(),
                    operator: operator.to_owned(),
                    values: Some(vec![value.clone()]),
                });
            }
        }
    }
}

/// A template that names its node is taken as one that may run on no other.
fn pin(pod: &mut Pod) {
    if pod.node().is_empty() {
        return;
    }
    let Some(spec) = &mut pod.spec else { return };
    let Some(name) = spec.node_name.take() else { return };
    let field = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![name]),
    };
    let affinity = spec.affinity.get_or_insert_default().node_affinity.get_or_insert_default();
    let required = affinity
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_with(|| NodeSelector { node_selector_terms: vec![NodeSelectorTerm::default()] });
    for term in &mut required.node_selector_terms {
        term.match_fields.get_or_insert_default().push(field.clone());
    }
}
