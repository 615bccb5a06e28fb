//! Wrong input and clusters that cannot be reached: one clear line, a way out, the right exit code, and nothing changed.

use std::path::Path;

use ::testbed::fake::{Answer, Fake};
use ::testbed::{Room, shared};
use rustix::process::Signal;
use serde_json::json;

use crate::complaint::{self, Case, kubeconfig_with, only_error};
use crate::plugin::{drain, safe_drain};

#[track_caller]
fn check(room: &Room<'_>, kubeconfig: Option<&Path>, case: &Case<'_>) {
    complaint::check(room, safe_drain, kubeconfig, case);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let cases: [(&[&str], &str, &str); 17] = [
        (&[], "no node given", "--help"),
        (&[node, "-l", "room=x"], "cannot specify both a node name and a --selector", "--help"),
        (&["-l", ""], "--selector is empty", "--help"),
        (&["-l", "room in ("], "--selector room in (: the server does not understand it", "app=web"),
        (
            &[node, "--pod-selector", "app in ("],
            "--pod-selector app in (: the server does not understand it",
            "app=web",
        ),
        (&["pod/x"], "pod is not a node", "write NAME or node/NAME"),
        (&[node, "--timeout=soon"], "'soon' for '--timeout", "write it as in 30s"),
        (&[node, "--timeout=-5s"], "'-5s' for '--timeout", "cannot be negative"),
        (&[node, "--grace-period=-2"], "--grace-period -2", "-1 for each pod's own"),
        (&[node, "--timeout=banana"], "'banana' for '--timeout", "or 0 for no limit"),
        (&[node, "--grace-period=soon"], "'soon' for '--grace-period", "write a whole number"),
        (&[node, "--allow=no-such-finding"], "--allow no-such-finding: there is no such finding", "bare-pod"),
        (&[node, "--concurrency=0"], "'0' for '--concurrency", "from 1 to 1000"),
        (&[node, "--dry-run=maybe"], "'maybe' for '--dry-run", "client, server"),
        (&[node, "--cordon-only", "--uncordon"], "cannot be used with", "--help"),
        (&[node, "--no-such-flag"], "'--no-such-flag'", "--help"),
        (&[node, "--context=elsewhere"], "there is no context elsewhere in", "contexts there: testbed"),
    ];
    for (args, error, hint) in cases {
        check(&room, None, &Case { args, code: 2, error, hint });
    }
}

#[test]
fn nodes_that_are_not_there_are_refused() {
    let room = shared().room(1);
    let (node, missing) = (room.nodes()[0].as_str(), "no-such-node");
    let mistyped = format!("{node}x");
    let meant = format!("did you mean {node}");
    let unknown = "node/no-such-node: there is no such node";
    let cases: [Case<'_>; 5] = [
        Case { args: &[&mistyped], code: 3, error: "there is no such node", hint: &meant },
        Case { args: &[missing], code: 3, error: unknown, hint: "kubectl get nodes" },
        // One that exists beside it is not drained either.
        Case { args: &[node, missing], code: 3, error: unknown, hint: "kubectl get nodes" },
        Case { args: &[missing, "--cordon-only"], code: 3, error: unknown, hint: "kubectl get nodes" },
        Case {
            args: &["-l", "room=none"],
            code: 3,
            error: "no node matches --selector room=none",
            hint: "kubectl get nodes",
        },
    ];
    for case in &cases {
        check(&room, None, case);
    }
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
    let directory = folder.path().display().to_string();
    let node = room.nodes()[0].as_str();
    let cases = [
        (
            "/nowhere/config",
            "cannot read the kubeconfig /nowhere/config: No such file",
            "--kubeconfig or $KUBECONFIG",
        ),
        (&directory, "Is a directory", "--kubeconfig or $KUBECONFIG"),
        (&broken, "not valid YAML", "--kubeconfig or $KUBECONFIG"),
        (&empty, "no current context in", "kubectl config use-context"),
    ];
    for (path, error, hint) in cases {
        let flag = format!("--kubeconfig={path}");
        check(&room, None, &Case { args: &[node, &flag], code: 1, error, hint });
    }
}

#[test]
fn servers_that_cannot_be_reached_are_named() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let gone = Case {
        args: &[node, "--server=https://127.0.0.1:1"],
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
        args: &[node, "--request-timeout=1s"],
        code: 1,
        error: "within 1s (--request-timeout)",
        hint: "/readyz",
    };
    check(&room, Some(&kubeconfig), &request);
    let whole = Case {
        args: &[node, "--timeout=1s"],
        code: 124,
        error: "--timeout passed while the cluster was read; nothing was changed",
        hint: "",
    };
    check(&room, Some(&kubeconfig), &whole);
    let uncordon = Case { args: &[node, "--uncordon", "--timeout=1s"], ..whole };
    check(&room, Some(&kubeconfig), &uncordon);

    let login = Fake::start();
    login.on("*", "*").answer(Answer::text(200, "<html>please log in</html>"));
    let kubeconfig = login.kubeconfig(folder.path());
    let page = Case {
        args: &[node],
        code: 1,
        error: "cannot ",
        hint: "check for a proxy or a login page in between",
    };
    check(&room, Some(&kubeconfig), &page);
}

#[test]
fn ctrl_c_while_the_cluster_is_read_still_gives_a_report() {
    let room = shared().room(1);
    let folder = tempfile::tempdir().unwrap();
    let silent = Fake::start();
    silent.on("*", "*").answer(Answer::silence());
    let running = drain(&room, &[&room.nodes()[0]]).kubeconfig(&silent.kubeconfig(folder.path())).spawn();
    silent.wait_for(1, |_| true);
    running.signal(Signal::INT);
    let outcome = running.finish();
    outcome.expect("interrupted", 130);
    assert_eq!(only_error(&outcome), "error: interrupted while the cluster was read; nothing was changed");
}

#[test]
fn credentials_and_certificates_that_are_not_accepted_are_named() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let folder = tempfile::tempdir().unwrap();
    // Another cluster's authority: what a kubeconfig contains after its cluster was recreated.
    let authority = folder.path().join("other.crt");
    let certified = rcgen::generate_simple_self_signed(["another-cluster".to_owned()]).unwrap();
    std::fs::write(&authority, certified.cert.pem()).unwrap();
    let other = kubeconfig_with(&room, folder.path(), "other-ca", |config| {
        config["clusters"][0]["cluster"]["certificate-authority"] = json!(authority);
    });
    let unknown = Case {
        args: &[node],
        code: 1,
        error: "invalid peer certificate",
        hint: "certificate-authority did not sign this server",
    };
    check(&room, Some(&other), &unknown);

    let stale = kubeconfig_with(&room, folder.path(), "stale-token", |config| {
        config["users"][0]["user"] = json!({"token": "expired-long-ago"});
    });
    let refused = Case { args: &[node], code: 1, error: "Unauthorized", hint: "log in again" };
    check(&room, Some(&stale), &refused);
}
