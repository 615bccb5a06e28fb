//! The cluster with the real node, of which a machine can have one: tests share it, and some need it for themselves.

use std::ops::Deref;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ::testbed::{Cluster, Options};
use serde_json::json;

static CLUSTER: RwLock<Option<Cluster>> = RwLock::new(None);

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// The cluster, together with other tests.
pub struct Shared(RwLockReadGuard<'static, Option<Cluster>>);

/// The cluster, without any other test.
pub struct Alone(RwLockWriteGuard<'static, Option<Cluster>>);

impl Deref for Shared {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.0.as_ref().unwrap()
    }
}

impl Deref for Alone {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.0.as_ref().unwrap()
    }
}

pub fn shared() -> Shared {
    loop {
        let cluster = CLUSTER.read().unwrap_or_else(PoisonError::into_inner);
        if cluster.is_some() {
            return Shared(cluster);
        }
        drop(cluster);
        drop(alone());
    }
}

pub fn alone() -> Alone {
    let mut cluster = CLUSTER.write().unwrap_or_else(PoisonError::into_inner);
    if cluster.is_none() {
        *cluster = Some(start());
    }
    Alone(cluster)
}

/// Until the answer is dropped there is no real node on this machine, unless the caller makes one.
pub fn without() -> impl Drop {
    let mut cluster = CLUSTER.write().unwrap_or_else(PoisonError::into_inner);
    drop(cluster.take());
    cluster
}

fn start() -> Cluster {
    let options = Options { real_node: true, ..Options::default() };
    let cluster = Cluster::start(&options).unwrap_or_else(|error| panic!("no cluster: {error}"));
    // The test bed's controllers elect no leader, so that they have no Lease: these stand for it.
    for name in ["kube-controller-manager", "kube-scheduler"] {
        let now = format!("{:.6}", k8s_openapi::jiff::Timestamp::now());
        let lease = json!({"metadata": {"name": name}, "spec": {"holderIdentity": "testbed", "leaseDurationSeconds": 1_000_000, "renewTime": now}});
        cluster.create(LEASES, &lease);
    }
    cluster
}
