//! Where kubeconfigs are, and how several are merged. Reads files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::environment::Environment;
use crate::{ConnectionFlags, Failure};

/// Where to look, first wins. An empty element of `$KUBECONFIG` is nothing.
pub(super) fn find(flags: &ConnectionFlags, environment: &Environment) -> Vec<PathBuf> {
    if let Some(file) = &flags.kubeconfig {
        return vec![file.clone()];
    }
    let named: Vec<PathBuf> = environment
        .kubeconfig
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if !named.is_empty() {
        return named;
    }
    environment.home.iter().map(|home| home.join(".kube").join("config")).collect()
}

/// `None` if no file exists. One named by `--kubeconfig` has to.
pub(super) fn load(files: &[PathBuf], must_exist: bool) -> Result<Option<Kubeconfig>, Failure> {
    let mut merged: Option<Kubeconfig> = None;
    for file in files {
        let mut next = match Kubeconfig::read_from(file) {
            Ok(next) => next,
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == ErrorKind::NotFound && !must_exist =>
            {
                continue;
            }
            Err(error) => return Err(unreadable(file, &error)),
        };
        // An empty current-context sets none (client-go merges only what is set).
        next.current_context = next.current_context.filter(|name| !name.is_empty());
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| unreadable(file, &error))?,
        });
    }
    Ok(merged)
}

fn unreadable(file: &Path, error: &KubeconfigError) -> Failure {
    let cause = match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        // The first line only: what follows quotes the file, which holds secrets.
        KubeconfigError::Parse(error) => {
            format!("not valid YAML: {}", error.to_string().lines().next().unwrap_or_default())
        }
        error => error.to_string(),
    };
    Failure::failed(format!("cannot read the kubeconfig {}", file.display()))
        .cause(cause)
        .hint("fix that file, or use another with --kubeconfig or $KUBECONFIG")
}

pub(super) fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() { "~/.kube/config".to_owned() } else { files.join(", ") }
}
