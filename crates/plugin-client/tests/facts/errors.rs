//! Failures are sentences.

use kube::api::ListParams;
use plugin_client::{Failure, is_forbidden, is_not_found, is_unauthorised};
use testbed::fake::{Answer, Fake};

use crate::bench::Bench;

async fn told(bench: &Bench, words: &[&str]) -> (kube::Error, String) {
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
    ];
    for (answer, expected) in cases {
        let bench = Bench::new();
        bench.fake.on("GET", "*").answer(answer);
        let (error, text) = told(&bench, &[]).await;
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
    let gone = { Fake::start().url() };
    let (_, text) = told(&bench, &[&format!("--server={gone}")]).await;
    assert!(
        text.starts_with(&format!("error: cannot list pods: {gone}: ")) && text.contains("refused"),
        "{text}"
    );
    assert!(text.contains("hint: is the server up"), "{text}");
    unadorned(&text);

    // TLS spoken to a plain server: the reason is the handshake's.
    let tls = bench.fake.url().replace("http:", "https:");
    let (_, text) = told(&bench, &[&format!("--server={tls}"), "--insecure-skip-tls-verify"]).await;
    assert!(text.starts_with(&format!("error: cannot list pods: {tls}: ")), "{text}");
    unadorned(&text);

    bench.fake.on("GET", "*").once().answer(Answer::text(200, "<html>please log in</html>"));
    let (_, text) = told(&bench, &[]).await;
    assert!(text.contains("hint: the answer is not what a Kubernetes API server sends"), "{text}");
    unadorned(&text);

    bench.fake.on("GET", "*").answer(Answer::cut());
    let (_, text) = told(&bench, &[]).await;
    assert!(text.contains("connection closed before message completed"), "{text}");
    unadorned(&text);
}

/// No Debug dumps, no layer names, nothing a terminal obeys.
fn unadorned(text: &str) {
    for noise in ["ServiceError", "ApiError", "HyperError", "Status {", "Some(", "client error (", "\u{1b}"] {
        assert!(!text.contains(noise), "{noise} in {text}");
    }
}
