//! The terminal: the only place that prints, asks or draws. Results go to stdout, everything else to stderr.

mod answer;
mod interrupt;
mod library_log;
mod line;
mod live;
mod pick;
mod prompt;
mod region;
mod streams;
mod terminal;
mod unread;
mod writer;

pub(crate) use interrupt::Signals;
pub use line::{Line, Role, table};
pub use live::Live;
pub use terminal::Ui;
