//! Wrong input and clusters that cannot be reached: one clear line, a way out, the right exit code, and nothing changed.

use std::path::Path;

use ::testbed::fake::{Answer, Fake};
use ::testbed::{Room, shared};
use rustix::process::Signal;
use serde_json::json;

use crate::complaint::{self, Case, kubeconfig_with, only_error};
use crate::plugin::{plugin, rollback, rollback_to};
use crate::untouched::untouched;

#[track_caller]
fn check(room: &Room<'_>, kubeconfig: Option<&Path>, case: &Case<'_>) {
    complaint::check(room, rollback_to, kubeconfig, case);
}

/// `web` with two revisions and one that never got so far, and `api` beside it.
fn shop() -> Room<'static> {
    let room = shared().room(1);
    for name in ["web", "api"] {
        room.deployment(name, 1);
        room.observed("Deployment", name);
    }
    for version in [2, 3] {
        room.update("Deployment", "web", &format!("example.invalid/app:{version}"), None);
        room.observed("Deployment", "web");
    }
    room
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let room = shared().room(1);
    let web = "deployment/web";
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--previous"], "no workload given", "--help"),
        (&["deployment", "--previous"], "deployment without a name would select every Deployment", "--all"),
        (&["sts", "--last-healthy"], "sts without a name would select every StatefulSet", "statefulset/NAME"),
        (&["deployment/", "--previous"], "TYPE/NAME expected", ""),
        (&["web", "--previous"], "web: TYPE/NAME expected, for example deployment/web", "--help"),
        (&[web, "3", "--previous"], "two targets", "--last-healthy"),
        (&[web, "--previous", "--last-healthy"], "cannot be used with", "--help"),
        (&[web, "--to-revision=2", "--time=2h"], "cannot be used with", "--help"),
        (&[web, "--to-revision=two"], "'two' for '--to-revision", "--help"),
        (&[web, "--to-revision=-1"], "revisions are positive numbers", ""),
        (&[web, "--time=soonish"], "--time soonish", ""),
        (&[web, "--time="], "--time ", ""),
        (&[web, "--time=25:00"], "--time 25:00", ""),
        (&[web, "--closest", "--previous"], "--closest belongs to --time", "--help"),
        (&[web, "--image="], "REF or CONTAINER=REF expected", ""),
        (&[web, "--image=main="], "REF or CONTAINER=REF expected", ""),
        (&[web, "--history", "--previous"], "cannot be used with", "--help"),
        (&[web, "--revision=3"], "required arguments were not provided", "--history"),
        (&[web, "-l", "app=web", "--previous"], "cannot be used", "--help"),
        (&["--all", "-l", "app=web", "--previous"], "cannot be used", "--help"),
        (&["-l", "", "--previous"], "--selector is empty", "--help"),
        (&["-l", "app in (", "--previous"], "the server does not understand it", "app=web"),
        (&[web, "api", "--previous"], "api: TYPE/NAME expected", "deployment/api"),
        (&["deploy", "a/b", "--previous"], "not both", "--help"),
        (&[web, "deployment/api", "3"], "a revision is possible after one workload only", "--to-revision"),
        (&[web, "--previous", "--reason= "], "--reason is empty", ""),
        (&[web, "--previous", "--field-manager="], "--field-manager", ""),
        (&[web, "--previous", "--allow=no-such-finding"], "there is no such finding", "owner-reverts"),
        (&[web, "--previous", "--on-failure=pray"], "'pray' for '--on-failure", "ask, restore, stop"),
        (&[web, "--previous", "--no-wait", "--unstick"], "cannot be used with", "--help"),
        (&[web, "--previous", "--fail-after=soon"], "'soon' for '--fail-after", "write it as in 30s"),
        (&[web, "--previous", "--timeout=-5s"], "'-5s' for '--timeout", "cannot be negative"),
        (&[web, "--previous", "--dry-run=maybe"], "'maybe' for '--dry-run", "client, server"),
        (&[web, "--no-such-flag"], "'--no-such-flag'", "--help"),
        (&[web, "--previous", "--context=elsewhere"], "there is no context elsewhere in", "testbed"),
    ];
    for (args, error, hint) in cases {
        check(&room, None, &Case { args, code: 2, error, hint });
    }
}

/// Each has a tool of its own, which is named.
#[test]
fn kinds_without_revisions_are_refused_with_their_owners_own_command() {
    let room = shared().room(1);
    for (word, hint) in [
        ("replicaset/web", "roll back the workload that owns it"),
        ("pod/web", "roll back the workload that owns it"),
        ("rollouts.argoproj.io/web", "kubectl argo rollouts undo"),
        ("helmrelease/web", "helm rollback"),
        ("application/web", "argocd app rollback"),
        ("kustomization/web", "flux suspend kustomization"),
        ("cronjob/web", "Jobs keep no history"),
        ("replicationcontroller/web", "--help"),
    ] {
        let error = "has no revisions; TYPE must be a deployment, statefulset or daemonset";
        check(&room, None, &Case { args: &[word, "--previous"], code: 2, error, hint });
    }
}

