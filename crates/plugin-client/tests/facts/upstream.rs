//! Defects of kube 5.0.0 that are worked round. When one of these fails, upstream has fixed it: drop the work-round.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams};
use kube::{Api, Client, Config};
use serde_json::json;
use testbed::fake::{Answer, Fake};

/// The server reads `deleteOptions`: grace period, UID precondition and dry run in the body are lost.
#[tokio::test]
async fn evict_key() {
    let fake = Fake::start();
    fake.on("POST", "*/eviction").answer(Answer::status(201, "", ""));
    let client = Client::try_from(Config::new(fake.url().parse().unwrap())).unwrap();
    let params = EvictParams {
        delete_options: Some(DeleteParams::default().grace_period(7)),
        ..EvictParams::default()
    };
    // Whatever it makes of the answer: the body was sent.
    let _ = Api::<Pod>::namespaced(client, "shop").evict("a", &params).await;
    let body = fake.wait_for(1, |request| request.method == "POST")[0].json();
    assert_eq!(body["delete_options"]["gracePeriodSeconds"], json!(7), "{body}");
    assert!(body.get("deleteOptions").is_none(), "{body}");
}

/// 429, 503 and 504 are retried whatever the method is.
#[test]
fn kube_retries_by_default() {
    assert!(Config::new("http://localhost".parse().unwrap()).default_retry);
}

/// No User-Agent at all.
#[tokio::test]
async fn kube_sends_no_user_agent() {
    let fake = Fake::start();
    let client = Client::try_from(Config::new(fake.url().parse().unwrap())).unwrap();
    client.apiserver_version().await.unwrap_err();
    assert!(!fake.requests()[0].headers.contains_key("user-agent"));
}
