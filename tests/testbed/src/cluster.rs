//! One running cluster: its start, its components and its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request};

use crate::access::write_kubeconfig;
use crate::assets::{assets, kubelet};
use crate::certificates::{Authority, token_keys};
use crate::components::{Component, Ports, file, flags};
use crate::definitions::LOGS;
use crate::driver::Driver;
use crate::error::{Doing, Error};
use crate::group::Group;
use crate::logs::logs;
use crate::plugins::plugins_dir;
use crate::process::Process;
use crate::real_node::{RealNode, requirements};
use crate::wait::poll;

/// Far above what a loaded machine needs; only a start that will never succeed gets here.
const START: Duration = Duration::from_secs(90);

#[derive(Debug, Clone)]
pub struct Options {
    /// How long a node may be silent before Kubernetes calls it unknown.
    pub node_grace: Duration,
    /// How long events are kept, if not for the usual hour.
    pub event_ttl: Option<Duration>,
    /// One more node, which runs containers: `requirements` tells whether this machine can.
    pub real_node: bool,
    /// More flags for a component, e.g. `(Component::Apiserver, "--v=4")`.
    pub flags: Vec<(Component, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { node_grace: Duration::from_secs(6), event_ttl: None, real_node: false, flags: Vec::new() }
    }
}

/// A running control plane. Dropping it, or the end of the process that owns it, ends every part of it.
pub struct Cluster {
    // First: it ends while the API server still answers its kubelet.
    real_node: Option<RealNode>,
    processes: Vec<Mutex<Process>>,
    client: kube::Client,
    driver: Driver,
    authority: Authority,
    assets: PathBuf,
    server: String,
    kubeconfig: PathBuf,
    pub(crate) counter: AtomicU32,
    // Last: when it goes, the directory and every process go.
    group: Group,
}

impl Cluster {
    pub fn start(options: &Options) -> Result<Self, Error> {
        if options.real_node {
            requirements()?;
            kubelet()?;
        }
        let assets = assets()?;
        let mut attempt = Self::start_once(&assets, options);
        for _ in 0..3 {
            match &attempt {
                Err(error) if error.is_port_taken() => attempt = Self::start_once(&assets, options),
                _ => break,
            }
        }
        attempt
    }

    fn start_once(assets: &Path, options: &Options) -> Result<Self, Error> {
        let mut ports = Ports::find()?;
        let group = Group::new()?;
        let authority = Authority::new("testbed")?;
        let server = format!("https://127.0.0.1:{}", ports.apiserver);
        let kubeconfig = write_files(group.dir(), &authority, &server)?;
        let driver = Driver::start()?;
        let client = client(&driver, &authority, &server, group.dir(), "testbed")?;

        let mut cluster = Self {
            real_node: None,
            processes: Vec::new(),
            client,
            driver,
            authority,
            assets: assets.to_owned(),
            server,
            kubeconfig,
            counter: AtomicU32::new(0),
            group,
        };
        for component in Component::ALL {
            if component == Component::ControllerManager {
                // What kwok serves logs from. The garbage collector learns of a kind that comes later only after a while.
                cluster.define(&[LOGS])?;
            }
            let args = flags(component, &ports, cluster.dir(), options);
            ports.release(component);
            let process = Process::start(&cluster.group, assets, component, args, ports.of(component))?;
            cluster.processes.push(Mutex::new(process));
            // The controller-manager and the scheduler give up for good when they meet an API server that
            // has not made its own roles yet: each waits for the one before.
            if let Err(error) = cluster.serving(component) {
                // It may have failed because one before it is missing, whose port was taken.
                let first = Component::ALL.into_iter().take(cluster.processes.len());
                return Err(first.filter_map(|it| cluster.process(it).ended()).next().unwrap_or(error));
            }
            if component == Component::Apiserver {
                cluster.tame_kwok()?;
            }
        }
        cluster.usable()?;
        // One whose port was taken may have looked alive: somebody else answered there.
        if let Some(error) = Component::ALL.into_iter().find_map(|it| cluster.process(it).ended()) {
            return Err(error);
        }
        if options.real_node {
            cluster.real_node = Some(RealNode::start(&cluster, &cluster.group)?);
        }
        Ok(cluster)
    }

    pub fn component(&self, component: Component) -> Handle<'_> {
        Handle { cluster: self, component }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// Where certificates, logs and data are; gone when the cluster is.
    pub fn dir(&self) -> &Path {
        self.group.dir()
    }

