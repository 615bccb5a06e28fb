//! Volumes by name with their source, and where they are mounted.

use cluster_model::quantity;
use serde_json::{Map, Value};

use super::reader::Reader;
use super::rest::compact;

/// `from configmap app-config`
pub fn volume(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut of = Reader::new(map);
    for (key, word, name) in [("configMap", "configmap", "name"), ("secret", "secret", "secretName")] {
        if let Some(source) = of.object(key) {
            of.add(format!("from {}", files(&source, word, name)));
        }
    }
    if let Some(claim) = of.object("persistentVolumeClaim") {
        let mut claim = Reader::new(&claim);
        let name = claim.text("claimName").unwrap_or_default();
        claim.add(format!("claim {name}"));
        claim.add_flag("read-only", "readOnly");
        of.add(claim.done());
    }
    if let Some(dir) = of.object("emptyDir") {
        let mut dir = Reader::new(&dir);
        dir.add("emptyDir");
        dir.add_scalar("medium", "medium");
        dir.add_scalar("at most", "sizeLimit");
        of.add(dir.done());
    }
    if let Some(path) = of.object("hostPath") {
        let mut path = Reader::new(&path);
        let at = path.text("path").unwrap_or_default();
        path.add(format!("hostPath {at}"));
        path.add_scalar("type", "type");
        of.add(path.done());
    }
    if let Some(image) = of.object("image") {
        let mut image = Reader::new(&image);
        let reference = image.text("reference").unwrap_or_default();
        image.add(format!("image {reference}"));
        image.add_scalar("pulled", "pullPolicy");
        of.add(image.done());
    }
    if let Some(projected) = of.object("projected") {
        of.add(projection(&projected));
    }
    of.done()
}

fn files(source: &Map<String, Value>, word: &str, name: &str) -> String {
    let mut source = Reader::new(source);
    let name = source.text(name).unwrap_or_default();
    source.add(format!("{word} {name}"));
    if let Some(mode) = source.number("defaultMode").filter(|mode| *mode != 0o644) {
        source.add(format!("mode {mode:04o}"));
    }
    source.add_flag("optional", "optional");
    source.done()
}

fn projection(projected: &Map<String, Value>) -> String {
    let mut of = Reader::new(projected);
    let sources = of.list("sources").unwrap_or_default();
    let sources: Vec<String> = sources
        .iter()
        .map(|source| {
            let Some(map) = source.as_object() else { return compact(source) };
            let mut source = Reader::new(map);
            for (key, word) in [("configMap", "configmap"), ("secret", "secret")] {
                if let Some(inner) = source.object(key) {
                    source.add(files(&inner, word, "name"));
                }
            }
            if let Some(token) = source.object("serviceAccountToken") {
                let mut token = Reader::new(&token);
                token.add("service account token");
                token.add_scalar("for", "audience");
                token.add_scalar("at", "path");
                if let Some(seconds) = token.number("expirationSeconds").filter(|n| *n != 3600) {
                    token.add(format!("valid {seconds}s"));
                }
                source.add(token.done());
            }
            source.done()
        })
        .collect();
    of.add(format!("projected from {}", sources.join(" and ")));
    if let Some(mode) = of.number("defaultMode").filter(|mode| *mode != 0o644) {
        of.add(format!("mode {mode:04o}"));
    }
    of.done()
}

/// `volume data read-only subPath x`
pub fn mount(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut of = Reader::new(map);
    let name = of.text("name").unwrap_or_default();
    of.add(name);
    of.add_flag("read-only", "readOnly");
    of.add_scalar("subPath", "subPath");
    of.add_scalar("subPathExpr", "subPathExpr");
    of.done()
}

/// Amounts in one spelling, and the items of ConfigMaps and Secrets in one order: each has its own path.
pub fn comparable(volume: &Value) -> Value {
    let mut volume = volume.clone();
    if let Some(limit) = volume.pointer_mut("/emptyDir/sizeLimit") {
        *limit = quantity::canonical(limit);
    }
    for amounts in ["requests", "limits"] {
        let at = format!("/ephemeral/volumeClaimTemplate/spec/resources/{amounts}");
        if let Some(Value::Object(amounts)) = volume.pointer_mut(&at) {
            amounts.values_mut().for_each(|amount| *amount = quantity::canonical(amount));
        }
    }
    for source in ["configMap", "secret", "downwardAPI"] {
        if let Some(Value::Array(items)) = volume.pointer_mut(&format!("/{source}/items")) {
            items.sort_by_cached_key(Value::to_string);
        }
    }
    volume
}
