//! What goes over the wire, how often, and for how long.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp, Unit};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use plugin_client::api::exec::{self, ExecRequest};
use plugin_client::{Cluster, Exit, Failure, Right, Ui, lost, missing, unreachable};
use serde_json::json;
use testbed::fake::{Answer, ClosedPort};

use crate::bench::{Bench, no_pods};

#[tokio::test]
async fn user_agent_is_sent() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    bench.pods(&["--as=me", "--as-group=g"]).await.list(&ListParams::default()).await.unwrap();
    let headers = &bench.fake.requests()[0].headers;
    let agent = &headers["user-agent"];
    let start = format!("kubectl-test/{} (", env!("CARGO_PKG_VERSION"));
    assert!(agent.starts_with(&start) && agent.ends_with(')') && agent.contains('/'), "{agent}");
    assert!(!agent.contains("x86_64"), "{agent}: Go's names are meant");
    assert_eq!((headers["impersonate-user"].as_str(), headers["impersonate-group"].as_str()), ("me", "g"));
}

#[tokio::test]
async fn every_non_watch_request_has_a_deadline() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").once().answer(Answer::silence());
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::half_body());
    bench.fake.on("*", "/api/v1/namespaces/shop/pods*").answer(Answer::silence());
    let cluster = bench.connect(&["--request-timeout=150ms"]).await.unwrap();
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let in_shop: Api<Pod> = Api::namespaced(cluster.client, "shop");
    let errors = [
        pods.list(&ListParams::default()).await.err().unwrap(),
        pods.list(&ListParams::default()).await.err().unwrap(),
        in_shop.get("a").await.err().unwrap(),
        in_shop.delete("a", &DeleteParams::default()).await.err().unwrap(),
        in_shop.create(&PostParams::default(), &Pod::default()).await.err().unwrap(),
    ];
    for error in errors {
        let failure = Failure::from_kube("list pods", &error);
        assert_eq!(
            failure.to_string(),
            format!("cannot list pods: no answer from {} within 150ms (--request-timeout)", bench.fake.url())
        );
        assert!(lost(&error) && !unreachable(&error));
    }
}

#[tokio::test]
async fn no_hidden_retries_of_writes() {
    for answer in [
        Answer::text(429, "slow down").header("Retry-After", "0"),
        Answer::status(503, "ServiceUnavailable", "not now").header("Retry-After", "0"),
        Answer::status(504, "Timeout", "too slow"),
        Answer::status(500, "InternalError", "broken"),
        Answer::cut(),
    ] {
        let bench = Bench::new();
        bench.fake.on("GET", "/api/v1/namespaces/shop/pods").answer(Answer::json(no_pods()));
        bench.fake.on("POST", "*/pods").answer(answer);
        let cluster = bench.connect(&[]).await.unwrap();
        let pods: Api<Pod> = Api::namespaced(cluster.client, "shop");
        // A pooled connection first: hyper may repeat only what it has not sent.
        pods.list(&ListParams::default()).await.unwrap();
        pods.create(&PostParams::default(), &Pod::default()).await.unwrap_err();
        // The fake has logged every request before it answers, and the next one comes after.
        pods.list(&ListParams::default()).await.unwrap();
        let posts = bench.fake.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!(posts, 1);
    }
}

/// It goes out as a GET, and is a command all the same.
#[tokio::test]
async fn a_command_in_a_container_is_never_repeated() {
    for answer in [
        Answer::text(429, "slow down").header("Retry-After", "0"),
        Answer::status(503, "ServiceUnavailable", "not now").header("Retry-After", "0"),
        Answer::status(403, "Forbidden", "no"),
        Answer::cut(),
    ] {
        let bench = Bench::new();
        bench.fake.on("GET", "*/exec").answer(answer);
        let cluster = bench.connect(&[]).await.unwrap();
        let request = ExecRequest {
            namespace: "shop".to_owned(),
            pod: "a".to_owned(),
            container: "main".to_owned(),
            command: vec!["true".to_owned()],
        };
        let failure = exec::start(&cluster, &request).await.err().unwrap();
        assert_eq!(failure.object.as_deref(), Some("pod/a"));
        let requests = bench.fake.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].headers["upgrade"], "websocket");
        assert!(requests[0].headers["user-agent"].starts_with("kubectl-test/"));
    }
}

#[tokio::test]
async fn reads_are_repeated_when_the_server_sheds_load() {
    let bench = Bench::new();
    let busy = || Answer::text(429, "slow down").header("Retry-After", "0");
    bench.fake.on("GET", "/api/v1/pods").times(3).answer(busy());
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    bench.fake.on("GET", "*/busy").answer(busy());
    bench
        .fake
        .on("GET", "*/later")
        .answer(Answer::status(503, "ServiceUnavailable", "not now").header("Retry-After", "60"));
    let pods = bench.pods(&["--request-timeout=20s"]).await;
    pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(bench.fake.requests().len(), 4);

    let shop: Api<Pod> = Api::namespaced(pods.into_client(), "shop");
    shop.get("busy").await.unwrap_err();
    assert_eq!(bench.fake.requests().len(), 8, "four tries are the limit");

    // Longer than the deadline: the answer is taken as it is, at once.
    let error = shop.get("later").await.unwrap_err();
    assert!(Failure::from_kube("get it", &error).to_string().contains("not now"));
    assert_eq!(bench.fake.requests().len(), 9);
}