#[test]
fn what_is_not_there_is_refused_with_what_there_is() {
    let room = shop();
    let elsewhere = "--image=example.invalid/app:7";
    let cases: &[(&[&str], &str, &str)] = &[
        (&["deployment/shop", "--previous"], "there is no such workload", "there are: api, web"),
        (&["deployment/wbe", "--previous"], "there is no such workload", "did you mean web?"),
        (&["statefulset/web", "--previous"], "there is no such workload", "kubectl get statefulsets -A"),
        // One that is there beside it stays as it is.
        (&["deploy", "web", "shop", "--previous"], "deployment/shop", "there are: api, web"),
        (&["-l", "app=none", "--previous"], "no workload matches app=none", "kubectl get deployments"),
        (&["sts", "--all", "--previous"], "there are no workloads", "--show-labels"),
        (&["deployment/web", "9"], "has no revision 9; it has 1, 2 and 3", "--history"),
        (&["deployment/api", "7"], "has no revision 7; it has only 1", "--history"),
        (&["deployment/api", "--previous"], "there is nothing to go back to", "--history"),
        (&["deployment/web", elsewhere], "has an image example.invalid/app:7", "--history"),
        (&["deployment/web", "--image=*/app:*"], "matches different images", "--to-revision 2"),
        (&["--last"], "the journal on this machine has no such rollback", "--history"),
    ];
    for (args, error, hint) in cases {
        check(&room, None, &Case { args, code: 3, error, hint });
    }
    // All or nothing: of `-l` each needs its target.
    let both = room.namespace().to_owned();
    for name in ["web", "api"] {
        let label = json!({"metadata": {"labels": {"room": both}}});
        room.cluster().merge(&room.path_of("Deployment", name), &label);
    }
    let selector = format!("room={both}");
    let args = ["-l", &selector, "--to-revision=2"];
    check(&room, None, &Case { args: &args, code: 3, error: "has no revision 2", hint: "--history" });
}

#[test]
fn a_time_in_the_future_is_refused_by_the_servers_clock() {
    let room = shop();
    let args = ["deployment/web", "--time=2999-01-01T00:00:00Z"];
    let error = "--time 2999-01-01 00:00:00 UTC is in the future: it is ";
    check(&room, None, &Case { args: &args, code: 2, error, hint: "" });
}

#[test]
fn nothing_is_prompted_without_a_terminal() {
    let room = shop();
    // Where to?
    let outcome = untouched(&room, &rollback_to(&room, &["deployment/web"]));
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(only_error(&outcome).contains("no target given"), "{outcome}");
    for hint in ["--last-healthy", "kubectl rollback-to deployment/web"] {
        assert!(outcome.err.contains(hint), "no {hint:?}: {outcome}");
    }
    let several = untouched(&room, &rollback_to(&room, &["--all", "--yes"]));
    assert!(several.code == 2 && several.err.contains("no target given"), "{several}");
    // Sure?
    let outcome = untouched(&room, &rollback_to(&room, &["deployment/web", "--previous"]));
    assert_eq!(outcome.code, 3, "{outcome}");
    assert!(only_error(&outcome).contains("--yes") || outcome.err.contains("--yes"), "{outcome}");
    let json = untouched(&room, &rollback_to(&room, &["deployment/web", "--previous", "-o", "json"]));
    json.expect("refused", 3);
}

#[test]
fn a_workload_named_twice_is_rolled_back_once() {
    let room = shop();
    let args = ["deploy/web", "deployment.apps/web", "deployments/web", "--previous"];
    let outcome = rollback(&room, &args).run();
    outcome.expect("done", 0);
    assert_eq!(outcome.report()["workloads"].as_array().map(Vec::len), Some(1), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), "example.invalid/app:2");
}

/// `--history` and `--status` report it as well.
#[test]
fn looking_fails_as_clearly() {
    let room = shop();
    for mode in ["--history", "--status"] {
        let outcome = untouched(&room, &rollback_to(&room, &["deployment/shop", mode]));
        assert_eq!(outcome.code, 3, "{outcome}");
        assert!(only_error(&outcome).contains("there is no such workload"), "{outcome}");
        let outcome = untouched(&room, &rollback_to(&room, &["rs/web", mode]));
        assert_eq!(outcome.code, 2, "{outcome}");
    }
    let outcome = untouched(&room, &rollback_to(&room, &["deployment/web", "--history", "--revision=9"]));
    assert!(outcome.code == 3 && only_error(&outcome).contains("has no revision 9"), "{outcome}");
    let outcome = untouched(&room, &rollback_to(&room, &["deployment/web", "--history", "--revision=0"]));
    assert!(outcome.code == 2 && only_error(&outcome).contains("positive numbers"), "{outcome}");
}

