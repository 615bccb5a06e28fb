//! Findings that are known: `--baseline` and `--write-baseline`. They are keyed by check and top owner, so that new pods make nothing new.

use std::collections::BTreeSet;
use std::path::Path;

use plugin_client::Failure;
use plugin_client::own_file::{FileKind, OwnFile, Readers};
use serde::{Deserialize, Serialize};

use crate::bounded_file;
use crate::finding::{Finding, Severity, Subject};
use crate::ignores::Scope;
use crate::snapshot::Snapshot;

/// One line a key, sorted: what changes in it can be read in a diff.
const BASELINE: FileKind = FileKind {
    name: "baseline",
    flag: "--write-baseline",
    start: b"{\"kind\":\"HealBaseline\",\"findings\":[",
    readers: Readers::All,
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub id: String,
    pub namespace: String,
    pub kind: String,
    pub name: String,
}

impl Key {
    pub fn of(finding: &Finding) -> Self {
        let subject = &finding.subject;
        Key {
            id: finding.id.to_owned(),
            namespace: subject.namespace.clone(),
            kind: subject.kind.clone(),
            name: subject.name.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    kind: String,
    findings: BTreeSet<Key>,
}

/// # Errors
///
/// The file cannot be read, or is no baseline.
pub fn read(path: &Path) -> Result<BTreeSet<Key>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("--baseline {}: cannot be used", path.display()))
            .cause(why)
            .hint("--write-baseline FILE writes one")
    };
    let text = bounded_file::read(path).map_err(|error| wrong(error.to_string()))?;
    let found: Document = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if found.kind != "HealBaseline" {
        return Err(wrong("it is no HealBaseline".to_owned()));
    }
    Ok(found.findings)
}

/// A file to be written, once it is known what to.
pub struct BaselineFile(OwnFile);

impl BaselineFile {
    /// # Errors
    ///
    /// There is another file, or none can be written.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        OwnFile::create(path, BASELINE).map(BaselineFile)
    }

    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(mut self, keys: &BTreeSet<Key>) -> Result<(), Failure> {
        for (at, key) in keys.iter().enumerate() {
            // Only a map with keys that are no strings cannot be JSON.
            let line = serde_json::to_string(key).unwrap_or_default();
            self.0.put(if at == 0 { b"\n" } else { b",\n" })?;
            self.0.put(line.as_bytes())?;
        }
        self.0.put(b"\n]}\n")?;
        self.0.finish()
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub new: Vec<Finding>,
    pub known: Vec<Finding>,
    /// Looked for, and not found.
    pub fixed: Vec<Key>,
}

/// `ignored` is there too. What is critical always counts.
pub fn compare(
    baseline: &BTreeSet<Key>,
    findings: Vec<Finding>,
    ignored: &BTreeSet<Key>,
    scope: &Scope<'_>,
    snapshot: &Snapshot,
) -> Compared {
    let found: BTreeSet<Key> = findings.iter().map(Key::of).chain(ignored.iter().cloned()).collect();
    let is_known = |it: &Finding| it.severity < Severity::Critical && baseline.contains(&Key::of(it));
    let (known, new) = findings.into_iter().partition(is_known);
    let is_fixed = |key: &&Key| !found.contains(key) && was_looked_for(key, scope, snapshot);
    Compared { new, known, fixed: baseline.iter().filter(is_fixed).cloned().collect() }
}

/// The check ran, and about this object: of a part of the cluster nothing follows for the rest.
fn was_looked_for(key: &Key, scope: &Scope<'_>, snapshot: &Snapshot) -> bool {
    let is_it = |workload: &&crate::snapshot::Workload| {
        let subject = &workload.subject;
        (&subject.kind, &subject.namespace, &subject.name) == (&key.kind, &key.namespace, &key.name)
    };
    // Of manifests, it was looked at only what is in them.
    let is_in_files = |subject: &Subject| {
        (&subject.kind, &subject.namespace, &subject.name) == (&key.kind, &key.namespace, &key.name)
    };
    let is_here = match scope.namespace {
        _ if scope.is_manifests && !snapshot.origin.locations.keys().any(is_in_files) => false,
        _ if !scope.selects_all => snapshot.selected().find(is_it).is_some(),
        None => true,
        Some(here) => key.namespace == here || key.namespace.is_empty(),
    };
    is_here && scope.has_checked(&key.id)
}

