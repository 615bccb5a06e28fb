//! What of the process environment takes part. Handed in, so that tests do not fight over `std::env`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::connection::proxy::ProxyEnvironment;

#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub kubeconfig: Option<OsString>,
    pub home: Option<PathBuf>,
    pub in_cluster: bool,
    pub proxy: ProxyEnvironment,
    /// `DISABLE_HTTP2`, as client-go reads it (apimachinery/pkg/util/net/http.go): whatever its value.
    pub disable_http2: bool,
}

impl Environment {
    pub fn read() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Environment {
            kubeconfig: set("KUBECONFIG"),
            home: std::env::home_dir(),
            in_cluster: set("KUBERNETES_SERVICE_HOST").is_some(),
            proxy: ProxyEnvironment::read(),
            disable_http2: set("DISABLE_HTTP2").is_some(),
        }
    }
}
