//! Puts together what was read: which budgets, Services and autoscalers belong to them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cluster_model::feasibility::NodeFacts;
use cluster_model::json::Pool;
use cluster_model::rollout::{Id, Kind as RolloutKind};
use cluster_model::{DisruptionBudget, Json, Known, NodeExt, Raw, autoscaler, selector};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize;
use serde_json::Value;

use super::annotation_key::KEY;
use super::annotations;
use super::domain::Domain;
use super::owners::Owners;
use super::strip;
use super::system::is_system;
use super::workload::{Kind, Service, Workload};
use super::{
    Autoscaler, Budget, Event, Gathered, Lease, Origin, Packed, PodState, Read, Selection, Snapshot, Storage,
    within, workloads_within,
};
use crate::finding::Subject;

impl Snapshot {
    /// `all_namespaces`: those of Kubernetes itself were not asked for by name.
    pub fn of(gathered: Gathered, selection: &Selection, all_namespaces: bool) -> Self {
        let mut unknown = BTreeMap::new();
        let mut objects: BTreeMap<Read, Vec<Packed>> = BTreeMap::new();
        for (read, known) in gathered.objects {
            match known {
                Known::Seen(all) => drop(objects.insert(read, all)),
                Known::Unknown(why) => drop(unknown.insert(read, why)),
            }
        }
        for read in
            Read::ALL.into_iter().filter(|read| !matches!(read, Read::Pods | Read::Nodes | Read::Secrets))
        {
            if !objects.contains_key(&read) && !unknown.contains_key(&read) {
                unknown.insert(read, "was not read".to_owned());
            }
        }
        let pods = seen(gathered.pods, Read::Pods, &mut unknown);
        let mut nodes = seen(gathered.nodes, Read::Nodes, &mut unknown);
        nodes.sort_by(|a, b| a.name().cmp(b.name()));
        let named_replica_sets = named_replica_sets(&objects, selection);
        let mut pool = Pool::default();
        let mut owners = Owners::of(&mut objects, &unknown, &mut pool);
        for pod in pods {
            owners.add(pod);
        }
        let mut workloads = owners.workloads;
        let uids: Vec<(Arc<str>, Arc<str>)> =
            owners.top.into_iter().map(|(uid, at)| (uid, workloads[at].uid.clone())).collect();
        workloads.sort_by(|a, b| (&a.subject.namespace, &a.subject).cmp(&(&b.subject.namespace, &b.subject)));
        let workload_of = positions(&workloads, uids);
        let events = events(objects.remove(&Read::Events).unwrap_or_default());
        let packed_budgets = objects.remove(&Read::Budgets).unwrap_or_default();
        let mut objects: BTreeMap<Read, Vec<Json>> =
            objects.into_iter().map(|(read, all)| (read, unpacked(all, &mut pool))).collect();
        let none = Vec::new();
        let of = |read| objects.get(&read).unwrap_or(&none);
        for workload in &mut workloads {
            let own = |read| within(of(read), &workload.subject.namespace);
            let (autoscalers, services) = (own(Read::Autoscalers), own(Read::Services));
            workload.autoscaler = scaled_by(workload, autoscalers);
            workload.services = services.iter().filter_map(|it| serving(workload, it)).collect();
            workload.is_selected = selects(selection, workload);
            workload.is_system = all_namespaces && is_system(&workload.subject.namespace);
        }
        let (mut budgets, mut kept) = (Vec::new(), Vec::new());
        for packed in packed_budgets {
            let object = packed.value();
            match budget(&object, &workloads, selection, all_namespaces, &gathered.origin) {
                Ok(budget) => budgets.push(budget),
                Err(error) => {
                    let key = format!("{}/{}", object.text("/metadata/namespace"), object.name());
                    unknown.insert(Read::Budgets, format!("{key} cannot be read: {error}"));
                }
            }
            if strip::is_behind(&object) || object.annotation(KEY).is_some() {
                kept.push(pool.json(&object));
            }
        }
        objects.insert(Read::Budgets, kept);
        let of = |read| objects.get(&read).unwrap_or(&none);
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
        let annotations = annotations::of(&workloads, &nodes, of);
        let leases = of(Read::Leases).iter().map(lease).collect();
        let autoscalers = objects.remove(&Read::Autoscalers).into_iter().flatten();
        let autoscalers =
            autoscalers.map(|it| autoscaler(it, &workloads, selection, all_namespaces)).collect();
        let volumes = objects.remove(&Read::Volumes).unwrap_or_default();
        let storage = Storage::of(objects.get(&Read::Claims).unwrap_or(&none), volumes);
        objects.retain(|read, _| {
            !read.is_always_read() || matches!(read, Read::Services | Read::Jobs | Read::Budgets)
        });
        Snapshot {
            annotations,
            unheard_stops: Vec::new(),
            domain: Domain::default(),
            answers: None,
            node_history: None,
            now: gathered.now,
            workloads,
            budgets,
            events,
            objects,
            workload_of,
            autoscalers,
            storage,
            node_facts: Arc::new(nodes.iter().map(NodeFacts::from).collect()),
            nodes: Arc::new(nodes),
            leases,
            unknown,
            scheduling: gathered.scheduling,
            losses: OnceLock::new(),
            controllers: gathered.controllers,
            not_found,
            named_replica_sets,
            selects_all: *selection == Selection::All,
            origin: gathered.origin,
        }
    }
}

