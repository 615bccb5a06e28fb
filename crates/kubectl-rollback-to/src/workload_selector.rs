//! Which workloads are meant: kubectl's forms, and never "everything" by accident.

mod verb;

use std::fmt;

use cluster_model::rollout::Kind;
use plugin_client::{Failure, shell};

const HELP: &str = "kubectl rollback-to --help";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subjects {
    Named(Vec<(Kind, String)>),
    Selected {
        kinds: Vec<Kind>,
        selector: String,
    },
    All {
        kinds: Vec<Kind>,
    },
    /// `--last` without names: those of the last rollback.
    Journal,
}

/// What commands in hints need to mean what was typed, each with a space before it.
#[derive(Clone, Debug, Default)]
pub struct GivenFlags {
    /// And the mode.
    pub target: String,
    pub dry_run: String,
    pub namespace: String,
}

impl fmt::Display for GivenFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GivenFlags { target, dry_run, namespace } = self;
        write!(f, "{target}{dry_run}{namespace}")
    }
}

/// The workloads, and the number after `TYPE/NAME`.
pub fn subjects(
    words: &[String],
    selector: Option<&str>,
    all: bool,
    last: bool,
    flags: &GivenFlags,
) -> Result<(Subjects, Option<i64>), Failure> {
    let usage = |message: String| Err(Failure::usage(message).hint(HELP));
    if selector.is_some() && all {
        return usage("--selector and --all cannot be used together".into());
    }
    if selector.is_some_and(|selector| selector.trim().is_empty()) {
        return usage("--selector is empty, which selects everything; use --all for that".into());
    }
    if let Some(failure) = verb::refusal(words, flags) {
        return Err(failure);
    }
    let slashed = words.first().is_some_and(|word| word.contains('/'));
    if (selector.is_some() || all) && (slashed || words.len() > 1) {
        return usage("names cannot be used with --selector or --all".into());
    }
    if let Some(selector) = selector {
        let selector = selector.to_owned();
        return Ok((Subjects::Selected { kinds: kinds(words.first())?, selector }, None));
    }
    if all {
        return Ok((Subjects::All { kinds: kinds(words.first())? }, None));
    }
    match words {
        [] if last => Ok((Subjects::Journal, None)),
        [] => usage("no workload given: TYPE/NAME or --selector expected".into()),
        _ if slashed => slashes(words, flags),
        [word] => {
            let kind = type_of(word, true)?;
            Err(Failure::usage(format!(
                "{word} without a name would select every {kind} in the namespace",
                kind = kind.name()
            ))
            .hint(format!("for one: kubectl rollback-to {}/NAME{flags}", kind.word()))
            .hint(format!("for all: kubectl rollback-to {} --all{flags}", kind.word())))
        }
        [word, names @ ..] => {
            let kind = kind(word)?;
            let mut named = Vec::new();
            for name in names {
                if name.contains('/') {
                    return usage(format!("{name}: use TYPE NAME... or TYPE/NAME..., not both"));
                }
                push(&mut named, kind, name)?;
            }
            Ok((Subjects::Named(named), None))
        }
    }
}

fn slashes(words: &[String], flags: &GivenFlags) -> Result<(Subjects, Option<i64>), Failure> {
    let mut named = Vec::new();
    let mut revision = None;
    for (at, word) in words.iter().enumerate() {
        match word.split_once('/') {
            Some((type_, name)) => push(&mut named, kind(type_)?, name)?,
            None => match word.parse() {
                Ok(number) if at + 1 == words.len() && at == 1 => revision = Some(number),
                Ok(_) => {
                    return Err(Failure::usage(format!(
                        "{word}: a revision is possible after one workload only"
                    ))
                    .hint("for several, use --to-revision"));
                }
                Err(_) => {
                    let example = [words[0].clone(), format!("deployment/{word}")].map(|it| shell::word(&it));
                    return Err(Failure::usage(format!("{word}: TYPE/NAME expected"))
                        .hint(format!("for example: kubectl rollback-to {}{flags}", example.join(" "))));
                }
            },
        }
    }
    Ok((Subjects::Named(named), revision))
}

fn push(named: &mut Vec<(Kind, String)>, kind: Kind, name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.contains('/') {
        return Err(Failure::usage(format!("{}/{name}: TYPE/NAME expected", kind.word())));
    }
    plugin_client::name(&format!("{}/{name}", kind.word()), name)?;
    // Naming one twice is no reason to roll it back twice.
    if !named.iter().any(|(k, n)| *k == kind && n == name) {
        named.push((kind, name.to_owned()));
    }
    Ok(())
}

fn kinds(word: Option<&String>) -> Result<Vec<Kind>, Failure> {
    match word {
        None => Ok(Kind::ALL.to_vec()),
        Some(word) => word.split(',').map(kind).collect(),
    }
}

fn kind(word: &str) -> Result<Kind, Failure> {
    type_of(word, false)
}

