//! What every server refuses in an object, whatever is in its cluster: names, numbers and selectors. Pure.
//!
//! The rules are those of `pkg/apis/*/validation` and `staging/src/k8s.io/apimachinery/pkg/util/validation`. What admission may still
//! change before they apply, as an image that is missing, is left to the server.

mod label_selector;
mod pod_spec;
mod refusal;
mod values;

use std::collections::BTreeSet;

use cluster_model::raw::escaped;
use cluster_model::{Raw, selector};
use serde_json::{Map, Value};

use crate::snapshot::Read;
use pod_spec::resources;
pub use refusal::{Refused, dotted};
use values::{is_dns_label, is_dns_subdomain, is_label, is_path_segment, is_port, is_schedule, port_or_name};

const COUNTS: [&str; 10] = [
    "/spec/replicas",
    "/spec/minReadySeconds",
    "/spec/progressDeadlineSeconds",
    "/spec/revisionHistoryLimit",
    "/spec/parallelism",
    "/spec/completions",
    "/spec/backoffLimit",
    "/spec/activeDeadlineSeconds",
    "/spec/successfulJobsHistoryLimit",
    "/spec/failedJobsHistoryLimit",
];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// Of a Deployment that does not say it.
const PROGRESS_DEADLINE: i64 = 600;
/// Its Jobs get eleven characters more.
const CRON_JOB_NAME: usize = 52;
/// Its pods get it as the value of a label (`pkg/apis/batch/validation/validation.go`, validateGeneratedSelector).
const JOB_NAME: usize = 63;

/// The first of it.
pub fn refused(read: Read, object: &Value) -> Option<Refused> {
    names(read, object)
        .or_else(|| labels(object, ""))
        .or_else(|| counts(read, object))
        .or_else(|| of_kind(read, object))
        .or_else(|| pods(read, object, read.template()?))
        .or_else(|| pod_spec::refused(read, object, read.template()?))
}

fn names(read: Read, object: &Value) -> Option<Refused> {
    let (name, prefix) = (object.text("/metadata/name"), object.text("/metadata/generateName"));
    let (field, name) = match name.is_empty() {
        false => ("name", name),
        true if prefix.is_empty() => {
            return Some(Refused::new("/metadata", "it has neither a name nor a generateName"));
        }
        true => ("generateName", prefix),
    };
    // Something is appended to a prefix.
    let checked = if field == "name" { name } else { name.trim_end_matches('-') };
    let (is_valid, what) = match read {
        Read::Services | Read::Namespaces => (is_dns_label(checked), "DNS label"),
        // For budgets no other rule is set than that it can be in a path (apimachinery/pkg/api/validation/path/name.go).
        Read::Budgets => (is_path_segment(name), "name that can be in a path"),
        _ => (is_dns_subdomain(checked), "DNS subdomain"),
    };
    let at = format!("/metadata/{field}");
    if !is_valid {
        return Some(Refused::new(at, format!("metadata.{field} {name:?} is no {what}")));
    }
    let most = match read {
        Read::CronJobs => CRON_JOB_NAME,
        Read::Jobs if field == "name" && object["spec"]["manualSelector"] != true => JOB_NAME,
        _ => usize::MAX,
    };
    if name.len() > most {
        return Some(Refused::new(at, format!("metadata.{field} has more than {most} characters")));
    }
    let namespace = object.text("/metadata/namespace");
    (!namespace.is_empty() && !is_dns_label(namespace)).then(|| {
        Refused::new("/metadata/namespace", format!("metadata.namespace {namespace:?} is no DNS label"))
    })
}

/// `at`: where its metadata is.
fn labels(object: &Value, at: &str) -> Option<Refused> {
    let at = format!("{at}/metadata/labels");
    let (key, value) = object
        .map(&at)?
        .iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
        .find(|(key, value)| !is_label(key, value))?;
    let why = format!("{} has {key}={value}, which is no label", dotted(&at));
    Some(Refused::new(format!("{at}/{}", escaped(key)), why))
}

fn counts(read: Read, object: &Value) -> Option<Refused> {
    // A StatefulSet with a negative number of them keeps all.
    let is_limit = |at: &&&str| read != Read::StatefulSets || **at != "/spec/revisionHistoryLimit";
    let of_jobs = COUNTS.iter().map(|at| format!("/spec/jobTemplate{at}"));
    let mut all = COUNTS.iter().filter(is_limit).map(|at| (*at).to_owned()).chain(of_jobs);
    all.find_map(|at| {
        let count = object.number(&at).filter(|count| *count < 0)?;
        let why = format!("{} is {count}, and has to be 0 or more", dotted(&at));
        Some(Refused::new(at, why))
    })
}