#[test]
fn kubeconfigs_that_cannot_be_used_are_named() {
    let room = shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let broken = write("broken", "contexts: [\n");
    let empty = write("empty", "apiVersion: v1\nkind: Config\n");
    for (path, error, hint) in [
        ("/nowhere/config", "cannot read the kubeconfig /nowhere/config: No such file", "$KUBECONFIG"),
        (&broken, "not valid YAML", "--kubeconfig or $KUBECONFIG"),
        (&empty, "no current context in", "kubectl config use-context"),
    ] {
        let flag = format!("--kubeconfig={path}");
        check(&room, None, &Case { args: &["deployment/web", "--previous", &flag], code: 1, error, hint });
    }
    let stale = kubeconfig_with(&room, folder.path(), "stale-token", |config| {
        config["users"][0]["user"] = json!({"token": "expired-long-ago"});
    });
    let args = ["deployment/web", "--previous"];
    check(&room, Some(&stale), &Case { args: &args, code: 1, error: "Unauthorized", hint: "log in again" });
}

#[test]
fn servers_that_cannot_be_reached_are_named() {
    let room = shared().room(1);
    let gone = Case {
        args: &["deployment/web", "--previous", "--server=https://127.0.0.1:1"],
        code: 1,
        error: "https://127.0.0.1:1: Connection refused",
        hint: "kubectl config get-contexts",
    };
    check(&room, None, &gone);

    let folder = tempfile::tempdir().unwrap();
    let silent = Fake::start();
    silent.on("*", "*").answer(Answer::silence());
    let kubeconfig = silent.kubeconfig(folder.path());
    let request = Case {
        args: &["deployment/web", "--previous", "--request-timeout=1s"],
        code: 1,
        error: "within 1s (--request-timeout)",
        hint: "/readyz",
    };
    check(&room, Some(&kubeconfig), &request);
    let whole = Case {
        args: &["deployment/web", "--previous", "--timeout=1s"],
        code: 124,
        error: "--timeout passed while the cluster was read; nothing was changed",
        hint: "",
    };
    check(&room, Some(&kubeconfig), &whole);

    let before = silent.requests().len();
    let running = rollback(&room, &["deployment/web", "--previous"]).kubeconfig(&kubeconfig).spawn();
    silent.wait_for(before + 1, |_| true);
    running.signal(Signal::INT);
    let outcome = running.finish();
    outcome.expect("interrupted", 130);
    assert_eq!(only_error(&outcome), "error: interrupted while the cluster was read; nothing was changed");
}

/// A program that reads stdout gets a document whatever happens, of the requested kind.
#[test]
fn history_and_status_are_documents_also_when_they_fail() {
    let room = shop();
    let fake = Fake::start();
    let folder = tempfile::tempdir().unwrap();
    let unreachable = fake.kubeconfig(folder.path());
    drop(fake);
    let nobody = shared().user(&format!("{}-nobody", room.namespace()), &[], &[]);
    type Failing<'a> = (&'a [&'a str], Option<&'a Path>, i32, &'a str, &'a str);
    let cases: &[Failing<'_>] = &[
        (&["deployment/shop"], None, 3, "refused", "there is no such workload"),
        (&["deployment/web", "-n", "no-such-namespace"], None, 3, "refused", "there is no such workload"),
        (&["-l", "app=none"], None, 3, "refused", "no workload matches app=none"),
        (&["-l", "app in ("], None, 2, "refused", "the server does not understand it"),
        (&["deployment"], None, 2, "refused", "would select every Deployment"),
        (&["replicaset/web"], None, 2, "refused", "has no revisions"),
        (&["deployment/web", "--context=elsewhere"], None, 2, "refused", "there is no context elsewhere"),
        (&["deployment/web"], Some(&nobody), 3, "refused", "you have no right to get deployments"),
        (&["deployment/web"], Some(unreachable.as_ref()), 1, "failed", "cannot read the workload: http"),
    ];
    for (mode, kind) in [("--history", "RevisionHistory"), ("--status", "RolloutStatus")] {
        for (args, kubeconfig, code, result, error) in cases {
            let run = |format: &str| {
                let here: &[&str] = if args.contains(&"-n") { &[] } else { &["-n", room.namespace()] };
                let words = [*args, &[mode, "-o", format], here].concat();
                let run = plugin(&room, "rollback-to", &words);
                let run = match kubeconfig {
                    Some(path) => run.kubeconfig(path),
                    None => run,
                };
                run.run()
            };
            let outcome = run("json");
            assert_eq!(outcome.code, *code, "{mode} {args:?} {outcome}");
            let report = outcome.report();
            assert_eq!((&report["kind"], &report["result"]), (&json!(kind), &json!(result)), "{outcome}");
            assert_eq!(report["workloads"], json!([]), "{outcome}");
            let reported = report["error"].as_str().unwrap_or_default();
            assert!(reported.contains(error) && outcome.err.contains(error), "no {error:?}: {outcome}");
            let yaml = run("yaml");
            let head = format!("kind: {kind}\nresult: {result}\n");
            assert!(yaml.out.starts_with(&head) && yaml.out.contains("error: "), "{yaml}");
        }
    }
    let outcome = rollback_to(&room, &["deployment/web", "--history", "--revision=9", "-o", "json"]).run();
    assert_eq!((outcome.code, &outcome.report()["result"]), (3, &json!("refused")), "{outcome}");
}
