//! The part of what was gathered that one change may concern. All checks run again on this part for every candidate, so that the time
//! for many findings grows with their number, and not with its square.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{Known, Raw, selector};
use serde_json::Value;

use super::candidates::budgets;
use crate::finding::{Finding, Subject};
use crate::snapshot::{Gathered, Origin, Packed, Read, Snapshot};

type At = (Read, usize);

/// Where the objects of each workload are in what was gathered.
pub struct Index {
    /// By the position of the workload in the snapshot.
    pods: BTreeMap<usize, Vec<usize>>,
    objects: BTreeMap<usize, Vec<At>>,
    /// Budgets, autoscalers, Services, claims and namespaces, by their names.
    named: BTreeMap<(Read, String, String), usize>,
    /// By the namespace and name of their Service.
    slices: BTreeMap<(String, String), Vec<usize>>,
    /// What is about a whole namespace, and there is little of.
    of_namespace: BTreeMap<String, Vec<At>>,
    of_cluster: Vec<At>,
    /// Workloads by namespace and a label of their pods.
    labelled: BTreeMap<(String, String, String), Vec<usize>>,
    by_subject: BTreeMap<Subject, usize>,
    by_budget: BTreeMap<Subject, usize>,
}

impl Index {
    pub fn of(gathered: &Gathered, snapshot: &Snapshot) -> Self {
        let mut index = Index {
            pods: BTreeMap::new(),
            objects: BTreeMap::new(),
            named: BTreeMap::new(),
            slices: BTreeMap::new(),
            of_namespace: BTreeMap::new(),
            of_cluster: Vec::new(),
            labelled: BTreeMap::new(),
            by_subject: BTreeMap::new(),
            by_budget: BTreeMap::new(),
        };
        for (position, pod) in gathered.pods.seen().into_iter().flatten().enumerate() {
            if let Some(at) = snapshot.workload_of.get(&pod.uid) {
                index.pods.entry(*at).or_default().push(position);
            }
        }
        for (read, known) in &gathered.objects {
            for (position, object) in known.seen().into_iter().flatten().enumerate() {
                index.add(*read, position, &object.value(), snapshot);
            }
        }
        for (at, workload) in snapshot.workloads.iter().enumerate() {
            index.by_subject.insert(workload.subject.clone(), at);
            for (key, value) in workload.labels() {
                let namespace = workload.subject.namespace.clone();
                index.labelled.entry((namespace, key, value)).or_default().push(at);
            }
        }
        let budgets = snapshot.budgets.iter().enumerate();
        index.by_budget = budgets.map(|(at, budget)| (budget.subject.clone(), at)).collect();
        index
    }

    fn add(&mut self, read: Read, position: usize, object: &Value, snapshot: &Snapshot) {
        let namespace = || object.text("/metadata/namespace").to_owned();
        if let Some(at) = snapshot.workload_of.get(object.uid()) {
            return self.objects.entry(*at).or_default().push((read, position));
        }
        match read {
            Read::Budgets | Read::Autoscalers | Read::Services | Read::Claims | Read::Namespaces => {
                self.named.insert((read, namespace(), object.name().to_owned()), position);
            }
            Read::EndpointSlices => {
                let service = &object["metadata"]["labels"]["kubernetes.io/service-name"];
                let service = service.as_str().unwrap_or_default().to_owned();
                self.slices.entry((namespace(), service)).or_default().push(position);
            }
            Read::Quotas | Read::LimitRanges => {
                self.of_namespace.entry(namespace()).or_default().push((read, position));
            }
            Read::PriorityClasses | Read::RuntimeClasses => self.of_cluster.push((read, position)),
            // What pods refer to, and what happened: no change that is offered is about them.
            _ => {}
        }
    }