fn of_kind(read: Read, object: &Value) -> Option<Refused> {
    let spec = &object["spec"];
    match read {
        Read::Deployments => {
            let waits = object.number("/spec/minReadySeconds").unwrap_or_default();
            let deadline = object.number("/spec/progressDeadlineSeconds").unwrap_or(PROGRESS_DEADLINE);
            if deadline <= waits {
                return Some(Refused::new(
                    "/spec/progressDeadlineSeconds",
                    format!(
                        "spec.progressDeadlineSeconds is {deadline}, and has to be more than minReadySeconds ({waits})"
                    ),
                ));
            }
            moves_nothing("/spec/strategy/rollingUpdate", &spec["strategy"]["rollingUpdate"])
        }
        Read::Budgets if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() => {
            Some(Refused::new("/spec/maxUnavailable", "spec has both minAvailable and maxUnavailable"))
        }
        Read::Budgets => label_selector::refused(object, "/spec/selector").or_else(|| {
            ["minAvailable", "maxUnavailable"].into_iter().find_map(|field| {
                let value = &spec[field];
                (!value.is_null() && !is_share(value)).then(|| {
                    let why = "is neither a number from 0 on nor a percentage up to 100%";
                    Refused::new(format!("/spec/{field}"), format!("spec.{field} {value} {why}"))
                })
            })
        }),
        Read::Autoscalers => {
            let (least, most) = (object.number("/spec/minReplicas"), object.number("/spec/maxReplicas"));
            let (least, most) = (least.unwrap_or(1), most.unwrap_or_default());
            (least < 0 || most < 1 || most < least).then(|| {
                let why = format!("spec.minReplicas {least} and maxReplicas {most} are no range");
                Refused::new("/spec/maxReplicas", why)
            })
        }
        Read::CronJobs => {
            let schedule = object.text("/spec/schedule");
            (!is_schedule(schedule))
                .then(|| Refused::new("/spec/schedule", format!("spec.schedule {schedule:?} is no schedule")))
        }
        Read::Services => service_ports(object),
        Read::Claims => resources(&spec["resources"], "/spec/resources")
            .map(|it| Refused::new(it.at, format!("spec has {}", it.why))),
        Read::StatefulSets => {
            let at = "/spec/volumeClaimTemplates";
            object.list(at).iter().enumerate().find_map(|(number, claim)| {
                let within = format!("{at}/{number}/spec/resources");
                let Refused { at, why } = resources(&claim["spec"]["resources"], &within)?;
                Some(Refused::new(at, format!("spec.volumeClaimTemplates {:?} has {why}", claim.name())))
            })
        }
        _ => None,
    }
}

/// `pkg/apis/core/validation/validation.go`, validateServicePort. A targetPort that is 0 or empty is the port (SetDefaults_Service).
fn service_ports(object: &Value) -> Option<Refused> {
    let mut known = BTreeSet::new();
    object.list("/spec/ports").iter().enumerate().find_map(|(number, port)| {
        let refused =
            |field: &str, why: String| Some(Refused::new(format!("/spec/ports/{number}/{field}"), why));
        let (value, name) = (port.number("/port").unwrap_or_default(), port.text("/name"));
        let target = port.get("targetPort").filter(|it| **it != 0 && **it != "");
        let bad_target = target.filter(|it| !port_or_name(it));
        match bad_target {
            _ if !is_port(value) => {
                refused("port", format!("spec.ports has {value}, and ports are from 1 to 65535"))
            }
            Some(target) => refused(
                "targetPort",
                format!(
                    "spec.ports has the targetPort {target}, which is neither from 1 to 65535 nor a name"
                ),
            ),
            None if !name.is_empty() && !known.insert(name) => {
                refused("name", format!("spec.ports has the name {name} twice"))
            }
            None => None,
        }
    })
}

/// The other one is not 0 unless it says so.
fn moves_nothing(at: &str, strategy: &Value) -> Option<Refused> {
    let is_zero = |name: &str| strategy[name] == 0 || strategy[name] == "0%";
    (is_zero("maxUnavailable") && is_zero("maxSurge")).then(|| {
        let field = dotted(at);
        Refused::new(
            at,
            format!("{field} has maxUnavailable and maxSurge 0, so that it could replace no pod"),
        )
    })
}

