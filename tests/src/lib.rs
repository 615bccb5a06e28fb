//! What the live tests (`live/`) and `make truth` share.

pub mod truth;
