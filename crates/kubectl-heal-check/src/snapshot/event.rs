//! Events, of which only what the checks read is kept. The server drops them after an hour (`--event-ttl`): that there is none proves nothing.

use cluster_model::Raw;
use cluster_model::secret::clean;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// What happened. Each is a field selector for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A probe failed.
    Unhealthy,
    /// The kubelet stops a container.
    Killing,
    /// A controller could not create a pod.
    FailedCreate,
    /// The kubelet could not mount a volume (`pkg/kubelet/events/event.go`, as the next ones).
    FailedMount,
    /// A volume was not attached to the node.
    FailedAttachVolume,
    /// The runtime could not make what the containers of a pod share, as its network.
    FailedCreatePodSandBox,
}

impl Reason {
    pub const ALL: [Reason; 6] = [
        Reason::Unhealthy,
        Reason::Killing,
        Reason::FailedCreate,
        Reason::FailedMount,
        Reason::FailedAttachVolume,
        Reason::FailedCreatePodSandBox,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Reason::Unhealthy => "Unhealthy",
            Reason::Killing => "Killing",
            Reason::FailedCreate => "FailedCreate",
            Reason::FailedMount => "FailedMount",
            Reason::FailedAttachVolume => "FailedAttachVolume",
            Reason::FailedCreatePodSandBox => "FailedCreatePodSandBox",
        }
    }
}

/// One event, which stands for as many as `count` since `first`.
#[derive(Clone, Debug)]
pub struct Event {
    pub reason: Reason,
    /// The UID of the object that it is about.
    pub uid: String,
    /// Of a pod; empty if the event is not about one of its containers.
    pub container: String,
    pub message: String,
    pub count: i64,
    pub first: Timestamp,
    pub last: Timestamp,
}

impl Event {
    /// `None` if nothing here reads such an event.
    pub fn of(object: &Value) -> Option<Self> {
        let reason = Reason::ALL.into_iter().find(|it| it.word() == object.text("/reason"))?;
        let message = object.text("/message");
        // A deleted pod is killed too, and most probes fail for other reasons.
        let is_read = match reason {
            Reason::Killing => is_probe_kill(message),
            Reason::Unhealthy => is_time_out(message),
            Reason::FailedCreate
            | Reason::FailedMount
            | Reason::FailedAttachVolume
            | Reason::FailedCreatePodSandBox => true,
        };
        let first_of = |fields: &[&str]| fields.iter().find_map(|at| object.time(at));
        let last = first_of(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime"])?;
        is_read.then(|| Event {
            reason,
            uid: object.text("/involvedObject/uid").to_owned(),
            container: container(object.text("/involvedObject/fieldPath")).to_owned(),
            message: clean(message),
            count: object.number("/series/count").or(object.number("/count")).unwrap_or(1).max(1),
            first: first_of(&["/firstTimestamp", "/eventTime"]).unwrap_or(last),
            last,
        })
    }
}

/// What is kept of an Event that is read, in the form in which it came.
pub fn shortened(object: &Value) -> Option<Value> {
    Event::of(object)?;
    let involved = &object["involvedObject"];
    Some(json!({
        "kind": "Event",
        "metadata": {"namespace": object.text("/metadata/namespace"), "name": object.name()},
        "involvedObject": {"uid": involved["uid"], "fieldPath": involved["fieldPath"]},
        "reason": object["reason"], "message": object["message"], "count": object["count"],
        "series": object["series"], "firstTimestamp": object["firstTimestamp"],
        "lastTimestamp": object["lastTimestamp"], "eventTime": object["eventTime"],
    }))
}

/// `Container web failed liveness probe, will be restarted` (`pkg/kubelet/kuberuntime/kuberuntime_manager.go`, computePodActions).
fn is_probe_kill(message: &str) -> bool {
    message.contains("failed liveness probe") || message.contains("failed startup probe")
}

/// What the kubelet's probers say of an answer that did not come in time: of HTTP and gRPC Go's own words, of commands the runtime's
/// (`pkg/probe/http/http.go`, `pkg/probe/grpc/grpc.go`, `pkg/probe/exec/errors.go`).
fn is_time_out(message: &str) -> bool {
    let words =
        ["deadline exceeded", "timed out", "i/o timeout", "Client.Timeout", "did not complete within"];
    words.iter().any(|word| message.contains(word))
}

/// `spec.containers{web}`
fn container(path: &str) -> &str {
    path.split_once('{').map_or("", |(_, name)| name.trim_end_matches('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str, message: &str) -> Value {
        json!({"kind": "Event", "metadata": {"namespace": "shop", "name": "e", "managedFields": []}, "reason": reason, "message": message,
            "involvedObject": {"kind": "Pod", "uid": "u", "fieldPath": "spec.containers{web}"},
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:10:00Z", "count": 4})
    }

    #[test]
    fn only_what_is_read_is_kept() {
        for (reason, message, kept) in [
            ("Killing", "Container web failed liveness probe, will be restarted", true),
            ("Killing", "Stopping container web", false),
            ("Unhealthy", "Liveness probe failed: Get \"http://10.0.0.1/\": context deadline exceeded", true),
            ("Unhealthy", "Readiness probe failed: command timed out: \"check\" timed out after 1s", true),
            ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", false),
            ("FailedCreate", "Error creating: exceeded quota", true),
            ("Scheduled", "Successfully assigned", false),
        ] {
            let short = shortened(&event(reason, message));
            assert_eq!(short.is_some(), kept, "{reason} {message}");
            if let Some(short) = short {
                let of = |object: &Value| {
                    let it = Event::of(object).unwrap();
                    (it.uid, it.container, it.message, it.count, it.first, it.last)
                };
                assert_eq!(of(&short), of(&event(reason, message)), "nothing that is read is lost");
            }
        }
    }

    #[test]
    fn series_count_as_often_as_they_say() {
        let mut object = event("FailedCreate", "no");
        object["eventTime"] = json!("2026-01-01T00:00:00.000000Z");
        object["series"] = json!({"count": 9, "lastObservedTime": "2026-01-01T00:30:00.000000Z"});
        let event = Event::of(&object).unwrap();
        assert_eq!((event.count, event.last), (9, "2026-01-01T00:30:00Z".parse().unwrap()));
        assert_eq!(event.container, "web");
    }
}