fn is_share(value: &Value) -> bool {
    match value {
        Value::String(text) => text
            .strip_suffix('%')
            .filter(|number| number.bytes().all(|it| it.is_ascii_digit()))
            .is_some_and(|number| number.parse::<u8>().is_ok_and(|number| number <= 100)),
        value => value.as_i64().is_some_and(|number| number >= 0),
    }
}

fn pods(read: Read, object: &Value, template: &str) -> Option<Refused> {
    let within = |at: &str| format!("{template}{at}");
    labels(object, template)
        .or_else(|| selector_of(read, object, template))
        .or_else(|| {
            let at = within("/spec/restartPolicy");
            let policy = object.text(&at);
            let is_allowed = match read {
                Read::Pods => matches!(policy, "" | "Always" | "OnFailure" | "Never"),
                Read::Jobs | Read::CronJobs => matches!(policy, "OnFailure" | "Never"),
                _ => matches!(policy, "" | "Always"),
            };
            let policy = if policy.is_empty() { "Always, the default" } else { policy };
            let why = format!("{} is {policy}, which its kind does not take", dotted(&at));
            (!is_allowed).then(|| Refused::new(at, why))
        })
        .or_else(|| {
            let at = within("/spec/tolerations");
            let is_bad = |it: &Value| !it["tolerationSeconds"].is_null() && it["effect"] != "NoExecute";
            let number = object.list(&at).iter().position(is_bad)?;
            let why = format!("{} has tolerationSeconds where the effect is not NoExecute", dotted(&at));
            Some(Refused::new(format!("{at}/{number}"), why))
        })
        .or_else(|| {
            let mut known = BTreeSet::new();
            let lists = ["/spec/initContainers", "/spec/containers"].map(within);
            lists.into_iter().find_map(|at| containers(object, &at, &mut known))
        })
}

fn selector_of(read: Read, object: &Value, template: &str) -> Option<Refused> {
    let other = || {
        let template = dotted(template);
        Refused::new("/spec/selector", format!("spec.selector does not select the labels of {template}"))
    };
    if matches!(read, Read::Deployments | Read::ReplicaSets | Read::StatefulSets | Read::DaemonSets) {
        let rule = &object["spec"]["selector"];
        let is_empty = |at: &str| rule.map(at).is_none_or(Map::is_empty) && rule.list(at).is_empty();
        if is_empty("/matchLabels") && is_empty("/matchExpressions") {
            return Some(Refused::new("/spec/selector", "spec.selector is missing or empty"));
        }
        if let Some(refused) = label_selector::refused(object, "/spec/selector") {
            return Some(refused);
        }
        let parsed = selector::from_json(rule);
        let labels = object.pointer(template).map(Raw::labels).unwrap_or_default();
        return (parsed.is_none() || !selector::selects(parsed.as_ref(), Some(&labels))).then(other);
    }
    let rule = object.map("/spec/selector").filter(|_| read == Read::ReplicationControllers)?;
    let labels = object.map(&format!("{template}/metadata/labels"));
    rule.iter().any(|(key, value)| labels.and_then(|it| it.get(key)) != Some(value)).then(other)
}

/// `at`: the list. `known`: the names that are taken.
fn containers<'o>(object: &'o Value, at: &str, known: &mut BTreeSet<&'o str>) -> Option<Refused> {
    let field = dotted(at);
    object.list(at).iter().enumerate().find_map(|(number, container)| {
        let name = container.text("/name");
        if !is_dns_label(name) {
            let why = format!("{field} has the name {name:?}, which is no DNS label");
            return Some(Refused::new(format!("{at}/{number}/name"), why));
        }
        if let Some(probe) = PROBES.into_iter().find(|probe| asks_nothing(&container[probe])) {
            let why = format!("{probe} of container {name} in {field} asks nothing");
            return Some(Refused::new(format!("{at}/{number}/{probe}"), why));
        }
        (!known.insert(name)).then(|| {
            Refused::new(format!("{at}/{number}/name"), format!("{field} has the name {name} twice"))
        })
    })
}

/// Without a handler.
fn asks_nothing(probe: &Value) -> bool {
    let handlers = ["httpGet", "tcpSocket", "exec", "grpc"];
    probe.is_object() && handlers.iter().all(|handler| probe[handler].is_null())
}
