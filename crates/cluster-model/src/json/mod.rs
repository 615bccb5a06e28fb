//! JSON of which equal parts are in memory once. As a tree of serde's maps a template takes some 20 KB, and those of a cluster have most of
//! their probes, ports and tolerations in common.

mod deserialize;
mod pool;
mod serialize;
mod value;

pub use pool::Pool;
pub use value::{Json, Members};
