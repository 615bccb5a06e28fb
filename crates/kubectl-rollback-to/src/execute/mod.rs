//! Carries a plan out: guarded writes one after another, all rollouts watched side by side, restored together if one fails.

pub mod change;
mod driver;
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
mod watches;
mod wire;
mod workload_cache;
mod write;
mod write_answer;

pub use engine::model::SILENT_AFTER;
pub use execution::Execution;

#[cfg(test)]
mod tests;
