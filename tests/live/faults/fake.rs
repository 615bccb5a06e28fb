//! Answers that a real server gives rarely: a scripted one with one node `n1` and one pod `shop/web-1` on it.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ::testbed::fake::{Answer, Fake};
use ::testbed::{PATIENCE, Room, shared};
use serde_json::{Value, json};

use crate::plugin::{Outcome, drain};

const POD: &str = "/api/v1/namespaces/shop/pods/web-1";

/// The pod of that name, whichever it is now, and the watch that reports it.
pub struct Pod {
    now: Mutex<Option<Value>>,
    watch: Mutex<Sender<String>>,
    /// A watch of it was opened: what it was before is known to the client.
    is_watched: Mutex<bool>,
    opened: Condvar,
}

impl Pod {
    fn now(&self) -> MutexGuard<'_, Option<Value>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch_opened(&self) {
        *self.is_watched.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    /// For a change that is not seen: the list before a watch that is opened later would show it.
    fn now_watched(&self) -> MutexGuard<'_, Option<Value>> {
        let is_watched = self.is_watched.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.opened.wait_timeout_while(is_watched, PATIENCE, |watched| !*watched);
        let (is_watched, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(*is_watched, "no watch of the pods was opened");
        self.now()
    }

    /// It is gone, and the watch reports it.
    pub fn goes(&self) {
        if let Some(pod) = self.now().take() {
            let event = json!({"type": "DELETED", "object": pod}).to_string();
            let _ = self.watch.lock().unwrap_or_else(PoisonError::into_inner).send(event);
        }
    }

    /// The list it is on, as long as it is there.
    pub fn list(&self) -> Option<Answer> {
        self.now().clone().map(|pod| list("v1", "PodList", vec![pod]))
    }

    /// It is stopping since before the run, and should be gone then.
    pub fn stops_until(&self, time: &str) {
        if let Some(pod) = self.now().as_mut() {
            pod["metadata"]["deletionTimestamp"] = json!(time);
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        }
    }

    /// As `stops_until`, and it has a finalizer.
    pub fn terminates_with_finalizer_since(&self, time: &str, finalizer: &str) {
        self.stops_until(time);
        if let Some(pod) = self.now().as_mut() {
            pod["metadata"]["finalizers"] = json!([finalizer]);
        }
    }

    /// It is terminating, and no watch event reports it.
    fn stops_unseen(&self) {
        if let Some(pod) = self.now_watched().as_mut() {
            pod["metadata"]["deletionTimestamp"] = json!("2999-01-01T00:00:00Z");
        }
    }

    /// Another pod has its name, on another node, and no watch event reports it.
    fn is_replaced_unseen(&self) {
        if let Some(pod) = self.now_watched().as_mut() {
            pod["metadata"]["uid"] = json!("another");
            pod["spec"]["nodeName"] = json!("n2");
        }
    }
}

/// `script` adds the answers that are special; they come before the ordinary ones.
pub fn shop(script: impl FnOnce(&Fake, &Arc<Pod>)) -> Fake {
    let (sender, watch) = Answer::stream();
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "web", "controller": true});
    let pod = Arc::new(Pod {
        now: Mutex::new(Some(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "shop", "name": "web-1", "uid": "first", "resourceVersion": "5", "ownerReferences": [owner]},
            "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "app"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }))),
        watch: Mutex::new(sender),
        is_watched: Mutex::new(false),
        opened: Condvar::new(),
    });
    let fake = Fake::start();
    script(&fake, &pod);

    let seen = Arc::clone(&pod);
    fake.on("GET", POD).answer(Answer::compute(move |_| match seen.now().clone() {
        Some(pod) => Answer::json(pod),
        None => Answer::status(404, "NotFound", "pods \"web-1\" not found"),
    }));
    let evicted = Arc::clone(&pod);
    fake.on("POST", &format!("{POD}/eviction")).answer(Answer::compute(move |_| {
        evicted.goes();
        success()
    }));
    let watched = Arc::clone(&pod);
    fake.on("GET", "/api/v1/pods").watches().answer(Answer::compute(move |_| {
        watched.watch_opened();
        watch.clone()
    }));
    let on_n1 = move |_: &::testbed::fake::Request| {
        let here = pod.now().clone().filter(|pod| pod["spec"]["nodeName"] == "n1");
        list("v1", "PodList", here.into_iter().collect())
    };
    fake.on("GET", "/api/v1/pods").answer(Answer::compute(on_n1));
    // Never ends and never sends anything.
    fake.on("GET", "/apis/policy/v1/poddisruptionbudgets").watches().answer(Answer::silence());
    let budgets = list("policy/v1", "PodDisruptionBudgetList", Vec::new());
    fake.on("GET", "/apis/policy/v1/poddisruptionbudgets").answer(budgets);

    let cordoned = Arc::new(Mutex::new(false));
    let patched = Arc::clone(&cordoned);
    fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::compute(move |_| {
        *patched.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Answer::json(node(true))
    }));
    let read = move |_: &::testbed::fake::Request| {
        Answer::json(node(*cordoned.lock().unwrap_or_else(PoisonError::into_inner)))
    };
    fake.on("GET", "/api/v1/nodes/n1").answer(Answer::compute(read));
    let allowed = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {}, "status": {"allowed": true}});
    fake.on("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").answer(Answer::json(allowed));
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "shop", "name": "web", "uid": "web"},
        "spec": {"replicas": 3}, "status": {"replicas": 3, "readyReplicas": 3}});
    fake.on("GET", "/apis/apps/v1/namespaces/shop/replicasets/web").answer(Answer::json(owner));
    for (path, kind) in [("validating", "Validating"), ("mutating", "Mutating")] {
        let path = format!("/apis/admissionregistration.k8s.io/v1/{path}webhookconfigurations");
        let kind = format!("{kind}WebhookConfigurationList");
        fake.on("GET", &path).answer(list("admissionregistration.k8s.io/v1", &kind, Vec::new()));
    }
    discovery(&fake);
    fake
}

