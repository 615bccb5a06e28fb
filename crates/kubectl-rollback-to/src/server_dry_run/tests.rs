//! What a dry run sends to the server, and what it makes of the answers.

use cluster_model::Known;
use plugin_client::Failure;
use serde_json::{Value, json};
use testbed::fake::{Answer, Fake};

use super::testing::{connect, deny, template, web};
use super::{MayCreatePods, changed, client_dry_run, dry_run, is_changed};
use crate::options::Options;
use crate::snapshot::ServerDryRun;

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const PODS: &str = "/api/v1/namespaces/shop/pods";

/// As the server would keep it.
fn kept(generation: i64) -> Value {
    let mut object = web().object;
    object["metadata"]["generation"] = json!(generation);
    object["spec"]["template"] = template("web:1");
    object
}

async fn dry_ran(fake: &Fake) -> Result<ServerDryRun, Failure> {
    let cluster = connect(fake).await;
    dry_run(&cluster, &web(), &template("web:1"), &Options::default(), &MayCreatePods::default()).await
}

/// The server takes the template and answers `pod` to the pod.
fn server(pod: Answer) -> Fake {
    let fake = Fake::start();
    deny(&fake, &[]);
    fake.on("PATCH", WEB).answer(Answer::json(kept(3)));
    fake.on("POST", PODS).answer(pod);
    fake
}

