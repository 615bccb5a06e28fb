//! The client that all plugins share.
//!
//! | module | concern | uses |
//! |---|---|---|
//! | [`failure`] | the one error type: what failed, on which object, why, what to do next | `cli::exit` |
//! | [`cli`] | kubectl's flags, exit codes, prompts, progress, output, findings, deadline and signals, `main` | `failure`; `cli::completion` all |
//! | [`connection`] | kubeconfig, proxy, credentials, TLS, one request with its retries, the server's clock | `cli` |
//! | [`dump`] | objects in files, one at a time | `failure` |
//! | [`nearest`] | names that may have been meant | |
//! | [`own_file`] | a file that a plugin writes | `failure` |
//! | [`api`] | list and watch, access reviews, the roles that a command line needs | `connection`, `cli` |
//!
//! Dependencies point one way: binary → plugin-client → cluster-model.

pub mod api;
pub mod cli;
pub mod connection;
pub mod dump;
pub mod failure;
mod mutex;
pub mod nearest;
pub mod own_file;

pub use api::access_review::{
    Need, Requirement, Right, Roles, Scope, distinct, missing, missing_parts, publish_roles, rbac_rule,
};
pub use api::raw_object::RawObject;
pub use api::watch::{Feed, feed, feed_of};
pub use cli::completion::{Candidate, Candidates, Completing, Completion};
pub use cli::deadline::Bounds;
pub use cli::exit::Exit;
pub use cli::findings::allowed;
pub use cli::flags::{AsInKubectl, ConnectionFlags, DryRun, duration, limit, whole};
pub use cli::name::checked as name;
pub use cli::output::{Output, publish, to_json, to_yaml};
pub use cli::shell;
pub use cli::start::{CommandLine, start};
pub use cli::ui::{Line, Live, Role, Ui, table};
pub use connection::answers::Unanswered;
pub use connection::client::{Cluster, connect};
pub use connection::clock::Clock;
pub use connection::kubeconfig::namespace;
pub use connection::server_health::ServerHealth;
pub use failure::{DECLINED, Failure, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
