//! A right to check: one verb on one resource; and the rules that would allow it. No I/O.

use std::fmt;

use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldSelectorRequirement;

/// One verb on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// Plural, as in `pods`.
    pub resource: String,
    pub subresource: Option<String>,
    /// `None`: in all namespaces, or the resource has none.
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// Only objects with this value of this field, as `spec.nodeName` and a node's name: a node's own credentials may list no more
    /// (plugin/pkg/auth/authorizer/node, AuthorizeNodeWithSelectors).
    pub field: Option<(String, String)>,
}

impl Right {
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Right { verb: verb.into(), group: group.into(), resource: resource.into(), ..Right::default() }
    }

    pub fn subresource(mut self, subresource: &str) -> Self {
        self.subresource = Some(subresource.into());
        self
    }

    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub fn field(mut self, field: &str, value: impl Into<String>) -> Self {
        self.field = Some((field.into(), value.into()));
        self
    }

    /// As a rule names it: `pods/eviction`.
    pub(super) fn rule_resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.clone(),
        }
    }

    pub(super) fn review(&self) -> SelfSubjectAccessReview {
        let attributes = ResourceAttributes {
            verb: Some(self.verb.clone()),
            group: Some(self.group.clone()),
            resource: Some(self.resource.clone()),
            subresource: self.subresource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            field_selector: self.field.as_ref().map(|(key, value)| FieldSelectorAttributes {
                requirements: Some(vec![FieldSelectorRequirement {
                    key: key.clone(),
                    operator: "In".into(),
                    values: Some(vec![value.clone()]),
                }]),
                ..FieldSelectorAttributes::default()
            }),
            ..ResourceAttributes::default()
        };
        SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        }
    }
}

/// `create pods/eviction in namespace shop`, `list deployments.apps`. Sanitize before printing (`Line` does).
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if let Some(subresource) = &self.subresource {
            write!(f, "/{subresource}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if let Some((field, value)) = &self.field {
            write!(f, " with {field}={value}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}