/// By namespace.
fn unpacked(packed: Vec<Packed>, pool: &mut Pool) -> Vec<Json> {
    let mut all: Vec<Json> = packed.into_iter().map(|it| pool.json(&it.value())).collect();
    all.sort_by(|a, b| a.text("/metadata/namespace").cmp(b.text("/metadata/namespace")));
    all
}

/// By the UIDs of the workloads, of what they own, and of their pods.
fn positions(workloads: &[Workload], owned: Vec<(Arc<str>, Arc<str>)>) -> BTreeMap<Arc<str>, usize> {
    let own = workloads.iter().enumerate().map(|(at, it)| (&*it.uid, at));
    let of_top: BTreeMap<&str, usize> = own.collect();
    let owned = owned.into_iter().filter_map(|(uid, top)| Some((uid, *of_top.get(&*top)?)));
    let all = workloads.iter().enumerate();
    let pods = all.flat_map(|(at, it)| it.pods.iter().map(move |pod| (pod.uid.clone(), at)));
    owned.chain(pods).collect()
}

fn events(objects: Vec<Packed>) -> BTreeMap<String, Vec<Event>> {
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in objects.iter().filter_map(|it| Event::of(&it.value())) {
        events.entry(event.uid.clone()).or_default().push(event);
    }
    events
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

fn is_named(workload: &Workload, read: Read, name: &str) -> bool {
    workload.subject.kind == read.api().0 && workload.subject.name == name
}

/// They are no workloads where they belong to one, and are not kept then.
fn named_replica_sets(
    objects: &BTreeMap<Read, Vec<Packed>>,
    selection: &Selection,
) -> BTreeMap<String, String> {
    let Selection::Named(names) = selection else { return BTreeMap::new() };
    let is_named = |name: &str| names.iter().any(|(read, own)| *read == Read::ReplicaSets && own == name);
    if !names.iter().any(|(read, _)| *read == Read::ReplicaSets) {
        return BTreeMap::new();
    }
    let all = objects.get(&Read::ReplicaSets).into_iter().flatten().map(Packed::value);
    let named = all.filter(|it| is_named(it.name()));
    named.map(|it| (it.name().to_owned(), it.uid().to_owned())).collect()
}

fn selects(selection: &Selection, workload: &Workload) -> bool {
    match selection {
        Selection::All => true,
        Selection::Named(names) => names.iter().any(|(read, name)| is_named(workload, *read, name)),
        Selection::Uids(uids) => uids.contains(&*workload.uid),
    }
}

fn scaled_by(workload: &Workload, autoscalers: &[Json]) -> Option<(String, i64)> {
    let found = autoscalers.iter().find(|it| scales(it, workload))?;
    // Without one of its own it is 1 (pkg/apis/autoscaling/v2/defaults.go).
    Some((found.name().to_owned(), found.number("/spec/minReplicas").unwrap_or(1)))
}

fn scales(autoscaler: &Json, workload: &Workload) -> bool {
    let kind = match workload.kind {
        Kind::Deployment => RolloutKind::Deployment,
        Kind::StatefulSet => RolloutKind::StatefulSet,
        _ => return false,
    };
    let Subject { namespace, name, .. } = &workload.subject;
    let id = Id { kind, namespace: namespace.clone(), name: name.clone(), uid: workload.uid.to_string() };
    autoscaler.text("/metadata/namespace") == namespace && autoscaler::scales(autoscaler, &id)
}

/// That of a namespace is in question with the workload that it scales.
fn autoscaler(
    object: Json,
    workloads: &[Workload],
    selection: &Selection,
    all_namespaces: bool,
) -> Autoscaler {
    let subject = Subject::new("HorizontalPodAutoscaler", object.text("/metadata/namespace"), object.name());
    let own = &workloads[workloads_within(workloads, &subject.namespace)];
    let mut targets = own.iter().filter(|it| scales(&object, it));
    Autoscaler {
        is_selected: *selection == Selection::All || targets.any(|it| it.is_selected),
        is_system: all_namespaces && is_system(&subject.namespace),
        object,
        subject,
    }
}

/// A Service without a selector is served by what somebody else lists.
fn serving(workload: &Workload, service: &Json) -> Option<Service> {
    // The selector of a name of another host is ignored.
    if service.text("/spec/type") == "ExternalName" {
        return None;
    }
    let wanted = service.map("/spec/selector").filter(|it| !it.is_empty())?;
    let template = workload.template.as_ref()?;
    let is_same = service.text("/metadata/namespace") == workload.subject.namespace;
    (is_same && template.has(wanted)).then(|| Service {
        name: service.name().to_owned(),
        is_headless: service.text("/spec/clusterIP") == "None",
        publishes_not_ready: service["spec"]["publishNotReadyAddresses"] == true,
        ports: service.list("/spec/ports").iter().filter_map(|port| port.number("/port")).collect(),
    })
}

fn budget(
    object: &Value,
    workloads: &[Workload],
    selection: &Selection,
    all_namespaces: bool,
    origin: &Origin,
) -> Result<Budget, serde_json::Error> {
    let typed: PodDisruptionBudget = PodDisruptionBudget::deserialize(object)?;
    let budget = DisruptionBudget::from(typed);
    let subject = Subject::new("PodDisruptionBudget", budget.namespace(), budget.name());
    let (mut selected, mut pods, mut templates) = (Vec::new(), 0, 0);
    for at in workloads_within(workloads, &subject.namespace) {
        let workload = &workloads[at];
        let of_pods =
            workload.pods.iter().filter(|pod| selector::selects(budget.selector(), Some(&pod.labels)));
        let of_pods = of_pods.count();
        let template = workload.template.as_ref().is_some_and(|it| budget.selects_labels(&it.labels));
        pods += of_pods;
        templates += usize::from(template);
        if of_pods > 0 || template {
            selected.push(at);
        }
    }
    let budget = match origin.is_manifests() {
        true => budget.with_all_healthy(selected.iter().map(|at| to_be(&workloads[*at])).sum()),
        false if origin.predicted.contains(&subject) => {
            let selects = |pod: &&PodState| selector::selects(budget.selector(), Some(&pod.labels));
            let active = selected.iter().flat_map(|at| workloads[*at].active()).filter(selects).count();
            budget.with_all_healthy(i32::try_from(active).unwrap_or(i32::MAX))
        }
        false => budget,
    };
    let is_selected = *selection == Selection::All || selected.iter().any(|at| workloads[*at].is_selected);
    let is_system = all_namespaces && is_system(&subject.namespace);
    Ok(Budget { subject, budget, workloads: selected, pods, templates, is_selected, is_system })
}

/// The pods that a manifest is going to have, as far as that is a number.
fn to_be(workload: &Workload) -> i32 {
    let pods = match (workload.kind, workload.replicas) {
        (Kind::Pod, _) => 1,
        (_, Some(0)) | (_, None) => 0,
        (_, Some(replicas)) => {
            workload.autoscaler.as_ref().map_or(replicas, |(_, least)| replicas.max(*least))
        }
    };
    i32::try_from(pods).unwrap_or(i32::MAX)
}

fn lease(object: &Json) -> Lease {
    Lease {
        name: object.name().to_owned(),
        renewed: object.time("/spec/renewTime"),
        seconds: object.number("/spec/leaseDurationSeconds").unwrap_or(15),
    }
}
