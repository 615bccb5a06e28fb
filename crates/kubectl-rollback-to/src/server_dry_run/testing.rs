//! A cluster whose server is a fake.

use clap::Parser;
use cluster_model::rollout::{Kind, Rollout};
use plugin_client::connection::client::connect_in;
use plugin_client::connection::kubeconfig::Environment;
use plugin_client::{Cluster, ConnectionFlags, Ui};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::fake::{Answer, Fake};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    connection: ConnectionFlags,
}

pub async fn connect(fake: &Fake) -> Cluster {
    connect_with(fake, &[]).await
}

pub async fn connect_with(fake: &Fake, flags: &[&str]) -> Cluster {
    let folder = TempDir::new().unwrap();
    let kubeconfig = Some(fake.kubeconfig(folder.path()).into());
    let environment = Environment { kubeconfig, ..Environment::default() };
    let flags = Args::try_parse_from([&["test"], flags].concat()).unwrap().connection;
    connect_in(&environment, &flags, "kubectl-rollback-to", &Ui::captured()).await.unwrap()
}

/// Answers access reviews: everything but these resources is allowed.
pub fn deny(fake: &Fake, resources: &'static [&'static str]) {
    fake.on("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").answer(Answer::compute(
        move |request| {
            let resource = request.json()["spec"]["resourceAttributes"]["resource"].clone();
            let allowed = !resources.iter().any(|denied| resource == *denied);
            Answer::json(json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": {}, "status": {"allowed": allowed}}))
        },
    ));
}

pub fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image, "newField": 1}]}})
}

/// Deployment `web` of namespace `shop`, at its second generation, with image web:2.
pub fn web() -> Rollout {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "w", "generation": 2},
        "spec": {"template": template("web:2")}});
    Rollout::new(Kind::Deployment, object, &[], Vec::new())
}
