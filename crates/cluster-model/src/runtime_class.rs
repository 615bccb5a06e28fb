//! RuntimeClasses: what they add to a pod (`plugin/pkg/admission/runtimeclass/admission.go`).

use serde_json::{Value, json};

use crate::Raw;

/// The spec with the overhead, the node labels and the tolerations of its class. What the class no longer has stays as the spec has it.
pub fn completed(spec: &Value, class: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(overhead) = class.pointer("/overhead/podFixed") {
        spec["overhead"] = overhead.clone();
    }
    if let Some(labels) = class.map("/scheduling/nodeSelector") {
        if spec["nodeSelector"].is_null() {
            spec["nodeSelector"] = json!({});
        }
        for (key, value) in labels {
            spec["nodeSelector"][key] = value.clone();
        }
    }
    let tolerations = class.list("/scheduling/tolerations");
    if !tolerations.is_empty() {
        let all = spec.list("/tolerations").iter().chain(tolerations).cloned();
        spec["tolerations"] = all.collect();
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_class_adds() {
        let own = json!({"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a"}]});
        assert_eq!(completed(&own, &json!({"handler": "runc"})), own);
        let class = json!({"overhead": {"podFixed": {"cpu": "250m"}},
            "scheduling": {"nodeSelector": {"sandbox": "gvisor"}, "tolerations": [{"key": "b"}]}});
        let expected = json!({"nodeSelector": {"disk": "ssd", "sandbox": "gvisor"},
            "tolerations": [{"key": "a"}, {"key": "b"}], "overhead": {"cpu": "250m"}});
        assert_eq!(completed(&own, &class), expected);
        assert_eq!(completed(&json!({}), &class)["nodeSelector"], json!({"sandbox": "gvisor"}));
    }
}
