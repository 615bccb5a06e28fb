//! The configuration of containerd, the CNI plugins and the kubelet.

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

use super::image;
use super::requirements::Programs;

/// Where the node has its files.
pub struct Layout<'a> {
    pub dir: &'a Path,
    pub programs: &'a Programs,
}

impl Layout<'_> {
    pub fn at(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub fn socket(&self) -> String {
        self.at("containerd.sock")
    }

    /// Version 2 of the format is what containerd 1.6, 1.7 and 2 have in common.
    pub fn containerd(&self) -> String {
        let cri = r#"plugins."io.containerd.grpc.v1.cri""#;
        // Strings of TOML and of JSON are alike.
        let text = |text: &str| Value::from(text).to_string();
        let at = |name: &str| text(&self.at(name));
        [
            "version = 2".to_owned(),
            format!("root = {}\nstate = {}", at("containerd"), at("containerd-state")),
            format!("[grpc]\naddress = {}", text(&self.socket())),
            format!("[plugins.\"io.containerd.internal.v1.opt\"]\npath = {}", at("opt")),
            format!("[{cri}]\nsandbox_image = {}", text(image::NAME)),
            // Root may lack the right to lower a process's oom_score_adj, and then no sandbox starts.
            "restrict_oom_score_adj = true\ndisable_hugetlb_controller = true".to_owned(),
            // Not in the machine's own folder.
            "netns_mounts_under_state_dir = true".to_owned(),
            format!(
                "[{cri}.cni]\nbin_dir = {}\nconf_dir = {}",
                text(&self.programs.cni.display().to_string()),
                at("cni")
            ),
            // Copies instead of overlays: the image is small, and overlays on overlays do not work.
            format!("[{cri}.containerd]\nsnapshotter = \"native\"\ndefault_runtime_name = \"runc\""),
            format!("[{cri}.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\""),
            format!("[{cri}.containerd.runtimes.runc.options]\nSystemdCgroup = false\nRoot = {}", at("runc")),
            format!("BinaryName = {}\n", text(&self.programs.runc.display().to_string())),
        ]
        .join("\n")
    }

    /// A pair of interfaces for each pod; nothing is translated, so no pod reaches beyond this machine.
    pub fn cni(&self, subnet: &str) -> Value {
        let ranges = json!({"type": "host-local", "dataDir": self.at("cni-addresses"), "ranges": [[{"subnet": subnet}]],
            "routes": [{"dst": "0.0.0.0/0"}]});
        json!({"cniVersion": "1.0.0", "name": "testbed", "plugins": [{"type": "ptp", "ipMasq": false, "ipam": ranges}]})
    }

    pub fn kubelet(&self, address: Ipv4Addr, port: u16, ca: &Path) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": address,
            "port": port,
            "healthzPort": 0,
            "tlsCertFile": self.at("kubelet.crt"),
            "tlsPrivateKeyFile": self.at("kubelet.key"),
            "authentication": {
                "anonymous": {"enabled": false},
                "webhook": {"enabled": true},
                "x509": {"clientCAFile": ca},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": format!("unix://{}", self.socket()),
            "podLogsDir": self.at("pod-logs"),
            "volumePluginDir": self.at("volume-plugins"),
            "cgroupDriver": "cgroupfs",
            // Since 1.35 the kubelet refuses cgroup v1 unless `failCgroupV1` is false.
            "failCgroupV1": false,
            "failSwapOn": false,
            "enforceNodeAllocatable": [],
            "makeIPTablesUtilChains": false,
            "resolvConf": "",
            // The machine's disk may be nearly full, and that is not what is tested.
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            // Far below the time after which the test bed takes a silent node for lost.
            "nodeLeaseDurationSeconds": 4,
            "nodeStatusUpdateFrequency": "1s",
            "registerWithTaints": [{"key": "room", "value": super::ROOM, "effect": "NoSchedule"}],
        })
    }
}
