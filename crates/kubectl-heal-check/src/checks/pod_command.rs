//! Commands that show a pod, complete.

use plugin_client::shell::word;

use crate::snapshot::pod::PodState;

pub fn describe(pod: &PodState) -> String {
    of("describe", pod)
}

pub fn get(pod: &PodState) -> String {
    of("get", pod)
}

fn of(verb: &str, pod: &PodState) -> String {
    format!("kubectl {verb} pod {} -n {}", word(&pod.name), word(&pod.namespace))
}