/// What is written: what is there now, and of an earlier baseline what was not looked for.
pub fn next(baseline: &BTreeSet<Key>, fixed: &[Key], found: &[&[Finding]]) -> BTreeSet<Key> {
    let kept = baseline.iter().filter(|key| !fixed.contains(key)).cloned();
    kept.chain(found.iter().copied().flatten().map(Key::of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::healthy;
    use crate::finding::Location;
    use crate::half::Half;
    use crate::snapshot::origin::Basis;
    use crate::snapshot::{Read, Selection};
    use std::fs;

    fn finding(id: &'static str, namespace: &str, name: &str, severity: Severity) -> Finding {
        let subject = Subject::new("Deployment", namespace, name);
        Finding {
            id,
            name: "n",
            severity,
            subject,
            message: "m".to_owned(),
            remedy: String::new(),
            location: None,
            offer: None,
        }
    }

    fn key(id: &str, namespace: &str, name: &str) -> Key {
        Key {
            id: id.to_owned(),
            namespace: namespace.to_owned(),
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn only_what_is_new_counts_and_only_what_was_looked_for_is_fixed() {
        let baseline = BTreeSet::from([
            key("HC203", "shop", "web"),
            key("HC301", "shop", "web"),
            key("HC302", "shop", "web"),
            key("HC601", "shop", "web"),
            key("HC804", "shop", "web"),
            key("HC203", "other", "web"),
            key("HC203", "shop", "gone"),
            key("HC999", "shop", "web"),
        ]);
        let found = vec![
            finding("HC203", "shop", "web", Severity::Warning),
            finding("HC201", "shop", "web", Severity::Error),
            finding("HC804", "shop", "web", Severity::Critical),
        ];
        let all = healthy().snapshot();
        let mut files = healthy().snapshot();
        files.origin.basis = Basis::Manifests;
        let location = Location { file: "web.yaml".to_owned(), line: None };
        files.origin.locations = [(finding("HC203", "shop", "web", Severity::Info).subject, location)].into();
        let one = healthy().selected(&Selection::Named(vec![(Read::Deployments, "web".to_owned())]));
        let ignored = BTreeSet::from([key("HC301", "shop", "web")]);
        let (web, gone) = (vec!["HC302 web", "HC601 web"], vec!["HC203 gone", "HC302 web", "HC601 web"]);
        for (half, snapshot, unchecked, fixed) in [
            (Half::Both, &all, &[][..], gone.clone()),
            (Half::Both, &one, &[], web),
            // No check of what happens now was asked, and of what is not in the files nothing is known.
            (Half::Both, &files, &[], vec!["HC302 web"]),
            (Half::Posture, &all, &[], gone[..2].to_vec()),
            (Half::Both, &all, &["HC302", "HC203"], vec!["HC601 web"]),
        ] {
            let scope = Scope {
                half,
                namespace: Some("shop"),
                selects_all: snapshot.selects_all,
                is_manifests: snapshot.origin.is_manifests(),
                unchecked: unchecked.iter().copied().collect(),
            };
            let compared = compare(&baseline, found.clone(), &ignored, &scope, snapshot);
            let ids = |all: &[Finding]| all.iter().map(|it| it.id).collect::<Vec<_>>();
            assert_eq!((ids(&compared.known), ids(&compared.new)), (vec!["HC203"], vec!["HC201", "HC804"]));
            let shown: Vec<String> =
                compared.fixed.iter().map(|it| format!("{} {}", it.id, it.name)).collect();
            assert_eq!(shown, fixed);
        }
    }

    #[test]
    fn a_baseline_is_sorted_one_line_a_key_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let keys = next(
            &BTreeSet::from([key("HC203", "other", "web"), key("HC301", "shop", "web")]),
            &[key("HC301", "shop", "web")],
            &[
                &[finding("HC203", "shop", "web\u{1b}", Severity::Warning)],
                &[
                    finding("HC201", "shop", "web", Severity::Error),
                    finding("HC201", "shop", "web", Severity::Error),
                ],
            ],
        );
        BaselineFile::create(&path).unwrap().write(&keys).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"kind\":\"HealBaseline\",\"findings\":[\n\
             {\"id\":\"HC201\",\"namespace\":\"shop\",\"kind\":\"Deployment\",\"name\":\"web\"},\n\
             {\"id\":\"HC203\",\"namespace\":\"other\",\"kind\":\"Deployment\",\"name\":\"web\"},\n\
             {\"id\":\"HC203\",\"namespace\":\"shop\",\"kind\":\"Deployment\",\"name\":\"web\\u001b\"}\n]}\n"
        );
        assert_eq!(read(&path).unwrap(), keys);
        BaselineFile::create(&path).unwrap().write(&BTreeSet::new()).unwrap();
        assert_eq!(read(&path).unwrap(), BTreeSet::new());
    }

    #[test]
    fn what_is_no_baseline_is_a_usage_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for text in [
            "",
            "{}",
            "{\"kind\":\"HealReport\",\"findings\":[]}",
            "kind: HealBaseline",
            "{\"kind\":\"HealBaseline\",\"findings\":[{}]}",
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap_err().exit, plugin_client::Exit::Usage, "{text}");
        }
        fs::write(&path, "{\"kind\":\"HealReport\"}").unwrap();
        let refused = BaselineFile::create(&path).err().unwrap();
        assert_eq!(refused.exit, plugin_client::Exit::Refused);
        assert_eq!(read(&folder.path().join("none")).unwrap_err().exit, plugin_client::Exit::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"kind\":\"HealReport\"}");
    }
}
