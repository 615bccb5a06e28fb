//! Candidates of a real cluster, through the real kubectl.

use ::testbed::{Room, shared};
use serde_json::json;

use super::{Installed, assert_nothing, complete, printed};
use crate::plugin::{rollback_to, safe_drain};

/// What `kubectl __complete WORDS` prints: the candidates with their descriptions, and the directive.
#[track_caller]
fn completed(room: &Room<'_>, words: &[&str]) -> (Vec<(String, String)>, String) {
    let installed = Installed::new(room.cluster());
    let mut kubectl = installed.command(room.cluster(), "kubectl");
    let output = printed(kubectl.arg("__complete"), words);
    let mut lines: Vec<&str> = output.lines().collect();
    let directive = lines.pop().unwrap_or_default().to_owned();
    let candidates = lines.into_iter().map(|line| {
        let (value, description) = line.split_once('\t').unwrap_or((line, ""));
        (value.to_owned(), description.to_owned())
    });
    (candidates.collect(), directive)
}

fn values(candidates: &[(String, String)]) -> Vec<&str> {
    candidates.iter().map(|(value, _)| value.as_str()).collect()
}

#[test]
fn nodes_are_listed_with_their_status() {
    let room = shared().room(3);
    let nodes = room.nodes();
    room.cluster().merge(&format!("/api/v1/nodes/{}", nodes[1]), &json!({"spec": {"unschedulable": true}}));
    let (all, directive) = completed(&room, &["safe-drain", ""]);
    assert_eq!(directive, ":4");
    for (node, status) in [(&nodes[0], "Ready, "), (&nodes[1], "Ready,SchedulingDisabled, ")] {
        let offered = all.iter().find(|(value, _)| value == node);
        assert!(offered.is_some_and(|(_, description)| description.starts_with(status)), "{node}: {all:?}");
    }
    // In the form that was begun, without those on the line, and only what begins like it.
    let typed = format!("node/{}", &nodes[0][..nodes[0].len() - 1]);
    let (left, _) = completed(&room, &["safe-drain", &nodes[0], "--yes", &typed]);
    assert_eq!(values(&left), [format!("node/{}", nodes[1]), format!("node/{}", nodes[2])]);
    let (none, directive) = completed(&room, &["safe-drain", "-l", "pool=old", ""]);
    assert_eq!((values(&none), directive.as_str()), (vec![], ":4"), "a selector stands instead of names");
}

#[test]
fn workloads_and_their_revisions_are_listed() {
    let room = shared().room(1);
    let namespace = room.namespace();
    room.deployment("web", 1);
    room.statefulset("db", 1);
    for image in ["example.invalid/app:2", "example.invalid/app:3"] {
        room.update("Deployment", "web", image, None);
        room.observed("Deployment", "web");
        room.rolled_out("Deployment", "web");
    }
    let offered = |words: &[&str]| completed(&room, &[&["rollback-to", "-n", namespace], words].concat());

    let (all, _) = offered(&[""]);
    assert_eq!(values(&all), ["deployment/web", "statefulset/db"]);
    assert!(all[0].1.contains("/1 ready, example.invalid/app:3"), "{all:?}");
    assert_eq!(values(&offered(&["sts"]).0), ["sts/db"]);
    assert_eq!(values(&offered(&["deploy/"]).0), ["deploy/web"]);
    assert_eq!(values(&offered(&["deploy", ""]).0), ["web"]);
    assert_eq!(values(&offered(&["deploy", "web", ""]).0), [""; 0], "it is on the line");

    for words in
        [&["deploy/web", "--to-revision", ""][..], &["deploy", "web", "--to-revision="], &["deploy/web", ""]]
    {
        let (revisions, directive) = offered(words);
        assert_eq!((values(&revisions), directive.as_str()), (vec!["3", "2", "1"], ":36"), "{words:?}");
        assert!(revisions[0].1.starts_with("example.invalid/app:3, "), "{revisions:?}");
        let current: Vec<bool> = revisions.iter().map(|(_, it)| it.ends_with(" old, current")).collect();
        assert_eq!(current, [true, false, false], "{revisions:?}");
        assert!(revisions[2].1.ends_with("s old") || revisions[2].1.ends_with("m old"), "{revisions:?}");
    }
    let (images, directive) = offered(&["deploy/web", "--image", "example.invalid/app:"]);
    assert_eq!(values(&images)[..2], ["example.invalid/app:3", "example.invalid/app:2"], "{images:?}");
    assert!(images[1].1.starts_with("revision 2, ") && directive == ":36", "{images:?}");
    let (revisions, _) = offered(&["sts/db", "--to-revision", ""]);
    assert_eq!(values(&revisions), ["1"]);
}

