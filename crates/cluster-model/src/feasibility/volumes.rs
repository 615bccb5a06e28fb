//! Claims, volumes and what attaches them, as far as the filters for volumes read them.

#[derive(Clone, Debug, Default)]
pub struct Volumes {}
