//! TLS, proxy, compression and impersonation as kube does them; made anew when the user's certificate is another one. Network I/O.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use rustls_pki_types::ServerName;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use crate::Failure;
use crate::connection::credential::Identity;
use crate::connection::kubeconfig;
use crate::mutex::lock;

/// Bytes that the server may send of one stream, and of all streams, before they are read: watches that are not read for a moment must
/// not block the answers of other requests.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;
/// As client-go (apimachinery/pkg/util/net/http.go, `readIdleTimeoutSeconds` and `pingTimeoutSeconds`): an idle connection is pinged, and
/// closed without an answer to the ping.
const SILENT_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The API server allows 100 streams on a connection by default (kube-apiserver `--http2-max-streams-per-connection`), and a request
/// beyond that waits until one ends. A watch does not end, so that watches have connections of their own, with so many on each.
const WATCHES_PER_CONNECTION: usize = 10;

pub(crate) struct Transport {
    config: Config,
    disable_http2: bool,
    server: String,
    /// Requests in flight on earlier clients finish there.
    current: Mutex<Current>,
}

struct Current {
    identity: Option<Arc<Identity>>,
    requests: Client,
    watches: Option<Client>,
    /// Watches that were opened with `watches`.
    opened: usize,
}

impl Transport {
    pub(crate) fn new(
        config: Config,
        disable_http2: bool,
        server: String,
        identity: Option<Arc<Identity>>,
    ) -> Result<Self, Failure> {
        let requests = build(&config, disable_http2, &server, identity.as_deref())?;
        let current = Current { identity, requests, watches: None, opened: 0 };
        Ok(Transport { config, disable_http2, server, current: Mutex::new(current) })
    }

    pub(crate) fn with(&self, identity: Option<&Arc<Identity>>, watch: bool) -> Result<Client, Failure> {
        let client = || build(&self.config, self.disable_http2, &self.server, identity.map(AsRef::as_ref));
        let mut current = lock(&self.current);
        let is_same = match (&current.identity, identity) {
            (Some(before), Some(identity)) => Arc::ptr_eq(before, identity),
            (before, identity) => before.is_none() && identity.is_none(),
        };
        if !is_same {
            *current = Current { identity: identity.cloned(), requests: client()?, watches: None, opened: 0 };
        }
        if !watch {
            return Ok(current.requests.clone());
        }
        let watches = match current.watches.take().filter(|_| current.opened < WATCHES_PER_CONNECTION) {
            Some(watches) => watches,
            None => {
                current.opened = 0;
                client()?
            }
        };
        current.opened += 1;
        Ok(current.watches.insert(watches).clone())
    }

    /// For a request that becomes a WebSocket, on a connection of its own: the API server upgrades HTTP/1.1 only
    /// (apimachinery/pkg/util/httpstream/wsstream).
    pub(crate) fn for_upgrade(&self, identity: Option<&Arc<Identity>>) -> Result<Client, Failure> {
        build(&self.config, true, &self.server, identity.map(AsRef::as_ref))
    }
}

fn build(
    config: &Config,
    disable_http2: bool,
    server: &str,
    identity: Option<&Identity>,
) -> Result<Client, Failure> {
    let mut config = config.clone();
    if let Some(identity) = identity {
        identity.identify(&mut config.auth_info);
    }
    let client = match config.proxy_url {
        None if !disable_http2 => direct(config),
        _ => ClientBuilder::try_from(config).map(ClientBuilder::build),
    };
    client.map_err(|error| match &error {
        kube::Error::InferKubeconfig(error) => {
            Failure::failed("cannot use the user's certificate").cause(kubeconfig::words(error))
        }
        error => Failure::from_kube(&format!("set up the connection to {server}"), error),
    })
}

/// As kube's own `ClientBuilder` (client/builder.rs), which speaks HTTP/1.1 only: there, each watch and each request under way is a
/// connection of its own.
fn direct(config: Config) -> kube::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let mut https =
        HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = config.tls_server_name.clone() {
        let name = ServerName::try_from(name).map_err(|error| kube::Error::Service(error.into()))?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut connector = TimeoutConnector::new(https.enable_all_versions().wrap_connector(connector));
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(SILENT_AFTER)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build(connector);
    let gzip = DecompressionLayer::new().gzip(!config.disable_compression);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(gzip)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(Client::new(service, config.default_namespace))
}