fn taken() -> Answer {
    Answer::json(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-x"}}))
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_is_guarded() {
    let fake = server(taken());
    let dry_run = dry_ran(&fake).await.unwrap();
    assert!(dry_run.changes);
    assert_eq!(dry_run.workload.unwrap()["spec"]["template"], template("web:1"));
    assert_eq!(dry_run.pod, Known::Seen(Ok(())));
    let writes: Vec<_> =
        fake.requests().into_iter().filter(|request| !request.path.contains("reviews")).collect();
    assert_eq!(writes.len(), 2);
    for request in &writes {
        assert!(request.query.contains("dryRun=All"), "{request:?}");
        assert!(request.query.contains("fieldManager=kubectl-rollback-to"), "{request:?}");
    }
    let patch = writes.iter().find(|request| request.method == "PATCH").unwrap();
    assert_eq!(patch.headers["content-type"], "application/json-patch+json");
    let paths: Vec<Value> = patch.json().as_array().unwrap().iter().map(|op| op["path"].clone()).collect();
    assert_eq!(paths, ["/metadata/uid", "/spec/template", "/spec/template"]);
    let pod = writes.iter().find(|request| request.method == "POST").unwrap().json();
    assert_eq!(pod["spec"]["containers"][0]["newField"], 1, "what is not known here goes with it");
}

#[tokio::test]
async fn nothing_changes_where_the_server_keeps_the_generation() {
    let fake = Fake::start();
    deny(&fake, &[]);
    fake.on("PATCH", WEB).answer(Answer::json(kept(2)));
    fake.on("POST", PODS).answer(taken());
    assert!(!dry_ran(&fake).await.unwrap().changes);
}

/// The plan was made from one read and the dry run is another: an autoscaler between them is no change of the template.
#[tokio::test]
async fn nothing_changes_where_only_the_generation_moved_since_it_was_read() {
    let fake = Fake::start();
    deny(&fake, &[]);
    let mut scaled = web().object;
    scaled["metadata"]["generation"] = json!(3);
    scaled["spec"]["replicas"] = json!(7);
    fake.on("PATCH", WEB).answer(Answer::json(scaled));
    fake.on("POST", PODS).answer(taken());
    assert!(!dry_ran(&fake).await.unwrap().changes);
}

#[tokio::test]
async fn a_pod_dry_run_is_sent_only_with_the_right_to_create_pods() {
    let fake = server(taken());
    let denied = Fake::start();
    deny(&denied, &["pods"]);
    denied.on("PATCH", WEB).answer(Answer::json(kept(3)));
    let dry_run = dry_ran(&denied).await.unwrap();
    assert!(matches!(&dry_run.pod, Known::Unknown(why) if why.contains("create pods")), "{:?}", dry_run.pod);
    assert!(denied.requests().iter().all(|request| request.path != PODS));
    assert!(matches!(dry_ran(&fake).await.unwrap().pod, Known::Seen(Ok(()))));
}

#[tokio::test]
async fn the_servers_answer_to_the_pod_is_kept_in_its_words() {
    let forbidden = "pods \"web-x\" is forbidden: violates PodSecurity";
    let no = |code, message: &str| Answer::status_with(code, "Forbidden", message, json!({"kind": "pods"}));
    let cases = [
        (no(403, forbidden), Known::Seen(Err(forbidden.to_owned()))),
        (
            no(400, "admission webhook \"w\" does not support dry run"),
            Known::Unknown("admission webhook \"w\" does not support dry run".to_owned()),
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(dry_ran(&server(answer)).await.unwrap().pod, expected);
    }
    assert!(
        matches!(dry_ran(&server(Answer::cut())).await.unwrap().pod, Known::Unknown(_)),
        "a cut connection is no answer"
    );
}

#[tokio::test]
async fn a_user_who_may_not_block_the_owners_deletion_creates_a_pod_without_it() {
    let fake = Fake::start();
    deny(&fake, &[]);
    fake.on("PATCH", WEB).answer(Answer::json(kept(3)));
    let message = "pods \"web-\" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";
    fake.on("POST", PODS).once().answer(Answer::status_with(
        403,
        "Forbidden",
        message,
        json!({"kind": "pods"}),
    ));
    fake.on("POST", PODS).answer(taken());
    assert_eq!(dry_ran(&fake).await.unwrap().pod, Known::Seen(Ok(())));
    let requests: Vec<_> = fake.requests().into_iter().filter(|request| request.path == PODS).collect();
    assert_eq!(
        requests.last().unwrap().json()["metadata"]["ownerReferences"][0].get("blockOwnerDeletion"),
        None
    );
}

#[tokio::test]
async fn a_lost_race_is_distinguished_from_a_refusal_and_from_a_broken_server() {
    let with = |answer: Answer| {
        let fake = Fake::start();
        deny(&fake, &[]);
        fake.on("PATCH", WEB).answer(answer);
        fake.on("POST", PODS).answer(taken());
        fake
    };
    let race = "the server rejected our request due to an error in our request";
    let failure = dry_ran(&with(Answer::status(422, "Invalid", race))).await.unwrap_err();
    assert!(is_changed(&failure), "{failure}");
    let refused = Answer::status_with(422, "Invalid", "spec.template: no", json!({"kind": "Deployment"}));
    assert_eq!(dry_ran(&with(refused)).await.unwrap().workload, Err("spec.template: no".to_owned()));
    let failure = dry_ran(&with(Answer::status(500, "InternalError", "etcd"))).await.unwrap_err();
    assert!(!is_changed(&failure) && failure.to_string().contains("etcd"), "{failure}");
}

#[test]
fn without_the_server_little_is_claimed() {
    let dry_run = client_dry_run(&web(), &template("web:1"));
    assert!(dry_run.changes && dry_run.workload.is_err());
    assert!(matches!(dry_run.pod, Known::Unknown(_)));
    assert!(!client_dry_run(&web(), &template("web:2")).changes);
}

#[test]
fn a_failure_shows_whether_the_plan_must_be_made_again() {
    let failure = changed("deployment/web -n shop");
    assert!(is_changed(&failure));
    assert_eq!(failure.to_string(), "deployment/web -n shop: modified after it was read");
    assert!(!is_changed(&Failure::failed("dry run unsupported")));
}

#[tokio::test]
async fn the_right_to_create_pods_is_checked_once_for_several_workloads() {
    for denied in [&[][..], &["pods"]] {
        let fake = Fake::start();
        deny(&fake, denied);
        fake.on("PATCH", WEB).answer(Answer::json(kept(3)));
        fake.on("POST", PODS).answer(taken());
        let (cluster, pods) = (connect(&fake).await, MayCreatePods::default());
        let (web, to, options) = (web(), template("web:1"), Options::default());
        let one = || dry_run(&cluster, &web, &to, &options, &pods);
        let (first, second) = futures::join!(one(), one());
        assert_eq!(first.unwrap().pod, second.unwrap().pod);
        let reviews = fake.requests().into_iter().filter(|request| request.path.contains("reviews")).count();
        assert_eq!(reviews, 1);
    }
}
