//! The rules for a manifest.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::selector::{Selector, VALIDATED};
use super::violation::Findings;

const API_VERSION: &str = "krew.googlecontainertools.github.com/v1alpha2";

/// krew-index: longer ones are cut in the lists that krew prints.
const SHORT: usize = 50;

/// krew-index: descriptions are printed as they are.
const WIDTH: usize = 80;

/// As krew reads it: unknown fields are ignored, missing text is empty.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    pub spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    pub platforms: Option<Vec<Entry>>,
}

/// What is installed on the platforms that the selector matches.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    selector: Option<Selector>,
    pub uri: String,
    pub sha256: String,
    files: Option<IgnoredAny>,
    pub bin: String,
}

impl Manifest {
    pub fn check(&self, file_name: &str, findings: &mut Findings) {
        let name = &self.metadata.name;
        let spec = &self.spec;
        findings.require(self.api_version == API_VERSION, "apiVersion", format!("must be {API_VERSION}"));
        findings.require(self.kind == "Plugin", "kind", "must be Plugin");
        findings.require(is_name(name), "metadata.name", "must be letters, digits, - and _");
        findings.require(!is_reserved(name), "metadata.name", "is reserved on Windows");
        let expected = format!("{name}.yaml");
        findings.require(file_name == expected, "metadata.name", format!("the file must be {expected}"));
        findings.require(is_version(&spec.version), "spec.version", "must be v and a semantic version");
        findings.require(!spec.homepage.is_empty(), "spec.homepage", "is missing");
        check_short(&spec.short_description, findings);
        findings.require(!spec.description.trim().is_empty(), "spec.description", "is missing");
        for line in spec.description.lines().filter(|line| line.chars().count() > WIDTH) {
            findings.add("spec.description", format!("a line is longer than {WIDTH} characters: {line}"));
        }
        let platforms: Vec<&Entry> = spec.platforms.iter().flatten().collect();
        findings.require(!platforms.is_empty(), "spec.platforms", "is empty");
        for (index, platform) in platforms.iter().enumerate() {
            platform.check(&format!("spec.platforms[{index}]"), findings);
        }
        check_overlaps(&platforms, findings);
    }
}

impl Entry {
    fn check(&self, field: &str, findings: &mut Findings) {
        let at = |name: &str| format!("{field}.{name}");
        findings.require(!self.uri.is_empty(), at("uri"), "is missing");
        findings.require(is_sha256(&self.sha256), at("sha256"), "must be 64 lower-case hexadecimal digits");
        findings.require(self.files.is_none(), at("files"), "leave it out: then everything is extracted");
        check_bin(&self.bin, &at("bin"), findings);
        let Some(selector) = &self.selector else {
            findings.add(at("selector"), "is missing");
            return;
        };
        selector.check(&at("selector"), findings);
        let matched = selector.matched();
        findings.require(!matched.is_empty(), at("selector"), "matches no platform that krew knows");
        for (os, _) in matched.iter().filter(|(os, _)| (*os == "windows") != self.bin.ends_with(".exe")) {
            findings.add(at("bin"), format!("{} on {os}", if *os == "windows" { "no .exe" } else { ".exe" }));
        }
    }
}

fn check_short(text: &str, findings: &mut Findings) {
    let field = "spec.shortDescription";
    findings.require(!text.trim().is_empty(), field, "is missing");
    findings.require(!text.contains(['\r', '\n']), field, "has a line break");
    let length = text.chars().count();
    findings.require(length <= SHORT, field, format!("has {length} characters, at most {SHORT}"));
}

fn check_bin(bin: &str, field: &str, findings: &mut Findings) {
    findings.require(!bin.is_empty(), field, "is missing");
    let leaves = bin.starts_with(['/', '\\']) || bin.split(['/', '\\']).any(|part| part == "..");
    findings.require(!leaves, field, "leaves the archive");
}

/// krew takes the first that matches; two that match one platform are refused.
fn check_overlaps(platforms: &[&Entry], findings: &mut Findings) {
    for (os, arch) in VALIDATED {
        let indices = platforms
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.selector.as_ref().is_some_and(|selector| selector.matches(os, arch)));
        let indices: Vec<String> = indices.map(|(index, _)| index.to_string()).collect();
        if indices.len() > 1 {
            findings.add(
                format!("spec.platforms[{}].selector", indices.join(",")),
                format!("all match {os}/{arch}"),
            );
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().find_map(|device| name.strip_prefix(device));
    ["CON", "PRN", "AUX", "NUL"].contains(&name.as_str())
        || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
}

fn is_version(version: &str) -> bool {
    version.strip_prefix('v').is_some_and(|digits| semver::Version::parse(digits).is_ok())
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
