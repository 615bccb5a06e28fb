//! docs/rbac is what `--print-rbac` prints. `UPDATE_RBAC=1 cargo test -p live-tests -- print_rbac` writes it anew.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::rbac::print;

/// Plugin, name of the file and command line.
const PUBLISHED: &[(&str, &str, &[&str])] = &[
    ("safe-drain", "safe-drain", &["-l", "pool=old"]),
    ("safe-drain", "safe-drain-cordon", &["-l", "pool=old", "--cordon-only"]),
    ("safe-drain", "safe-drain-snapshot", &["--snapshot=FILE"]),
    ("safe-drain", "safe-drain-disable-eviction", &["-l", "pool=old", "--disable-eviction"]),
    ("rollback-to", "rollback-to", &["--all", "-n", "shop"]),
    ("rollback-to", "rollback-to-unstick", &["--all", "-n", "shop", "--unstick", "--reason=TEXT"]),
    ("rollback-to", "rollback-to-plan", &["--all", "-n", "shop", "--dry-run"]),
    ("rollback-to", "rollback-to-history", &["--all", "-n", "shop", "--history"]),
    ("rollback-to", "rollback-to-status", &["--all", "-n", "shop", "--status"]),
    ("heal-check", "heal-check", &["-A"]),
    ("heal-check", "heal-check-ask-server", &["-A", "--ask-server"]),
    ("heal-check", "heal-check-watch", &["-A", "--watch"]),
    ("heal-check", "heal-check-prove", &["--prove=evict"]),
    ("heal-check", "heal-check-prove-kill", &["--prove=kill"]),
    ("heal-check", "heal-check-prove-kill-debug-image", &["--prove=kill", "--debug-image=IMAGE"]),
    ("heal-check", "heal-check-fix", &["-A", "--fix"]),
    ("heal-check", "heal-check-secrets", &["-A", "--secrets"]),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/rbac")
}

#[test]
fn the_published_roles_are_those_that_are_printed() {
    for (plugin, file, args) in PUBLISHED {
        let printed = print(plugin, &[args, &["--print-rbac"][..]].concat());
        let path = folder().join(format!("{file}.yaml"));
        if std::env::var_os("UPDATE_RBAC").is_some() {
            std::fs::write(&path, &printed).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(published, printed, "{} is outdated: run this test with UPDATE_RBAC=1", path.display());
        assert!(printed.contains(&format!("name: {file}\n")), "{printed}");
    }
    let files = std::fs::read_dir(folder()).unwrap().filter_map(Result::ok);
    let files: BTreeSet<String> = files.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    let expected: BTreeSet<String> = PUBLISHED.iter().map(|(_, file, _)| format!("{file}.yaml")).collect();
    assert_eq!(files, expected);
}

#[test]
fn json_has_the_same_roles() {
    for (plugin, _, args) in PUBLISHED {
        let print = |output: &str| print(plugin, &[args, &["--print-rbac", "-o", output][..]].concat());
        let roles: Vec<Value> =
            print("yaml").split("\n---\n").map(|role| serde_saphyr::from_str(role).unwrap()).collect();
        let list: Value = serde_json::from_str(&print("json")).unwrap();
        assert_eq!((&list["kind"], &list["items"]), (&"List".into(), &Value::Array(roles)));
    }
}

/// Applying the role of one command line must not change what another one allows.
#[test]
fn roles_of_different_command_lines_have_different_names() {
    let name = |plugin: &str, args: &[&str]| {
        let printed = print(plugin, &[args, &["--print-rbac"]].concat());
        let role: Value = serde_saphyr::from_str(printed.split("\n---\n").next().unwrap()).unwrap();
        role["metadata"]["name"].as_str().unwrap().to_owned()
    };
    let drain = |args: &[&str]| name("safe-drain", args);
    let rollback = |args: &[&str]| name("rollback-to", &[args, &["-n", "shop"]].concat());
    assert_eq!(drain(&["node-1"]), "safe-drain-node-1");
    assert_eq!(drain(&["node-1", "--cordon-only"]), "safe-drain-cordon-node-1");
    assert_eq!(rollback(&["deploy/web"]), "rollback-to-deployment-web");
    assert_eq!(rollback(&["deploy/web", "--history"]), "rollback-to-history-deployment-web");
    let names = [
        drain(&["cordon"]),
        drain(&["node-1", "node-2"]),
        drain(&["node-1", "node-3"]),
        drain(&["node-1", "node-2", "--cordon-only"]),
        drain(&["NODE.1:a"]),
        rollback(&["deploy/web", "--no-wait"]),
        rollback(&["sts/db", "--reason=x"]),
        rollback(&["deploy/web", "deploy/api"]),
        rollback(&["deploy", "--all"]),
        rollback(&["--all", "--no-wait"]),
    ];
    for one in &names {
        let (_, hash) = one.rsplit_once('-').unwrap();
        assert!(hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{one}");
    }
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

/// Of named objects a role names them; other flags leave out or add what they do not or do need.
#[test]
fn the_roles_are_those_of_the_command_line() {
    let has = |plugin: &str, args: &[&str], part: &str, expected: bool| {
        let printed = print(plugin, &[args, &["--print-rbac"]].concat());
        assert_eq!(printed.contains(part), expected, "{args:?}: {part}\n{printed}");
    };
    has("safe-drain", &["n1", "node/n2"], "resourceNames: [\"n1\", \"n2\"]\n  verbs: [\"patch\"]", true);
    has("safe-drain", &["n1"], "\"list\", \"get\"", false);
    has("safe-drain", &["n1", "--cordon-only"], "pods", false);
    has("safe-drain", &["n1", "--uncordon", "--dry-run"], "patch", false);
    has("safe-drain", &["n1", "--dry-run=server"], "pods/eviction", true);
    let web: &[&str] = &["deploy/web", "-n", "shop"];
    let with = |flag: &'static str| [web, &[flag]].concat();
    has("rollback-to", web, "resourceNames: [\"web\"]", true);
    has("rollback-to", web, "controllerrevisions", false);
    has("rollback-to", &with("--no-wait"), "watch", false);
    has("rollback-to", &with("--dry-run"), "patch", false);
    has("rollback-to", &with("--dry-run=server"), "patch", true);
    has("rollback-to", &with("--history"), "nodes", false);
    has("rollback-to", &with("--on-failure=restore"), "patch", true);
    has("rollback-to", &["sts/db", "-n", "shop", "--unstick"], "delete", true);
    has("rollback-to", &["ds/agent", "-n", "shop", "--reason=x"], "record --reason", true);
    has("rollback-to", &["--last", "-n", "shop"], "daemonsets", true);
}
