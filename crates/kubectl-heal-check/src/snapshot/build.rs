//! Puts together what was read: pods under their top owners, and which budgets, Services and autoscalers belong to them.

use std::collections::BTreeMap;

use cluster_model::owner::OwnerKey;
use cluster_model::rollout::{Id, Kind as RolloutKind};
use cluster_model::{DisruptionBudget, Known, Raw, autoscaler, selector};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::Value;

use super::pod::PodState;
use super::workload::{Kind, Recreated, Service, Workload, labels_of};
use super::{Budget, Gathered, Lease, Read, Selection, Snapshot};
use crate::finding::Subject;

/// Kinds whose objects are workloads, from the top down.
const WORKLOADS: [(Read, Kind); 6] = [
    (Read::Deployments, Kind::Deployment),
    (Read::StatefulSets, Kind::StatefulSet),
    (Read::DaemonSets, Kind::DaemonSet),
    (Read::ReplicaSets, Kind::ReplicaSet),
    (Read::CronJobs, Kind::Job),
    (Read::Jobs, Kind::Job),
];

impl Snapshot {
    /// `all_namespaces`: those of Kubernetes itself were not asked for by name.
    pub fn of(gathered: Gathered, selection: &Selection, all_namespaces: bool) -> Self {
        let mut unknown = BTreeMap::new();
        let mut objects: BTreeMap<Read, Vec<Value>> = BTreeMap::new();
        for (read, known) in gathered.objects {
            match known {
                Known::Seen(all) => drop(objects.insert(read, all)),
                Known::Unknown(why) => drop(unknown.insert(read, why)),
            }
        }
        let pods = seen(gathered.pods, Read::Pods, &mut unknown);
        let nodes = seen(gathered.nodes, Read::Nodes, &mut unknown);
        let mut owners = Owners::of(&objects, &unknown);
        for pod in pods {
            owners.add(pod);
        }
        let mut workloads = owners.workloads;
        workloads.sort_by(|a, b| (&a.subject.namespace, &a.subject).cmp(&(&b.subject.namespace, &b.subject)));
        let none = Vec::new();
        let of = |read| objects.get(&read).unwrap_or(&none);
        for workload in &mut workloads {
            workload.autoscaler = scaled_by(workload, of(Read::Autoscalers));
            workload.services = of(Read::Services).iter().filter_map(|it| serving(workload, it)).collect();
            workload.is_selected = selects(selection, workload);
            workload.is_system = all_namespaces && is_system(&workload.subject.namespace);
        }
        let budgets =
            of(Read::Budgets).iter().filter_map(|it| budget(it, &mut workloads, selection, all_namespaces));
        let budgets: Vec<Budget> = budgets.collect();
        for (at, budget) in budgets.iter().enumerate() {
            for workload in &budget.workloads {
                workloads[*workload].budgets.push(at);
            }
        }
        let not_found = match selection {
            Selection::Named(names) => names
                .iter()
                .filter(|(read, name)| !workloads.iter().any(|it| is_named(it, *read, name)))
                .map(|(read, name)| format!("{}/{name}", read.api().0.to_lowercase()))
                .collect(),
            Selection::All | Selection::Uids(_) => Vec::new(),
        };
        Snapshot {
            now: gathered.now,
            workloads,
            budgets,
            nodes,
            leases: of(Read::Leases).iter().map(lease).collect(),
            unknown,
            scheduling: gathered.scheduling,
            controllers: gathered.controllers,
            not_found,
            selects_all: *selection == Selection::All,
        }
    }
}

fn seen<T>(known: Known<Vec<T>>, read: Read, unknown: &mut BTreeMap<Read, String>) -> Vec<T> {
    match known {
        Known::Seen(all) => all,
        Known::Unknown(why) => {
            unknown.insert(read, why);
            Vec::new()
        }
    }
}

/// Namespaces of Kubernetes itself.
pub fn is_system(namespace: &str) -> bool {
    namespace.starts_with("kube-")
}