/// `alone`: nothing else was given, so that an unknown word is most likely a name without its type.
fn type_of(word: &str, alone: bool) -> Result<Kind, Failure> {
    if let Some(kind) = Kind::parse(word) {
        return Ok(kind);
    }
    let failure = Failure::usage(format!(
        "{word} has no revisions; TYPE must be a deployment, statefulset or daemonset"
    ));
    let lower = word.to_ascii_lowercase();
    let name = lower.split('.').next().unwrap_or_default();
    // Others have a tool of their own.
    Err(match name {
        "rs" | "replicaset" | "replicasets" | "po" | "pod" | "pods" => failure.hint(
            "roll back the workload that owns it; see `kubectl get pod,rs -o wide` and its ownerReferences",
        ),
        "rollout" | "rollouts" | "ro" => {
            let argo = "for Argo Rollouts: kubectl argo rollouts undo NAME";
            let kruise = "for OpenKruise Rollouts: kubectl kruise rollout undo rollout/NAME";
            // Both have a kind of this name: only the group distinguishes them.
            match lower.split_once('.').map(|(_, group)| group) {
                Some(group) if group.ends_with("kruise.io") => failure.hint(kruise),
                Some(_) => failure.hint(argo),
                None => failure.hint(argo).hint(kruise),
            }
        }
        "helmrelease" | "helmreleases" | "hr" => {
            failure.hint("for Helm: helm history NAME, then helm rollback NAME REVISION")
        }
        "application" | "applications" | "app" | "apps" => failure
            .hint("for Argo CD: argocd app history NAME, then argocd app rollback NAME ID; or git revert"),
        "kustomization" | "kustomizations" | "ks" => failure.hint(
            "for Flux: revert the commit; flux suspend kustomization NAME stops reconciliation until then",
        ),
        "job" | "jobs" | "cj" | "cronjob" | "cronjobs" => {
            failure.hint("apply the manifest you want: Jobs keep no history")
        }
        _ if alone => {
            Failure::usage(format!("{word}: TYPE/NAME expected, for example deployment/{word}")).hint(HELP)
        }
        _ => failure.hint(HELP),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{DaemonSet, Deployment, StatefulSet};

    fn of(words: &[&str]) -> Result<(Subjects, Option<i64>), Failure> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        subjects(&words, None, false, false, &GivenFlags::default())
    }

    fn named(all: &[(Kind, &str)]) -> Subjects {
        Subjects::Named(all.iter().map(|(k, n)| (*k, (*n).to_owned())).collect())
    }

    #[test]
    fn kubectls_forms() {
        let cases: [(&[&str], Subjects, Option<i64>); 6] = [
            (&["deploy/web"], named(&[(Deployment, "web")]), None),
            (&["deploy", "web", "api"], named(&[(Deployment, "web"), (Deployment, "api")]), None),
            (&["sts/db", "ds/agent", "sts/db"], named(&[(StatefulSet, "db"), (DaemonSet, "agent")]), None),
            (&["deployment.apps/web", "3"], named(&[(Deployment, "web")]), Some(3)),
            (&["deploy/web", "-3"], named(&[(Deployment, "web")]), Some(-3)),
            // A number is a name here, as in kubectl.
            (&["deploy", "web", "3"], named(&[(Deployment, "web"), (Deployment, "3")]), None),
        ];
        for (words, subjects, revision) in cases {
            assert_eq!(of(words).unwrap(), (subjects, revision), "{words:?}");
        }
    }

    #[test]
    fn everything_is_never_meant_by_accident() {
        let cases: [(&[&str], &str); 10] = [
            (&[], "no workload given"),
            (&["deploy"], "every Deployment in the namespace"),
            (&["deploy/"], "TYPE/NAME expected"),
            (&["deploy/web", "web"], "TYPE/NAME expected"),
            (&["deploy/a", "deploy/b", "3"], "after one workload only"),
            (&["web"], "web: TYPE/NAME expected, for example deployment/web"),
            (&["rs"], "rs has no revisions"),
            (&["rs/web"], "rs has no revisions"),
            (&["rollout/web"], "rollout has no revisions"),
            (&["deploy", "a/b"], "not both"),
        ];
        for (words, part) in cases {
            let failure = of(words).unwrap_err();
            assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
            assert!(!failure.hints.is_empty() || words == ["deploy/"], "{words:?}");
        }
    }

    #[test]
    fn a_rollout_is_whose_group_it_has() {
        for (word, tools) in [
            ("rollout/x", &["argo", "kruise"][..]),
            ("rollouts.argoproj.io/x", &["argo"]),
            ("rollouts.rollouts.kruise.io/x", &["kruise"]),
            ("rollout.v1beta1.rollouts.kruise.io/x", &["kruise"]),
        ] {
            let hints = of(&[word]).unwrap_err().hints;
            let named: Vec<bool> = ["argo", "kruise"]
                .iter()
                .map(|it| hints.concat().contains(&format!("kubectl {it} ")))
                .collect();
            assert_eq!(named, ["argo", "kruise"].map(|it| tools.contains(&it)), "{word}: {hints:?}");
        }
    }

    #[test]
    fn selectors_and_all_take_types_but_no_names() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let ok = |list: &[&str], selector: Option<&str>, all| {
            subjects(&words(list), selector, all, false, &GivenFlags::default()).map(|(s, _)| s)
        };
        assert_eq!(
            ok(&[], Some("app=shop"), false).unwrap(),
            Subjects::Selected { kinds: Kind::ALL.to_vec(), selector: "app=shop".into() }
        );
        assert_eq!(
            ok(&["deploy,sts"], None, true).unwrap(),
            Subjects::All { kinds: vec![Deployment, StatefulSet] }
        );
        for (list, selector, all) in [
            (&["deploy/web"][..], Some("a=b"), false),
            (&["deploy", "web"], None, true),
            (&[], Some(" "), false),
            (&[], Some("a=b"), true),
        ] {
            assert!(ok(list, selector, all).is_err(), "{list:?} {selector:?} {all}");
        }
        assert_eq!(subjects(&[], None, false, true, &GivenFlags::default()).unwrap().0, Subjects::Journal);
    }
}
