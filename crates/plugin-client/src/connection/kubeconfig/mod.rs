//! Which server, as whom: finds and merges kubeconfigs and lays the flags over them. Reads files, no network.
//!
//! As client-go does (tools/clientcmd/client_config.go, loader.go), because kube 5.0.0 stops at a missing `$KUBECONFIG` entry
//! and `Config::infer` falls into the pod's own cluster on any error, which is no way to choose what to drain.

mod environment;
mod files;
mod overlay;
mod select;

use std::path::PathBuf;

use http::Uri;
use kube::config::{
    AuthInfo, Cluster, Config, ExecAuthCluster, ExecConfig, Kubeconfig, KubeconfigError, LoadDataError,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub use environment::Environment;

use self::files::{find, list, load};
use crate::connection::proxy::{self, Proxy, shown};
use crate::{ConnectionFlags, Failure};

/// Ready for kube's client, but for the credentials that have to be fetched: those are kept apart.
#[derive(Debug)]
pub struct Target {
    pub config: Config,
    pub context: String,
    pub server: String,
    pub namespace: String,
    pub(crate) exec: Option<ExecConfig>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) proxy: Option<Proxy>,
}

/// What flags, environment and files together mean.
pub fn target(flags: &ConnectionFlags, environment: &Environment) -> Result<Target, Failure> {
    flags.check()?;
    let files = find(flags, environment);
    let loaded = load(&files, flags.kubeconfig.is_some())?;
    match loaded {
        Some(kubeconfig) => from_kubeconfig(kubeconfig, &files, flags, environment),
        None if given(&flags.server).is_some() => {
            from_kubeconfig(Kubeconfig::default(), &files, flags, environment)
        }
        None if environment.in_cluster && !flags.choose_cluster() => in_cluster(flags),
        None => {
            Err(Failure::failed(format!("no cluster to talk to: there is no kubeconfig at {}", list(&files)))
                .hint("name one with --kubeconfig or $KUBECONFIG, or a server with --server"))
        }
    }
}

/// All files as one, for what they list.
pub(crate) fn merged(flags: &ConnectionFlags, environment: &Environment) -> Result<Kubeconfig, Failure> {
    let files = find(flags, environment);
    Ok(load(&files, flags.kubeconfig.is_some())?.unwrap_or_default())
}

/// The namespace that a run would work in: `--namespace`, else the context's. Reads files at most.
pub fn namespace(flags: &ConnectionFlags) -> Result<String, Failure> {
    match given(&flags.namespace) {
        Some(namespace) => Ok(namespace.to_owned()),
        None => Ok(target(flags, &Environment::read())?.namespace),
    }
}

fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    files: &[PathBuf],
    flags: &ConnectionFlags,
    environment: &Environment,
) -> Result<Target, Failure> {
    let (name, context) = select::context(&kubeconfig, files, flags)?;
    let mut cluster = select::cluster(&kubeconfig, &name, &context, flags)?;
    let mut user = select::user(&kubeconfig, &context, flags)?;
    overlay::cluster(&mut cluster, flags);
    overlay::user(&mut user, flags);

    let server = address(&cluster, &user)?;
    let mut config = Config::new(server.clone());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    let set_by = match given(&flags.proxy_url) {
        Some(_) => "--proxy-url",
        None => "the kubeconfig's proxy-url",
    };
    let explicit = given(&cluster.proxy_url).map(|url| (url, set_by));
    let proxy = proxy::choose(explicit, &environment.proxy, &server)
        .map_err(|cause| Failure::failed("cannot use the proxy").cause(cause))?;
    config.proxy_url = proxy.as_ref().map(|proxy| proxy.address.clone());
    // Reads certificate-authority(-data), which kube keeps to itself elsewhere.
    let with_authorities = ExecAuthCluster::try_from(&cluster).map_err(|error| {
        Failure::failed("cannot use the cluster's certificate authority").cause(words(&error))
    })?;
    if !config.accept_invalid_certs {
        config.root_cert =
            with_authorities.certificate_authority_data.as_deref().map(authorities).transpose()?;
    }
    let mut exec = user.exec.take();
    if let Some(exec) = exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(with_authorities);
    }
    let token_file = user.token_file.take().map(PathBuf::from);
    let namespace = given(&flags.namespace)
        .or(given(&context.namespace))
        .map_or_else(|| "default".to_owned(), str::to_owned);
    config.default_namespace.clone_from(&namespace);
    config.auth_info = user;
    Ok(Target { config, context: name, server: shown(&server), namespace, exec, token_file, proxy })
}

fn in_cluster(flags: &ConnectionFlags) -> Result<Target, Failure> {
    let mut config = Config::incluster().map_err(|error| {
        Failure::failed("no kubeconfig, and the pod's own service account cannot be used")
            .cause(crate::failure::last(&error))
            .hint("name a kubeconfig with --kubeconfig or $KUBECONFIG")
    })?;
    overlay::user(&mut config.auth_info, flags);
    if let Some(namespace) = given(&flags.namespace) {
        config.default_namespace = namespace.to_owned();
    }
    if flags.insecure_skip_tls_verify == Some(true) {
        config.accept_invalid_certs = true;
    }
    let token_file = config.auth_info.token_file.take().map(PathBuf::from);
    let (server, namespace) = (shown(&config.cluster_url), config.default_namespace.clone());
    Ok(Target {
        config,
        context: "in-cluster".to_owned(),
        server,
        namespace,
        exec: None,
        token_file,
        proxy: None,
    })
}

/// client-go takes a server without a scheme: https if anything about TLS is set, else http (rest/url_utils.go).
fn address(cluster: &Cluster, user: &AuthInfo) -> Result<Uri, Failure> {
    let Some(server) = given(&cluster.server) else {
        return Err(Failure::failed("the cluster of this context has no server")
            .hint("set it with `kubectl config set-cluster`, or name it with --server"));
    };
    let tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true)
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    let full = match server.contains("://") {
        true => server.to_owned(),
        false => format!("{}://{server}", if tls { "https" } else { "http" }),
    };
    let wrong =
        |cause: String| Failure::failed(format!("{server} is not the address of a server")).cause(cause);
    let uri: Uri = full.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(wrong("it has to be http:// or https:// and a host".to_owned())),
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let wrong =
        |cause: String| Failure::failed("cannot use the cluster's certificate authority").cause(cause);
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    match certificates.is_empty() {
        true => Err(wrong("there is no certificate in it".to_owned())),
        false => Ok(certificates),
    }
}

/// kube's own texts quote paths twice or leave them out.
pub(crate) fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::LoadCertificateAuthority(error)
        | KubeconfigError::LoadClientCertificate(error)
        | KubeconfigError::LoadClientKey(error) => match error {
            LoadDataError::ReadFile(error, path) => format!("{}: {error}", path.display()),
            LoadDataError::DecodeBase64(error) => format!("its data are not base64: {error}"),
            LoadDataError::NoBase64DataOrFile => {
                "client-certificate and client-key belong together, and one is missing".to_owned()
            }
        },
        error => error.to_string(),
    }
}

fn given(flag: &Option<String>) -> Option<&str> {
    flag.as_deref().filter(|value| !value.is_empty())
}