/// What kubectl reads before it evicts.
fn discovery(fake: &Fake) {
    let versions = json!([{"groupVersion": "policy/v1", "version": "v1"}]);
    let group = json!({"name": "policy", "versions": versions, "preferredVersion": versions[0]});
    fake.on("GET", "/apis")
        .answer(Answer::json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})));
    fake.on("GET", "/api").answer(Answer::json(json!({"kind": "APIVersions", "versions": ["v1"]})));
    let eviction = json!({"name": "pods/eviction", "namespaced": true, "group": "policy", "version": "v1",
        "kind": "Eviction", "verbs": ["create"]});
    let nodes = json!({"name": "nodes", "singularName": "node", "namespaced": false, "kind": "Node", "verbs": ["get", "list", "patch"]});
    fake.on("GET", "/api/v1").answer(Answer::json(
        json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [nodes, eviction]}),
    ));
}

/// Node n1.
pub fn node(cordoned: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "n1", "resourceVersion": "5"},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
}

pub fn list(api_version: &str, kind: &str, items: Vec<Value>) -> Answer {
    Answer::json(
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"resourceVersion": "5"}, "items": items}),
    )
}

fn success() -> Answer {
    Answer::json(
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    )
}

/// A kubeconfig for the fake, in a place of its own.
pub fn kubeconfig(room: &Room<'_>, fake: &Fake) -> PathBuf {
    let folder =
        room.cluster().dir().join(format!("{}-{}", room.namespace(), fake.url().replace([':', '/'], "")));
    if let Err(error) = std::fs::create_dir_all(&folder) {
        panic!("cannot make {}: {error}", folder.display());
    }
    fake.kubeconfig(&folder)
}

fn drained(fake: &Fake) -> Outcome {
    let room = shared().room(0);
    let outcome = drain(&room, &["n1", "--timeout=3m"]).kubeconfig(&kubeconfig(&room, fake)).run();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 1, "{outcome}");
    outcome
}

/// The requests about the pod itself, in order: `POST` is an eviction.
fn about_the_pod(fake: &Fake) -> Vec<String> {
    let about = fake.requests().into_iter().filter(|request| request.path.starts_with(POD));
    about.map(|request| request.method).collect()
}

#[test]
fn flow_control_is_no_budget() {
    let fake = shop(|fake, _| {
        let busy =
            Answer::text(429, "Too many requests, please try again later.\n").header("Retry-After", "1");
        fake.on("POST", "*/eviction").times(2).answer(busy);
    });
    let outcome = drained(&fake);
    assert_eq!(about_the_pod(&fake), ["POST", "POST", "POST"]);
    assert_eq!(outcome.err.matches("the API server is busy").count(), 1, "{outcome}");
    assert!(!outcome.err.contains("budget"), "{outcome}");
}

#[test]
fn an_unclear_answer_is_looked_up_before_it_is_repeated() {
    let conflicts = || Answer::status(504, "Timeout", "couldn't update PodDisruptionBudget due to conflicts");
    for unclear in [
        conflicts(),
        Answer::cut(),
        Answer::half_body().header("Connection", "close"),
        Answer::text(502, "<html>"),
    ] {
        let fake = shop(|fake, _| fake.on("POST", "*/eviction").once().answer(unclear));
        let room = shared().room(0);
        let config = kubeconfig(&room, &fake);
        let outcome =
            drain(&room, &["n1", "--timeout=3m", "--request-timeout=10s"]).kubeconfig(&config).run();
        outcome.expect("drained", 0);
        assert_eq!(about_the_pod(&fake), ["POST", "GET", "POST"], "{outcome}");
    }
}

