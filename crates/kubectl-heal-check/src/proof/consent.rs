//! Consent to a plan: a word that is typed, or `--yes`.

use plugin_client::{Failure, Ui};

use super::harm::Harm;
use super::kill::plan::{KillPlan, Means};
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
    let (subject, name) = (&plan.subject, &plan.subject.name);
    let done = options.harm.done();
    let declined = |word| Err(Failure::declined(done, Some(word)));
    let kill = plan.kill.as_ref().filter(|_| !options.yes && ui.can_prompt());
    if let Some((kill, image)) = kill.and_then(|it| Some((it, it.debug_image()?)))
        && !ui.confirm_typed(&addition_question(kill, plan.rounds, image), "ephemeral")?
    {
        return declined("ephemeral");
    }
    let (word, typed) = if plan.is_outage() {
        if !ui.can_prompt() {
            return Err(Failure::refused(format!(
                "{subject} has one pod: without it nothing serves; nothing was {done}"
            ))
            .hint("run it on a terminal, where the outage can be agreed to, or run two replicas"));
        }
        let until = match options.harm {
            Harm::Evict => "it is replaced",
            Harm::Kill => "its container is started again",
        };
        let question = format!("{subject} has one pod: nothing serves until {until}.");
        ("outage", ui.confirm_typed(&question, "outage")?)
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
            None => format!("Evict pods of {subject}?"),
            Some(kill) => kill_question(kill, plan.rounds),
        };
        (name.as_str(), ui.confirm_typed(&question, name)?)
    };
    if typed { Ok(Consent::Typed) } else { declined(word) }
}

/// The plan above it may have left the screen.
fn kill_question(kill: &KillPlan, rounds: usize) -> String {
    let by = match &kill.means {
        Means::Inside(way) => way.signal.to_string(),
        Means::Ephemeral { .. } => "a signal that ends it, if there is one".to_owned(),
    };
    format!(
        "Kill container {} of {} by {by}? Until it is started again, its pod is not ready.",
        kill.container,
        pods(kill, rounds)
    )
}

/// It outlasts the proof, as a kill does not.
fn addition_question(kill: &KillPlan, rounds: usize, image: &str) -> String {
    format!(
        "Add an ephemeral container of image {image} to {}? It cannot be removed: it goes when its pod does.",
        pods(kill, rounds)
    )
}

fn pods(kill: &KillPlan, rounds: usize) -> String {
    let names: Vec<&str> = kill.victims.iter().take(rounds).map(|it| it.name.as_str()).collect();
    match names.as_slice() {
        [one] => format!("pod {one}"),
        [first, second] => format!("pods {first} and then {second}"),
        [first, second, rest @ ..] => {
            format!("pods {first}, {second} and {} more, one after the other", rest.len())
        }
        [] => "no pod".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::kill::ladder::Way;
    use crate::proof::kill::signal::Signal;
    use crate::proof::member::Member;

    #[test]
    fn the_question_names_what_is_killed() {
        let pod = |name: &&str| Member { name: (*name).to_owned(), uid: String::new(), node: String::new() };
        let of = |pods: &[&str], rounds: usize| {
            let (name, boot) = ("app".to_owned(), String::new());
            let way = Way { process: 1, name, start: 7, boot, signal: Signal::TERM, because: "" };
            let victims = pods.iter().map(pod).collect();
            let means = Means::Inside(way);
            kill_question(&KillPlan { container: "main".to_owned(), victims, means }, rounds)
        };
        let start = |pods: &str| format!("Kill container main of {pods} by SIGTERM? ");
        assert!(of(&["a", "b"], 1).starts_with(&start("pod a")));
        assert!(of(&["a", "b"], 2).starts_with(&start("pods a and then b")));
        let many = of(&["a", "b", "c", "d"], 4);
        assert!(many.starts_with(&start("pods a, b and 2 more, one after the other")), "{many}");
    }
}