#[test]
fn values_of_flags_are_listed() {
    let room = shared().room(0);
    let of = |words: &[&str]| completed(&room, words).0;
    let namespaces = of(&["rollback-to", "deploy/web", "-n", room.namespace()]);
    assert!(
        values(&namespaces).contains(&room.namespace()) && namespaces[0].1.starts_with("Active, "),
        "{namespaces:?}"
    );
    assert_eq!(values(&of(&["safe-drain", "--context", ""])), ["testbed"]);
    assert_eq!(values(&of(&["safe-drain", "--cluster="])), ["testbed"]);
    assert!(!of(&["safe-drain", "--user", ""]).is_empty());
    assert_eq!(values(&of(&["safe-drain", "--on-failure", ""])), ["keep", "uncordon"]);
    assert_eq!(values(&of(&["safe-drain", "-o", "j"])), ["json"]);
    assert_eq!(values(&of(&["safe-drain", "--unc"])), ["--uncordon"]);
    let nodes = ["HC801", "HC802", "HC803", "HC804", "HC805"];
    assert_eq!(values(&of(&["heal-check", "--explain", "HC80"])), nodes);
    assert_eq!(values(&of(&["heal-check", "--prove", ""])), ["evict", "kill"]);
    assert_eq!(values(&of(&["heal-check", "--ignore", "HC203,HC804"])), ["HC203,HC804"]);
    assert_eq!(values(&of(&["heal-check", "--fail-on", "c"])), ["critical"]);
    assert_eq!(values(&of(&["heal-check", "deployment/web", "stat"])), ["statefulset/"]);
    room.deployment_with("web", 0, |it| {
        let spec = &mut it["spec"]["template"]["spec"];
        spec["initContainers"] = json!([{"name": "setup", "image": "example.invalid/app:1"},
            {"name": "proxy", "image": "example.invalid/proxy:2", "restartPolicy": "Always"}]);
    });
    let containers = of(&["heal-check", "deploy/web", "-n", room.namespace(), "--prove=kill", "-c", ""]);
    assert_eq!(values(&containers), ["main", "proxy"]);
    assert_eq!(containers[1].1, "example.invalid/proxy:2");
    assert_eq!(values(&of(&["heal-check", "--prove=kill", "--container", ""])), [""; 0], "of no workload");
    for plugin in ["safe-drain", "rollback-to"] {
        let allowed = of(&[plugin, "--allow", "rights-missing,a"]);
        assert_eq!(values(&allowed), ["rights-missing,all"]);
        let first = of(&[plugin, "--allow", "rights-m"]);
        assert!(first[0].1.starts_with("you may not do something the "), "{first:?}");
    }
    // The shell's own completion of file names.
    assert_eq!(completed(&room, &["safe-drain", "--kubeconfig", ""]), (Vec::new(), ":0".to_owned()));
}

/// As whoever the command line says, where it says.
#[test]
fn the_connection_that_was_typed_is_used() {
    let room = shared().room(1);
    room.deployment("web", 1);
    let here = room.cluster().kubeconfig();
    let nobody = complete("rollback-to", here, &["-n", room.namespace(), "--as=nobody", ""]);
    assert_nothing(&nobody, "somebody without rights");
    assert_nothing(
        &complete("rollback-to", here, &["-n", room.namespace(), "--context=no-such", ""]),
        "no context",
    );
    let elsewhere = room.cluster().dir().join("no-such-file");
    assert_nothing(&complete("safe-drain", &elsewhere, &[""]), "no kubeconfig");
    let file = format!("--kubeconfig={}", here.display());
    let found = complete("rollback-to", &elsewhere, &[&file, "-n", room.namespace(), ""]);
    assert!(String::from_utf8_lossy(&found.stdout).starts_with("deployment/web\t"), "{found:?}");
}

/// The word is handled before names are: TYPE/NAME still reaches an object that is called so.
#[test]
fn an_object_called_completion_is_reachable() {
    let room = shared().room(1);
    room.deployment("completion", 1);
    room.observed("Deployment", "completion");
    let history = rollback_to(&room, &["deploy/completion", "--history"]).run();
    assert_eq!(history.code, 0, "{history}");
    assert!(history.out.contains("deployment/completion"), "{history}");
    room.cluster().create("/api/v1/nodes", &json!({"metadata": {"name": "completion"}}));
    let plan = safe_drain(&room, &["node/completion", "--dry-run"]).run();
    room.cluster().delete("/api/v1/nodes/completion");
    assert_eq!(plan.code, 0, "{plan}");
    assert!(plan.out.contains("completion"), "{plan}");
    for plugin in super::PLUGINS {
        let wrong = crate::plugin::plugin(&room, plugin, &["completion", "tcsh"]).run();
        assert_eq!(wrong.code, 2, "{wrong}");
        assert!(
            wrong.err.contains("kubectl, bash, zsh, fish") && wrong.err.contains("TYPE/completion"),
            "{wrong}"
        );
    }
}
