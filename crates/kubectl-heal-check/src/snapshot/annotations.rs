//! The annotations that leave out findings, by the object that has one. Those of pods and ReplicaSets below a workload do not count: they
//! are copies of what is written above.

use std::collections::BTreeMap;

use cluster_model::{Json, NodeExt, Raw};
use k8s_openapi::api::core::v1::Node;

use super::annotation_key::KEY;
use super::read::Read;
use super::workload::{Kind, Workload};
use crate::finding::Subject;

/// Besides workloads and nodes.
const OTHERS: [Read; 5] = [Read::Budgets, Read::Autoscalers, Read::Services, Read::Leases, Read::Namespaces];

pub fn of<'o>(
    workloads: &[Workload],
    nodes: &[Node],
    objects: impl Fn(Read) -> &'o Vec<Json>,
) -> BTreeMap<Subject, String> {
    let of_workload = |workload: &Workload| {
        let pod = workload.pods.first().filter(|_| workload.kind == Kind::Pod);
        let text = workload.object.annotation(KEY).map(str::to_owned);
        Some((workload.subject.clone(), text.or_else(|| Some(pod?.ignore.as_deref()?.to_owned()))?))
    };
    let of_node = |node: &Node| {
        let text = node.metadata.annotations.as_ref()?.get(KEY)?;
        Some((Subject::new("Node", "", node.name()), text.clone()))
    };
    let others = OTHERS.into_iter().flat_map(|read| objects(read).iter().map(move |object| (read, object)));
    let of_other = |(read, object): (Read, &Json)| {
        let subject = Subject::new(read.api().0, object.text("/metadata/namespace"), object.name());
        Some((subject, object.annotation(KEY)?.to_owned()))
    };
    let all = workloads.iter().filter_map(of_workload).chain(nodes.iter().filter_map(of_node));
    all.chain(others.filter_map(of_other)).collect()
}
