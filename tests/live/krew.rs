//! The plugins through the real krew: from an archive, and from an index made of this repository; installed, run, upgraded, removed.

mod files;
mod krew_home;
mod release;

use std::fs;

use ::testbed::{Room, release_tools, shared};

use files::FileServer;
use krew_home::KrewHome;
use release::{HERE, Release, release, root};

/// What the program of the second version prints: it only has to show that it is another one.
const SECOND: &str = "#!/bin/sh\necho the second version\n";

#[test]
fn krew_installs_upgrades_and_removes_every_plugin() {
    let room = shared().room(2);
    room.deployment("web", 2);
    room.ready("web", 2);
    let work = tempfile::tempdir().unwrap();
    let server = FileServer::start(work.path());
    let first = Release::of_the_plugins(work.path(), "v0.1.0", &server.url());
    let index = Index::new(work.path());
    index.publish(&first);
    let krew = KrewHome::new(work.path(), &index.url(), Some(room.cluster().kubeconfig()));
    krew.run("kubectl", &["krew", "update"]);
    let plugins = release(&["list"]);
    let plugins: Vec<&str> = plugins.lines().collect();
    assert!(plugins.len() >= 2, "{plugins:?}");

    // As a release is tried before it is announced: no index, and nothing is downloaded.
    for plugin in &plugins {
        let manifest = format!("--manifest={}", first.manifest(plugin).display());
        let archive = format!("--archive={}", first.archive(plugin, HERE).display());
        krew.run("kubectl", &["krew", "install", &manifest, &archive]);
    }
    assert_eq!(server.served(), [""; 0]);
    runs_every_plugin(&krew, &room, &plugins);
    krew.run("kubectl", &[&["krew", "uninstall"], plugins.as_slice()].concat());
    assert_eq!(krew.plugins(), ["kubectl-krew"]);

    krew.run("kubectl", &["krew", "index", "add", "local", &index.url()]);
    for plugin in &plugins {
        krew.run("kubectl", &["krew", "install", &format!("local/{plugin}")]);
    }
    assert_eq!(server.served().len(), plugins.len());
    let shown = krew.run("kubectl", &["krew", "info", &format!("local/{}", plugins[0])]);
    assert!(shown.contains("VERSION: v0.1.0") && shown.contains("docs/rbac/"), "{shown}");
    runs_every_plugin(&krew, &room, &plugins);

    let second = Release::of(work.path(), "v0.2.0", &server.url(), SECOND, &[HERE]);
    index.publish(&second);
    krew.run("kubectl", &["krew", "upgrade"]);
    for plugin in &plugins {
        assert_eq!(krew.run("kubectl", &[plugin]), "the second version\n");
    }
    let listed = krew.run("kubectl", &["krew", "list"]);
    assert!(plugins.iter().all(|plugin| listed.contains(&format!("local/{plugin}\n"))), "{listed}");

    krew.run("kubectl", &[&["krew", "uninstall"], plugins.as_slice()].concat());
    assert_eq!(krew.plugins(), ["kubectl-krew"]);
    assert_eq!(fs::read_dir(krew.store()).unwrap().count(), 0, "krew left something in its store");
}

/// Each as a user would first try it; kubectl finds nothing to complain about.
fn runs_every_plugin(krew: &KrewHome, room: &Room<'_>, plugins: &[&str]) {
    let mut expected: Vec<String> =
        plugins.iter().map(|it| format!("kubectl-{}", it.replace('-', "_"))).collect();
    expected.push("kubectl-krew".to_owned());
    expected.sort();
    assert_eq!(krew.plugins(), expected);
    for plugin in plugins {
        assert!(krew.run("kubectl", &[plugin, "--version"]).contains(plugin));
    }
    let node = &room.nodes()[0];
    let plan = krew.run("kubectl", &["safe-drain", node, "--dry-run"]);
    assert!(plan.contains(&format!("node/{node}")) && plan.contains("web"), "{plan}");
    let history = krew.run("kubectl", &["rollback-to", "deploy/web", "--history", "-n", room.namespace()]);
    assert!(history.contains("deployment/web"), "{history}");
}

/// The programs are stand-ins, as the validator only installs them; everything else is as in a release.
#[test]
fn the_validator_accepts_every_manifest_for_every_platform() {
    let work = tempfile::tempdir().unwrap();
    let server = FileServer::start(work.path());
    let platforms =
        ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64", "windows-arm64"];
    let made = Release::of(work.path(), "v0.1.0", &server.url(), SECOND, &platforms);
    let krew = KrewHome::new(work.path(), "file:///nowhere", None);
    let validator = release_tools().unwrap().join("validate-krew-manifest");
    let validator = validator.to_str().unwrap();
    let validates = |manifest: &str| krew.try_run(validator, &["-manifest", manifest]);
    for manifest in made.manifests() {
        let path = manifest.to_str().unwrap();
        validates(path).unwrap_or_else(|output| panic!("{path}:\n{output}"));
        assert!(fs::read_to_string(&manifest).unwrap().matches("sha256: ").count() == platforms.len());
    }
    assert_eq!(server.served().len(), made.manifests().len() * platforms.len());

    // The ones in this repository name archives that are nowhere yet.
    for manifest in release::manifests_in(&root().join("krew-manifests")) {
        let path = manifest.to_str().unwrap();
        let output = krew.try_run(validator, &["-manifest", path, "-skip-install"]);
        output.unwrap_or_else(|output| panic!("{path}:\n{output}"));
    }

    // It does look: neither it nor `release check` accepts another checksum.
    let broken = made.manifests().remove(0);
    let text = fs::read_to_string(&broken).unwrap();
    let at = text.find("sha256: \"").unwrap() + "sha256: \"".len();
    fs::write(&broken, format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..])).unwrap();
    let output = validates(broken.to_str().unwrap()).unwrap_err();
    assert!(output.contains("checksum"), "{output}");
    let output = made.check().unwrap_err();
    assert!(output.contains("spec.platforms[0].sha256"), "{output}");
}

/// A git repository laid out as this one, with the manifests of a release.
struct Index {
    dir: std::path::PathBuf,
}

impl Index {
    fn new(work: &std::path::Path) -> Self {
        let dir = work.join("index");
        fs::create_dir(&dir).unwrap();
        // krew reads `plugins`; the manifests themselves are committed once.
        std::os::unix::fs::symlink(fs::read_link(root().join("plugins")).unwrap(), dir.join("plugins"))
            .unwrap();
        let index = Index { dir };
        index.git(&["init", "--quiet", "--initial-branch=main"]);
        index
    }

    fn url(&self) -> String {
        format!("file://{}", self.dir.display())
    }

    fn publish(&self, release: &Release) {
        let dir = self.dir.join("krew-manifests");
        fs::create_dir_all(&dir).unwrap();
        for manifest in release.manifests() {
            fs::copy(&manifest, dir.join(manifest.file_name().unwrap())).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "release"]);
    }

    fn git(&self, args: &[&str]) {
        let output = krew_home::git(&self.dir).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
