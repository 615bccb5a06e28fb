//! An admission webhook that denies evictions with any code: HTTPS on loopback, under a certificate of the cluster's authority.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{Doing, Error};
use crate::fake::read_request;
use crate::room::{PATIENCE, Room};
use crate::wait::wait;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// In force until dropped.
pub struct Webhook<'a> {
    cluster: &'a Cluster,
    name: String,
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl<'a> Room<'a> {
    /// From now on every eviction in the room is denied with this code, in these words.
    #[track_caller]
    #[must_use = "it ends when this is dropped"]
    pub fn deny_evictions(&self, code: u16, words: &str) -> Webhook<'a> {
        let cluster = self.cluster();
        let name = format!("{}-guard-{}", self.namespace(), cluster.next());
        let over = Arc::new(AtomicBool::new(false));
        let address = serve(cluster, json!({"code": code, "message": words}), Arc::clone(&over))
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
                "clientConfig": {"url": format!("https://{address}/"), "caBundle": authority},
                "namespaceSelector": namespace,
                "rules": [{
                    "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"],
                }],
            }],
        });
        cluster.create(CONFIGURATIONS, &configuration);
        let webhook = Webhook { cluster, name, address, over };
        let probe = self.eviction_probe();
        wait("the webhook to be asked", PATIENCE, || {
            probe().filter(|refused| refused.contains(words)).map(|_| ())
        });
        webhook
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

fn serve(cluster: &Cluster, status: Value, over: Arc<AtomicBool>) -> Result<SocketAddr, Error> {
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
            let (config, status) = (Arc::clone(&config), status.clone());
            std::thread::spawn(move || answer(stream, config, &status));
        }
    });
    Ok(address)
}

/// All reviews that come over one connection.
fn answer(stream: TcpStream, config: Arc<ServerConfig>, status: &Value) {
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    while let Ok(Some(request)) = read_request(&mut reader) {
        let uid = &request.json()["request"]["uid"];
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": uid, "allowed": false, "status": status},
        })
        .to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        if write!(reader.get_mut(), "{head} {}\r\n\r\n{review}", review.len()).is_err() {
            return;
        }
        let _ = reader.get_mut().flush();
    }
}
