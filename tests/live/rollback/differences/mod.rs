//! The plugin compared with the real `kubectl rollout`, on twins in one room: equal where kubectl is right, and different only where
//! docs/rollback-to.md says so.

mod equal;
mod future;
mod history;
mod kept;
mod waiting;
mod wide;

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use crate::plugin::{Outcome, rollback, rollback_to};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

fn app(version: usize) -> String {
    format!("example.invalid/app:{version}")
}

/// The same workload twice: one is rolled back by the plugin, the other by kubectl.
struct Twins<'r> {
    room: &'r Room<'r>,
    kind: &'static str,
    by_plugin: String,
    by_kubectl: String,
}

/// What kubectl printed, on both streams, and its exit code.
struct KubectlOutput {
    code: i32,
    text: String,
}

impl<'r> Twins<'r> {
    /// With two replicas, rolled out with the first image.
    #[track_caller]
    fn new(room: &'r Room<'r>, kind: &'static str, edit: impl Fn(&mut Value)) -> Self {
        let twins = Twins::begun(room, kind, edit);
        twins.rolled_out();
        twins
    }

    /// One pair of each kind.
    #[track_caller]
    fn of_all_kinds(room: &'r Room<'r>, edit: impl Fn(&mut Value)) -> Vec<Self> {
        let all: Vec<Self> = KINDS.iter().map(|kind| Twins::begun(room, kind, &edit)).collect();
        all.iter().for_each(Twins::rolled_out);
        all
    }

    #[track_caller]
    fn begun(room: &'r Room<'r>, kind: &'static str, edit: impl Fn(&mut Value)) -> Self {
        let name = |twin: &str| format!("{}-{twin}", kind.to_lowercase());
        let twins = Twins { room, kind, by_plugin: name("a"), by_kubectl: name("b") };
        twins.each(|name| {
            match kind {
                "Deployment" => room.deployment_with(name, 2, &edit),
                "StatefulSet" => room.statefulset_with(name, 2, &edit),
                _ => room.daemonset_with(name, &edit),
            };
        });
        twins
    }

    fn each(&self, act: impl Fn(&str)) {
        [&self.by_plugin, &self.by_kubectl].into_iter().for_each(|name| act(name));
    }

    /// Both get another image, and their controllers have seen it.
    #[track_caller]
    fn update(&self, version: usize, failure: Option<&str>) {
        self.each(|name| {
            self.room.update(self.kind, name, &app(version), failure);
        });
        self.each(|name| {
            self.room.observed(self.kind, name);
        });
    }

    #[track_caller]
    fn rolled_out(&self) {
        self.each(|name| {
            self.room.rolled_out(self.kind, name);
        });
    }

    #[track_caller]
    fn updated(&self, version: usize) {
        self.update(version, None);
        self.rolled_out();
    }

    /// `kubectl rollback-to OURS ARGS --yes -o json`
    #[track_caller]
    fn plugin(&self, args: &[&str]) -> Outcome {
        rollback(self.room, &[&[self.plugin_target().as_str()], args].concat()).run()
    }

    /// The same as people read it, and without a yes.
    #[track_caller]
    fn plugin_text(&self, args: &[&str]) -> Outcome {
        rollback_to(self.room, &[&[self.plugin_target().as_str()], args].concat()).run()
    }

    fn plugin_target(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.by_plugin)
    }

    /// `kubectl rollout VERB THEIRS ARGS`
    #[track_caller]
    fn kubectl(&self, verb: &str, args: &[&str]) -> KubectlOutput {
        let word = format!("{}/{}", self.kind.to_lowercase(), self.by_kubectl);
        kubectl(self.room, &[&["rollout", verb, word.as_str()], args].concat())
    }

    #[track_caller]
    fn undo(&self, args: &[&str]) -> KubectlOutput {
        self.kubectl("undo", args)
    }

    #[track_caller]
    fn images(&self) -> [String; 2] {
        [&self.by_plugin, &self.by_kubectl].map(|name| self.room.image(self.kind, name))
    }

    /// All that a rollback may touch, with the name of the twin taken out.
    #[track_caller]
    fn state(&self, name: &str) -> Value {
        let mut workload = self.room.workload(self.kind, name);
        let pods = pods(self.room, name);
        let state = json!({
            "template": workload["spec"]["template"].take(),
            "annotations": workload["metadata"]["annotations"].take(),
            "generation": workload["metadata"]["generation"],
            "revisions": self.room.images(self.kind, name),
            "pods": images_of(&pods),
        });
        let text = state.to_string().replace(name, "twin");
        serde_json::from_str(&text).unwrap_or_default()
    }

    #[track_caller]
    fn states(&self) -> [Value; 2] {
        [&self.by_plugin, &self.by_kubectl].map(|name| self.state(name))
    }

    /// The two ended alike.
    #[track_caller]
    fn assert_equal(&self) {
        let [plugin, kubectl] = self.states();
        assert_eq!(plugin, kubectl, "{}: plugin and kubectl", self.kind);
    }
}

fn kubectl(room: &Room<'_>, args: &[&str]) -> KubectlOutput {
    let mut kubectl = room.cluster().kubectl();
    output_of(kubectl.args(["--namespace", room.namespace()]).args(args))
}

#[track_caller]
fn output_of(command: &mut std::process::Command) -> KubectlOutput {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run kubectl: {error}"));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    KubectlOutput { code: output.status.code().unwrap_or(-1), text }
}

/// The pods of a workload, without those that are on their way out.
fn pods(room: &Room<'_>, app: &str) -> Vec<Value> {
    let mut pods = room.pods();
    pods.retain(|pod| {
        pod["metadata"]["labels"]["app"] == *app && pod["metadata"]["deletionTimestamp"].is_null()
    });
    pods
}

fn image_of(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn images_of(pods: &[Value]) -> Vec<String> {
    let mut images: Vec<String> = pods.iter().map(|pod| image_of(pod).to_owned()).collect();
    images.sort();
    images
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// UIDs of the pods that have this image.
fn uids_with(room: &Room<'_>, app: &str, image: &str) -> Vec<String> {
    let mut uids: Vec<String> =
        pods(room, app).iter().filter(|pod| image_of(pod) == image).map(uid).collect();
    uids.sort();
    uids
}

/// Waits until a pod with this image shows what is wrong with it.
#[track_caller]
fn broken(room: &Room<'_>, app: &str, image: &str) -> Value {
    wait(&format!("a broken pod of {app} with {image}"), PATIENCE, || {
        let is_broken = |pod: &Value| {
            let container = &pod["status"]["containerStatuses"][0];
            image_of(pod) == image && container.is_object() && container["ready"] != true
        };
        pods(room, app).into_iter().find(is_broken)
    })
}
