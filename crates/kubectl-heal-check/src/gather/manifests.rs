//! Manifests (`-f`): objects as they are applied. There are no nodes, and of pods only those that have a manifest of their own.

mod as_read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster_model::raw::escaped;
use cluster_model::{Known, PodExt, Raw, selector};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, ReplicationController, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use plugin_client::Failure;
use plugin_client::dump::{Dump, Duplicates, Entry, KUSTOMIZATION, Object, TEMPLATE};
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::offline::kind::Kind;
use super::offline::{nothing, parsed};
use crate::args::Target;
use crate::finding::{Location, Subject};
use crate::refused::{Refused, dotted, refused};
use crate::snapshot::origin::Basis;
use crate::snapshot::{Gathered, Interner, Origin, Packed, PodState, Read, Selection, strip};
use as_read::as_read;

/// More are no set of manifests: all of them, and what is found in them, are in memory.
const OBJECTS: usize = 10_000;

pub struct Manifests {
    pub gathered: Gathered,
    pub selection: Selection,
    /// Objects that are read, and how many objects of other kinds there are.
    pub objects: usize,
    pub skipped: BTreeMap<String, usize>,
}

struct Files<'n> {
    /// Of objects that name none.
    namespace: &'n str,
    count: usize,
    skipped: BTreeMap<String, usize>,
    objects: BTreeMap<Read, Vec<Value>>,
    pods: Vec<Arc<PodState>>,
    locations: BTreeMap<Subject, Location>,
    without_namespace: BTreeSet<Subject>,
    duplicates: Duplicates,
    /// How many objects have no name but this prefix of one.
    generated: BTreeMap<Subject, usize>,
}

/// # Errors
///
/// A file is not whole, or no manifest; an object is there twice, with other content; there is no workload to check.
pub fn read(dumps: &[Dump], target: &Target, namespace: &str) -> Result<Manifests, Failure> {
    let by_labels = match target {
        Target::Selector(text) => Some(parsed(text)?),
        Target::All | Target::Named(_) => None,
    };
    let mut files = Files {
        namespace,
        count: 0,
        skipped: BTreeMap::new(),
        objects: BTreeMap::new(),
        pods: Vec::new(),
        locations: BTreeMap::new(),
        without_namespace: BTreeSet::new(),
        duplicates: Duplicates::default(),
        generated: BTreeMap::new(),
    };
    for dump in dumps {
        dump.read(&mut |entry| match entry {
            Entry::Object(object) => files.add(&object),
            Entry::List { .. } => Ok(()),
        })?;
    }
    if files.pods.is_empty() && !Read::NAMED.iter().any(|read| files.objects.contains_key(read)) {
        let names: Vec<&str> = dumps.iter().map(Dump::name).collect();
        let mut others = files.skipped;
        for (read, objects) in &files.objects {
            others.insert(read.api().0.to_owned(), objects.len());
        }
        return Err(nothing(&names.join(", "), &others));
    }
    let selection = match target {
        Target::All => Selection::All,
        Target::Named(names) => Selection::Named(names.clone()),
        Target::Selector(_) => {
            let all = files.objects.values().flatten();
            let found = all.filter(|it| selector::selects(by_labels.as_ref(), Some(&it.labels())));
            let pods = files.pods.iter().filter(|it| selector::selects(by_labels.as_ref(), Some(&it.labels)));
            let uids = found.map(|it| it.uid().to_owned()).chain(pods.map(|pod| pod.uid.to_string()));
            Selection::Uids(uids.collect::<BTreeSet<_>>())
        }
    };
    let known = |read: Read| {
        let found = files.objects.remove(&read).unwrap_or_default();
        (read, Known::Seen(found.iter().map(|it| Packed::of(read, it)).collect()))
    };
    let kinds = Read::ALL.into_iter().filter(|read| read.is_in_manifests() && *read != Read::Pods);
    let gathered = Gathered {
        now: Timestamp::now(),
        objects: kinds.map(known).collect(),
        pods: Known::Seen(files.pods),
        nodes: Known::Seen(Vec::new()),
        scheduling: Known::Unknown("manifests have no nodes".to_owned()),
        controllers: BTreeMap::new(),
        origin: Origin {
            basis: Basis::Manifests,
            locations: files.locations,
            without_namespace: files.without_namespace,
            ..Origin::default()
        },
    };
    Ok(Manifests { gathered, selection, objects: files.count, skipped: files.skipped })
}