#[test]
fn an_eviction_whose_answer_was_lost_is_not_repeated() {
    let fake = shop(|fake, pod| {
        let evicted = Arc::clone(pod);
        fake.on("POST", "*/eviction").answer(Answer::compute(move |_| {
            evicted.stops_unseen();
            Answer::cut()
        }));
        // Looked at once; after that it goes.
        let looked = Arc::clone(pod);
        fake.on("GET", POD).answer(Answer::compute(move |_| {
            let stopping = looked.now().clone();
            looked.goes();
            stopping.map_or_else(|| Answer::status(404, "NotFound", "gone"), Answer::json)
        }));
    });
    let outcome = drained(&fake);
    assert_eq!(about_the_pod(&fake), ["POST", "GET"], "{outcome}");
}

#[test]
fn a_pod_that_was_replaced_under_its_name_is_not_evicted() {
    let fake = shop(|fake, pod| {
        let replaced = Arc::clone(pod);
        fake.on("POST", "*/eviction").answer(Answer::compute(move |request| {
            assert_eq!(request.json()["deleteOptions"]["preconditions"]["uid"], "first");
            replaced.is_replaced_unseen();
            Answer::status(
                409,
                "Conflict",
                "the UID in the precondition (first) does not match the UID in record (another)",
            )
        }));
    });
    let outcome = drained(&fake);
    assert_eq!(about_the_pod(&fake), ["POST", "GET"], "{outcome}");
}

#[test]
fn an_expired_watch_is_restarted_without_output() {
    let fake = shop(|fake, pod| {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version"}});
        fake.on("GET", "/api/v1/pods").watches().times(2).answer(Answer::watch(&[gone]));
        // Its end becomes known only by the next list.
        let evicted = Arc::clone(pod);
        fake.on("POST", "*/eviction").answer(Answer::compute(move |_| {
            drop(evicted.now().take());
            success()
        }));
    });
    let outcome = drained(&fake);
    assert_eq!(about_the_pod(&fake), ["POST"], "{outcome}");
    assert!(!outcome.err.contains("waiting for the API server"), "{outcome}");
}

#[test]
fn a_server_that_keeps_failing_is_reported_at_the_timeout() {
    let fake = shop(|fake, _| {
        fake.on("POST", "*/eviction").answer(Answer::status(500, "InternalError", "etcdserver: no leader"));
    });
    let room = shared().room(0);
    let outcome = drain(&room, &["n1", "--timeout=15s"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("timeout", 124);
    assert!(
        outcome.out.contains("etcdserver: no leader") || outcome.out.contains("unknown whether"),
        "{outcome}"
    );
    let asked = about_the_pod(&fake);
    assert!(asked.windows(2).all(|pair| pair != ["POST", "POST"]), "{asked:?}");
}

/// It has not read its roles yet: everybody but an administrator is refused. Without an outage before it, the same answer is final.
#[test]
fn a_server_that_is_just_starting_may_forbid_for_a_moment() {
    let forbidden = || {
        Answer::status(
            403,
            "Forbidden",
            "pods is forbidden: User \"a\" cannot create resource \"pods/eviction\"",
        )
    };
    let fake = shop(|fake, _| {
        fake.on("GET", "/api/v1/pods").watches().once().answer(Answer::status(503, "", "starting"));
        fake.on("GET", "/api/v1/pods").watches().once().answer(forbidden());
        fake.on("POST", "*/eviction").once().answer(Answer::status(500, "InternalError", "starting"));
        fake.on("GET", POD).once().answer(Answer::status(500, "InternalError", "starting"));
        fake.on("POST", "*/eviction").once().answer(forbidden());
    });
    let outcome = drained(&fake);
    assert_eq!(about_the_pod(&fake), ["POST", "GET", "GET", "POST", "GET", "POST"], "{outcome}");
    assert!(outcome.err.contains("waiting for the API server"), "{outcome}");
}

#[test]
fn a_cordon_whose_answer_is_lost_is_called_unknown() {
    let fake = shop(|fake, _| fake.on("PATCH", "/api/v1/nodes/n1").answer(Answer::cut()));
    let room = shared().room(0);
    let outcome = drain(&room, &["n1", "--timeout=15s"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("timeout", 124);
    assert!(outcome.report()["nodes"][0]["cordoned"].is_null(), "{outcome}");
    assert!(about_the_pod(&fake).is_empty());
}

#[test]
fn an_interrupt_before_anything_was_changed_is_reported() {
    let fake = shop(|fake, _| fake.on("GET", "/api/v1/pods").answer(Answer::silence()));
    let room = shared().room(0);
    let run = drain(&room, &["n1"]).kubeconfig(&kubeconfig(&room, &fake)).spawn();
    fake.wait_for(1, |request| request.path == "/api/v1/pods");
    run.signal(rustix::process::Signal::INT);
    let outcome = run.finish();
    outcome.expect("interrupted", 130);
    assert!(fake.requests().iter().all(|request| request.method != "PATCH"));
}
