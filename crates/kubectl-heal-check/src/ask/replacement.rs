//! The dry run of a pod as the controller of a workload would make it. The template is read whole for it, sent back to the server that
//! it came from, and dropped.

use cluster_model::Raw;
use cluster_model::new_pod::{new_pod, new_pod_of_replicas};
use cluster_model::rollout::{Kind, Rollout, selector};
use cluster_model::secret::clean;
use cluster_model::text::shorten;
use kube::api::ListParams;
use plugin_client::api::dry_run::{PodAnswer, create_pod};
use plugin_client::{Cluster, Failure, Right};
use serde_json::Value;

use super::Denied;
use crate::gather::objects;
use crate::snapshot::server_answers::Replacement;
use crate::snapshot::{Read, Workload};

const FIELD_MANAGER: &str = "kubectl-heal-check";
const LONGEST: usize = 600;
/// A shorter value is found in any text by chance.
const SHORTEST_VALUE: usize = 6;

pub async fn of(cluster: &Cluster, workload: &Workload, denied: &Denied) -> Replacement {
    let subject = &workload.subject;
    let right = Right::new("create", "", "pods").namespace(&subject.namespace);
    if let Some(why) = denied.why(&right) {
        return Replacement::Unknown(why);
    }
    let unknown = |why: &str| Replacement::Unknown(format!("{subject}: {why}"));
    let pod = match pod(cluster, workload).await {
        Ok(Some(pod)) => pod,
        Ok(None) => return unknown("it was deleted while the server was asked"),
        Err(failure) => return unknown(&failure.to_string()),
    };
    let answer = create_pod(cluster, &subject.namespace, pod.clone(), FIELD_MANAGER).await;
    meaning(answer, &pod["spec"], &subject.to_string()).unwrap_or_else(|| {
        denied.note(&right);
        Replacement::Unknown(denied.why(&right).unwrap_or_default())
    })
}

/// `None`: you have no right to ask.
fn meaning(answer: PodAnswer, spec: &Value, subject: &str) -> Option<Replacement> {
    let unknown = |message: &str| Replacement::Unknown(format!("{subject}: {}", said(message, spec)));
    Some(match answer {
        PodAnswer::Admitted => Replacement::Admitted,
        PodAnswer::Refused(message) => Replacement::Refused(said(&message, spec)),
        PodAnswer::DryRunUnsupported(message) => unknown(&message),
        PodAnswer::Unknown(failure) => unknown(&failure.to_string()),
        PodAnswer::Denied(_) => return None,
    })
}

/// `None`: it is another workload by now, or none.
async fn pod(cluster: &Cluster, workload: &Workload) -> Result<Option<Value>, Failure> {
    let Some(read) = Read::of_kind(&workload.subject.kind) else { return Ok(None) };
    let namespace = workload.subject.namespace.as_str();
    // A list of one takes no right that the check does not need anyway.
    let one = ListParams::default().fields(&format!("metadata.name={}", workload.subject.name));
    let found = list(cluster, read, namespace, one).await?;
    let Some(object) = found.into_iter().find(|it| it.uid() == &*workload.uid) else { return Ok(None) };
    let (kind, group, version, _) = read.api();
    let Some(kind) = Kind::parse(kind) else {
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        return Ok(Some(new_pod_of_replicas(&object, &api_version, kind)));
    };
    let sets = match kind {
        Kind::Deployment => {
            let own = ListParams::default().labels(&selector(&object));
            list(cluster, Read::ReplicaSets, namespace, own).await?
        }
        Kind::StatefulSet | Kind::DaemonSet => Vec::new(),
    };
    let rollout = Rollout::new(kind, object, &sets, Vec::new());
    let pod = new_pod(&rollout, rollout.template());
    Ok(Some(pod))
}

async fn list(
    cluster: &Cluster,
    read: Read,
    namespace: &str,
    params: ListParams,
) -> Result<Vec<Value>, Failure> {
    let api = objects::api(cluster, read, Some(namespace));
    let keep = |object: plugin_client::RawObject| Some(object.value);
    plugin_client::api::list::collect(&api, read.api().3, params, plugin_client::api::list::PAGE, keep).await
}

/// Without the name of the pod, which is another one each time, and without values of its environment.
fn said(message: &str, spec: &Value) -> String {
    let named = message.strip_prefix("pods \"").or_else(|| message.strip_prefix("Pod \""));
    let cause = named.and_then(|rest| {
        [" is forbidden: ", " is invalid: "].iter().find_map(|verb| Some(rest.split_once(verb)?.1))
    });
    let mut text = cause.unwrap_or(message).to_owned();
    for at in ["/containers", "/initContainers", "/ephemeralContainers"] {
        for value in spec.list(at).iter().flat_map(|it| it.list("/env")).map(|it| it.text("/value")) {
            if value.len() >= SHORTEST_VALUE {
                text = text.replace(value, "…");
            }
        }
    }
    shorten(&clean(&text), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_refusal_of_the_pod_is_one() {
        let of = |answer| meaning(answer, &json!({}), "deployment/web");
        let unknown = |why: &str| Some(Replacement::Unknown(format!("deployment/web: {why}")));
        let no_dry_run = "admission webhook \"w\" does not support dry run";
        assert_eq!(of(PodAnswer::DryRunUnsupported(no_dry_run.to_owned())), unknown(no_dry_run), "E5");
        assert_eq!(of(PodAnswer::Unknown(Failure::failed("no answer"))), unknown("no answer"));
        assert_eq!(of(PodAnswer::Denied("cannot create resource".to_owned())), None);
        assert_eq!(of(PodAnswer::Admitted), Some(Replacement::Admitted));
        assert_eq!(of(PodAnswer::Refused("no".to_owned())), Some(Replacement::Refused("no".to_owned())));
    }

    #[test]
    fn of_an_answer_the_cause_is_kept_and_no_value_of_the_environment() {
        let spec = json!({"containers": [{"env": [{"name": "A", "value": "hunter22"}, {"name": "B", "value": "on"}]}]});
        for (message, kept) in [
            (
                "pods \"web-x7k2p\" is forbidden: exceeded quota: q, requested: pods=1",
                "exceeded quota: q, requested: pods=1",
            ),
            ("Pod \"web-x\" is invalid: spec.containers: Required value", "spec.containers: Required value"),
            (
                "admission webhook \"w\" denied the request: A is hunter22",
                "admission webhook \"w\" denied the request: A is …",
            ),
            ("no such class on it", "no such class on it"),
        ] {
            assert_eq!(said(message, &spec), kept);
        }
    }
}