    /// A command that meets this cluster: the administrator's KUBECONFIG, and a PATH with its kubectl first,
    /// then the plugins.
    #[track_caller]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut dirs = vec![self.assets.clone(), plugins_dir().to_owned()];
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        // `kubectl plugin list` fails over a folder that is not there.
        dirs.extend(std::env::split_paths(&inherited).filter(|dir| dir.is_dir()));
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        if let Ok(path) = std::env::join_paths(dirs) {
            command.env("PATH", path);
        }
        command
    }

    /// Where the programs of the control plane are.
    pub(crate) fn programs(&self) -> &Path {
        &self.assets
    }

    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A connection of its own, under the administrator's name.
    pub(crate) fn new_client(&self, driver: &Driver, agent: &'static str) -> Result<kube::Client, Error> {
        client(driver, &self.authority, &self.server, self.dir(), agent)
    }

    pub(crate) fn next(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn process(&self, component: Component) -> MutexGuard<'_, Process> {
        self.processes[component as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self, component: Component) -> Result<(), Error> {
        let answer = poll(START, || {
            if let Some(error) = self.process(component).ended() {
                return Some(Err(error));
            }
            let serves = match component {
                Component::Apiserver => self.ready(),
                _ => self.process(component).listens(),
            };
            serves.then_some(Ok(()))
        });
        let late = || Err(Error::new(format!("{component} does not serve after {START:?}")));
        answer.unwrap_or_else(late)
    }

    fn ready(&self) -> bool {
        let Ok(request) = Request::get("/readyz").body(Vec::new()) else { return false };
        let limit = Duration::from_secs(2);
        matches!(self.driver.block_on(limit, self.client.request_text(request)), Some(Ok(_)))
    }

    /// Pods can be made as soon as the controllers have made the service account they run under.
    fn usable(&self) -> Result<(), Error> {
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        poll(START, || self.request(http::Method::GET, account, None).ok())
            .map(|_| ())
            .ok_or_else(|| Error::new("the controller-manager made no default service account"))
    }
}

/// One component, to be killed, frozen and brought back.
pub struct Handle<'a> {
    cluster: &'a Cluster,
    component: Component,
}

impl Handle<'_> {
    /// SIGKILL; returns when the process is gone.
    pub fn kill(&self) {
        self.cluster.process(self.component).kill();
    }

    /// SIGSTOP: connections stay open and silent.
    pub fn freeze(&self) {
        self.cluster.process(self.component).signal(rustix::process::Signal::STOP);
    }

    pub fn thaw(&self) {
        self.cluster.process(self.component).signal(rustix::process::Signal::CONT);
    }

    /// Kills it if it runs, starts it anew and returns when it serves.
    #[track_caller]
    pub fn restart(&self) {
        self.kill();
        let started = self.cluster.process(self.component).restart(&self.cluster.group);
        if let Err(error) = started.and_then(|()| self.cluster.serving(self.component)) {
            panic!("{} did not come back: {error}", self.component);
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.cluster.process(self.component).log()
    }
}

fn client(
    driver: &Driver,
    authority: &Authority,
    server: &str,
    dir: &Path,
    agent: &'static str,
) -> Result<kube::Client, Error> {
    let mut config = kube::Config::new(server.parse().doing("bad server URL")?);
    config.root_cert = Some(vec![authority.der.clone()]);
    config.auth_info.client_certificate = Some(dir.join("admin.crt").display().to_string());
    config.auth_info.client_key = Some(dir.join("admin.key").display().to_string());
    config.headers = vec![(HeaderName::from_static("user-agent"), HeaderValue::from_static(agent))];
    config.default_retry = false;
    // The server compresses a watch's initial events and goes on uncompressed: a decompressing client loses the stream,
    // and whoever begins it anew has been blind for a while.
    config.disable_compression = true;
    let _inside = driver.handle().enter();
    kube::Client::try_from(config).doing("cannot make a client")
}

/// Certificates, kubeconfigs and settings; the answer is the administrator's kubeconfig.
fn write_files(dir: &Path, authority: &Authority, server: &str) -> Result<PathBuf, Error> {
    let write =
        |name: &str, text: &str| fs::write(dir.join(name), text).doing(&format!("cannot write {name}"));
    let names = ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
    let serving = authority.server(&names)?;
    let kubelet = authority.client("kube-apiserver-kubelet-client", &["system:masters"])?;
    let (token_key, token_pub) = token_keys()?;
    write(file::CA, &authority.pem)?;
    write(file::SERVER_CERT, &serving.certificate)?;
    write(file::SERVER_KEY, &serving.key)?;
    write(file::KUBELET_CLIENT_CERT, &kubelet.certificate)?;
    write(file::KUBELET_CLIENT_KEY, &kubelet.key)?;
    write(file::TOKEN_KEY, &token_key)?;
    write(file::TOKEN_PUB, &token_pub)?;
    write(file::AUDIT_POLICY, &crate::audit::policy().to_string())?;
    write(file::STAGES, include_str!("stages.yaml"))?;
    for (name, log) in logs() {
        write(&name, &log)?;
    }
    for component in Component::ALL {
        if let Some((user, groups)) = component.user() {
            let pair = authority.client(user, groups)?;
            write_kubeconfig(dir, server, component.program(), &pair)?;
        }
    }
    write_kubeconfig(dir, server, "admin", &authority.client("admin", &["system:masters"])?)
}