/// Workloads, with an index of everything that may own pods.
struct Owners<'a> {
    workloads: Vec<Workload>,
    /// By the UID of a ReplicaSet, a Job or a workload itself: the position of the top owner.
    top: BTreeMap<String, usize>,
    unknown: &'a BTreeMap<Read, String>,
}

impl<'a> Owners<'a> {
    fn of(objects: &BTreeMap<Read, Vec<Value>>, unknown: &'a BTreeMap<Read, String>) -> Self {
        let mut owners = Owners { workloads: Vec::new(), top: BTreeMap::new(), unknown };
        for (read, kind) in WORKLOADS {
            for object in objects.get(&read).into_iter().flatten() {
                let owner = object.controller_ref().map(|it| it.text("/uid").to_owned());
                let above = owner.as_deref().and_then(|uid| owners.top.get(uid)).copied();
                let at = match above {
                    Some(at) => at,
                    None => owners.push(read, kind, object),
                };
                owners.top.insert(object.uid().to_owned(), at);
            }
        }
        owners
    }

    fn push(&mut self, read: Read, kind: Kind, object: &Value) -> usize {
        let template = match read {
            Read::CronJobs => &object["spec"]["jobTemplate"]["spec"]["template"],
            _ => &object["spec"]["template"],
        };
        let is_scaled = matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet);
        // A ReplicaSet whose Deployment was not found, or could not be read.
        let recreated = match object.controller_ref() {
            Some(owner) if kind == Kind::ReplicaSet => {
                self.owner_state(owner.text("/kind"), owner.text("/apiVersion"))
            }
            _ => Recreated::ByController,
        };
        let kind = if recreated == Recreated::ByController { kind } else { Kind::Other };
        self.workloads.push(Workload {
            subject: Subject::new(read.api().0, object.text("/metadata/namespace"), object.name()),
            uid: object.uid().to_owned(),
            kind,
            recreated,
            template: template.clone(),
            replicas: (is_scaled && kind != Kind::Other)
                .then(|| object.number("/spec/replicas").unwrap_or(1)),
            object: object.clone(),
            autoscaler: None,
            pods: Vec::new(),
            budgets: Vec::new(),
            services: Vec::new(),
            is_selected: false,
            is_system: false,
        });
        self.workloads.len() - 1
    }

    /// Of an owner that is not among those that were read.
    fn owner_state(&self, kind: &str, api_version: &str) -> Recreated {
        let read = Read::of_kind(kind).filter(|read| {
            let (_, group, _, _) = read.api();
            api_version.split_once('/').map_or("", |(group, _)| group) == group
        });
        match read {
            None => Recreated::ByOperator,
            Some(read) => match self.unknown.get(&read) {
                Some(why) => Recreated::Unknown(why.clone()),
                None => Recreated::OwnerMissing,
            },
        }
    }

    fn add(&mut self, pod: PodState) {
        // The kubelet runs it from a file.
        if pod.is_mirror || pod.controller.as_ref().is_some_and(|it| it.kind == "Node") {
            return;
        }
        let at = match &pod.controller {
            Some(owner) => match self.top.get(&owner.uid) {
                Some(at) => *at,
                None => {
                    let recreated = self.owner_state(&owner.kind, &owner.api_version);
                    let at = self.push_unread(owner, &pod, recreated);
                    self.top.insert(owner.uid.clone(), at);
                    at
                }
            },
            None => self.push_pod(&pod),
        };
        self.workloads[at].pods.push(pod);
    }

    fn push_unread(&mut self, owner: &OwnerKey, pod: &PodState, recreated: Recreated) -> usize {
        let subject = Subject::new(&owner.kind, &pod.namespace, &owner.name);
        self.push_without_object(subject, &owner.uid, Kind::Other, recreated, pod)
    }

    fn push_pod(&mut self, pod: &PodState) -> usize {
        let subject = Subject::new("Pod", &pod.namespace, &pod.name);
        self.push_without_object(subject, &pod.uid, Kind::Pod, Recreated::Never, pod)
    }

    fn push_without_object(
        &mut self,
        subject: Subject,
        uid: &str,
        kind: Kind,
        recreated: Recreated,
        pod: &PodState,
    ) -> usize {
        self.workloads.push(Workload {
            subject,
            uid: uid.to_owned(),
            kind,
            recreated,
            object: Value::Null,
            template: pod.template.clone().unwrap_or_default(),
            replicas: None,
            autoscaler: None,
            pods: Vec::new(),
            budgets: Vec::new(),
            services: Vec::new(),
            is_selected: false,
            is_system: false,
        });
        self.workloads.len() - 1
    }
}

