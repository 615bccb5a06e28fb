//! Feeds ride out what passes and stop at what does not.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use plugin_client::api::watch::Watched;
use plugin_client::{Failure, Feed, RawObject, feed, feed_of};
use serde_json::{Value, json};
use testbed::fake::Answer;

use crate::bench::{Bench, list, pod};

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

/// The next item as a line; a feed without an item for too long fails the test.
async fn next(feed: &mut Pin<&mut impl Stream<Item = Result<Feed<Pod>, Failure>>>) -> String {
    match tokio::time::timeout(Duration::from_secs(20), feed.next()).await.unwrap() {
        Some(Ok(Feed::Synced(pods))) => {
            assert!(pods.iter().all(|pod| pod.managed_fields().is_empty()));
            format!("synced {}", pods.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(","))
        }
        Some(Ok(Feed::Applied(pod))) => format!("applied {}", pod.name_any()),
        Some(Ok(Feed::Deleted(pod))) => format!("deleted {}", pod.name_any()),
        Some(Ok(Feed::Interrupted(failure))) => format!("disturbed: {failure}"),
        Some(Err(failure)) => format!("failed: {failure}"),
        None => "end".to_owned(),
    }
}

#[tokio::test]
async fn a_feed_lists_and_then_watches() {
    let bench = Bench::new();
    let (sender, stream) = Answer::stream();
    bench.fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list(&["a", "b"])));
    bench.fake.on("GET", "/api/v1/pods").watches().answer(stream);
    let mut feed = pin!(feed(bench.pods(&[]).await, Watched::default().fields("spec.nodeName=n")));
    assert_eq!(next(&mut feed).await, "synced a,b");
    sender.send(event("MODIFIED", pod("a", "2")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "applied a");
    sender.send(event("DELETED", pod("b", "3")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "deleted b");
    assert!(
        bench.fake.requests().iter().all(|request| request.query.contains("fieldSelector=spec.nodeName%3Dn"))
    );
    let requests = bench.fake.requests();
    let watch = requests.iter().find(|request| request.query.contains("watch=")).unwrap();
    assert!(watch.query.contains("timeoutSeconds=60"), "{}: a lost connection goes unnoticed", watch.query);
}

/// The same wire, twice: what a plugin never reads is not kept, and who wrote a template is.
#[tokio::test]
async fn managed_fields_survive_in_a_raw_feed_only() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list(&["a"])));
    for _feed in 0..2 {
        let changed = Answer::watch(&[event("MODIFIED", pod("a", "2"))]);
        bench.fake.on("GET", "/api/v1/pods").watches().once().answer(changed);
    }
    let cluster = bench.connect(&[]).await.unwrap();
    let typed: kube::Api<Pod> = kube::Api::all(cluster.client.clone());
    let kind = kube::api::ApiResource::erase::<Pod>(&());
    let raw: kube::Api<RawObject> = kube::Api::all_with(cluster.client.clone(), &kind);
    let of_typed = |pod: &Pod| pod.managed_fields().len();
    assert_eq!(first_two(feed(typed, Watched::default()), of_typed).await, [0, 0]);
    let of_raw = |pod: &RawObject| pod.value["metadata"]["managedFields"].as_array().map_or(0, Vec::len);
    assert_eq!(
        first_two(feed_of(raw, "pods", Watched::default(), |_| true), of_raw).await,
        [1, 1],
        "one from the list, one from the watch"
    );
}

/// Of each object of the first list and the first event.
async fn first_two<K, T>(feed: impl Stream<Item = Result<Feed<K>, Failure>>, of: impl Fn(&K) -> T) -> Vec<T> {
    let mut objects = Vec::new();
    for item in feed.take(2).collect::<Vec<_>>().await {
        match item.unwrap() {
            Feed::Synced(list) => objects.extend(list),
            Feed::Applied(object) => objects.push(object),
            other => panic!("{:?}", std::mem::discriminant(&other)),
        }
    }
    objects.iter().map(of).collect()
}

/// What is not wanted of a list is dropped as it comes; a change is passed on, because it may have been wanted before.
#[tokio::test]
async fn a_feed_keeps_matching_objects() {
    let bench = Bench::new();
    let (sender, stream) = Answer::stream();
    bench.fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list(&["a", "b"])));
    bench.fake.on("GET", "/api/v1/pods").watches().answer(stream);
    let pods = bench.pods(&[]).await;
    let matches = |pod: &mut Pod| {
        pod.metadata.managed_fields = None;
        pod.name_any() == "a"
    };
    let mut feed = pin!(feed_of(pods, "pods", Watched::default(), matches));
    assert_eq!(next(&mut feed).await, "synced a");
    sender.send(event("MODIFIED", pod("b", "2")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "applied b");
}

/// Each takes a connection, and a process may have few files; watches stay open and are none of them.
#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list(&[])));
    let (_open, stream) = Answer::stream();
    bench.fake.on("GET", "/api/v1/pods").watches().answer(stream);
    // Each is answered together with another one, so at least two are under way.
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (most_seen, two) = (Arc::clone(&most), Barrier::new(2));
    bench.fake.on("GET", "/api/v1/namespaces/*").answer(Answer::compute(move |_| {
        most_seen.fetch_max(under_way.fetch_add(1, Relaxed) + 1, Relaxed);
        two.wait();
        under_way.fetch_sub(1, Relaxed);
        two.wait();
        Answer::json(list(&[]))
    }));
    let cluster = bench.connect(&[]).await.unwrap();
    cluster.limit_requests(2);
    let mut feed = pin!(feed(kube::Api::<Pod>::all(cluster.client.clone()), Watched::default()));
    assert_eq!(next(&mut feed).await, "synced ");
    let requests = (0..20).map(|number| {
        let pods: kube::Api<Pod> = kube::Api::namespaced(cluster.client.clone(), &format!("n{number}"));
        async move { pods.list(&ListParams::default()).await.map(drop).unwrap() }
    });
    futures::future::join_all(requests).await;
    assert_eq!(most.load(Relaxed), 2);
}

