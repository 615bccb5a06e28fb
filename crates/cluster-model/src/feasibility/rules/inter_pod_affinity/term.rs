//! Does a term match a pod? (`k8s.io/kube-scheduler/framework/types.go`, AffinityTerm)
//!
//! `matchLabelKeys` and `mismatchLabelKeys` are not read: the API server adds them to the label selector when the pod is created.

use kube_core::SelectorExt;

use crate::Known;
use crate::feasibility::node::Labels;
use crate::feasibility::requirements::PodTerm;
use crate::feasibility::rule::Answer;
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::selector::selects;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    Yes,
    No,
    /// The labels of the namespace decide, and could not be read for this reason.
    Unknown(&'a str),
}

/// `namespace`: of the pod that has the term.
pub fn matches<'a>(
    scenario: &'a Scenario<'_>,
    namespace: &str,
    term: &PodTerm,
    target: Replacement<'_>,
) -> Match<'a> {
    let yes = |matches| if matches { Match::Yes } else { Match::No };
    // Cheaper than the selector, and what excludes most pods.
    if term.is_about_own_namespace() && namespace != target.namespace {
        return Match::No;
    }
    if !selects(term.selector.as_ref(), Some(target.labels)) {
        return Match::No;
    }
    if term.namespaces.iter().any(|name| name == target.namespace) {
        return Match::Yes;
    }
    let Some(selector) = &term.namespace_selector else {
        return yes(term.namespaces.is_empty() && namespace == target.namespace);
    };
    if selector.selects_all() {
        return Match::Yes;
    }
    match &scenario.cluster.namespaces {
        Known::Seen(all) => yes(selector.matches(all.get(target.namespace).unwrap_or(no_labels()))),
        Known::Unknown(why) => Match::Unknown(why),
    }
}

/// One pod has to match all of them.
pub fn matches_all<'a>(
    scenario: &'a Scenario<'_>,
    namespace: &str,
    terms: &[PodTerm],
    target: Replacement<'_>,
) -> Match<'a> {
    let mut all = Match::Yes;
    for term in terms {
        match matches(scenario, namespace, term, target) {
            Match::Yes => {}
            Match::No => return Match::No,
            unknown @ Match::Unknown(_) => all = unknown,
        }
    }
    all
}

pub fn unknown(why: &str) -> Answer {
    Answer::Unknown(format!("the labels of namespaces: {why}"))
}

fn no_labels() -> &'static Labels {
    static NONE: Labels = Labels::new();
    &NONE
}
