//! What completion never does: write, keep the shell waiting, or disturb the line that is being typed.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ::testbed::fake::{Answer, Fake};
use ::testbed::{PATIENCE, plugins_dir, poll};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{assert_nothing, complete};
use crate::tty::Tty;

/// As the server prints a list for kubectl.
fn table(columns: &[&str], rows: &[&[&str]]) -> Answer {
    let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name})).collect();
    let rows: Vec<Value> = rows.iter().map(|cells| json!({"cells": cells})).collect();
    Answer::json(
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows}),
    )
}

#[test]
fn pressing_tab_only_reads() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let config = fake.kubeconfig(folder.path());
    fake.on("GET", "/api/v1/nodes")
        .answer(table(&["Name", "Status"], &[&["node-1", "Ready"], &["node-2", "Ready"]]));
    fake.on("GET", "/api/v1/namespaces").answer(table(&["Name", "Status"], &[&["shop", "Active"]]));
    let web = json!({"metadata": {"name": "web", "namespace": "default", "uid": "w"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}});
    fake.on("GET", "*/deployments/web").answer(Answer::json(web));
    fake.on("GET", "*/replicasets").answer(Answer::json(json!({"metadata": {}, "items": []})));
    fake.on("GET", "*/deployments").answer(table(&["Name", "Ready"], &[&["web", "1/1"]]));
    for kind in ["statefulsets", "daemonsets"] {
        fake.on("GET", &format!("*/{kind}")).answer(table(&["Name"], &[]));
    }
    let cases: [(&str, &[&str], &str); 8] = [
        ("safe-drain", &["node-1", "--yes", ""], "node-2\tReady\n:4\n"),
        (
            "safe-drain",
            &["node-1", "--yes", "--force", "--disable-eviction", "--timeout=1s", ""],
            "node-2\tReady\n:4\n",
        ),
        ("safe-drain", &["--uncordon", "-y", ""], "node-1\tReady\nnode-2\tReady\n:4\n"),
        ("safe-drain", &["node-1", "--cordon-only", "-n", ""], "shop\tActive\n:4\n"),
        (
            "safe-drain",
            &["node-1", "-y", "--match-server-version", "-v=9", "--warnings-as-errors", "--all"],
            "--allow\tAccept pre-flight errors with these ids, or `all`\n:4\n",
        ),
        ("rollback-to", &["deploy/web", "--previous", "--yes", "--unstick", ""], ":4\n"),
        ("rollback-to", &["deploy/web", "--yes", "--to-revision", ""], ":36\n"),
        ("rollback-to", &["--last", "--yes", "deploy/"], "deploy/web\t1/1 ready\n:4\n"),
    ];
    for (plugin, words, expected) in cases {
        let output = complete(plugin, &config, words);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{words:?} {output:?}");
        assert!(output.stderr.is_empty() && output.status.success(), "{words:?} {output:?}");
    }
    let requests = fake.requests();
    assert!(requests.len() >= 7, "{requests:?}");
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:#?}");
    let lists = requests.iter().filter(|request| request.path.ends_with("nodes"));
    assert!(
        lists.clone().count() > 0 && lists.into_iter().all(|list| list.query.contains("limit=500")),
        "{requests:#?}"
    );
}

#[test]
fn lists_are_read_page_by_page() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let page = |name: &str, token: &str| {
        let rows = json!([{"cells": [name, 5]}]);
        let columns = json!([{"name": "Name"}, {"name": "Age"}]);
        Answer::json(
            json!({"kind": "Table", "metadata": {"continue": token}, "columnDefinitions": columns, "rows": rows}),
        )
    };
    fake.on("GET", "/api/v1/nodes").once().answer(page("a", "to ken/=&"));
    fake.on("GET", "/api/v1/nodes").once().answer(page("b", ""));
    let output = complete("safe-drain", &fake.kubeconfig(folder.path()), &[""]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\t5\nb\t5\n:4\n");
    let requests = fake.requests();
    assert!(requests[1].query.contains("continue=to%20ken%2F%3D%26"), "{requests:?}");
    assert!(requests.iter().all(|request| request.headers["accept"].contains("as=Table")), "{requests:?}");
}