#[tokio::test]
async fn a_raw_feed_names_its_kind_when_it_fails() {
    let bench = Bench::new();
    bench.fake.on("GET", "*").lists().answer(Answer::status(403, "Forbidden", "no"));
    let cluster = bench.connect(&[]).await.unwrap();
    let kind = kube::api::ApiResource::erase::<Pod>(&());
    let raw: kube::Api<RawObject> = kube::Api::all_with(cluster.client, &kind);
    let feed = feed_of(raw, "pods.core", Watched::default(), |_| true);
    let end: Vec<_> = feed.collect().await;
    assert_eq!(end.len(), 1);
    assert_eq!(end[0].as_ref().unwrap_err().to_string(), "cannot watch pods.core: no (Forbidden, 403)");
}

#[tokio::test]
async fn a_watch_outlives_the_request_timeout() {
    let bench = Bench::new();
    let (sender, stream) = Answer::stream();
    bench.fake.on("GET", "/api/v1/pods").lists().answer(Answer::json(list(&[])));
    bench.fake.on("GET", "/api/v1/pods").watches().answer(stream);
    bench.fake.on("GET", "/api/v1/namespaces/shop/pods").answer(Answer::silence());
    let pods = bench.pods(&["--request-timeout=2s"]).await;
    let shop: kube::Api<Pod> = kube::Api::namespaced(pods.clone().into_client(), "shop");
    let mut feed = pin!(feed(pods, Watched::default()));
    assert_eq!(next(&mut feed).await, "synced ");
    sender.send(event("ADDED", pod("a", "2")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "applied a");
    // A silent request spends the whole timeout while the watch is open.
    shop.list(&ListParams::default()).await.unwrap_err();
    sender.send(event("ADDED", pod("b", "3")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "applied b");
}

#[tokio::test]
async fn a_feed_retries_after_errors_and_reports_them_once() {
    let bench = Bench::new();
    let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired",
        "message": "too old resource version", "code": 410});
    bench.fake.on("GET", "*").lists().times(2).answer(Answer::status(500, "InternalError", "etcd is away"));
    bench.fake.on("GET", "*").lists().once().answer(Answer::json(list(&["a"])));
    bench.fake.on("GET", "*").lists().answer(Answer::json(list(&["a", "b"])));
    bench.fake.on("GET", "*").watches().once().answer(Answer::status(503, "ServiceUnavailable", "starting"));
    bench.fake.on("GET", "*").watches().once().answer(Answer::watch(&[event("ADDED", pod("c", "2"))]));
    bench.fake.on("GET", "*").watches().once().answer(Answer::cut());
    bench.fake.on("GET", "*").watches().once().answer(Answer::watch(&[event("ERROR", gone)]));
    let (sender, stream) = Answer::stream();
    bench.fake.on("GET", "*").watches().answer(stream);
    let mut feed = pin!(feed(bench.pods(&[]).await, Watched::default()));
    assert_eq!(next(&mut feed).await, "disturbed: cannot watch pods: etcd is away (InternalError, 500)");
    assert_eq!(next(&mut feed).await, "synced a");
    assert_eq!(next(&mut feed).await, "disturbed: cannot watch pods: starting (ServiceUnavailable, 503)");
    assert_eq!(next(&mut feed).await, "applied c");
    let cut = next(&mut feed).await;
    assert!(cut.starts_with("disturbed: cannot watch pods: ") && cut.contains("connection closed"), "{cut}");
    // The expired watch by itself is not reported.
    assert_eq!(next(&mut feed).await, "synced a,b");
    sender.send(event("DELETED", pod("b", "9")).to_string()).unwrap();
    assert_eq!(next(&mut feed).await, "deleted b");
}

#[tokio::test]
async fn a_feed_ends_when_waiting_is_useless() {
    for (code, reason) in [(401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (400, "BadRequest")]
    {
        let bench = Bench::new();
        bench.fake.on("GET", "*").lists().answer(Answer::status(code, reason, "no"));
        let mut feed = pin!(feed(bench.pods(&[]).await, Watched::default()));
        assert_eq!(next(&mut feed).await, format!("failed: cannot watch pods: no ({reason}, {code})"));
        assert_eq!(next(&mut feed).await, "end");
    }
    // Also when the right is taken away later.
    let bench = Bench::new();
    bench.fake.on("GET", "*").lists().answer(Answer::json(list(&[])));
    bench.fake.on("GET", "*").watches().answer(Answer::status(403, "Forbidden", "no more"));
    let mut feed = pin!(feed(bench.pods(&[]).await, Watched::default()));
    assert_eq!(next(&mut feed).await, "synced ");
    assert_eq!(next(&mut feed).await, "failed: cannot watch pods: no more (Forbidden, 403)");
    assert_eq!(next(&mut feed).await, "end");
}
