//! A verb of `kubectl rollout` beside `TYPE/NAME`: what is one there is a flag here, or not done here.

use plugin_client::{Failure, shell};

use super::GivenFlags;

const VERBS: [&str; 6] = ["undo", "history", "status", "restart", "pause", "resume"];

/// Only beside `TYPE/NAME`: in `TYPE NAME` a verb may well be the name.
pub(super) fn refusal(words: &[String], flags: &GivenFlags) -> Option<Failure> {
    let is_verb = |word: &&String| VERBS.contains(&word.as_str());
    let verb = words.iter().find(is_verb)?;
    let named: Vec<String> =
        words.iter().filter(|word| word.contains('/')).map(|word| shell::word(word)).collect();
    if named.is_empty() || !words.iter().all(|word| word.contains('/') || word == verb) {
        return None;
    }
    let named = named.join(" ");
    let GivenFlags { target, namespace, .. } = flags;
    let failure = Failure::usage(format!("{verb} is a verb of kubectl rollout; TYPE/NAME expected"));
    if matches!(verb.as_str(), "restart" | "pause" | "resume") {
        return Some(failure.hint(format!("kubectl rollout {verb} {named}{namespace}")));
    }
    // What was given says already where to.
    if !target.is_empty() {
        return Some(failure.hint(format!("without it: kubectl rollback-to {named}{flags}")));
    }
    let command = |flag: &str| format!("kubectl rollback-to {named} {flag}{flags}");
    Some(match verb.as_str() {
        "undo" => failure
            .hint(format!("to the previous revision, as kubectl rollout undo: {}", command("--previous")))
            .hint(format!("to the last healthy one: {}", command("--last-healthy")))
            .hint(format!("to undo the last rollback: {}", command("--last"))),
        // The flags have the names of the verbs.
        _ => failure.hint(command(&format!("--{verb}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(words: &[&str], target: &str) -> Option<Vec<String>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (target, namespace) = (target.to_owned(), " -n shop".to_owned());
        let flags = GivenFlags { target, namespace, ..GivenFlags::default() };
        Some(super::super::subjects(&words, None, false, false, &flags).err()?.hints)
    }

    #[test]
    fn a_verb_of_kubectl_rollout_is_answered_with_what_it_is_here() {
        for words in [["deploy/web", "undo"], ["undo", "deploy/web"]] {
            assert_eq!(
                hints(&words, "").unwrap(),
                [
                    "to the previous revision, as kubectl rollout undo: kubectl rollback-to deploy/web --previous -n shop",
                    "to the last healthy one: kubectl rollback-to deploy/web --last-healthy -n shop",
                    "to undo the last rollback: kubectl rollback-to deploy/web --last -n shop",
                ]
            );
        }
        for (words, target, hint) in [
            (&["deploy/web", "history"][..], "", "kubectl rollback-to deploy/web --history -n shop"),
            (&["deploy/web", "status"], "", "kubectl rollback-to deploy/web --status -n shop"),
            (&["deploy/web", "restart"], "", "kubectl rollout restart deploy/web -n shop"),
            (&["deploy/web", "sts/db", "pause"], "", "kubectl rollout pause deploy/web sts/db -n shop"),
            (&["deploy/web", "resume"], " --previous", "kubectl rollout resume deploy/web -n shop"),
            (
                &["deploy/web", "undo"],
                " --to-revision 3",
                "without it: kubectl rollback-to deploy/web --to-revision 3 -n shop",
            ),
        ] {
            assert_eq!(hints(words, target).unwrap(), [hint], "{words:?}");
        }
    }

    #[test]
    fn a_workload_may_have_the_name_of_a_verb() {
        for words in [&["deploy", "undo"][..], &["deploy/undo"], &["deploy", "web", "status"]] {
            assert_eq!(hints(words, ""), None, "{words:?}");
        }
        let other = hints(&["deploy/web", "api"], "").unwrap();
        assert_eq!(other, ["for example: kubectl rollback-to deploy/web deployment/api -n shop"]);
    }
}
