//! Failures are sentences.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use plugin_client::connection::client::connect_in;
use plugin_client::connection::kubeconfig::Environment;
use plugin_client::{Failure, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
use serde_json::json;
use testbed::fake::{Answer, ClosedPort, Fake};

use crate::bench::{Bench, environment, flags, kubeconfig};

async fn reported(bench: &Bench, words: &[&str]) -> (kube::Error, String) {
    let error = bench.pods(words).await.list(&ListParams::default()).await.unwrap_err();
    let ui = plugin_client::Ui::captured();
    ui.failure(&Failure::from_kube("list pods", &error));
    (error, ui.err())
}

#[tokio::test]
async fn errors_are_readable() {
    let forbidden = "pods is forbidden: User \"me\" cannot list resource \"pods\"";
    let cases = [
        (Answer::status(403, "Forbidden", forbidden), format!("{forbidden} (Forbidden, 403)")),
        (Answer::status(401, "Unauthorized", "Unauthorized"), "Unauthorized (Unauthorized, 401)".to_owned()),
        (Answer::status(404, "NotFound", "no such kind"), "no such kind (NotFound, 404)".to_owned()),
        (
            Answer::status(500, "InternalError", "etcd is away"),
            "etcd is away (InternalError, 500)".to_owned(),
        ),
        (
            Answer::text(502, "<html>\nBad\u{1b}[31m Gateway"),
            "<html>\\nBad\\u{1b}[31m Gateway (502)".to_owned(),
        ),
        (Answer::text(429, "").header("Retry-After", "100"), "the server gave no message (429)".to_owned()),
        (
            Answer::text(429, r#"{"error":"too many requests"}"#).header("Retry-After", "100"),
            r#"{"error":"too many requests"} (429)"#.to_owned(),
        ),
    ];
    for (answer, expected) in cases {
        let bench = Bench::new();
        bench.fake.on("GET", "*").answer(answer);
        let (error, text) = reported(&bench, &[]).await;
        let first = text.lines().next().unwrap();
        assert_eq!(first, format!("error: cannot list pods: {expected}"));
        let code = match &error {
            kube::Error::Api(status) => status.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (is_unauthorised(&error), is_forbidden(&error), is_not_found(&error)),
            (code == 401, code == 403, code == 404)
        );
        assert_eq!(
            text.lines().any(|line| line.starts_with("hint: ")),
            code != 404 && code != 502 || code >= 500,
            "{text}"
        );
        unadorned(&text);
    }
}

#[tokio::test]
async fn connection_errors_name_the_server_and_the_reason() {
    let bench = Bench::new();
    let port = ClosedPort::reserve().unwrap();
    let gone = format!("http://{}", port.address);
    let (_, text) = reported(&bench, &[&format!("--server={gone}")]).await;
    assert!(
        text.starts_with(&format!("error: cannot list pods: {gone}: ")) && text.contains("refused"),
        "{text}"
    );
    assert!(text.contains("hint: check that the server is up"), "{text}");
    unadorned(&text);

    // TLS spoken to a plain server: the reason is the handshake's.
    let tls = bench.fake.url().replace("http:", "https:");
    let (_, text) = reported(&bench, &[&format!("--server={tls}"), "--insecure-skip-tls-verify"]).await;
    assert!(text.starts_with(&format!("error: cannot list pods: {tls}: ")), "{text}");
    unadorned(&text);

    bench.fake.on("GET", "*").once().answer(Answer::text(200, "<html>please log in</html>"));
    let (_, text) = reported(&bench, &[]).await;
    assert!(text.contains("hint: the answer is not what a Kubernetes API server sends"), "{text}");
    unadorned(&text);

    bench.fake.on("GET", "*").answer(Answer::cut());
    let (_, text) = reported(&bench, &[]).await;
    assert!(text.contains("connection closed before message completed"), "{text}");
    unadorned(&text);
}

/// The server is not on this machine, as the proxy of the environment is never used for one that is.
const FAR: &str = "https://10.1.2.3:6443";

async fn through(proxy: &str, set: fn(&mut Environment, String) -> Vec<String>) -> String {
    let bench = Bench::new();
    let file = bench.write("far", &kubeconfig(FAR, json!({"token": "t"})));
    let mut environment = environment(&file);
    let words = set(&mut environment, proxy.to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cluster = connect_in(&environment, &flags(&words), "kubectl-test", &bench.ui).await.unwrap();
    let error = Api::<Pod>::all(cluster.client).list(&ListParams::default()).await.unwrap_err();
    assert!(unreachable(&error) && !lost(&error), "{error:?}");
    bench.ui.failure(&Failure::from_kube("list pods", &error));
    let text = bench.ui.err();
    unadorned(&text);
    assert!(!text.contains("s3cret") && !text.contains("me:"), "{text}");
    text
}

fn by_flag(_: &mut Environment, proxy: String) -> Vec<String> {
    vec![format!("--proxy-url={proxy}")]
}

fn by_environment(environment: &mut Environment, proxy: String) -> Vec<String> {
    environment.proxy.https = Some(proxy);
    Vec::new()
}

#[tokio::test]
async fn the_hop_that_failed_is_named() {
    let port = ClosedPort::reserve().unwrap();
    let gone = port.address.to_string();
    for scheme in ["http", "https", "socks5"] {
        let proxy = format!("{scheme}://me:s3cret@{gone}");
        let expected = format!("cannot list pods: cannot connect to the proxy {scheme}://{gone} for {FAR}: ");
        for text in [through(&proxy, by_flag).await, through(&proxy, by_environment).await] {
            assert!(text.contains(&expected), "{text}");
            assert!(scheme == "socks5" || text.contains("refused"), "{text}");
        }
    }
    let text = through(&gone, by_environment).await;
    assert!(text.contains("hint: the proxy is set by $HTTPS_PROXY"), "{text}");

    // A proxy that is there, and does not get on.
    let fake = Fake::start();
    let text = through(&fake.url(), by_flag).await;
    assert!(text.contains(&format!("the proxy {} does not connect to {FAR}: ", fake.url())), "{text}");
    assert!(text.contains("hint: the proxy is set by --proxy-url"), "{text}");
    fake.on("CONNECT", "*").answer(Answer::text(407, ""));
    let text = through(&fake.url(), by_flag).await;
    assert!(text.contains("proxy authorization required"), "{text}");
    // Through it, and then no TLS: that is the server's.
    let unanswering = Fake::start();
    unanswering.on("CONNECT", "*").answer(Answer::text(200, ""));
    let text = through(&unanswering.url(), by_flag).await;
    assert!(text.contains(&format!("{FAR} through the proxy {}: ", unanswering.url())), "{text}");
}

/// No Debug dumps, no layer names, nothing a terminal obeys.
fn unadorned(text: &str) {
    for noise in ["ServiceError", "ApiError", "HyperError", "Status {", "Some(", "client error (", "\u{1b}"] {
        assert!(!text.contains(noise), "{noise} in {text}");
    }
}