impl Files<'_> {
    fn add(&mut self, object: &Object<'_>) -> Result<(), Failure> {
        if object.api_version.is_empty() {
            return Err(object.bad("it has no apiVersion, so it is no object of Kubernetes"));
        }
        if object.api_version.starts_with("kustomize.config.k8s.io/") {
            return Err(object.bad("it is no object of a cluster").hint(KUSTOMIZATION));
        }
        let known = Kind::of(&object.api_version, &object.kind);
        let is_read = |it: &Kind| matches!(it, Kind::Read(read) if read.is_in_manifests());
        let Some(Kind::Read(read)) = known.filter(is_read) else {
            // Of another version, as that of an API that is gone, the kind alone would not say why it is not read.
            let is_other_version = Read::of_kind(&object.kind).is_some_and(Read::is_in_manifests);
            let what = match is_other_version {
                true => format!("{} of {}", object.kind, object.api_version),
                false => object.kind.clone(),
            };
            *self.skipped.entry(what).or_default() += 1;
            return Ok(());
        };
        let mut value: Value = object.parse()?;
        as_read(&mut value);
        check(read, &value).map_err(|wrong| {
            let is_cut = wrong.is_cut && object.is_last();
            object.bad_at(&wrong.at, &wrong.why).hint(if is_cut { INCOMPLETE } else { ASK })
        })?;
        if value.name().contains("{{") {
            return Err(object.bad_at("/metadata/name", "its name is a template").hint(TEMPLATE));
        }
        // What a controller makes is no manifest of anybody.
        if value.controller_ref().is_some() {
            *self.skipped.entry(object.kind.clone()).or_default() += 1;
            return Ok(());
        }
        if let Some(Refused { at, why }) = refused(read, &value) {
            let hint = if object.text().contains("{{") { TEMPLATE } else { ASK };
            return Err(object.bad_at(&at, &format!("every server would refuse it: {why}")).hint(hint));
        }
        let has_no_namespace = !read.is_cluster_wide() && value.text("/metadata/namespace").is_empty();
        self.complete(read, &mut value);
        let metadata: ObjectMeta = serde_json::from_value(value["metadata"].clone())
            .map_err(|error| object.bad(&error.to_string()))?;
        let subject = Subject::new(read.api().0, value.text("/metadata/namespace"), value.name());
        let is_new = self.duplicates.is_new_as(&metadata, object, &value.to_string());
        if !is_new.map_err(|failure| self.twice(&subject, failure))? {
            return Ok(());
        }
        self.count += 1;
        if self.count > OBJECTS {
            return Err(object.bad(&format!("there are more than {OBJECTS} objects")));
        }
        if has_no_namespace {
            self.without_namespace.insert(subject.clone());
        }
        self.locations.insert(subject, Location { file: object.file().to_owned(), line: object.line() });
        if read == Read::Pods {
            let pod: Pod = serde_json::from_value(value).map_err(|error| object.bad(&error.to_string()))?;
            let state = PodState::of(&pod, pod.uid().into(), &mut Interner::default());
            self.pods.push(Arc::new(state));
            return Ok(());
        }
        strip::object(&mut value);
        self.objects.entry(read).or_default().push(value);
        Ok(())
    }

    /// Two versions of an object. The advice for a dump is of no use here.
    fn twice(&self, subject: &Subject, failure: Failure) -> Failure {
        let known = self.locations.get(subject);
        let place = known.map(|it| format!("the other one is at {it}: ")).unwrap_or_default();
        let hint = format!(
            "{place}remove one of them, or check variants, as of overlays, in a run of their own each"
        );
        Failure { hints: vec![hint], ..failure }
    }

    /// What the server would add, and without what only the server knows.
    fn complete(&mut self, read: Read, object: &mut Value) {
        object["kind"] = read.api().0.into();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        if !read.is_cluster_wide() && object.text("/metadata/namespace").is_empty() {
            object["metadata"]["namespace"] = self.namespace.into();
        }
        let prefix = object.text("/metadata/generateName");
        if object.name().is_empty() && !prefix.is_empty() {
            let alike = Subject::new(read.api().0, object.text("/metadata/namespace"), prefix);
            let count = self.generated.entry(alike).or_default();
            *count += 1;
            // Each of them is made, under a name that only the server knows.
            let name = if *count == 1 { prefix.to_owned() } else { format!("{prefix}{count}") };
            object["metadata"]["name"] = name.into();
        }
        let uid = format!("{}/{}/{}", read.api().0, object.text("/metadata/namespace"), object.name());
        object["metadata"]["uid"] = json!(uid);
    }
}

