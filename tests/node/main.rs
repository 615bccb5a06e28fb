//! What only containers show: restarts, memory, probes, signals and grace, on the real node of the test bed. The parts that
//! run a plugin are those of the other live tests.

#![allow(clippy::unwrap_used, reason = "helpers of tests too: one that cannot go on panics")]

mod cluster;
mod containers;
mod drain;
mod ends;
mod grace;
mod heal;
mod kill;
mod kill_beside;
mod kill_setup;
#[allow(dead_code, unused_imports, reason = "the other live tests use more of it")]
#[path = "../live/plugin/mod.rs"]
mod plugin;
mod restarts;
#[path = "../live/schema.rs"]
mod schema;
#[allow(dead_code, reason = "the other live tests use more of it")]
#[path = "../live/tty.rs"]
mod tty;
