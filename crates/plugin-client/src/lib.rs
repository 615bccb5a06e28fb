//! The client that all plugins share: kubectl's flags, kubeconfig, HTTP stack, failures, prompts, progress, output.
//!
//! Arrows point one way: binary → plugin-client → cluster-model. In here:
//!
//! | module | concern | uses |
//! |---|---|---|
//! | `exit`, `failure` | how a run ends, and what is told about it | – |
//! | `flags` | kubectl's flags | `failure` |
//! | `ui` | the only place that prints, asks or draws | `failure` |
//! | `output` | `-o json`, `-o yaml`; how a report is published | `ui` |
//! | `findings` | findings as lines, as a refusal, and what `--allow` says of them | `failure`, `ui` |
//! | `clock` | our time and the server's | – |
//! | `bounds`, `weather` | what ends a run early; is the server there | `failure`, `ui` |
//! | `kubeconfig`, `proxy` | which server, as whom, through what | `flags`, `failure` |
//! | `credential` | exec plugins and token files | `failure`, `ui` |
//! | `transport` | TLS, proxy and the user's certificate | `credential`, `kubeconfig` |
//! | `client` | the HTTP stack: credentials, deadline, retry, warnings | all above |
//! | `feed`, `rights` | list + watch; access reviews and what is told of them | `client` |
//! | `start` | `main` | all above |

mod bounds;
pub mod client;
mod clock;
mod credential;
pub mod exit;
pub mod failure;
pub mod feed;
pub mod findings;
pub mod flags;
pub mod kubeconfig;
pub mod output;
mod proxy;
pub mod rights;
mod start;
mod transport;
pub mod ui;
mod weather;

pub use bounds::Bounds;
pub use client::{Cluster, connect};
pub use clock::Clock;
pub use exit::Exit;
pub use failure::{Failure, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
pub use feed::{Feed, feed, feed_dynamic};
pub use findings::allowed;
pub use flags::{AsInKubectl, ConnectionFlags, DryRun, duration, limit, whole};
pub use output::{Output, publish, to_json, to_yaml};
pub use rights::{Right, missing, missing_parts, rbac_rule};
pub use start::{CommandLine, start};
pub use ui::{Line, Live, Role, Ui, table};
pub use weather::Weather;
