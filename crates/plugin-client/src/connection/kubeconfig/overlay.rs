//! Flags that override the kubeconfig, like client-go's ConfigOverrides. No I/O.

use std::collections::HashMap;

use kube::config::{AuthInfo, Cluster};

use super::given;
use crate::ConnectionFlags;

/// What is overridden takes its companions along (client_config.go, `getCluster`): another server has another name in its certificate,
/// other authorities undo insecure, insecure undoes authorities.
pub(super) fn cluster(cluster: &mut Cluster, flags: &ConnectionFlags) {
    if let Some(server) = given(&flags.server) {
        cluster.server = Some(server.to_owned());
        cluster.tls_server_name = None;
    }
    if let Some(name) = given(&flags.tls_server_name) {
        cluster.tls_server_name = Some(name.to_owned());
    }
    if let Some(file) = given(&flags.certificate_authority) {
        cluster.certificate_authority = Some(file.to_owned());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if let Some(insecure) = flags.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(insecure);
        if insecure {
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
    }
    if let Some(disable) = flags.disable_compression {
        cluster.disable_compression = Some(disable);
    }
    if let Some(proxy) = given(&flags.proxy_url) {
        cluster.proxy_url = Some(proxy.to_owned());
    }
}

/// Credentials on the command line replace every other kind, as they would lose to them on the wire.
pub(super) fn user(user: &mut AuthInfo, flags: &ConnectionFlags) {
    if flags.token.is_some() || flags.username.is_some() {
        user.exec = None;
        user.auth_provider = None;
        user.token_file = None;
        user.token = flags.token.clone().map(Into::into);
        user.username = flags.username.clone();
        user.password = flags.password.clone().map(Into::into);
    }
    if let Some(file) = given(&flags.client_certificate) {
        user.client_certificate = Some(file.to_owned());
        user.client_certificate_data = None;
    }
    if let Some(file) = given(&flags.client_key) {
        user.client_key = Some(file.to_owned());
        user.client_key_data = None;
    }
    if let Some(name) = given(&flags.impersonate) {
        user.impersonate = Some(name.to_owned());
        user.impersonate_uid = flags.impersonate_uid.clone();
        user.impersonate_groups =
            (!flags.impersonate_groups.is_empty()).then(|| flags.impersonate_groups.clone());
        let mut extra = HashMap::<String, Vec<String>>::new();
        for (key, value) in &flags.impersonate_extra {
            extra.entry(key.clone()).or_default().push(value.clone());
        }
        user.impersonate_user_extra = (!extra.is_empty()).then_some(extra);
    }
}
