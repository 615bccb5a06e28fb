//! Whole runs against a fake API server: what goes over the wire, and what comes of answers that a real server gives too rarely.

mod objects;
mod play;
mod run;
mod silence;
mod watches;
mod world;
mod write;
