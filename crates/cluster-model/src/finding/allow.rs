//! `--allow`: errors that the user accepts by name.

use std::collections::BTreeSet;

use super::Finding;

/// Ids of findings, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    pub all: bool,
    pub ids: BTreeSet<String>,
}

/// An id that no check reports: accepting it would have no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownId {
    pub id: String,
    pub known: Vec<&'static str>,
}

impl Allow {
    /// `all`, or ids of findings that there are.
    pub fn parse(
        words: &[String],
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Result<Allow, UnknownId> {
        let mut allow = Allow::default();
        for id in words {
            if id == "all" {
                allow.all = true;
            } else if known.clone().any(|known| known == id) {
                allow.ids.insert(id.clone());
            } else {
                return Err(UnknownId { id: id.clone(), known: known.collect() });
            }
        }
        Ok(allow)
    }

    /// The flag that accepts errors of this id, if it was given.
    pub fn flag(&self, id: &str) -> Option<String> {
        if self.ids.contains(id) {
            return Some(format!("--allow {id}"));
        }
        self.all.then(|| "--allow all".into())
    }

    /// Marks every error that was accepted; the report names the flag.
    pub fn accept(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|f| f.blocks()) {
            finding.accepted = self.flag(finding.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    const KNOWN: [&str; 2] = ["bare-pod", "budget-blocked"];

    fn parse(words: &[&str]) -> Result<Allow, UnknownId> {
        Allow::parse(&words.iter().map(|s| s.to_string()).collect::<Vec<_>>(), KNOWN.into_iter())
    }

    #[test]
    fn errors_are_accepted_by_name_and_warnings_need_no_acceptance() {
        let cases: [(&[&str], Option<&str>); 5] = [
            (&[], None),
            (&["budget-blocked"], None),
            (&["bare-pod"], Some("--allow bare-pod")),
            (&["all"], Some("--allow all")),
            (&["all", "bare-pod"], Some("--allow bare-pod")),
        ];
        for (words, accepted) in cases {
            let mut findings = [Severity::Error, Severity::Warning, Severity::Unknown]
                .map(|severity| Finding::new("bare-pod", severity, "shop/x", "m"));
            parse(words).unwrap().accept(&mut findings);
            assert_eq!(findings[0].accepted.as_deref(), accepted, "{words:?}");
            assert!(findings[1..].iter().all(|f| f.accepted.is_none()), "{words:?}");
        }
    }

    #[test]
    fn an_id_that_no_check_reports_is_refused_with_those_there_are() {
        let refused = parse(&["bare-pod", "oops"]).unwrap_err();
        assert_eq!(refused, UnknownId { id: "oops".into(), known: KNOWN.to_vec() });
    }
}
