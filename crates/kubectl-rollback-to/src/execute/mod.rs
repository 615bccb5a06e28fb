//! Carries a plan out: guarded writes one after another, all rollouts watched side by side, restored together if one fails.

pub mod change;
pub mod engine;
pub mod event;
mod execution;
mod fresh;
mod guarded_patch;
mod log;
mod ownership;
pub mod progress;
mod record;
mod requests;
mod run;
mod verdict;
mod watches;
mod wire;
mod workload_cache;
mod write;

pub use engine::model::SILENT_AFTER;
pub use execution::Execution;

#[cfg(test)]
mod tests;
