//! The one image of a real node: busybox and its applets, as an archive that containerd imports without a registry.
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::error::{Doing, Error};

/// The image of a room's pods by default, and of their sandboxes.
pub const NAME: &str = "example.invalid/app:1";

const MAKING: &str = "cannot make the image";
/// Runs until it is asked to end, then ends at once: as PID 1 a program without a handler would not hear SIGTERM.
const COMMAND: &str = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let hash = Sha256::digest(&bytes);
        Self { digest: hash.iter().map(|byte| format!("{byte:02x}")).collect(), bytes }
    }

    fn describe(&self, media_type: &str) -> Value {
        let media_type = format!("application/vnd.oci.image.{media_type}");
        json!({"mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.bytes.len()})
    }
}

pub fn write(busybox: &Path, to: &Path) -> Result<(), Error> {
    let listed = Command::new(busybox).arg("--list").output().doing("cannot run busybox")?;
    let applets = String::from_utf8_lossy(&listed.stdout).into_owned();
    let program = std::fs::read(busybox).doing("cannot read busybox")?;
    let names: Vec<&str> = applets.lines().filter(|name| *name != "busybox").collect();
    let archive = archive(&program, &names).doing(MAKING)?;
    std::fs::write(to, archive).doing(&format!("cannot write {}", to.display()))
}

fn archive(program: &[u8], applets: &[&str]) -> std::io::Result<Vec<u8>> {
    let layer = Blob::new(layer(program, applets)?);
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = Blob::new(json_bytes(&json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/sh", "-c", COMMAND], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", layer.digest)]},
    })));
    let manifest = Blob::new(json_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.describe("config.v1+json"),
        "layers": [layer.describe("layer.v1.tar")],
    })));
    let mut entry = manifest.describe("manifest.v1+json");
    // Containerd's own annotation: the name under which it keeps the image.
    entry["annotations"] = json!({"io.containerd.image.name": NAME});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});

    let mut archive = Builder::new(Vec::new());
    file(&mut archive, "oci-layout", 0o644, &json_bytes(&json!({"imageLayoutVersion": "1.0.0"})))?;
    file(&mut archive, "index.json", 0o644, &json_bytes(&index))?;
    for blob in [layer, config, manifest] {
        file(&mut archive, &format!("blobs/sha256/{}", blob.digest), 0o644, &blob.bytes)?;
    }
    archive.into_inner()
}

fn layer(program: &[u8], applets: &[&str]) -> std::io::Result<Vec<u8>> {
    let mut layer = Builder::new(Vec::new());
    for (name, mode) in [
        ("bin/", 0o755),
        ("dev/", 0o755),
        ("etc/", 0o755),
        ("proc/", 0o755),
        ("sys/", 0o755),
        ("tmp/", 0o1777),
    ] {
        let mut header = header(EntryType::Directory, mode, 0);
        layer.append_data(&mut header, name, std::io::empty())?;
    }
    file(&mut layer, "etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/sh\n")?;
    file(&mut layer, "bin/busybox", 0o755, program)?;
    for applet in applets {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        layer.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    layer.into_inner()
}

fn file<W: Write>(archive: &mut Builder<W>, name: &str, mode: u32, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = header(EntryType::Regular, mode, bytes.len() as u64);
    archive.append_data(&mut header, name, bytes)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn json_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read;

    type Files = BTreeMap<String, (Option<String>, Vec<u8>)>;

    fn files(archive: &[u8]) -> Files {
        let mut files = Files::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let target = entry.link_name().unwrap().map(|it| it.display().to_string());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(name, (target, bytes));
        }
        files
    }

    #[test]
    fn everything_in_the_archive_is_named_by_its_digest_and_can_be_reached() {
        let archive = files(&archive(b"program", &["sh", "["]).unwrap());
        let blob = |described: &Value| {
            let digest = described["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let (_, bytes) = &archive[&format!("blobs/sha256/{digest}")];
            assert_eq!(Blob::new(bytes.clone()).digest, digest);
            assert_eq!(described["size"], bytes.len());
            bytes.clone()
        };
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = parse(&archive["index.json"].1);
        let manifest = parse(&blob(&index["manifests"][0]));
        let config = parse(&blob(&manifest["config"]));
        let layer = &manifest["layers"][0];
        assert_eq!(config["rootfs"]["diff_ids"], json!([layer["digest"]]), "the layer is not compressed");
        let root = files(&blob(layer));
        assert_eq!(root["bin/busybox"].1, b"program");
        assert_eq!(
            (root["bin/sh"].0.as_deref(), root["bin/["].0.as_deref()),
            (Some("busybox"), Some("busybox"))
        );
    }
}
