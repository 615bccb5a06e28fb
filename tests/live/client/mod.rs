//! What both plugins share: credentials, rights of a node, signals, time at questions.

mod credentials;
mod node;
mod questions;
pub mod signals;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ::testbed::Room;
use serde_json::{Value, json};

use crate::complaint::kubeconfig_with;

/// A credential plugin in `folder`, and a kubeconfig for the room's cluster that logs in through it. `body` is a shell script that finds
/// `$run`, the number of this run, and is in `folder`.
pub fn login(room: &Room<'_>, folder: &Path, body: &str) -> PathBuf {
    let program = folder.join("login");
    let script =
        format!("#!/bin/sh\ncd '{}'\necho run >> runs\nrun=$(grep -c . runs)\n{body}\n", folder.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let exec: Value = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": program,
        "interactiveMode": "Never"}});
    kubeconfig_with(room, folder, "kubeconfig", |config| config["users"][0]["user"] = exec)
}

pub fn lines(folder: &Path, file: &str) -> usize {
    std::fs::read_to_string(folder.join(file)).unwrap_or_default().lines().count()
}
