//! `kubectl rollback-to` on a real control plane.

mod bad_input;
mod cases;
mod differences;
mod execution;
mod preflight;
mod record;
mod rights;
mod targets;
mod terminal;
