//! The client that all plugins share: kubectl's flags, kubeconfig, HTTP stack, failures, prompts, progress, output.
//!
//! Arrows point one way: binary → plugin-client → cluster-model. In here:
//!
//! | module | concern | uses |
//! |---|---|---|
//! | `exit`, `failure` | how a run ends, and what is told about it | – |
//! | `flags` | kubectl's flags | `failure` |
//! | `ui` | the only place that prints, asks or draws | `failure` |
//! | `output` | `-o json`, `-o yaml` | – |
//! | `kubeconfig`, `proxy` | which server, as whom, through what | `flags`, `failure` |
//! | `credential` | exec plugins and token files | `failure`, `ui` |
//! | `client` | the HTTP stack: credentials, deadline, retry, warnings | all above |
//! | `feed`, `rights` | list + watch, access reviews | `client` |
//! | `start` | `main` | all above |

pub mod client;
mod credential;
pub mod exit;
pub mod failure;
pub mod feed;
pub mod flags;
pub mod kubeconfig;
pub mod output;
mod proxy;
pub mod rights;
mod start;
pub mod ui;

pub use client::{Cluster, connect};
pub use exit::Exit;
pub use failure::{Failure, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
pub use feed::{Feed, feed};
pub use flags::{ConnectionFlags, duration};
pub use output::{Output, to_json, to_yaml};
pub use rights::{Right, missing, rbac_rule};
pub use start::{CommandLine, start};
pub use ui::{Line, Live, Role, Ui, table};
