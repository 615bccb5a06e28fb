//! What is written differently and means the same.

use cluster_model::rollout::same;
use serde_json::{Value, json};

use super::super::diff;
use super::{WEB, base, lines_of, with};

#[test]
fn spelling_a_default_is_no_difference() {
    let mut undefaulted = base();
    for (parent, keys) in [
        (WEB, &["imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy"][..]),
        ("/spec/containers/0/ports/0", &["protocol"]),
        (
            "/spec/containers/0/livenessProbe",
            &["periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"],
        ),
        ("/spec/containers/0/livenessProbe/httpGet", &["scheme"]),
        ("/spec/volumes/1/configMap", &["defaultMode"]),
        (
            "/spec",
            &[
                "securityContext",
                "restartPolicy",
                "dnsPolicy",
                "schedulerName",
                "terminationGracePeriodSeconds",
                "serviceAccount",
            ],
        ),
    ] {
        for key in keys {
            undefaulted.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(*key).unwrap();
        }
    }
    assert!(!same(&base(), &undefaulted));
    assert_eq!(lines_of(&diff(&base(), &undefaulted, false)), Vec::<String>::new());
    for (at, value) in [
        ("/spec/enableServiceLinks", json!(true)),
        ("/spec/hostNetwork", json!(false)),
        ("/spec/containers/0/stdin", json!(false)),
        ("/spec/containers/0/livenessProbe/initialDelaySeconds", json!(0)),
        ("/spec/containers/0/volumeMounts/0/readOnly", json!(false)),
        ("/spec/tolerations/0/effect", json!("")),
        ("/spec/volumes/0/emptyDir/medium", json!("")),
        ("/spec/containers/0/securityContext/procMount", json!("Default")),
        ("/metadata/creationTimestamp", json!(null)),
    ] {
        assert_eq!(lines_of(&diff(&base(), &with(at, value), false)), Vec::<String>::new(), "{at}");
    }
    // A default of one image is a choice for another.
    let latest = with(WEB, json!({"image": "r.io/shop:latest", "imagePullPolicy": null}));
    assert_eq!(
        lines_of(&diff(&base(), &latest, false)),
        [
            "container web | ~ image | r.io/shop:1.5 → r.io/shop:latest",
            "container web | ~ imagePullPolicy | IfNotPresent → Always"
        ]
    );
}

#[test]
fn the_same_amount_is_no_difference() {
    for (at, value) in [
        ("/spec/containers/0/resources/requests/cpu", json!("0.5")),
        ("/spec/containers/0/resources/requests/memory", json!("1024Mi")),
        ("/spec/volumes/0/emptyDir/sizeLimit", json!("1048576Ki")),
    ] {
        assert_eq!(lines_of(&diff(&base(), &with(at, value), false)), Vec::<String>::new(), "{at}");
    }
}

fn swapped(list: &str, a: usize, b: usize) -> Value {
    let mut template = base();
    template.pointer_mut(list).unwrap().as_array_mut().unwrap().swap(a, b);
    template
}

#[test]
fn order_counts_only_where_it_means_something() {
    for (list, a, b, line) in [
        ("/spec/containers", 0, 1, ""),
        ("/spec/containers/0/ports", 0, 1, ""),
        ("/spec/containers/0/volumeMounts", 0, 1, ""),
        ("/spec/containers/0/securityContext/capabilities/drop", 0, 1, ""),
        ("/spec/volumes", 0, 1, ""),
        ("/spec/tolerations", 0, 1, ""),
        (
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0/values",
            0,
            1,
            "",
        ),
        (
            "/spec/containers/0/env",
            0,
            2,
            "container web | ~ env URL order | HOST before URL → URL before HOST",
        ),
        ("/spec/containers/0/env", 1, 2, ""),
        ("/spec/initContainers", 0, 1, "pod | ~ init container order | setup, migrate → migrate, setup"),
        (
            "/spec/containers/0/envFrom",
            0,
            1,
            "container web | ~ envFrom order | configmap app, secret app → secret app, configmap app",
        ),
        ("/spec/containers/0/args", 0, 1, "container web | ~ args | --level debug → debug --level"),
    ] {
        assert_eq!(lines_of(&diff(&base(), &swapped(list, a, b), false)).join("\n"), line, "{list}");
    }
}
