//! What the server adds to a template when it admits a pod of it: LimitRanges and RuntimeClasses. Pure.

use cluster_model::{Json, Raw, limit_range, runtime_class};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::strip::WRITTEN;
use super::{Read, Snapshot, Workload};

/// The spec of the next pod of the workload; `None`: that of its template.
pub fn completed(workload: &Workload, snapshot: &Snapshot) -> Option<Value> {
    let class = class(workload, snapshot).map(Json::to_value);
    let ranges: Vec<Value> = ranges(workload, snapshot).map(Json::to_value).collect();
    if class.is_none() && ranges.is_empty() {
        return None;
    }
    let template = workload.spec().to_value();
    let spec = class.map_or_else(|| template.clone(), |class| runtime_class::completed(&template, &class));
    let spec = limit_range::completed(&spec, &ranges.iter().collect::<Vec<_>>());
    (spec != template).then_some(spec)
}

/// When any of it was written last; `None`: not known.
pub fn written(workload: &Workload, snapshot: &Snapshot) -> Option<Timestamp> {
    let all = ranges(workload, snapshot).chain(class(workload, snapshot));
    let times: Option<Vec<Timestamp>> = all.map(|it| it.time(&format!("/{WRITTEN}"))).collect();
    times?.into_iter().max()
}

fn ranges<'s>(workload: &'s Workload, snapshot: &'s Snapshot) -> impl Iterator<Item = &'s Json> {
    snapshot.in_namespace(Read::LimitRanges, &workload.subject.namespace)
}

fn class<'s>(workload: &Workload, snapshot: &'s Snapshot) -> Option<&'s Json> {
    let name = workload.spec().text("/runtimeClassName");
    if name.is_empty() {
        return None;
    }
    snapshot.all(Read::RuntimeClasses).iter().find(|it| it.name() == name)
}
