//! An API server that only lists: as many pods as a large cluster has, on the loopback, without a control plane that would have to hold them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::crowd_objects::{self as objects, Size};

/// Lists by their request, so that only the first one who asks waits until they are made.
type Lists = Mutex<HashMap<String, Arc<String>>>;

pub struct Stub {
    pub url: String,
    /// The lists that were requested, with their query.
    requested: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Ends with this process.
    pub fn start(size: Size) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("cannot listen: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        let requested = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requested);
        let lists = Arc::new(Lists::default());
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (log, lists) = (Arc::clone(&log), Arc::clone(&lists));
                std::thread::spawn(move || serve(&connection, size, &log, &lists));
            }
        });
        Ok(Stub { url: format!("http://{address}"), requested })
    }

    pub fn kubeconfig(&self, directory: &Path) -> Result<PathBuf, String> {
        let named = |name: &str, key: &str, value: Value| json!([{"name": name, key: value}]);
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "stub",
            "clusters": named("stub", "cluster", json!({"server": self.url})),
            "contexts": named("stub", "context", json!({"cluster": "stub", "user": "stub"})),
            "users": named("stub", "user", json!({}))});
        let path = directory.join("stub.kubeconfig");
        std::fs::write(&path, config.to_string())
            .map_err(|error| format!("cannot write {path:?}: {error}"))?;
        Ok(path)
    }

    /// What was requested since the last call.
    pub fn take_requested(&self) -> Vec<String> {
        self.requested.lock().map(|mut log| std::mem::take(&mut *log)).unwrap_or_default()
    }
}

/// One connection, until its client closes it.
fn serve(connection: &TcpStream, size: Size, log: &Mutex<Vec<String>>, lists: &Lists) {
    let mut lines = BufReader::new(connection).lines();
    while let Some(Ok(request)) = lines.next() {
        // Of a GET, the headers end with an empty line.
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let uri = request.split(' ').nth(1).unwrap_or("/");
        if let Ok(mut log) = log.lock() {
            log.push(uri.to_owned());
        }
        let known = lists.lock().ok().and_then(|lists| lists.get(uri).cloned());
        let body = known.unwrap_or_else(|| Arc::new(answer(uri, size)));
        // A Lease is renewed all the time.
        if let (false, Ok(mut lists)) = (uri.contains("/leases/"), lists.lock()) {
            lists.insert(uri.to_owned(), Arc::clone(&body));
        }
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: {date}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = connection;
        if connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body.as_bytes())).is_err()
        {
            return;
        }
    }
}

fn answer(uri: &str, size: Size) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let number = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
    };
    let page = |all: usize, object: fn(usize, Size) -> String| {
        let from = number("continue").unwrap_or(0).min(all);
        let to = number("limit").map_or(all, |limit| (from + limit).min(all));
        let next = if to < all { to.to_string() } else { String::new() };
        let items: Vec<String> = (from..to).map(|number| object(number, size)).collect();
        let metadata = json!({"resourceVersion": "1", "continue": next, "remainingItemCount": all - to});
        format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{metadata},"items":[{}]}}"#, items.join(","))
    };
    let lease = |name: &str| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-system", "uid": name},
        "spec": {"leaseDurationSeconds": 15, "renewTime": Timestamp::now().to_string()}})
        .to_string()
    };
    match path {
        "/version" => json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2"}).to_string(),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}).to_string(),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}).to_string(),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "pods", "singularName": "pod",
            "namespaced": true, "kind": "Pod", "verbs": ["get", "list"]}]}).to_string(),
        "/api/v1/pods" => page(size.pods, objects::pod),
        "/api/v1/nodes" => page(size.nodes, objects::node),
        "/api/v1/services" => page(size.deployments(), objects::service),
        "/apis/discovery.k8s.io/v1/endpointslices" => page(size.deployments(), objects::endpoint_slice),
        "/apis/apps/v1/deployments" => page(size.deployments(), objects::deployment),
        "/apis/apps/v1/replicasets" => page(size.deployments(), objects::replica_set),
        "/apis/policy/v1/poddisruptionbudgets" => page(size.deployments(), objects::budget),
        path => match path.rsplit_once("/leases/") {
            Some((_, name)) => lease(name),
            None => page(0, objects::pod),
        },
    }
}