fn is_named(workload: &Workload, read: Read, name: &str) -> bool {
    workload.subject.kind == read.api().0 && workload.subject.name == name
}

fn selects(selection: &Selection, workload: &Workload) -> bool {
    match selection {
        Selection::All => true,
        Selection::Named(names) => names.iter().any(|(read, name)| is_named(workload, *read, name)),
        Selection::Uids(uids) => uids.contains(&workload.uid),
    }
}

fn scaled_by(workload: &Workload, autoscalers: &[Value]) -> Option<(String, i64)> {
    let kind = match workload.kind {
        Kind::Deployment => RolloutKind::Deployment,
        Kind::StatefulSet => RolloutKind::StatefulSet,
        _ => return None,
    };
    let Subject { namespace, name, .. } = &workload.subject;
    let id = Id { kind, namespace: namespace.clone(), name: name.clone(), uid: workload.uid.clone() };
    let own = |it: &&Value| it.text("/metadata/namespace") == namespace && autoscaler::scales(it, &id);
    let found = autoscalers.iter().find(own)?;
    // Without one of its own it is 1 (pkg/apis/autoscaling/v2/defaults.go).
    Some((found.name().to_owned(), found.number("/spec/minReplicas").unwrap_or(1)))
}

/// A Service without a selector is served by what somebody else lists.
fn serving(workload: &Workload, service: &Value) -> Option<Service> {
    let wanted = service.map("/spec/selector").filter(|it| !it.is_empty())?;
    let labels = workload.template.map("/metadata/labels")?;
    let is_same = service.text("/metadata/namespace") == workload.subject.namespace;
    (is_same && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))).then(|| Service {
        name: service.name().to_owned(),
        publishes_not_ready: service["spec"]["publishNotReadyAddresses"] == true,
    })
}

fn budget(
    object: &Value,
    workloads: &mut [Workload],
    selection: &Selection,
    all_namespaces: bool,
) -> Option<Budget> {
    let typed: PodDisruptionBudget = serde_json::from_value(object.clone()).ok()?;
    let budget = DisruptionBudget::from(typed);
    let subject = Subject::new("PodDisruptionBudget", budget.namespace(), budget.name());
    let (mut selected, mut pods, mut templates) = (Vec::new(), 0, 0);
    for (at, workload) in workloads.iter().enumerate() {
        if workload.subject.namespace != subject.namespace {
            continue;
        }
        let of_pods =
            workload.pods.iter().filter(|pod| selector::selects(budget.selector(), Some(&pod.labels)));
        let of_pods = of_pods.count();
        let template = !workload.template.is_null() && budget.selects_labels(&labels_of(&workload.template));
        pods += of_pods;
        templates += usize::from(template);
        if of_pods > 0 || template {
            selected.push(at);
        }
    }
    let is_selected = *selection == Selection::All || selected.iter().any(|at| workloads[*at].is_selected);
    let is_system = all_namespaces && is_system(&subject.namespace);
    Some(Budget { subject, budget, workloads: selected, pods, templates, is_selected, is_system })
}

fn lease(object: &Value) -> Lease {
    Lease {
        name: object.name().to_owned(),
        renewed: object.time("/spec/renewTime"),
        seconds: object.number("/spec/leaseDurationSeconds").unwrap_or(15),
    }
}