const INCOMPLETE: &str =
    "is the file complete? `kubectl apply --dry-run=server -f FILE` says what the server thinks of it";
const ASK: &str = "`kubectl apply --dry-run=server -f FILE` says what your server thinks of it";

/// What is wrong with the form of an object.
struct Wrong {
    /// The field, as in `/spec/replicas`.
    at: String,
    why: String,
    /// All that would follow is missing.
    is_cut: bool,
}

impl Wrong {
    fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let at: String = error
            .path()
            .iter()
            .map(|part| match part {
                Segment::Seq { index } => format!("/{index}"),
                Segment::Map { key } => format!("/{}", escaped(key)),
                Segment::Enum { .. } | Segment::Unknown => String::new(),
            })
            .collect();
        let why = error.inner().to_string();
        let number = [", expected i32", ", expected i64"].into_iter().find_map(|end| why.strip_suffix(end));
        let why = number.map_or(why.clone(), |what| format!("{what}, expected a whole number"));
        let field = dotted(&at);
        let why = if field.is_empty() { why } else { format!("{field}: {why}") };
        Wrong { at, why, is_cut: false }
    }
}

/// Has it the types of its fields, and containers where there have to be some?
fn check(read: Read, object: &Value) -> Result<(), Wrong> {
    fn typed<K: serde::de::DeserializeOwned>(object: &Value) -> Result<(), Wrong> {
        let found: Result<K, _> = serde_path_to_error::deserialize(object);
        found.map(drop).map_err(|error| Wrong::of(&error))
    }
    match read {
        Read::Pods => typed::<Pod>(object),
        Read::Deployments => typed::<Deployment>(object),
        Read::ReplicaSets => typed::<ReplicaSet>(object),
        Read::StatefulSets => typed::<StatefulSet>(object),
        Read::DaemonSets => typed::<DaemonSet>(object),
        Read::Jobs => typed::<Job>(object),
        Read::CronJobs => typed::<CronJob>(object),
        Read::Budgets => typed::<PodDisruptionBudget>(object),
        // Version 1 has other metrics.
        Read::Autoscalers if object["apiVersion"] == "autoscaling/v1" => Ok(()),
        Read::Autoscalers => typed::<HorizontalPodAutoscaler>(object),
        Read::Services => typed::<Service>(object),
        Read::ReplicationControllers => typed::<ReplicationController>(object),
        Read::Claims => typed::<PersistentVolumeClaim>(object),
        _ => Ok(()),
    }?;
    let Some(template) = read.template() else { return Ok(()) };
    let spec = format!("{template}/spec");
    let at = format!("{spec}/containers");
    if !object.list(&at).is_empty() {
        return Ok(());
    }
    let is_cut = object.pointer(&spec).is_none_or(Value::is_null);
    let why = format!("it has no {}", dotted(&at));
    Err(Wrong { at, why, is_cut })
}

#[cfg(test)]
mod tests;
