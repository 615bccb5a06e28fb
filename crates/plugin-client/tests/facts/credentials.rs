//! Credential plugins: how often they run, what they may do to the terminal, and how they end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use plugin_client::api::watch::Watched;
use plugin_client::{Bounds, Exit, Failure, Feed, feed, lost, unreachable};
use serde_json::{Value, json};
use testbed::fake::{Answer, Fake};

use crate::bench::{Bench, list, no_pods};

/// A credential plugin that notes each run in `runs` and answers with `status`.
#[cfg(unix)]
fn plugin(folder: &Path, status: &Value) -> (PathBuf, impl Fn() -> usize + use<>) {
    use std::os::unix::fs::PermissionsExt;
    let (program, runs) = (folder.join("login"), folder.join("runs"));
    let answer =
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status});
    std::fs::write(folder.join("answer"), answer.to_string()).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" >> '{}'\nprintf 'hello \\033[31m\\n' >&2\ncat '{}'\n",
        runs.display(),
        folder.join("answer").display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    (program, move || std::fs::read_to_string(&runs).unwrap_or_default().lines().count())
}

fn exec(program: &Path) -> Value {
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": program, "interactiveMode": "Never"}})
}

#[cfg(unix)]
#[tokio::test]
async fn exec_plugin_runs_once() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let (program, runs) =
        plugin(bench.folder.path(), &json!({"token": "t1", "expirationTimestamp": "2999-01-01T00:00:00Z"}));
    let cluster = bench.connect_with(&bench.kubeconfig_of(exec(&program)), &[]).await.unwrap();
    let pods: Api<Pod> = Api::all(cluster.client);
    for _ in 0..3 {
        pods.list(&ListParams::default()).await.unwrap();
    }
    assert_eq!(runs(), 1);
    assert!(bench.fake.requests().iter().all(|request| request.headers["authorization"] == "Bearer t1"));
    // Its stderr is shown, but without escape sequences.
    assert_eq!(bench.ui.err(), "hello \\u{1b}[31m\n");
}

