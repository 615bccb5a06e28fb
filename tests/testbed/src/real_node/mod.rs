//! A node that runs containers: this machine, by a kubelet and containerd of its own, beside the nodes that kwok plays.
//!
//! There is one at a time on a machine. Whatever it changes is put back when its cluster ends (`leftovers.rs`).

mod child;
mod containers;
mod image;
mod leftovers;
mod network;
mod requirements;
mod settings;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::StatVfsMountFlags;

use crate::access::write_kubeconfig;
use crate::assets::kubelet;
use crate::cluster::Cluster;
use crate::components::file;
use crate::error::{Doing, Error};
use crate::group::Group;
use crate::nodes::{NODES, is_usable};
use child::Program;
use leftovers::{Changes, Guard};
use network::Networks;
use requirements::Programs;
use settings::Layout;

pub const NODE: &str = "real-1";
/// Only pods of this room go there: they need its label, and tolerate its taint.
pub(crate) const ROOM: &str = "real";

/// Dropping it ends the node and every container on it.
pub(crate) struct RealNode {
    // First: it would start again what ends.
    _kubelet: Program,
    _containerd: Program,
    // Last: it removes what the two have left.
    _guard: Guard,
}

/// Whether this machine can have one; else what is missing, and how to get it.
pub fn requirements() -> Result<(), Error> {
    Programs::find().map(|_| ())
}

impl RealNode {
    pub fn start(cluster: &Cluster, group: &Group) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let kubelet = kubelet()?.join("kubelet");
        let networks = Networks::find()?;
        let dir = dir(group.id())?;
        let layout = Layout { dir: &dir, programs: &programs };
        let guard = Guard::start(&Changes {
            dir: &dir,
            link: network::LINK,
            pods: networks.pods(),
            busybox: &programs.busybox,
        })?;
        network::add_link(&programs.busybox, networks)?;
        let kubeconfig = write_files(cluster, &layout, networks)?;

        let args = ["--config".to_owned(), layout.at("containerd.toml")];
        let start = |name, file: &Path, args: &[String]| {
            Program::start(group, name, file, args, dir.join(format!("{name}.log")))
        };
        let mut containerd = start("containerd", &programs.containerd, &args)?;
        containerd.until("containerd serves", || UnixStream::connect(layout.socket()).ok())?;
        import(&layout)?;

        let args = kubelet_flags(&layout, &kubeconfig, networks.node());
        let mut kubelet = start("kubelet", &kubelet, &args)?;
        kubelet.until("the node is Ready", || {
            let node = cluster.request(http::Method::GET, &format!("{NODES}/{NODE}"), None).ok()?;
            is_usable(&node).then_some(())
        })?;
        Ok(Self { _kubelet: kubelet, _containerd: containerd, _guard: guard })
    }
}

/// A folder from which programs may be run, in memory if there is room.
fn dir(number: u32) -> Result<PathBuf, Error> {
    const ROOM: u64 = 512 << 20;

    let is_fit = |dir: &PathBuf| {
        rustix::fs::statvfs(dir).is_ok_and(|it| {
            it.f_bavail * it.f_frsize >= ROOM && !it.f_flag.contains(StatVfsMountFlags::NOEXEC)
        })
    };
    let candidates = [PathBuf::from("/dev/shm"), std::env::temp_dir(), PathBuf::from("/var/tmp")];
    let base = candidates.into_iter().find(is_fit);
    let none = || Error::new("a real node needs 512 MB in /dev/shm or /tmp, mounted without noexec");
    Ok(base.ok_or_else(none)?.join(format!("testbed-node-{number}")))
}

/// All that its programs read; the answer is the kubelet's kubeconfig.
fn write_files(cluster: &Cluster, layout: &Layout<'_>, networks: Networks) -> Result<PathBuf, Error> {
    let write = |name: &str, text: &str| {
        fs::write(layout.dir.join(name), text).doing(&format!("cannot write {name}"))
    };
    for folder in ["cni", "kubelet"] {
        let folder = layout.dir.join(folder);
        fs::create_dir_all(&folder).doing(&format!("cannot create {}", folder.display()))?;
    }
    let address = networks.node();
    let serving = cluster.authority().server(&[&address.to_string(), NODE])?;
    write("kubelet.crt", &serving.certificate)?;
    write("kubelet.key", &serving.key)?;
    let ca = cluster.dir().join(file::CA);
    write("kubelet.json", &layout.kubelet(address, free_port(address)?, &ca).to_string())?;
    write("containerd.toml", &layout.containerd())?;
    write("cni/testbed.conflist", &layout.cni(&networks.pod_subnet()).to_string())?;
    image::write(&layout.programs.busybox, &layout.dir.join("image.tar"))?;
    let user = format!("system:node:{NODE}");
    let pair = cluster.authority().client(&user, &["system:nodes"])?;
    write_kubeconfig(cluster.dir(), cluster.server(), &user, &pair)
}

fn free_port(address: Ipv4Addr) -> Result<u16, Error> {
    let bound = TcpListener::bind((address, 0)).and_then(|it| it.local_addr());
    Ok(bound.doing("cannot find a free port")?.port())
}

fn kubelet_flags(layout: &Layout<'_>, kubeconfig: &Path, address: Ipv4Addr) -> Vec<String> {
    let flags = [
        ("config", layout.at("kubelet.json")),
        ("kubeconfig", kubeconfig.display().to_string()),
        ("root-dir", layout.at("kubelet")),
        ("cert-dir", layout.at("kubelet")),
        ("hostname-override", NODE.to_owned()),
        ("node-ip", address.to_string()),
        ("node-labels", format!("room={ROOM},spare=no")),
    ];
    flags.map(|(name, value)| format!("--{name}={value}")).to_vec()
}

fn import(layout: &Layout<'_>) -> Result<(), Error> {
    let output = Command::new(&layout.programs.ctr)
        .args(["--address", &layout.socket(), "--namespace", "k8s.io"])
        .args(["images", "import", "--snapshotter", "native", &layout.at("image.tar")])
        .output()
        .doing("cannot run ctr")?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Err(Error::new(format!("containerd does not take the image: {why}")))
}
