//! Shows the drain while it runs.

use k8s_openapi::jiff::Timestamp;

use super::engine::Engine;
use super::event::Event;

pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something changed, or time passed.
    fn draw(&mut self, engine: &Engine, now: Timestamp);
}
