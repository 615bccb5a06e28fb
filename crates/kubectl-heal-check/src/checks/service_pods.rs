//! A Service and the workloads that it selects.

use cluster_model::json::Members;
use cluster_model::{Json, Raw};

use crate::finding::Subject;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Read, Snapshot, Workload};

pub struct Selected<'s> {
    pub subject: Subject,
    pub object: &'s Json,
    /// Those with pods or a template that it selects.
    pub workloads: Vec<&'s Workload>,
    selector: &'s Members,
}

/// The Services in question. One without a selector, or of the type ExternalName, is served by what somebody else lists.
pub fn services(snapshot: &Snapshot) -> impl Iterator<Item = Selected<'_>> {
    all(snapshot).filter(|it| snapshot.selects_all || it.workloads.iter().any(|it| it.is_selected))
}

/// The same, whatever is in question.
pub fn all(snapshot: &Snapshot) -> impl Iterator<Item = Selected<'_>> {
    snapshot.all(Read::Services).iter().filter_map(|object| {
        let selector = object.map("/spec/selector").filter(|it| !it.is_empty())?;
        if object.text("/spec/type") == "ExternalName" {
            return None;
        }
        let subject = Subject::new("Service", object.text("/metadata/namespace"), object.name());
        let own = snapshot.workloads_in(&subject.namespace).iter();
        let workloads: Vec<&Workload> =
            own.filter(|it| selects(selector, it) || it.active().any(|pod| has(selector, pod))).collect();
        Some(Selected { subject, object, workloads, selector })
    })
}

impl Selected<'_> {
    /// Pods that it selects and that should get traffic.
    pub fn ready(&self) -> impl Iterator<Item = &PodState> {
        self.workloads.iter().flat_map(|it| it.ready()).filter(|pod| has(self.selector, pod))
    }

    /// The name of a targetPort that no container declares. Where no template is known, nothing is.
    pub fn undeclared_port(&self) -> Option<&str> {
        let known: Vec<&&Workload> = self.workloads.iter().filter(|it| !it.containers().is_empty()).collect();
        let declares = |name: &str| {
            let containers = known.iter().flat_map(|it| it.running_containers());
            containers.flat_map(|it| it.list("/ports")).any(|port| port["name"] == name)
        };
        let mut names = self.object.list("/spec/ports").iter().filter_map(|it| it["targetPort"].as_str());
        names.find(|name| !known.is_empty() && !declares(name))
    }
}

fn selects(selector: &Members, workload: &Workload) -> bool {
    workload.template.as_ref().is_some_and(|it| it.has(selector))
}

fn has(selector: &Members, pod: &PodState) -> bool {
    selector.iter().all(|(key, value)| pod.labels.get(key).map(String::as_str) == value.as_str())
}
