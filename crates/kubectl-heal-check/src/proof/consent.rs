//! Consent to a plan: a word that is typed, or `--yes`.

use plugin_client::{Failure, Ui};

use super::harm::Harm;
use super::options::ProofOptions;
use super::plan::Plan;

/// What the user agreed to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The plan was made a moment ago.
    Flag,
    /// However long the question waited.
    Typed,
}

/// An outage is never agreed to by a flag.
///
/// # Errors
///
/// It was declined, or nobody can be asked.
pub fn confirm(ui: &Ui, plan: &Plan, options: &ProofOptions) -> Result<Consent, Failure> {
    let name = &plan.subject.name;
    let done = options.harm.done();
    let typed = if plan.is_outage() {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "{name} has one pod: without it nothing serves; nothing was {done}"
            ))
            .hint("run it on a terminal, where the outage can be agreed to, or run two replicas"));
        }
        let until = match options.harm {
            Harm::Evict => "it is replaced",
            Harm::Kill => "its container is started again",
        };
        ui.confirm_typed(&format!("{name} has one pod: nothing serves until {until}."), "outage")?
    } else if options.yes {
        return Ok(Consent::Flag);
    } else {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "needs confirmation: no terminal to ask on; nothing was {done}"
            ))
            .hint("the plan is above; to agree to it, pass --yes"));
        }
        let question = match &plan.kill {
            None => format!("Evict pods of {}?", plan.subject),
            Some(kill) => format!("Kill container {} in pods of {}?", kill.container, plan.subject),
        };
        ui.confirm_typed(&question, name)?
    };
    if typed { Ok(Consent::Typed) } else { Err(Failure::refused(format!("declined; nothing was {done}"))) }
}
