//! What kube 5.0.0 and the terminal libraries do not do by themselves, each as a test named after the fact;
//! and three tests that fail once upstream fixes a defect that is worked round here.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bench;
mod credentials;
mod errors;
mod kubeconfig;
mod requests;
mod streams;
mod terminal;
mod unread;
mod upstream;
