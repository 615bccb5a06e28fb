//! A small API server: objects that can be read, listed, watched, patched and deleted, and what a controller does when one was patched.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use testbed::fake::{Answer, Fake, Request};

pub const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
pub const STATEFULSETS: &str = "/apis/apps/v1/namespaces/shop/statefulsets";
pub const REPLICASETS: &str = "/apis/apps/v1/namespaces/shop/replicasets";
pub const REVISIONS: &str = "/apis/apps/v1/namespaces/shop/controllerrevisions";
pub const PODS: &str = "/api/v1/namespaces/shop/pods";
pub const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";

type Controller = Arc<dyn Fn(&World, &str, &Value) + Send + Sync>;

#[derive(Default)]
struct State {
    version: u64,
    /// By collection and name.
    objects: BTreeMap<(String, String), Value>,
    /// (version, collection, event)
    log: Vec<(u64, String, Value)>,
    watches: Vec<(String, String, Sender<String>)>,
}

#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    controller: Controller,
}

impl World {
    /// `controller` is called with the collection and the object after each patch of a workload.
    pub fn new(controller: impl Fn(&World, &str, &Value) + Send + Sync + 'static) -> Self {
        World { state: Arc::default(), controller: Arc::new(controller) }
    }

    /// Answers from now on whatever no earlier rule does.
    pub fn serve(&self, fake: &Fake) {
        for collection in [DEPLOYMENTS, STATEFULSETS, REPLICASETS, REVISIONS, PODS, EVENTS] {
            let world = self.clone();
            fake.on("GET", collection).lists().answer(Answer::compute(move |r| world.list(collection, r)));
            let world = self.clone();
            fake.on("GET", collection).watches().answer(Answer::compute(move |r| world.watch(collection, r)));
            let one = format!("{collection}/*");
            let world = self.clone();
            fake.on("GET", &one).answer(Answer::compute(move |r| match world.get(collection, name(r)) {
                Some(object) => Answer::json(object),
                None => Answer::status(404, "NotFound", "not found"),
            }));
            let world = self.clone();
            fake.on("PATCH", &one).answer(Answer::compute(move |r| world.patch(collection, r)));
            let world = self.clone();
            fake.on("DELETE", &one).answer(Answer::compute(move |r| world.delete(collection, r)));
            let world = self.clone();
            fake.on("POST", collection).answer(Answer::compute(move |r| {
                let mut object = r.json();
                object["metadata"]["name"] = json!(format!("e{}", world.lock().version));
                world.put(collection, object.clone());
                Answer::json(object)
            }));
        }
    }

    pub fn get(&self, collection: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(&(collection.to_owned(), name.to_owned())).cloned()
    }