#[cfg(unix)]
#[tokio::test]
async fn exec_plugin_that_issues_a_certificate_runs_once() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let issued = rcgen::generate_simple_self_signed(vec!["me".to_owned()]).unwrap();
    let status = json!({"clientCertificateData": issued.cert.pem(), "clientKeyData": issued.signing_key.serialize_pem()});
    let (program, runs) = plugin(bench.folder.path(), &status);
    let cluster = bench.connect_with(&bench.kubeconfig_of(exec(&program)), &[]).await.unwrap();
    Api::<Pod>::all(cluster.client).list(&ListParams::default()).await.unwrap();
    assert_eq!(runs(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn exec_plugin_runs_again_when_its_token_expires() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let (program, runs) =
        plugin(bench.folder.path(), &json!({"token": "t1", "expirationTimestamp": "2020-01-01T00:00:00Z"}));
    let cluster = bench.connect_with(&bench.kubeconfig_of(exec(&program)), &[]).await.unwrap();
    assert_eq!(runs(), 1);
    Api::<Pod>::all(cluster.client).list(&ListParams::default()).await.unwrap();
    assert_eq!(runs(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_flag_needs_no_exec_plugin() {
    let bench = Bench::new();
    bench.fake.on("GET", "/api/v1/pods").answer(Answer::json(no_pods()));
    let (program, runs) = plugin(bench.folder.path(), &json!({"token": "t1"}));
    let cluster = bench.connect_with(&bench.kubeconfig_of(exec(&program)), &["--token=flag"]).await.unwrap();
    Api::<Pod>::all(cluster.client).list(&ListParams::default()).await.unwrap();
    assert_eq!(runs(), 0);
    assert_eq!(bench.fake.requests()[0].headers["authorization"], "Bearer flag");
}

#[tokio::test]
async fn missing_exec_plugin_is_named_with_its_install_hint() {
    let bench = Bench::new();
    let mut user = exec(Path::new("no-such-login"));
    user["exec"]["installHint"] = json!("brew install\nlogin\u{1b}[2J");
    let failure = bench.connect_with(&bench.kubeconfig_of(user), &[]).await.err().unwrap();
    bench.ui.failure(&failure);
    assert_eq!(
        bench.ui.err(),
        "error: cannot run the credential plugin no-such-login: there is no such program on the PATH\n\
         hint: brew install login\\u{1b}[2J\n"
    );
}

/// A plugin that runs `body`, a shell script in which `$run` is the number of this run and `answer TOKEN SECONDS` prints credentials
/// that live until so many seconds after `EPOCH`.
#[cfg(unix)]
fn scripted(bench: &Bench, body: &str) -> (PathBuf, impl Fn() -> usize + use<>) {
    use std::os::unix::fs::PermissionsExt;
    let (program, runs) = (bench.folder.path().join("login"), bench.folder.path().join("runs"));
    let script = format!(
        "#!/bin/sh\ncd '{}'\necho run >> runs\nrun=$(grep -c . runs)\n\
         answer() {{ printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
         \"status\":{{\"token\":\"%s\",\"expirationTimestamp\":\"2999-01-01T00:%02d:%02dZ\"}}}}' \
         \"$1\" $(($2 / 60)) $(($2 % 60)); }}\n{body}\n",
        bench.folder.path().display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = bench.kubeconfig_of(exec(&program));
    (file, move || std::fs::read_to_string(&runs).unwrap_or_default().lines().count())
}

/// The server's clock: so many seconds after `EPOCH`.
fn dated(answer: Answer, seconds: u32) -> Answer {
    answer.header("Date", &format!("Tue, 01 Jan 2999 00:{:02}:{:02} GMT", seconds / 60, seconds % 60))
}

fn tokens(fake: &Fake) -> Vec<String> {
    fake.requests().iter().map(|request| request.headers["authorization"].replace("Bearer ", "")).collect()
}

/// Polls for it.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let polled = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polled).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Lists until that succeeds.
async fn list_in_the_end(pods: &Api<Pod>) {
    let polled = async {
        while pods.list(&ListParams::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polled).await.unwrap();
}

fn is_running(pid: &str) -> bool {
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_that_never_answers_ends_with_the_run() {
    let bench = Bench::new();
    let (file, _) = scripted(&bench, "sleep 30 & echo $! > pids; echo $$ >> pids; wait");
    let pids = bench.folder.path().join("pids");
    let interrupted = async {
        until("the plugin to start", || {
            std::fs::read_to_string(&pids).unwrap_or_default().lines().count() == 2
        })
        .await;
        bench.ui.interrupt();
    };
    let bounds = Bounds { ui: bench.ui.clone(), deadline: None };
    let began = Instant::now();
    let (end, ()) = tokio::join!(bounds.before_changes(bench.connect_with(&file, &[])), interrupted);
    assert_eq!(end.err().unwrap().exit, Exit::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(20), "it waited for the plugin");
    let pids = std::fs::read_to_string(&pids).unwrap();
    until("the plugin and its child to be killed and reaped", || !pids.lines().any(is_running)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_rejected_token_is_renewed_once_and_the_request_repeated_once() {
    let bench = Bench::new();
    let (file, runs) = scripted(&bench, "answer t$run 3000");
    let unauthorised = || Answer::status(401, "Unauthorized", "Unauthorized");
    bench.fake.on("POST", "*").once().answer(unauthorised());
    bench.fake.on("POST", "*").answer(Answer::json(crate::bench::pod("a", "1")));
    bench.fake.on("GET", "*").answer(unauthorised());
    let cluster = bench.connect_with(&file, &[]).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), "shop");
    pods.create(&PostParams::default(), &Pod::default()).await.unwrap();
    assert_eq!((runs(), tokens(&bench.fake)), (2, vec!["t1".to_owned(), "t2".into()]));
    let bodies: Vec<String> = bench.fake.requests().into_iter().map(|request| request.body).collect();
    assert!(!bodies[0].is_empty() && bodies[0] == bodies[1]);
    // Rejected for good: the server's own answer.
    let error = pods.get("a").await.unwrap_err();
    assert!(plugin_client::is_unauthorised(&error), "{error:?}");
    assert_eq!((runs(), tokens(&bench.fake)[2..].to_vec()), (3, vec!["t2".to_owned(), "t3".into()]));
}

#[cfg(unix)]
#[tokio::test]
async fn a_denial_by_a_webhook_renews_nothing_and_the_same_token_is_not_sent_again() {
    let bench = Bench::new();
    let (file, runs) = scripted(&bench, "answer same 3000");
    let denied = "admission webhook \"guard\" denied the request: not you";
    bench.fake.on("POST", "*").answer(Answer::status(401, "Unauthorized", denied));
    bench.fake.on("GET", "*").answer(Answer::status(401, "Unauthorized", "Unauthorized"));
    let pods: Api<Pod> = Api::default_namespaced(bench.connect_with(&file, &[]).await.unwrap().client);
    pods.create(&PostParams::default(), &Pod::default()).await.unwrap_err();
    assert_eq!((runs(), bench.fake.requests().len()), (1, 1));
    pods.get("a").await.unwrap_err();
    assert_eq!((runs(), bench.fake.requests().len()), (2, 2));
}

#[cfg(unix)]
#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_while_the_old_token_serves() {
    let bench = Bench::new();
    let (file, runs) = scripted(
        &bench,
        "[ $run = 1 ] || [ -e well ] || { echo no >&2; exit 1; }; answer t$run $((run == 1 ? 1000 : 3500))",
    );
    let answer_at =
        |seconds| bench.fake.on("GET", "*").once().answer(dated(Answer::json(no_pods()), seconds));
    // Due, and not over; from the third answer on it is over.
    [970, 990, 1010].into_iter().for_each(answer_at);
    bench.fake.on("GET", "*").answer(Answer::json(no_pods()));
    let pods: Api<Pod> = Api::all(bench.connect_with(&file, &[]).await.unwrap().client);
    for _ in 0..2 {
        pods.list(&ListParams::default()).await.unwrap();
    }
    until("the second run", || runs() == 2).await;
    pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(tokens(&bench.fake), ["t1", "t1", "t1"]);
    let error = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(unreachable(&error) && !lost(&error), "nothing was sent: {error:?}");
    let failure = Failure::from_kube("list pods", &error).to_string();
    assert!(
        failure.contains("the credential plugin") && failure.contains("failed: exit status: 1"),
        "{failure}"
    );
    assert_eq!(bench.fake.requests().len(), 3, "nothing was sent");
    std::fs::write(bench.folder.path().join("well"), "").unwrap();
    list_in_the_end(&pods).await;
    assert_eq!(tokens(&bench.fake)[3], format!("t{}", runs()));
    assert!(bench.ui.err().contains("no\n"), "{}", bench.ui.err());
}

#[cfg(unix)]
#[tokio::test]
async fn one_plugin_runs_at_a_time_whoever_stops_waiting_for_it() {
    let bench = Bench::new();
    let (file, runs) =
        scripted(&bench, "[ $run = 1 ] || until [ -e go ]; do :; done; answer t$run $((run * 60))");
    bench.fake.on("GET", "*").once().answer(dated(Answer::json(no_pods()), 61));
    bench.fake.on("GET", "*").answer(Answer::json(no_pods()));
    let cluster = bench.connect_with(&file, &["--request-timeout=1s"]).await.unwrap();
    let pods: Api<Pod> = Api::all(cluster.client);
    pods.list(&ListParams::default()).await.unwrap();
    let error = pods.list(&ListParams::default()).await.unwrap_err();
    let failure = Failure::from_kube("list pods", &error).to_string();
    assert!(failure.contains("login has not answered within 1s (--request-timeout)"), "{failure}");
    std::fs::write(bench.folder.path().join("go"), "").unwrap();
    pods.list(&ListParams::default()).await.unwrap();
    assert_eq!((runs(), tokens(&bench.fake)), (2, vec!["t1".to_owned(), "t2".into()]));
}

#[cfg(unix)]
#[tokio::test]
async fn a_renewal_that_hangs_is_killed_and_tried_again() {
    let bench = Bench::new();
    let (file, runs) = scripted(&bench, "[ $run != 2 ] || sleep 600; answer t$run $((run * 60))");
    bench.fake.on("GET", "*").once().answer(dated(Answer::json(no_pods()), 61));
    bench.fake.on("GET", "*").answer(Answer::json(no_pods()));
    let cluster = bench.connect_with(&file, &["--request-timeout=1s"]).await.unwrap();
    let pods: Api<Pod> = Api::all(cluster.client);
    pods.list(&ListParams::default()).await.unwrap();
    list_in_the_end(&pods).await;
    assert!(runs() >= 3);
    assert_eq!(tokens(&bench.fake), ["t1".to_owned(), format!("t{}", runs())]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_feed_goes_on_after_a_renewal_that_failed() {
    let bench = Bench::new();
    let (file, _) = scripted(&bench, "[ $run != 2 ] || exit 1; answer t$run $((run * 60))");
    // The list is taken with the first token, and the watch has to wait for the third.
    bench.fake.on("GET", "*").once().answer(dated(Answer::json(list(&["a"])), 61));
    bench
        .fake
        .on("GET", "*")
        .watches()
        .answer(Answer::watch(&[json!({"type": "ADDED", "object": crate::bench::pod("b", "2")})]));
    let cluster = bench.connect_with(&file, &[]).await.unwrap();
    let mut pods = Box::pin(feed::<Pod>(Api::all(cluster.client), Watched::default()));
    assert!(matches!(pods.next().await, Some(Ok(Feed::Synced(_)))));
    match pods.next().await {
        Some(Ok(Feed::Interrupted(failure))) => {
            assert!(failure.message.contains("login failed"), "{failure}")
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(pods.next().await, Some(Ok(Feed::Applied(_)))));
}

#[cfg(unix)]
#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let bench = Bench::new();
    let (file, _) = scripted(&bench, "yes");
    let failure = bench.connect_with(&file, &[]).await.err().unwrap();
    // It cannot write on.
    assert!(failure.message.ends_with("login failed"), "{failure}");
}
