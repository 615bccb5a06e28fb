//! HorizontalPodAutoscalers, as raw JSON.

use crate::Raw;
use crate::rollout::Id;

/// Does it set the replicas of this workload? Its controller finds the target by group, kind and name; a reference without an `apiVersion`
/// is to the core group, which has no workloads of these kinds (pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler).
pub fn scales<J: Raw>(autoscaler: &J, workload: &Id) -> bool {
    let target = |field: &str| autoscaler.text(&format!("/spec/scaleTargetRef/{field}"));
    let group = target("apiVersion").split_once('/').map_or("", |(group, _)| group);
    let of = workload.kind.resource();
    group == of.group && target("kind") == of.kind && target("name") == workload.name
}

/// With no replicas an autoscaler does nothing, unless its own minimum is none (horizontal.go, reconcileAutoscaler: ScalingDisabled).
/// KEDA takes a workload from none to one by itself.
pub fn is_disabled<J: Raw>(autoscaler: &J, replicas: i64) -> bool {
    replicas == 0 && autoscaler.number("/spec/minReplicas") != Some(0) && keda_object(autoscaler).is_none()
}

/// The ScaledObject for which KEDA made this autoscaler.
pub fn keda_object<J: Raw>(autoscaler: &J) -> Option<&str> {
    autoscaler.label("scaledobject.keda.sh/name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Kind;
    use serde_json::{Value, json};

    #[test]
    fn it_scales_what_its_reference_names() {
        let web =
            Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        for (target, expected) in [
            (json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}), true),
            (json!({"apiVersion": "apps/v1beta1", "kind": "Deployment", "name": "web"}), true),
            (json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}), false),
            (json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}), false),
            (json!({"apiVersion": "apps.example.com/v1", "kind": "Deployment", "name": "web"}), false),
            (json!({"kind": "Deployment", "name": "web"}), false),
            (json!(null), false),
        ] {
            assert_eq!(scales(&json!({"spec": {"scaleTargetRef": target}}), &web), expected, "{target}");
        }
    }

    #[test]
    fn without_replicas_it_does_nothing() {
        let least = |least: Value| json!({"spec": {"minReplicas": least}});
        let keda =
            json!({"metadata": {"labels": {"scaledobject.keda.sh/name": "web"}}, "spec": {"minReplicas": 1}});
        for (autoscaler, replicas, disabled) in [
            (least(json!(2)), 0, true),
            (least(json!(null)), 0, true),
            (least(json!(0)), 0, false),
            (least(json!(2)), 1, false),
            (keda, 0, false),
        ] {
            assert_eq!(is_disabled(&autoscaler, replicas), disabled, "{autoscaler} {replicas}");
        }
    }
}
