//! Which server is meant, and never another one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kube::api::ListParams;
use plugin_client::connection::kubeconfig::{Environment, Target, target};
use plugin_client::{Exit, Failure};
use serde_json::{Value, json};
use testbed::fake::Answer;

use crate::bench::{Bench, environment, flags, kubeconfig, no_pods};

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn resolve(config: &Value, words: &[&str]) -> Result<Target, Failure> {
    let folder = tempfile::tempdir().unwrap();
    target(&flags(words), &environment(&write(folder.path(), "config", &config.to_string())))
}

#[test]
fn missing_kubeconfig_entry_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let there = write(folder.path(), "there", &kubeconfig("https://one:6443", json!({})).to_string());
    let second = write(folder.path(), "second", &kubeconfig("https://two:6443", json!({})).to_string());
    let list = std::env::join_paths([folder.path().join("missing"), PathBuf::new(), there, second]).unwrap();
    let environment = Environment { kubeconfig: Some(list), ..Environment::default() };
    let target = target(&flags(&[]), &environment).unwrap();
    assert_eq!(
        (target.server.as_str(), target.context.as_str(), target.namespace.as_str()),
        ("https://one:6443", "main", "shop")
    );
}

#[test]
fn a_file_named_by_flag_has_to_exist() {
    let failure = target(&flags(&["--kubeconfig=/nowhere/config"]), &Environment::default()).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "cannot read the kubeconfig /nowhere/config: No such file or directory (os error 2)"
    );
}

#[test]
fn no_silent_in_cluster_fallback() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good", &kubeconfig("https://one:6443", json!({})).to_string());
    let bad = write(folder.path(), "bad", "{ token: s3cret, clusters: [");
    let missing = folder.path().join("missing");
    let in_pod = |file: &Path| Environment { in_cluster: true, ..environment(file) };

    let error_of =
        |words: &[&str], file: &Path| target(&flags(words), &in_pod(file)).unwrap_err().to_string();
    assert!(error_of(&["--context=other"], &good).starts_with("there is no context other in "));
    assert!(error_of(&["--cluster=other"], &good).starts_with("the cluster other is not in the kubeconfig"));
    assert!(error_of(&["--user=other"], &good).starts_with("the user other is not in the kubeconfig"));
    assert!(
        error_of(&["--context=main"], &missing)
            .starts_with("no cluster to talk to: there is no kubeconfig at ")
    );
    let broken = error_of(&[], &bad);
    assert!(
        broken.starts_with("cannot read the kubeconfig ") && broken.contains("not valid YAML"),
        "{broken}"
    );
    assert!(!broken.contains("s3cret"), "{broken}");
    // The only way in: no file and no flag. There is no service account here, so it fails, but by its own name.
    assert!(
        error_of(&[], &missing)
            .starts_with("no kubeconfig, and the pod's own service account cannot be used")
    );
    let outside = target(&flags(&[]), &environment(&missing)).unwrap_err();
    assert!(outside.message.starts_with("no cluster to talk to"), "{outside}");
}

#[test]
fn a_wrong_name_lists_the_right_ones_neutralised() {
    let mut config = kubeconfig("https://one:6443", json!({}));
    config["contexts"][0]["name"] = json!("ma\u{1b}[31min");
    let failure = resolve(&config, &["--context=x\u{9b}"]).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let mut lost = config.clone();
    lost["current-context"] = json!("lost");
    assert_eq!(resolve(&lost, &[]).unwrap_err().exit, Exit::Failed);
    let bench = Bench::new();
    bench.ui.failure(&failure);
    let text = bench.ui.err();
    assert!(
        text.contains("there is no context x\\u{9b} in ") && text.contains("contexts there: ma\\u{1b}[31min"),
        "{text}"
    );
}

