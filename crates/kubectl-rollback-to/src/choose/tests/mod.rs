mod image;
mod last_healthy;
mod number;
mod time;

use super::hints::Hints;
use super::*;
use crate::options::ImagePattern;
use crate::timeline::fixture::{HOUR, History, Seen, at};
use cluster_model::rollout::Kind;
use plugin_client::Exit;
use serde_json::json;

const NOW: i64 = 4 * HOUR;

/// The number chosen and its evidence.
fn chosen(seen: &Seen, choice: &Choice) -> Result<(i64, String), Refusal> {
    match choose(seen.past(), choice, &TimeZone::UTC)? {
        Chosen::Target(target) => {
            let revision = &seen.rollout.revisions[target.revision.unwrap()];
            assert_eq!(target.template, revision.template);
            assert!(
                !target.evidence.contains('\n') && !target.evidence.ends_with('.'),
                "{}",
                target.evidence
            );
            Ok((revision.number, target.evidence))
        }
        Chosen::NotYetCreated(refusal) => Ok((0, refusal.message)),
    }
}

fn number(history: &History, choice: &Choice) -> i64 {
    chosen(&history.seen(NOW), choice).unwrap_or_else(|refusal| panic!("{choice:?}: {}", refusal.failure)).0
}

fn evidence(history: &History, choice: &Choice) -> String {
    chosen(&history.seen(NOW), choice).unwrap_or_else(|refusal| panic!("{choice:?}: {}", refusal.failure)).1
}

/// A refusal ends with commands that can be pasted.
fn refused(history: &History, choice: &Choice) -> Failure {
    let failure = *chosen(&history.seen(NOW), choice).expect_err("chosen all the same").failure;
    // The history shows what there is, in its own columns.
    assert!(failure.block.is_empty(), "{failure:?}");
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    let pasted = failure.hints.last().map_or("", String::as_str);
    assert!(failure.hints.iter().any(|hint| hint.contains(" -n shop ")), "{:?}", failure.hints);
    assert!(!pasted.ends_with('.'), "{pasted}");
    failure
}

/// The names of the revisions that are listed with a refusal.
fn listed(history: &History, choice: &Choice) -> Vec<String> {
    let seen = history.seen(NOW);
    let refusal = chosen(&seen, choice).expect_err("chosen all the same");
    refusal.listed.iter().map(|&index| seen.rollout.revisions[index].name.clone()).collect()
}

fn abc(kind: Kind) -> History {
    History::of(kind).revision(1, "a", 1).emptied(100).revision(2, "b", HOUR).emptied(2 * HOUR).revision(
        3,
        "c",
        2 * HOUR,
    )
}

/// Rolled out a, b, then a again, some time until 9000.
fn aba() -> History {
    History::of(Kind::Deployment)
        .revision(2, "b", HOUR)
        .emptied(9000)
        .revision(3, "a", 1)
        .was("1")
        .controller_wrote(9100)
}

fn time(second: i64) -> Choice {
    Choice::Time { at: at(second), closest: false }
}

fn closest(second: i64) -> Choice {
    Choice::Time { at: at(second), closest: true }
}

fn image(text: &str) -> Choice {
    let (container, image) = text.split_once('=').map_or((None, text), |(c, i)| (Some(c.to_owned()), i));
    Choice::Image(ImagePattern { container, image: image.to_owned() })
}
