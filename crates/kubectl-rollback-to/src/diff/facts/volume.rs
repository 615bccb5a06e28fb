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
            of.say(format!("from {}", files(&source, word, name)));
        }
    }
    if let Some(claim) = of.object("persistentVolumeClaim") {
        let mut claim = Reader::new(&claim);
        let name = claim.text("claimName").unwrap_or_default();
        claim.say(format!("claim {name}"));
        claim.say_flag("read-only", "readOnly");
        of.say(claim.done());
    }
    if let Some(dir) = of.object("emptyDir") {
        let mut dir = Reader::new(&dir);
        dir.say("emptyDir");
        dir.say_scalar("medium", "medium");
        dir.say_scalar("at most", "sizeLimit");
        of.say(dir.done());
    }
    if let Some(path) = of.object("hostPath") {
        let mut path = Reader::new(&path);
        let at = path.text("path").unwrap_or_default();
        path.say(format!("hostPath {at}"));
        path.say_scalar("type", "type");
        of.say(path.done());
    }
    if let Some(image) = of.object("image") {
        let mut image = Reader::new(&image);
        let reference = image.text("reference").unwrap_or_default();
        image.say(format!("image {reference}"));
        image.say_scalar("pulled", "pullPolicy");
        of.say(image.done());
    }
    if let Some(projected) = of.object("projected") {
        of.say(projection(&projected));
    }
    of.done()
}

fn files(source: &Map<String, Value>, word: &str, name: &str) -> String {
    let mut source = Reader::new(source);
    let name = source.text(name).unwrap_or_default();
    source.say(format!("{word} {name}"));
    if let Some(mode) = source.number("defaultMode").filter(|mode| *mode != 0o644) {
        source.say(format!("mode {mode:04o}"));
    }
    source.say_flag("optional", "optional");
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
                    source.say(files(&inner, word, "name"));
                }
            }
            if let Some(token) = source.object("serviceAccountToken") {
                let mut token = Reader::new(&token);
                token.say("service account token");
                token.say_scalar("for", "audience");
                token.say_scalar("at", "path");
                if let Some(seconds) = token.number("expirationSeconds").filter(|n| *n != 3600) {
                    token.say(format!("valid {seconds}s"));
                }
                source.say(token.done());
            }
            source.done()
        })
        .collect();
    of.say(format!("projected from {}", sources.join(" and ")));
    if let Some(mode) = of.number("defaultMode").filter(|mode| *mode != 0o644) {
        of.say(format!("mode {mode:04o}"));
    }
    of.done()
}

/// `volume data read-only subPath x`
pub fn mount(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut of = Reader::new(map);
    let name = of.text("name").unwrap_or_default();
    of.say(name);
    of.say_flag("read-only", "readOnly");
    of.say_scalar("subPath", "subPath");
    of.say_scalar("subPathExpr", "subPathExpr");
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
