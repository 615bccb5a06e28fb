//! What the API calls the objects of a kind.

use kube_core::ApiResource;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceType {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
}

impl ResourceType {
    pub(super) const fn apps(kind: &'static str, plural: &'static str) -> Self {
        ResourceType { group: "apps", version: "v1", kind, plural }
    }

    /// `apps/v1`
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// `/apis/apps/v1/namespaces/shop/deployments`
    pub fn path(&self, namespace: &str) -> String {
        format!("/apis/{}/namespaces/{namespace}/{}", self.api_version(), self.plural)
    }
}

impl From<ResourceType> for ApiResource {
    fn from(it: ResourceType) -> Self {
        ApiResource {
            group: it.group.to_owned(),
            version: it.version.to_owned(),
            api_version: it.api_version(),
            kind: it.kind.to_owned(),
            plural: it.plural.to_owned(),
        }
    }
}
