//! Kinds that Kubernetes does not have by itself: those of GitOps tools that own workloads, and kwok's logs.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{ApiError, Error};
use crate::wait::PATIENCE;
use crate::wait::poll;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// One namespaced kind, whatever its fields.
pub(crate) struct Definition {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    /// The status is written apart from the rest.
    status: bool,
}

/// What kwok reads to answer `kubectl logs`.
pub(crate) const LOGS: Definition =
    Definition { group: "kwok.x-k8s.io", version: "v1alpha1", kind: "Logs", plural: "logs", status: true };

/// With and without a status of its own as the tools' own definitions have it.
const GITOPS: [Definition; 3] = [
    Definition {
        group: "argoproj.io",
        version: "v1alpha1",
        kind: "Application",
        plural: "applications",
        status: false,
    },
    Definition {
        group: "kustomize.toolkit.fluxcd.io",
        version: "v1",
        kind: "Kustomization",
        plural: "kustomizations",
        status: true,
    },
    Definition {
        group: "helm.toolkit.fluxcd.io",
        version: "v2",
        kind: "HelmRelease",
        plural: "helmreleases",
        status: true,
    },
];

impl Cluster {
    /// Defines the kinds of Argo CD (Application) and Flux (Kustomization, HelmRelease), and returns when they are served. Nobody
    /// acts on them. Any number of tests may ask for it; one that needs them to be missing starts a cluster of its own.
    #[track_caller]
    pub fn install_gitops_crds(&self) {
        if let Err(error) = self.define(&GITOPS) {
            panic!("{error}");
        }
    }

    pub(crate) fn define(&self, definitions: &[Definition]) -> Result<(), Error> {
        for definition in definitions {
            match self.try_create(DEFINITIONS, &definition.object()) {
                Err(error) if !is_conflict(&error) => return Err(Error::new(error.to_string())),
                _ => {}
            }
        }
        for definition in definitions {
            let served = || self.request(Method::GET, &definition.path(), None).ok();
            let late = || Error::new(format!("{} is not served after {PATIENCE:?}", definition.path()));
            poll(PATIENCE, served).ok_or_else(late)?;
        }
        Ok(())
    }
}

impl Definition {
    fn path(&self) -> String {
        format!("/apis/{}/{}/{}", self.group, self.version, self.plural)
    }

    fn object(&self) -> Value {
        let mut version = json!({
            "name": self.version, "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        });
        if self.status {
            version["subresources"] = json!({"status": {}});
        }
        json!({
            "metadata": {"name": format!("{}.{}", self.plural, self.group)},
            "spec": {
                "group": self.group,
                "scope": "Namespaced",
                "names": {"kind": self.kind, "plural": self.plural, "singular": self.kind.to_lowercase()},
                "versions": [version],
            },
        })
    }
}

/// Somebody else was quicker.
fn is_conflict(error: &ApiError) -> bool {
    error.code == 409
}