    pub fn put(&self, collection: &str, mut object: Value) {
        let mut state = self.lock();
        state.version += 1;
        let version = state.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let before = state.objects.insert((collection.to_owned(), name), object.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        state.publish(version, collection, kind, object);
    }

    /// Edits what is there.
    pub fn edit(&self, collection: &str, name: &str, edit: Value) {
        let mut object = self.get(collection, name).unwrap();
        cluster_model::build::merge(&mut object, edit);
        self.put(collection, object);
    }

    pub fn remove(&self, collection: &str, name: &str) {
        let mut state = self.lock();
        state.version += 1;
        let version = state.version;
        if let Some(object) = state.objects.remove(&(collection.to_owned(), name.to_owned())) {
            state.publish(version, collection, "DELETED", object);
        }
    }

    pub fn image(&self, collection: &str, name: &str) -> String {
        let object = self.get(collection, name).unwrap();
        object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }

    /// Applies a patch as the server would; `None` if it does not fit.
    pub fn apply(&self, collection: &str, request: &Request) -> Option<Value> {
        let mut object = self.get(collection, name(request))?;
        let before = object.clone();
        for op in request.json().as_array()? {
            crate::patch::testing::apply(&mut object, op)?;
        }
        if object["spec"] != before["spec"] {
            object["metadata"]["generation"] =
                json!(object["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
            let manager = request.query.split('&').find_map(|pair| pair.strip_prefix("fieldManager="))?;
            let entry = json!({"manager": manager, "operation": "Update", "apiVersion": "apps/v1",
                "time": Timestamp::now().to_string(), "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}});
            let fields =
                object["metadata"].as_object_mut()?.entry("managedFields").or_insert_with(|| json!([]));
            let fields = fields.as_array_mut()?;
            fields.retain(|other| other["manager"] != entry["manager"]);
            for other in fields.iter_mut() {
                let at = "/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}";
                other.pointer_mut(at).and_then(Value::as_object_mut).map(|web| web.remove("f:image"));
            }
            fields.push(entry);
        }
        let changed = object["spec"] != before["spec"];
        self.put(collection, object.clone());
        let answer = self.get(collection, name(request));
        if changed {
            (self.controller)(self, collection, &object);
        }
        answer
    }

    fn patch(&self, collection: &str, request: &Request) -> Answer {
        match self.apply(collection, request) {
            Some(object) => Answer::json(object),
            None => misfit(),
        }
    }

    pub fn delete(&self, collection: &str, request: &Request) -> Answer {
        let Some(object) = self.get(collection, name(request)) else {
            return Answer::status(404, "NotFound", "not found");
        };
        let uid = &request.json()["preconditions"]["uid"];
        if *uid != object["metadata"]["uid"] {
            return Answer::status(409, "Conflict", "the UID in the precondition does not match");
        }
        let version = &request.json()["preconditions"]["resourceVersion"];
        if version.is_string() && *version != object["metadata"]["resourceVersion"] {
            return Answer::status(409, "Conflict", "the ResourceVersion in the precondition does not match");
        }
        self.remove(collection, name(request));
        (self.controller)(self, collection, &object);
        Answer::json(object)
    }

    fn list(&self, collection: &str, request: &Request) -> Answer {
        Answer::json(self.listed(collection, request))
    }

    pub fn listed(&self, collection: &str, request: &Request) -> Value {
        let state = self.lock();
        let items: Vec<&Value> = state
            .objects
            .iter()
            .filter(|((at, _), object)| at == collection && selects(&request.query, object))
            .map(|(_, object)| object)
            .collect();
        json!({"kind": "List", "apiVersion": "v1",
            "metadata": {"resourceVersion": state.version.to_string()}, "items": items})
    }

    fn watch(&self, collection: &str, request: &Request) -> Answer {
        let (sender, answer) = Answer::stream();
        let from = request.query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from: u64 = from.and_then(|version| version.parse().ok()).unwrap_or(0);
        let mut state = self.lock();
        for (version, at, event) in &state.log {
            if *version > from && at == collection && selects(&request.query, &event["object"]) {
                let _ = sender.send(event.to_string());
            }
        }
        state.watches.push((collection.to_owned(), request.query.clone(), sender));
        answer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn publish(&mut self, version: u64, collection: &str, kind: &str, object: Value) {
        let event = json!({"type": kind, "object": object});
        for (at, query, sender) in &self.watches {
            if at == collection && selects(query, &event["object"]) {
                let _ = sender.send(event.to_string());
            }
        }
        self.log.push((version, collection.to_owned(), event));
    }
}

/// The generic sentence (apiserver/pkg/endpoints/handlers/patch.go, applyJSPatch).
pub fn misfit() -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 422,
        "reason": "Invalid", "message": "the server rejected our request due to an error in our request"});
    Answer::status_with(422, "Invalid", body["message"].as_str().unwrap(), Value::Null)
}

fn name(request: &Request) -> &str {
    request.path.rsplit('/').next().unwrap()
}

/// One name, one label (or some values of it), or other reasons than these.
fn selects(query: &str, object: &Value) -> bool {
    query.split('&').all(|pair| match pair.split_once('=') {
        Some(("fieldSelector", selector)) if selector.contains("!%3D") => selector
            .split("%2C")
            .all(|term| term.split_once("!%3D").is_some_and(|(_, reason)| object["reason"] != reason)),
        Some(("fieldSelector", selector)) => {
            object["metadata"]["name"] == selector.split_once("%3D").unwrap().1
        }
        Some(("labelSelector", selector)) => match selector.split_once("%20in%20%28") {
            Some((key, values)) => values
                .trim_end_matches("%29")
                .split("%2C")
                .any(|value| object["metadata"]["labels"][key] == value),
            None => {
                let (key, value) = selector.split_once("%3D").unwrap();
                object["metadata"]["labels"][key] == value
            }
        },
        _ => true,
    })
}
