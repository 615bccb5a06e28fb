//! The bill of materials of a plugin: what cargo-cyclonedx writes, without what differs from run to run and machine to machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::compile::{SOURCE, cargo};
use crate::plugins::{PLUGINS, Plugin};
use crate::version::Version;

/// What cargo-cyclonedx is made to write.
const WRITTEN: &str = "release-bom.json";

/// `safe-drain-v0.1.0.cdx.json`
pub fn file_name(plugin: &Plugin, version: &Version) -> String {
    format!("{}-{version}.cdx.json", plugin.name)
}

/// Of each plugin, for all platforms together. `tool` is cargo-cyclonedx.
pub fn make(tool: &Path, root: &Path) -> Result<Vec<(&'static Plugin, String)>> {
    // It writes one file beside the Cargo.toml of each member of the workspace, and nowhere else.
    let members = members(root)?;
    let made = run(tool, root).and_then(|()| {
        let text = |plugin: &'static Plugin| {
            let manifest = members.iter().find(|(name, _)| *name == plugin.package());
            let (_, manifest) = manifest.with_context(|| format!("no crate {}", plugin.package()))?;
            let file = manifest.with_file_name(WRITTEN);
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok((plugin, reproducible(&text, root)?))
        };
        PLUGINS.iter().map(text).collect()
    });
    for (_, manifest) in &members {
        // One that was not written is not there.
        let _ = fs::remove_file(manifest.with_file_name(WRITTEN));
    }
    made
}

fn run(tool: &Path, root: &Path) -> Result<()> {
    let format = ["--format", "json", "--spec-version", "1.5"];
    let status = Command::new(tool)
        .args(["cyclonedx", "--target", "all", "--override-filename", WRITTEN.trim_end_matches(".json")])
        .args(format)
        .current_dir(root)
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", tool.display()))?;
    if !status.success() {
        bail!("{} failed", tool.display());
    }
    Ok(())
}

/// The crates of the workspace, each with its Cargo.toml.
fn members(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    let read: Value = serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    let packages = read["packages"].as_array().into_iter().flatten();
    let field = |package: &Value, name: &str| package[name].as_str().unwrap_or_default().to_owned();
    Ok(packages.map(|it| (field(it, "name"), PathBuf::from(field(it, "manifest_path")))).collect())
}

/// `root` is the workspace's directory, which cargo-cyclonedx puts into the names of its crates.
fn reproducible(text: &str, root: &Path) -> Result<String> {
    let mut bom: Value = serde_json::from_str(text).context("no CycloneDX document")?;
    if let Some(bom) = bom.as_object_mut() {
        bom.remove("serialNumber");
    }
    if let Some(metadata) = bom["metadata"].as_object_mut() {
        metadata.remove("timestamp");
    }
    replace(&mut bom, &root.display().to_string());
    Ok(format!("{bom:#}\n"))
}

fn replace(value: &mut Value, root: &str) {
    match value {
        Value::String(text) => *text = text.replace(root, SOURCE),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, root)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, root)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_crate_of_every_plugin_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let members = members(&root).unwrap();
        for plugin in PLUGINS {
            assert!(members.iter().any(|(name, path)| *name == plugin.package() && path.is_file()));
        }
    }

    #[test]
    fn two_runs_on_two_machines_give_the_same_text() {
        let made = |serial: &str, time: &str, root: &str| {
            let reference = format!("path+file://{root}/crates/cluster-model#0.1.0");
            let bom = json!({"bomFormat": "CycloneDX", "serialNumber": serial,
                "metadata": {"timestamp": time, "component": {"bom-ref": reference}},
                "dependencies": [{"ref": reference, "dependsOn": [reference]}]});
            reproducible(&bom.to_string(), Path::new(root)).unwrap()
        };
        let text = made("urn:uuid:1", "2026-01-01T00:00:00Z", "/home/a/plugins");
        assert_eq!(text, made("urn:uuid:2", "2026-02-02T00:00:00Z", "/builds/b"));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read["metadata"],
            json!({"component": {"bom-ref": "path+file:///source/crates/cluster-model#0.1.0"}})
        );
        assert_eq!(read["dependencies"][0]["dependsOn"][0], read["metadata"]["component"]["bom-ref"]);
        assert!(reproducible("no JSON", Path::new("/")).is_err());
    }
}
