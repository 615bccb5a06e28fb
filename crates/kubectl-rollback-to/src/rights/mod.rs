//! Which rights a command line needs. They are checked before anything is changed, so that none is found missing half-way, and printed by
//! `--print-rbac`.

mod check;
pub mod requirements;
mod roles;

pub use check::found;
pub use roles::roles;
