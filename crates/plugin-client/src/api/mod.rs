//! Requests to the API server that more than one plugin sends.

pub mod access_review;
pub mod dry_run;
pub mod eviction;
pub mod exec;
pub mod lean_metadata;
pub mod list;
pub mod listed_object;
pub mod listed_pod;
pub mod namespaces;
mod part_of;
pub mod raw_object;
pub mod scheduling;
pub mod server_table;
pub mod watch;