#[test]
fn text_from_the_cluster_cannot_reach_the_terminal_or_the_shell() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let rows: [&[&str]; 3] =
        [&["a", "Ready\u{1b}]52;c;AA\u{7}\n:0\tx"], &["$(reboot)", "Ready"], &["b\u{1b}[2J", "Ready"]];
    fake.on("GET", "/api/v1/nodes").answer(table(&["Name", "Status"], &rows));
    let output = complete("safe-drain", &fake.kubeconfig(folder.path()), &[""]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\tReady\\u{1b}]52;c;AA\\u{7}\\n:0\\tx\n:4\n");
}

/// Without its own limit it would wait for ever: `--request-timeout=0` is on the line.
#[test]
fn a_server_that_hangs_ends_it_without_a_word() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.on("*", "*").answer(Answer::silence());
    let config = fake.kubeconfig(folder.path());
    for (plugin, words) in [
        ("safe-drain", &["--request-timeout=0", ""][..]),
        ("rollback-to", &["--request-timeout=0", "deploy/web", "--to-revision", ""]),
    ] {
        assert_nothing(&complete(plugin, &config, words), plugin);
    }
    assert_eq!(fake.requests().len(), 2);
}

#[test]
fn every_other_failure_is_silent() {
    let folder = TempDir::new().unwrap();
    for answer in [
        Answer::cut(),
        Answer::status(500, "InternalError", "etcd is away"),
        Answer::status(403, "Forbidden", "no"),
        Answer::text(200, "<html>"),
        Answer::json(json!({"kind": "NodeList", "apiVersion": "v1", "items": []})),
        Answer::json(json!({"kind": "Table", "columnDefinitions": [], "rows": []}))
            .header("Warning", "299 - \"old\""),
    ] {
        let fake = Fake::start();
        fake.on("GET", "*").answer(answer);
        assert_nothing(&complete("safe-drain", &fake.kubeconfig(folder.path()), &[""]), "a bad answer");
    }
}

/// A kubeconfig whose user logs in through this script.
fn login(fake: &Fake, folder: &TempDir, script: &str) -> PathBuf {
    let program = folder.path().join("login");
    std::fs::write(&program, format!("#!/bin/sh\ncd '{}'\n{script}\n", folder.path().display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": program, "interactiveMode": "IfAvailable"});
    let config = folder.path().join("config");
    let content = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": fake.url()}}], "users": [{"name": "u", "user": {"exec": exec}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
    std::fs::write(&config, content.to_string()).unwrap();
    config
}

/// A credential plugin that never answers would be waited for five minutes; it is ended with what it started.
#[test]
fn a_credential_plugin_that_hangs_is_ended() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let config = login(&fake, &folder, "sleep 100000 &\necho $! > pid\nwait");
    let started = Instant::now();
    assert_nothing(&complete("safe-drain", &config, &[""]), "a credential plugin that hangs");
    assert!(started.elapsed() < Duration::from_secs(200), "it was waited for: {:?}", started.elapsed());
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let ended = poll(PATIENCE, || {
        let stat = std::fs::read_to_string(&stat);
        // Its parent is gone, and nobody may have waited for it yet.
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
    assert!(ended.is_some(), "what the credential plugin started still runs");
    assert!(fake.requests().is_empty());
}

/// Somebody is typing on it.
#[test]
fn a_credential_plugin_does_not_get_the_terminal() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let config =
        login(&fake, &folder, "echo \"$KUBERNETES_EXEC_INFO\" > info\necho 'who are you?' >&2\nexit 1");
    let mut command = Command::new(plugins_dir().join("kubectl-safe_drain"));
    command.args(["__complete", ""]).env("KUBECONFIG", config);
    let mut tty = Tty::of(command);
    assert_eq!((tty.end(), tty.text().trim()), (0, ":4"));
    let info = std::fs::read_to_string(folder.path().join("info")).unwrap();
    assert!(info.contains("\"interactive\":false"), "{info}");
}

/// Reading a pipe that nobody writes to cannot be cancelled.
#[test]
fn a_kubeconfig_that_blocks_ends_it_all_the_same() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for words in [&[""][..], &["--context", ""]] {
        assert_nothing(&complete("safe-drain", &pipe, words), "a pipe");
    }
}