#[test]
fn no_proxy_matches_the_clusters_host() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = kubeconfig("https://10.1.2.3:6443", json!({}));
    let file = write(folder.path(), "config", &config.to_string());
    let mut environment = environment(&file);
    let proxy_of = |environment: &Environment, words: &[&str]| {
        target(&flags(words), environment).unwrap().config.proxy_url.map(|url| url.to_string())
    };
    environment.proxy.https = Some("proxy.corp:3128".to_owned());
    assert_eq!(proxy_of(&environment, &[]).as_deref(), Some("http://proxy.corp:3128/"));
    environment.proxy.no_proxy = Some("proxy.corp".to_owned());
    assert_eq!(proxy_of(&environment, &[]).as_deref(), Some("http://proxy.corp:3128/"));
    environment.proxy.no_proxy = Some("a,,10.0.0.0/8".to_owned());
    assert_eq!(proxy_of(&environment, &[]), None);
    // With an explicit proxy client-go ignores NO_PROXY.
    assert_eq!(proxy_of(&environment, &["--proxy-url=http://flag:1"]).as_deref(), Some("http://flag:1/"));
    config["clusters"][0]["cluster"]["proxy-url"] = json!("socks5://file:2");
    write(folder.path(), "config", &config.to_string());
    assert_eq!(proxy_of(&environment, &[]).as_deref(), Some("socks5://file:2/"));
}

#[test]
fn flags_override_the_kubeconfig_with_their_companions() {
    let mut config =
        kubeconfig("https://user:s3cret@one:6443/prefix/", json!({"username": "u", "password": "p"}));
    config["clusters"][0]["cluster"]["tls-server-name"] = json!("name-of-one");
    config["clusters"][0]["cluster"]["certificate-authority"] = json!("/nowhere/ca.crt");
    let plain = resolve(&config, &[]).unwrap_err();
    assert!(plain.to_string().contains("/nowhere/ca.crt: No such file"), "{plain}");

    let insecure = resolve(&config, &["--insecure-skip-tls-verify"]).unwrap();
    assert!(insecure.config.accept_invalid_certs && insecure.config.root_cert.is_none());
    assert_eq!(insecure.server, "https://one:6443/prefix");
    assert_eq!(insecure.config.tls_server_name.as_deref(), Some("name-of-one"));

    let other =
        ["--insecure-skip-tls-verify", "--server=two:1", "-n=other", "--token=t", "--as=me", "--as-group=g"];
    let other = resolve(&config, &other).unwrap().config;
    assert_eq!(other.cluster_url.to_string(), "https://two:1/");
    assert_eq!((other.tls_server_name, other.default_namespace.as_str()), (None, "other"));
    assert!(other.auth_info.token.is_some() && other.auth_info.username.is_none());
    assert_eq!(other.auth_info.impersonate.as_deref(), Some("me"));
    assert_eq!(other.auth_info.impersonate_groups, Some(vec!["g".to_owned()]));
}

#[test]
fn a_server_alone_needs_no_kubeconfig() {
    let nowhere = Environment {
        kubeconfig: Some(OsString::from("/nowhere")),
        in_cluster: true,
        ..Environment::default()
    };
    let target = target(&flags(&["--server=localhost:8080"]), &nowhere).unwrap();
    assert_eq!(target.server, "http://localhost:8080");
}

#[test]
fn an_address_that_is_none_is_named() {
    for server in ["ftp://x", "https://", "https://a b", ""] {
        let failure = resolve(&kubeconfig(server, json!({})), &[]).unwrap_err();
        assert!(
            failure.message.contains("address of a server") || failure.message.contains("has no server"),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_token_file_may_end_in_a_newline() {
    let bench = Bench::new();
    write(bench.folder.path(), "token", "from-file\n");
    let file = bench.kubeconfig_of(json!({"tokenFile": "token"}));
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let cluster = bench.connect_with(&file, &[]).await.unwrap();
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::all(cluster.client);
    pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(bench.fake.requests()[0].headers["authorization"], "Bearer from-file");
}