    /// The workload or the budget of the finding, what belongs to it, and what else its budgets select.
    pub fn part(&self, gathered: &Gathered, snapshot: &Snapshot, finding: &Finding) -> Gathered {
        let mut budgets: BTreeSet<usize> =
            self.by_budget.get(&finding.subject).copied().into_iter().collect();
        let mut workloads: BTreeSet<usize> =
            self.by_subject.get(&finding.subject).copied().into_iter().collect();
        let selected: Vec<usize> = workloads.iter().flat_map(|at| self.selected_by(snapshot, *at)).collect();
        workloads.extend(selected);
        budgets.extend(workloads.iter().flat_map(|at| &snapshot.workloads[*at].budgets));
        workloads.extend(budgets.iter().flat_map(|at| &snapshot.budgets[*at].workloads));
        budgets.extend(workloads.iter().flat_map(|at| &snapshot.workloads[*at].budgets));
        let objects = self.objects(snapshot, &workloads, &budgets, &finding.subject.namespace);
        let pods = workloads.iter().flat_map(|at| self.pods.get(at)).flatten();
        Gathered {
            now: gathered.now,
            pods: match &gathered.pods {
                Known::Seen(all) => Known::Seen(pods.map(|at| all[*at].clone()).collect()),
                Known::Unknown(why) => Known::Unknown(why.clone()),
            },
            // Those of the snapshot are used.
            nodes: match &gathered.nodes {
                Known::Seen(_) => Known::Seen(Vec::new()),
                Known::Unknown(why) => Known::Unknown(why.clone()),
            },
            objects: gathered
                .objects
                .iter()
                .map(|(read, known)| (*read, kept(*read, known, &objects)))
                .collect(),
            scheduling: gathered.scheduling.clone(),
            controllers: BTreeMap::new(),
            origin: Origin { basis: gathered.origin.basis, ..Origin::default() },
        }
    }

    /// Whose pods the selector of a workload selects beside its own: a budget that is made from it would mean them too.
    fn selected_by(&self, snapshot: &Snapshot, at: usize) -> Vec<usize> {
        let workload = &snapshot.workloads[at];
        let namespace = &workload.subject.namespace;
        let wanted = workload.selector();
        let labels = workload.object.map("/spec/selector/matchLabels");
        let first =
            labels.and_then(|it| it.iter().next()).and_then(|(key, value)| Some((key, value.as_str()?)));
        let is_selected =
            |other: &usize| selector::selects(wanted.as_ref(), Some(&snapshot.workloads[*other].labels()));
        match first {
            Some((key, value)) => {
                let key = (namespace.clone(), key.to_owned(), value.to_owned());
                self.labelled.get(&key).into_iter().flatten().copied().filter(is_selected).collect()
            }
            None => (0..snapshot.workloads.len())
                .filter(|other| snapshot.workloads[*other].subject.namespace == *namespace)
                .filter(is_selected)
                .collect(),
        }
    }

    fn objects(
        &self,
        snapshot: &Snapshot,
        workloads: &BTreeSet<usize>,
        budgets: &BTreeSet<usize>,
        namespace: &str,
    ) -> BTreeSet<At> {
        let mut found: BTreeSet<At> =
            workloads.iter().flat_map(|at| self.objects.get(at)).flatten().copied().collect();
        let named = |read: Read, namespace: &str, name: &str| {
            let at = self.named.get(&(read, namespace.to_owned(), name.to_owned()))?;
            Some((read, *at))
        };
        for at in budgets {
            let Subject { namespace, name, .. } = &snapshot.budgets[*at].subject;
            found.extend(named(Read::Budgets, namespace, name));
        }
        for workload in workloads.iter().map(|at| &snapshot.workloads[*at]) {
            let namespace = &workload.subject.namespace;
            // A new one may not have their names.
            for name in budgets::names(workload) {
                found.extend(named(Read::Budgets, namespace, &name));
            }
            found.extend(
                workload.autoscaler.iter().filter_map(|(name, _)| named(Read::Autoscalers, namespace, name)),
            );
            for service in &workload.services {
                found.extend(named(Read::Services, namespace, &service.name));
                let slices = self.slices.get(&(namespace.clone(), service.name.clone()));
                found.extend(slices.into_iter().flatten().map(|at| (Read::EndpointSlices, *at)));
            }
            let of_pods = workload.pods.iter().flat_map(|pod| pod.claims.iter().map(String::as_str));
            let claims = of_pods.chain(workload.shared_claims());
            found.extend(claims.filter_map(|claim| named(Read::Claims, namespace, claim)));
        }
        found.extend(named(Read::Namespaces, "", namespace));
        found.extend(self.of_namespace.get(namespace).into_iter().flatten());
        found.extend(&self.of_cluster);
        found
    }
}

fn kept(read: Read, known: &Known<Vec<Packed>>, objects: &BTreeSet<At>) -> Known<Vec<Packed>> {
    match known {
        Known::Seen(all) => {
            let those = objects.range((read, 0)..=(read, usize::MAX));
            Known::Seen(those.map(|(_, at)| all[*at].clone()).collect())
        }
        Known::Unknown(why) => Known::Unknown(why.clone()),
    }
}
