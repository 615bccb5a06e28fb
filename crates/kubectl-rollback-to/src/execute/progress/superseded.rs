//! Somebody else wrote another template since: which one, and who it was.

use cluster_model::managed_fields::template_writer;
use cluster_model::rollout::{same, without_restart};
use serde_json::Value;

use super::model::{Expected, State};
use crate::outcome::cause::Author;

pub(super) fn state(expected: &Expected, object: &Value) -> State {
    let template = &object["spec"]["template"];
    let author =
        template_writer::since(&expected.managed, object).or_else(|| template_writer::written(object));
    let by = author.map(|author| Author { manager: author.manager, at: author.at });
    if same(template, &expected.before) {
        return State::Reverted { by };
    }
    let restart = same(&without_restart(template), &without_restart(&expected.template));
    State::Superseded { by, restart }
}
