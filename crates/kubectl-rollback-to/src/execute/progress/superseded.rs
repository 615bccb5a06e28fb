//! Somebody else wrote another template since: which one, and who it was.

use cluster_model::managed_fields::template_writer;
use cluster_model::rollout::same;
use serde_json::Value;

use super::{Expected, State};

const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

pub(super) fn state(expected: &Expected, object: &Value) -> State {
    let template = &object["spec"]["template"];
    let author =
        template_writer::since(&expected.managed, object).or_else(|| template_writer::written(object));
    let by = author.as_ref().map_or("someone", |author| &author.manager).to_owned();
    let at = author.map(|author| author.at);
    if same(template, &expected.before) {
        return State::Reverted { by, at };
    }
    let restart = same(&not_restarted(template), &not_restarted(&expected.template));
    State::Superseded { by, at, restart }
}

/// `kubectl rollout restart` changes one annotation and nothing else.
fn not_restarted(template: &Value) -> Value {
    let mut template = template.clone();
    let annotations = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    annotations.map(|annotations| annotations.remove(RESTARTED_AT));
    template
}
