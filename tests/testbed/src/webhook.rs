//! An admission webhook that denies evictions with any code, or delays a write: HTTPS on loopback, under a certificate of the
//! cluster's authority.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{Doing, Error};
use crate::fake::read_request;
use crate::room::Room;
use crate::wait::{PATIENCE, wait};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// The server waits no longer for a webhook.
const LONGEST: u64 = 30;

/// What is answered to a request for admission.
type Review = dyn Fn(&Value) -> Value + Send + Sync;

/// In force until dropped.
pub struct Webhook<'a> {
    cluster: &'a Cluster,
    name: String,
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

/// The first write of somebody, which waits at the server: it has been read, fits what is there, and is not stored yet.
pub struct BlockedWrite<'a> {
    _webhook: Webhook<'a>,
    here: Receiver<()>,
    free: Sender<()>,
}

impl BlockedWrite<'_> {
    #[track_caller]
    pub fn reached(&self) {
        if self.here.recv_timeout(PATIENCE).is_err() {
            panic!("no write to hold within {PATIENCE:?}");
        }
    }

    pub fn go_on(&self) {
        // The webhook no longer waits: then the write is over, and the test checks its outcome.
        let _ = self.free.send(());
    }
}

impl<'a> Room<'a> {
    /// From now on every eviction in the room is denied with this code, in these words.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn deny_evictions(&self, code: u16, words: &str) -> Webhook<'a> {
        let status = json!({"code": code, "message": words});
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"]});
        let webhook = self.webhook(rule, move |_| json!({"allowed": false, "status": status}));
        let probe = self.eviction_probe();
        wait("the webhook to be called", PATIENCE, || {
            probe().filter(|refused| refused.contains(words)).map(|_| ())
        });
        webhook
    }

    /// The same of pods that are created in the room.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn deny_pods(&self, code: u16, words: &str) -> Webhook<'a> {
        let status = json!({"code": code, "message": words});
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        let webhook = self.webhook(rule, move |_| json!({"allowed": false, "status": status}));
        let path = format!("{}?dryRun=All", self.path_of("Pod", ""));
        let pod = json!({"metadata": {"generateName": "probe-"}, "spec": {"containers": [{"name": "probe", "image": "none"}]}});
        wait("the webhook to be called", PATIENCE, || {
            self.cluster()
                .try_create(&path, &pod)
                .is_err_and(|refused| refused.message.contains(words))
                .then_some(())
        });
        webhook
    }

    /// The first write of this field manager to this workload waits until `go_on`; dry runs and others do not.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn block_write(&self, kind: &str, name: &str, manager: &str) -> BlockedWrite<'a> {
        let path = self.path_of(kind, name);
        let resource = path.rsplit('/').nth(1).unwrap_or_default();
        let rule = json!({"operations": ["UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": [resource]});
        let (name, manager) = (name.to_owned(), manager.to_owned());
        let is_meant =
            move |request: &Value| request["name"] == *name && request["options"]["fieldManager"] == *manager;
        let probe = json!({"metadata": {"annotations": {"testbed/probe": "called"}}});
        self.block(rule, is_meant, || {
            self.cluster().merge(&format!("{path}?dryRun=All"), &probe);
        })
    }

    /// The first eviction in the room waits until `go_on`, before its budget is looked at; dry runs do not.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn block_eviction(&self) -> BlockedWrite<'a> {
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"]});
        // The server takes a dry run of an eviction from its options, and does not tell the webhook.
        let is_meant = |request: &Value| request["object"]["deleteOptions"]["dryRun"].is_null();
        let probe = self.eviction_probe();
        self.block(rule, is_meant, || drop(probe()))
    }

    /// `probe`: a dry run that the webhook is asked about.
    #[track_caller]
    fn block(
        &self,
        rule: Value,
        is_meant: impl Fn(&Value) -> bool + Send + Sync + 'static,
        probe: impl Fn(),
    ) -> BlockedWrite<'a> {
        let ((arrived, here), (free, held)) = (channel::<()>(), channel::<()>());
        let held = Mutex::new(Some(held));
        let called = Arc::new(AtomicBool::new(false));
        let was_called = Arc::clone(&called);
        let webhook = self.webhook(rule, move |request| {
            was_called.store(true, Ordering::Relaxed);
            let matches = request["dryRun"] != true && is_meant(request);
            let first = matches.then(|| held.lock().unwrap_or_else(PoisonError::into_inner).take()).flatten();
            if let Some(held) = first {
                // The test may have ended: then there is nothing to wait for.
                let sent = arrived.send(());
                let _ = sent.map(|()| held.recv_timeout(Duration::from_secs(LONGEST)));
            }
            json!({"allowed": true})
        });
        wait("the webhook to be called", PATIENCE, || {
            probe();
            called.load(Ordering::Relaxed).then_some(())
        });
        BlockedWrite { _webhook: webhook, here, free }
    }

    #[track_caller]
    fn webhook(&self, rule: Value, review: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Webhook<'a> {
        let cluster = self.cluster();
        let name = format!("{}-guard-{}", self.namespace(), cluster.next());
        let over = Arc::new(AtomicBool::new(false));
        let address = serve(cluster, Arc::new(review), Arc::clone(&over))
            .unwrap_or_else(|error| panic!("no webhook: {error}"));
        let authority = k8s_openapi::ByteString(cluster.authority().pem.clone().into_bytes());
        let namespace = json!({"matchLabels": {"kubernetes.io/metadata.name": self.namespace()}});
        let configuration = json!({
            "metadata": {"name": name},
            "webhooks": [{
                "name": "guard.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": LONGEST,
                "clientConfig": {"url": format!("https://{address}/"), "caBundle": authority},
                "namespaceSelector": namespace,
                "rules": [rule],
            }],
        });
        cluster.create(CONFIGURATIONS, &configuration);
        Webhook { cluster, name, address, over }
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        let _ = self.cluster.try_delete(&format!("{CONFIGURATIONS}/{}", self.name));
        self.over.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(cluster: &Cluster, review: Arc<Review>, over: Arc<AtomicBool>) -> Result<SocketAddr, Error> {
    let pair = cluster.authority().server(&["127.0.0.1"])?;
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).doing("bad certificate")?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).doing("bad key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
        .doing("bad TLS settings")?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").doing("no port")?;
    let address = listener.local_addr().doing("no port")?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let (config, review) = (Arc::clone(&config), Arc::clone(&review));
            std::thread::spawn(move || answer(stream, config, &*review));
        }
    });
    Ok(address)
}

/// All reviews that come over one connection.
fn answer(stream: TcpStream, config: Arc<ServerConfig>, review: &Review) {
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    while let Ok(Some(request)) = read_request(&mut reader) {
        let request = &request.json()["request"];
        let mut response = review(request);
        response["uid"] = request["uid"].clone();
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
                .to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        if write!(reader.get_mut(), "{head} {}\r\n\r\n{review}", review.len()).is_err() {
            return;
        }
        let _ = reader.get_mut().flush();
    }
}
