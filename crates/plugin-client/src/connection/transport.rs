//! TLS, proxy, compression and impersonation as kube does them; made anew when the user's certificate is another one. Network I/O.

use std::sync::{Arc, Mutex};

use kube::client::ClientBuilder;
use kube::{Client, Config};

use crate::Failure;
use crate::connection::credential::Identity;
use crate::connection::kubeconfig;
use crate::mutex::lock;

pub(crate) struct Transport {
    config: Config,
    server: String,
    /// What is under way on an earlier one goes on there.
    newest: Mutex<(Option<Arc<Identity>>, Client)>,
}

impl Transport {
    pub(crate) fn new(
        config: Config,
        server: String,
        identity: Option<Arc<Identity>>,
    ) -> Result<Self, Failure> {
        let client = build(&config, &server, identity.as_deref())?;
        Ok(Transport { config, server, newest: Mutex::new((identity, client)) })
    }

    pub(crate) fn with(&self, identity: Option<&Arc<Identity>>) -> Result<Client, Failure> {
        let mut newest = lock(&self.newest);
        let is_same = match (&newest.0, identity) {
            (Some(before), Some(identity)) => Arc::ptr_eq(before, identity),
            (before, identity) => before.is_none() && identity.is_none(),
        };
        if !is_same {
            let client = build(&self.config, &self.server, identity.map(AsRef::as_ref))?;
            *newest = (identity.cloned(), client);
        }
        Ok(newest.1.clone())
    }
}

fn build(config: &Config, server: &str, identity: Option<&Identity>) -> Result<Client, Failure> {
    let mut config = config.clone();
    if let Some(identity) = identity {
        identity.identify(&mut config.auth_info);
    }
    let builder = ClientBuilder::try_from(config).map_err(|error| match &error {
        kube::Error::InferKubeconfig(error) => {
            Failure::failed("cannot use the user's certificate").cause(kubeconfig::words(error))
        }
        error => Failure::from_kube(&format!("set up the connection to {server}"), error),
    })?;
    Ok(builder.build())
}
