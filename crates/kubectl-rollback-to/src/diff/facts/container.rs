//! Containers, by name and not by their place in the list.

use cluster_model::image_ref::default_pull_policy;
use serde_json::{Map, Value};

use super::rest::{compact, words};
use super::{At, Facts, Place, by_name, handler, volume};

/// The order in which a container's facts are shown.
mod rank {
    pub const IMAGE: u8 = 0;
    pub const COMMAND: u8 = 1;
    pub const ENV: u8 = 2;
    pub const PORTS: u8 = 3;
    pub const RESOURCES: u8 = 4;
    pub const PROBES: u8 = 5;
    pub const MOUNTS: u8 = 6;
    pub const OTHER: u8 = 7;
}

impl Facts {
    /// `list` is `containers`, `initContainers` or `ephemeralContainers`.
    pub(super) fn containers(&mut self, at: &At, list: &str, value: &Value) {
        let Some(containers) = by_name(value, "name") else {
            return self.rest(at, list, value);
        };
        for (name, container) in &containers {
            let name_owned = (*name).to_owned();
            let place = match list {
                "initContainers" => Place::Init(name_owned),
                "ephemeralContainers" => Place::Ephemeral(name_owned),
                _ => Place::Container(name_owned),
            };
            let mut at = At { place, rank: rank::OTHER, path: at.to(name).path };
            // Two of one name are invalid, but must not hide each other.
            while self.all.contains_key(&at.to("image").path) {
                at.path.push('#');
            }
            self.container(&at, container);
        }
        // Init containers run one after another; the others start together.
        if list == "initContainers" {
            let names = containers.iter().map(|(name, _)| (*name).to_owned()).collect();
            self.order(&At { place: Place::Pod, ..at.clone() }, "init container order", names);
        }
    }

    fn container(&mut self, at: &At, container: &Map<String, Value>) {
        // The image stands for the container itself: there is one even where it is missing.
        let image = container.get("image").cloned().unwrap_or_default();
        self.add(
            &at.rank(rank::IMAGE).to("image"),
            "image".to_owned(),
            image.clone(),
            false,
            match &image {
                Value::String(image) => image.clone(),
                Value::Null => "none".to_owned(),
                other => compact(other),
            },
        );
        for (key, value) in container {
            let at = at.to(key);
            match (key.as_str(), value) {
                ("name" | "image", _) => {}
                ("imagePullPolicy", _) => {
                    let usual = default_pull_policy(image.as_str().unwrap_or_default());
                    self.usual(&at.rank(rank::IMAGE), key, value, &usual.into());
                }
                ("terminationMessagePath", _) => self.usual(&at, key, value, &"/dev/termination-log".into()),
                ("terminationMessagePolicy", _) => self.usual(&at, key, value, &"File".into()),
                ("stdin" | "stdinOnce" | "tty", _) => self.usual(&at, key, value, &false.into()),
                ("command" | "args", Value::Array(list)) => {
                    if !list.is_empty() {
                        self.put(&at.rank(rank::COMMAND), key, value, words);
                    }
                }
                ("env", _) => self.env(&at.rank(rank::ENV), value),
                ("envFrom", _) => self.env_from(&at.rank(rank::ENV), value),
                ("ports", _) => self.ports(&at.rank(rank::PORTS), value),
                ("resources", Value::Object(resources)) => {
                    self.resources(&at.rank(rank::RESOURCES), resources)
                }
                ("livenessProbe" | "readinessProbe" | "startupProbe", Value::Object(probe)) => {
                    if !probe.is_empty() {
                        self.put(&at.rank(rank::PROBES), key, value, handler::probe);
                    }
                }
                ("lifecycle", Value::Object(hooks)) => self.lifecycle(&at.rank(rank::PROBES), hooks),
                ("volumeMounts", _) => self.mounts(&at.rank(rank::MOUNTS), value),
                ("volumeDevices", _) => {
                    self.keyed(&at.rank(rank::MOUNTS), "volume device", "devicePath", value)
                }
                ("securityContext", Value::Object(_)) => {
                    let mut value = value.clone();
                    for list in ["/capabilities/add", "/capabilities/drop"] {
                        if let Some(Value::Array(list)) = value.pointer_mut(list) {
                            list.sort_by_cached_key(Value::to_string);
                        }
                    }
                    self.rest(&at, key, &value);
                }
                _ => self.rest(&at, key, value),
            }
        }
    }

    /// A field that every container has; what is as usual is not worth a line where the whole container is new.
    fn usual(&mut self, at: &At, key: &str, value: &Value, usual: &Value) {
        self.rest(at, key, value);
        if value == usual {
            self.hush(at);
        }
    }

    fn ports(&mut self, at: &At, list: &Value) {
        let numbered = |port: &Value| port["containerPort"].is_number();
        let Some(ports) = list.as_array().filter(|ports| ports.iter().all(numbered)) else {
            return self.rest(at, "ports", list);
        };
        for port in ports {
            let text = port_text(port);
            let name = port["name"].as_str().unwrap_or(&text);
            let mut value = port.clone();
            if let Some(map) = value.as_object_mut() {
                map.remove("name");
            }
            let key = if port["name"].is_string() { format!("named {name}") } else { name.to_owned() };
            self.put(&at.to(&key), format!("port {name}"), &value, port_text);
        }
    }

    fn lifecycle(&mut self, at: &At, hooks: &Map<String, Value>) {
        for (key, value) in hooks {
            match (key.as_str(), value) {
                ("postStart" | "preStop", Value::Object(hook)) => {
                    if !hook.is_empty() {
                        self.put(&at.to(key), key, value, handler::hook);
                    }
                }
                _ => self.rest(&at.to(key), &format!("lifecycle.{key}"), value),
            }
        }
    }

    fn mounts(&mut self, at: &At, list: &Value) {
        let Some(mounts) = by_name(list, "mountPath") else {
            return self.rest(at, "volumeMounts", list);
        };
        for (path, mount) in mounts {
            let mut mount = mount.clone();
            mount.remove("mountPath");
            self.put(&at.to(path), format!("volume mount {path}"), &Value::Object(mount), volume::mount);
        }
    }
}

/// `8080`, `53/UDP hostPort: 53`
fn port_text(port: &Value) -> String {
    let Some(map) = port.as_object() else { return compact(port) };
    let mut of = super::reader::Reader::new(map);
    of.text("name");
    let number = of.scalar("containerPort").unwrap_or_default();
    let protocol = of.text("protocol").filter(|p| p != "TCP").map(|p| format!("/{p}"));
    of.add(format!("{number}{}", protocol.unwrap_or_default()));
    of.add_scalar("hostPort", "hostPort");
    of.add_scalar("hostIP", "hostIP");
    of.done()
}
