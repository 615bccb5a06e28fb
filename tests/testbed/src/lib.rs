//! A real control plane for tests and demos: etcd, kube-apiserver, kube-controller-manager,
//! kube-scheduler, and kwok in place of the nodes.

mod access;
mod api;
mod assets;
mod audit;
mod certificates;
mod clock;
mod cluster;
mod components;
mod definitions;
mod driver;
mod error;
pub mod fake;
mod foreign;
mod go_programs;
mod group;
mod invariants;
mod kubectl;
mod kwok;
mod logs;
mod nodes;
mod plugins;
mod policies;
mod process;
mod real_node;
mod record;
mod revisions;
mod rollouts;
mod room;
pub mod status;
mod wait;
mod watcher;
mod webhook;
mod workloads;

use std::sync::OnceLock;

pub use assets::{assets, kubelet, kubernetes_version, release_tools};
pub use audit::{Audit, Entry, Mark};
pub use cluster::{Cluster, Handle, Options};
pub use components::Component;
pub use error::{ApiError, Error};
pub use foreign::foreign_unchanged;
pub use go_programs::cache_dir;
pub use invariants::rollback::Consent;
pub use plugins::{build_plugins, build_plugins_aloud, cargo, plugins_dir, program};
pub use policies::Policy;
pub use real_node::{NODE as REAL_NODE, requirements as real_node_requirements};
pub use record::{Change, End, Event, Record};
pub use revisions::template_in;
pub use rollouts::is_complete;
pub use room::Room;
pub use wait::{PATIENCE, poll, wait};
pub use watcher::Watcher;
pub use webhook::{BlockedWrite, Webhook};
pub use workloads::annotate;

/// The cluster that all tests of one program share. It ends with the program.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    let start = || Cluster::start(&Options::default()).unwrap_or_else(|error| panic!("no cluster: {error}"));
    SHARED.get_or_init(start)
}
