//! Who may do what: kubeconfigs, and users with exactly the rights a test gives them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::certificates::Pair;
use crate::cluster::Cluster;
use crate::components::file;
use crate::error::{Doing, Error};

impl Cluster {
    /// A kubeconfig for a user that may do just what `rules` (of a ClusterRole) say. Asking again for the
    /// same name replaces the rules.
    pub fn user(&self, name: &str, groups: &[&str], rules: &[Value]) -> PathBuf {
        let role = format!("testbed-user:{name}");
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        let metadata = json!({"name": role});
        if self.try_get(&format!("{roles}/{role}")).is_some() {
            self.merge(&format!("{roles}/{role}"), &json!({"rules": rules}));
        } else {
            self.create(roles, &json!({"metadata": metadata, "rules": rules}));
            self.create(
                "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                &json!({
                    "metadata": metadata,
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
                }),
            );
        }
        let pair = self.authority().client(name, groups);
        let written = pair.and_then(|pair| write_kubeconfig(self.dir(), self.server(), name, &pair));
        match written {
            Ok(path) => path,
            Err(error) => panic!("no kubeconfig for {name}: {error}"),
        }
    }
}

/// Writes `NAME.kubeconfig` with the certificate and key beside it.
pub(crate) fn write_kubeconfig(dir: &Path, server: &str, user: &str, pair: &Pair) -> Result<PathBuf, Error> {
    let stem = user.replace('/', "_");
    let (certificate, key) = (dir.join(format!("{stem}.crt")), dir.join(format!("{stem}.key")));
    let path = dir.join(format!("{stem}.kubeconfig"));
    let what = format!("cannot write {}", path.display());
    std::fs::write(&certificate, &pair.certificate).doing(&what)?;
    std::fs::write(&key, &pair.key).doing(&what)?;
    // JSON is YAML, and needs no quoting rules of our own.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "testbed",
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        "clusters": [{"name": "testbed", "cluster": {
            "server": server, "certificate-authority": dir.join(file::CA),
        }}],
        "users": [{"name": user, "user": {"client-certificate": certificate, "client-key": key}}],
    });
    std::fs::write(&path, format!("{config:#}\n")).doing(&what)?;
    Ok(path)
}
