//! The command line: what is typed, what is printed and asked, and how a run ends. Independent of any server, but for
//! `completion/`.

pub(crate) mod completion;
pub(crate) mod deadline;
pub(crate) mod exit;
pub mod findings;
pub(crate) mod flags;
pub(crate) mod name;
pub(crate) mod output;
pub mod shell;
pub(crate) mod short_help;
pub(crate) mod start;
pub(crate) mod ui;
