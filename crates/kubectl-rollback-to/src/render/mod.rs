//! What people see: the history, the plan and its differences, the rollout while it runs, its diagnosis, and the end of a run.

pub mod cause;
mod diff;
mod full;
mod history;
mod live;
mod outcome;
mod plan;
pub mod reason;
pub mod recorded;
mod replicas;
mod status;
mod strategy;

pub use full::full_diffs;
pub use history::{history, picker_rows, revision};
pub use live::{Ends, Screen};
pub use outcome::outcome;
pub use plan::{plan, question_about, question_about_several};
pub use status::{Seen, status};
