//! What the live tests (`live/`) and `make truth` and `make truth-heal` share.

pub mod truth;
pub mod truth_heal;
