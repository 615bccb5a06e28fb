//! What a user does with the real kubectl, in one room.

use std::process::Command;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::room::Room;

impl Cluster {
    /// The real kubectl as the administrator. Unlike `command`, it does without the plugins, so none are built.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.programs().join("kubectl"));
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }
}

impl Room<'_> {
    /// Runs `kubectl --namespace ROOM ARGS` and returns what it printed; panics with that if it fails.
    #[track_caller]
    pub fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args).unwrap_or_else(|output| panic!("kubectl {}: {output}", args.join(" ")))
    }

    /// What it printed, both streams, as `Err` if it failed.
    pub fn try_kubectl(&self, args: &[&str]) -> Result<String, String> {
        let mut kubectl = self.cluster().kubectl();
        let output = kubectl.args(["--namespace", self.namespace()]).args(args).output();
        let output = output.map_err(|error| format!("cannot run kubectl: {error}"))?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    /// `kubectl apply -f` of a file with this content: client-side, so the object is annotated with what was applied last.
    #[track_caller]
    pub fn kubectl_apply(&self, object: &Value) -> String {
        let file = self.cluster().dir().join(format!("manifest-{}.json", self.cluster().next()));
        if let Err(error) = std::fs::write(&file, object.to_string()) {
            panic!("cannot write {}: {error}", file.display());
        }
        let output = self.kubectl(&["apply", "-f", &file.display().to_string()]);
        // The cluster's directory goes with the cluster, and may live in memory.
        let _ = std::fs::remove_file(file);
        output
    }

    /// `kubectl set image … --record`: changes all containers, and notes the command as the cause of the change.
    #[track_caller]
    pub fn set_image(&self, kind: &str, name: &str, image: &str) {
        let (target, image) = (format!("{kind}/{name}"), format!("*={image}"));
        self.kubectl(&["set", "image", &target, &image, "--record"]);
    }
}
