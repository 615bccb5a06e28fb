//! Which findings are left out, and why: by an annotation, by an entry of `--config`, or by `--ignore`.

pub mod annotation;
mod apply;
mod name;
pub mod object;
mod rule;

pub use apply::{Ignored, Scope, apply, scope};
pub use rule::{Glob, Reason, Rule, Source};
