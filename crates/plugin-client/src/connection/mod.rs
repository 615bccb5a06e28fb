//! From kubectl's flags to a client: which server, as whom, through what, and what a request does when it fails.

pub(crate) mod answers;
pub mod client;
pub(crate) mod clock;
mod credential;
mod error_body;
pub mod kubeconfig;
mod link;
mod proxy;
pub(crate) mod server_health;
mod transport;