#[tokio::test]
async fn what_was_never_sent_is_not_lost() {
    let bench = Bench::new();
    let pods = bench.pods(&[]).await;
    let gone = ClosedPort::reserve().unwrap();
    let cluster = bench.connect(&[&format!("--server=http://{}", gone.address)]).await.unwrap();
    let error = Api::<Pod>::all(cluster.client).list(&ListParams::default()).await.unwrap_err();
    assert!(unreachable(&error) && !lost(&error), "{error:?}");

    bench.fake.on("DELETE", "*").answer(Answer::cut());
    let shop: Api<Pod> = Api::namespaced(pods.into_client(), "shop");
    let error = shop.delete("a", &DeleteParams::default()).await.unwrap_err();
    assert!(lost(&error) && !unreachable(&error), "{error:?}");
}

#[tokio::test]
async fn warnings_are_shown_once_and_neutralised() {
    let bench = Bench::new();
    let answer = Answer::json(no_pods())
        .header("Warning", "299 - \"pods are \\\"old\\\"\"")
        .header("Warning", "299 - \"second\"");
    bench.fake.on("GET", "/api/v1/pods").answer(answer);
    let pods = bench.pods(&[]).await;
    for _ in 0..2 {
        pods.list(&ListParams::default()).await.unwrap();
    }
    assert_eq!(bench.ui.err(), "warning: pods are \"old\"\nwarning: second\n");
    assert_eq!(bench.ui.server_warnings(), 2);
}

#[tokio::test]
async fn requests_are_logged_on_demand_and_never_the_token() {
    let mut bench = Bench::new();
    bench.ui = Ui::captured_with(true, 1);
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::text(200, "{\"items\": \"s3cret body\"}"));
    bench.pods(&["-v=1"]).await.list(&ListParams::default()).await.unwrap_err();
    let log = bench.ui.err();
    assert!(log.starts_with("GET /api/v1/pods 200 OK in "), "{log}");
    assert!(!log.contains("fake-token") && !log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn the_servers_time_is_that_of_its_last_answer() {
    let bench = Bench::new();
    let local = Timestamp::now();
    let hours_off = |cluster: &Cluster| {
        let off = cluster.now().duration_since(local);
        off.round((Unit::Hour, 1)).unwrap().as_hours()
    };
    for days in [-1, 3] {
        let there = local + SignedDuration::from_hours(24 * days);
        let date = there.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        bench.fake.on("GET", "/api/v1/pods").once().answer(Answer::json(no_pods()).header("Date", &date));
    }
    // From here on its answers have no date.
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let cluster = bench.connect(&[]).await.unwrap();
    assert_eq!(hours_off(&cluster), 0, "before the first answer");
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    for hours in [-24, 72, 72] {
        pods.list(&ListParams::default()).await.unwrap();
        assert_eq!(hours_off(&cluster), hours);
    }
}

#[tokio::test]
async fn an_unchecked_certificate_is_reported_once() {
    let bench = Bench::new();
    bench.connect(&["--insecure-skip-tls-verify"]).await.unwrap();
    assert_eq!(
        bench.ui.err(),
        format!(
            "warning: the certificate of {} is not checked (insecure-skip-tls-verify)\n",
            bench.fake.url()
        )
    );
}

#[tokio::test]
async fn match_server_version_compares_the_minor() {
    let bench = Bench::new();
    let version = |minor: &str, git: &str| {
        json!({"major": "1", "minor": minor, "gitVersion": git, "gitCommit": "", "gitTreeState": "", "buildDate": "",
            "goVersion": "", "compiler": "", "platform": ""})
    };
    bench.fake.on("GET", "/version").once().answer(Answer::json(version("37+", "v1.37.2-provider")));
    bench.fake.on("GET", "/version").answer(Answer::json(version("36", "v1.36.2")));
    bench.connect(&["--match-server-version"]).await.unwrap();
    let failure = bench.connect(&["--match-server-version=true"]).await.err().unwrap();
    assert_eq!(
        (failure.exit, failure.message.as_str()),
        (Exit::Refused, "the server is v1.36.2, and this plugin was made for v1.37")
    );
    bench.connect(&["--match-server-version=false"]).await.unwrap();
    assert_eq!(bench.fake.requests().len(), 2);
}

#[tokio::test]
async fn missing_rights_are_found() {
    let bench = Bench::new();
    bench.fake.on("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").answer(Answer::compute(
        |request| {
            let mut review = request.json();
            let allowed = review["spec"]["resourceAttributes"]["verb"] == "list";
            review["status"] = json!({ "allowed": allowed });
            Answer::json(review)
        },
    ));
    let cluster = bench.connect(&[]).await.unwrap();
    let evict = Right::new("create", "", "pods").subresource("eviction").namespace("shop");
    let rights = [Right::new("list", "", "pods"), evict.clone(), Right::new("list", "apps", "daemonsets")];
    assert_eq!(missing(&cluster, &rights).await.unwrap(), [evict]);
    let reviews =
        bench.fake.requests().into_iter().map(|request| request.json()["spec"]["resourceAttributes"].clone());
    assert!(reviews.into_iter().any(|review| review
        == json!({"verb": "create", "group": "", "resource": "pods", "subresource": "eviction", "namespace": "shop"})));
}
