//! Questions to the API server that more than one plugin asks.

pub mod access_review;
pub mod list;
pub mod raw_object;
pub mod watch;
