//! What a cluster is and what would happen in it. Pure: no tokio, no HTTP, no clock, no terminal.
//!
//! Objects are k8s-openapi's own types; the traits here add what Kubernetes' controllers compute from them
//! (readiness, tiers, budget maths), each with the source of the rule it follows.

pub mod admission;
pub mod autoscaler;
mod being_deleted;
#[cfg(any(test, feature = "build"))]
pub mod build;
pub mod cron;
pub mod disruption_budget;
pub mod feasibility;
pub mod finding;
pub mod fnv;
pub mod healing;
pub mod image_ref;
mod int_or_percent;
pub mod inventory;
pub mod json;
mod known;
pub mod limit_range;
pub mod managed_fields;
pub mod new_pod;
pub mod node;
pub mod owner;
pub mod owner_graph;
pub mod pod;
pub mod pod_security;
pub mod quantity;
pub mod quota;
pub mod raw;
pub mod references;
pub mod rollout;
pub mod runtime_class;
pub mod secret;
pub mod selector;
pub mod text;
pub mod toleration;
pub mod webhook;

pub use being_deleted::BeingDeleted;
pub use disruption_budget::{BudgetStatus, DisruptionBudget};
pub use finding::allow::Allow;
pub use finding::{Finding, Severity};
pub use inventory::Inventory;
pub use json::Json;
pub use known::Known;
pub use node::NodeExt;
pub use pod::PodExt;
pub use pod::issue::PodIssue;
pub use raw::Raw;
