//! The five components: their flags, their ports, and how each shows that it serves.

use std::fmt;
use std::net::TcpListener;
use std::path::Path;

use crate::cluster::Options;
use crate::error::{Doing, Error};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    Etcd,
    Apiserver,
    ControllerManager,
    Scheduler,
    Kwok,
}

impl Component {
    pub const ALL: [Self; 5] =
        [Self::Etcd, Self::Apiserver, Self::ControllerManager, Self::Scheduler, Self::Kwok];

    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }

    /// The user that the component is to the API server, and its groups.
    pub(crate) fn user(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Etcd | Self::Apiserver => None,
            Self::ControllerManager => Some(("system:kube-controller-manager", &[])),
            Self::Scheduler => Some(("system:kube-scheduler", &[])),
            Self::Kwok => Some(("testbed:kwok", &["system:masters"])),
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

#[derive(Debug)]
pub(crate) struct Ports {
    etcd: u16,
    etcd_peer: u16,
    pub apiserver: u16,
    controller_manager: u16,
    scheduler: u16,
    kwok: u16,
    held: Vec<TcpListener>,
}

impl Ports {
    /// All found at once, so that none is given twice, and held until `release`: another cluster that starts at the same time
    /// would take them, and be taken for the component. After that, another process may still be quicker: the start is retried.
    pub fn find() -> Result<Self, Error> {
        let mut held = Vec::new();
        let mut free = || -> std::io::Result<u16> {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        let mut next = || free().doing("cannot find a free port");
        Ok(Self {
            etcd: next()?,
            etcd_peer: next()?,
            apiserver: next()?,
            controller_manager: next()?,
            scheduler: next()?,
            kwok: next()?,
            held,
        })
    }

    /// Now the component may have its own.
    pub fn release(&mut self, component: Component) {
        let port = self.of(component);
        let peer = if component == Component::Etcd { self.etcd_peer } else { port };
        let is_its = |held: &TcpListener| held.local_addr().is_ok_and(|at| [port, peer].contains(&at.port()));
        self.held.retain(|held| !is_its(held));
    }

    pub fn of(&self, component: Component) -> u16 {
        match component {
            Component::Etcd => self.etcd,
            Component::Apiserver => self.apiserver,
            Component::ControllerManager => self.controller_manager,
            Component::Scheduler => self.scheduler,
            Component::Kwok => self.kwok,
        }
    }
}

/// Files the components read; names relative to the cluster's directory.
pub(crate) mod file {
    pub const CA: &str = "ca.crt";
    pub const SERVER_CERT: &str = "server.crt";
    pub const SERVER_KEY: &str = "server.key";
    pub const KUBELET_CLIENT_CERT: &str = "kubelet-client.crt";
    pub const KUBELET_CLIENT_KEY: &str = "kubelet-client.key";
    pub const TOKEN_KEY: &str = "service-account.key";
    pub const TOKEN_PUB: &str = "service-account.pub";
    pub const AUDIT_POLICY: &str = "audit-policy.json";
    pub const AUDIT_LOG: &str = "audit.log";
    pub const STAGES: &str = "stages.yaml";
}

/// The flags of one component; those that the options add come last, and win.
pub(crate) fn flags(component: Component, ports: &Ports, dir: &Path, options: &Options) -> Vec<String> {
    let at = |name: &str| dir.join(name).display().to_string();
    let kubeconfig = at(&format!("{component}.kubeconfig"));
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let mut flags = Flags::default();
    match component {
        Component::Etcd => {
            let (client, peer) = (url(ports.etcd), url(ports.etcd_peer));
            flags.add("name", "testbed");
            flags.add("data-dir", at("etcd"));
            flags.add("listen-client-urls", &client);
            flags.add("advertise-client-urls", client);
            flags.add("listen-peer-urls", &peer);
            flags.add("initial-advertise-peer-urls", &peer);
            flags.add("initial-cluster", format!("testbed={peer}"));
            flags.add("unsafe-no-fsync", "true");
            flags.add("log-level", "warn");
        }
        Component::Apiserver => {
            flags.add("etcd-servers", url(ports.etcd));
            flags.add("bind-address", "127.0.0.1");
            flags.add("secure-port", ports.apiserver.to_string());
            flags.add("tls-cert-file", at(file::SERVER_CERT));
            flags.add("tls-private-key-file", at(file::SERVER_KEY));
            flags.add("client-ca-file", at(file::CA));
            flags.add("authorization-mode", "Node,RBAC");
            flags.add("service-account-key-file", at(file::TOKEN_PUB));
            flags.add("service-account-signing-key-file", at(file::TOKEN_KEY));
            flags.add("service-account-issuer", "https://kubernetes.default.svc");
            flags.add("service-cluster-ip-range", "10.96.0.0/16");
            flags.add("endpoint-reconciler-type", "none");
            flags.add("allow-privileged", "true");
            flags.add("kubelet-client-certificate", at(file::KUBELET_CLIENT_CERT));
            flags.add("kubelet-client-key", at(file::KUBELET_CLIENT_KEY));
            flags.add("kubelet-certificate-authority", at(file::CA));
            // Otherwise logs and exec look up the node's name in DNS.
            flags.add("kubelet-preferred-address-types", "InternalIP");
            flags.add("audit-policy-file", at(file::AUDIT_POLICY));
            flags.add("audit-log-path", at(file::AUDIT_LOG));
            // In megabytes, and never reached: a mark is a place in one file.
            flags.add("audit-log-maxsize", "100000");
            if let Some(ttl) = options.event_ttl {
                flags.add("event-ttl", format!("{}s", ttl.as_secs()));
            }
        }
        Component::ControllerManager => {
            flags.client(&kubeconfig, ports.controller_manager);
            flags.add("kube-api-qps", "5000");
            flags.add("kube-api-burst", "10000");
            flags.add("root-ca-file", at(file::CA));
            flags.add("service-account-private-key-file", at(file::TOKEN_KEY));
            flags.add("use-service-account-credentials", "true");
            // The attach-detach controller would remove VolumeAttachments that a test makes by hand.
            flags.add("controllers", "*,-nodeipam,-persistentvolume-attach-detach-controller");
            flags.add("horizontal-pod-autoscaler-sync-period", "1s");
            flags.add("node-monitor-period", "1s");
            flags.add("node-monitor-grace-period", format!("{}s", options.node_grace.as_secs()));
        }
        Component::Scheduler => {
            flags.client(&kubeconfig, ports.scheduler);
            flags.add("kube-api-qps", "5000");
            flags.add("kube-api-burst", "10000");
        }
        Component::Kwok => {
            flags.add("kubeconfig", kubeconfig);
            flags.add("config", at(file::STAGES));
            flags.add("manage-all-nodes", "false");
            flags.add("manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake");
            flags.add("tls-cert-file", at(file::SERVER_CERT));
            flags.add("tls-private-key-file", at(file::SERVER_KEY));
            flags.add("node-ip", "127.0.0.1");
            flags.add("node-port", ports.kwok.to_string());
            flags.add("server-address", format!("127.0.0.1:{}", ports.kwok));
            // Each pod that crashes gets logs of its own: see stages.yaml.
            flags.add("enable-crds", "Logs");
            // A restarted kwok waits for this long before it touches a node again.
            flags.add("node-lease-duration-seconds", "4");
        }
    }
    let added = options.flags.iter().filter(|(of, _)| *of == component).map(|(_, flag)| flag.clone());
    flags.0.into_iter().chain(added).collect()
}

#[derive(Default)]
struct Flags(Vec<String>);

impl Flags {
    fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push(format!("--{name}={value}"));
    }

    /// What the controller-manager and the scheduler have in common.
    fn client(&mut self, kubeconfig: &str, port: u16) {
        for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
            self.add(flag, kubeconfig);
        }
        self.add("bind-address", "127.0.0.1");
        self.add("secure-port", port);
        self.add("leader-elect", "false");
    }
}
