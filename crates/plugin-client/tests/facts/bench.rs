//! What every test here starts from: a fake server, a folder, flags, an environment of its own.

use std::path::{Path, PathBuf};

use clap::Parser;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use plugin_client::connection::client::connect_in;
use plugin_client::connection::kubeconfig::Environment;
use plugin_client::{Cluster, ConnectionFlags, Failure, Ui};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::fake::Fake;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    connection: ConnectionFlags,
}

pub fn flags(words: &[&str]) -> ConnectionFlags {
    Args::try_parse_from([&["test"], words].concat()).unwrap().connection
}

pub struct Bench {
    pub fake: Fake,
    pub folder: TempDir,
    pub ui: Ui,
}

impl Bench {
    pub fn new() -> Self {
        Bench { fake: Fake::start(), folder: TempDir::new().unwrap(), ui: Ui::captured() }
    }

    /// Connects through the fake's own kubeconfig.
    pub async fn connect(&self, words: &[&str]) -> Result<Cluster, Failure> {
        let file = self.fake.kubeconfig(self.folder.path());
        self.connect_with(&file, words).await
    }

    pub async fn connect_with(&self, kubeconfig: &Path, words: &[&str]) -> Result<Cluster, Failure> {
        connect_in(&environment(kubeconfig), &flags(words), "kubectl-test", &self.ui).await
    }

    pub async fn pods(&self, words: &[&str]) -> Api<Pod> {
        Api::all(self.connect(words).await.unwrap().client)
    }

    /// A kubeconfig for the fake whose user is `user`.
    pub fn kubeconfig_of(&self, user: Value) -> PathBuf {
        self.write("user", &kubeconfig(&self.fake.url(), user))
    }

    pub fn write(&self, name: &str, config: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

pub fn kubeconfig(server: &str, user: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}]})
}

pub fn environment(kubeconfig: &Path) -> Environment {
    Environment { kubeconfig: Some(kubeconfig.into()), ..Environment::default() }
}

pub fn no_pods() -> Value {
    list(&[])
}

pub fn list(names: &[&str]) -> Value {
    let items: Vec<Value> = names.iter().map(|name| pod(name, "1")).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

pub fn pod(name: &str, version: &str) -> Value {
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "shop", "resourceVersion": version,
        "managedFields": [{"manager": "kubelet", "operation": "Update"}]}})
}
