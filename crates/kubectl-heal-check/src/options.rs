//! What counts: the severity from which on a run fails, and what is left out.

use std::collections::BTreeSet;

use crate::checks;
use crate::finding::{Finding, Severity};
use crate::snapshot::Read;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub fail_on: Severity,
    pub ignored: Vec<Ignored>,
    /// The metadata of Secrets is read too.
    pub secrets: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { fail_on: Severity::Error, ignored: Vec::new(), secrets: false }
    }
}

/// A check, or its findings about objects of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub id: &'static str,
    /// `NAME` or `NAMESPACE/NAME`.
    pub name: Option<String>,
}

impl Options {
    /// The whole check: then it need not be possible either.
    pub fn skips(&self, id: &str) -> bool {
        self.ignored.iter().any(|it| it.id == id && it.name.is_none())
    }

    /// What the checks that run read; nothing else has to be.
    pub fn reads(&self) -> BTreeSet<Read> {
        let mut reads = checks::reads(|check| !self.skips(check.id));
        if self.secrets {
            reads.insert(Read::Secrets);
        }
        reads
    }

    pub fn ignores(&self, finding: &Finding) -> bool {
        let subject = &finding.subject;
        let is_it = |name: &String| {
            *name == subject.name || *name == format!("{}/{}", subject.namespace, subject.name)
        };
        self.ignored.iter().any(|it| it.id == finding.id && it.name.as_ref().is_none_or(is_it))
    }

    pub fn fails(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|finding| finding.severity >= self.fail_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;

    #[test]
    fn a_name_limits_what_is_ignored() {
        let finding = Finding {
            id: "HC203",
            name: "no-budget",
            severity: Severity::Warning,
            subject: Subject::new("Deployment", "shop", "web"),
            message: String::new(),
            remedy: String::new(),
        };
        let of = |id, name: Option<&str>| Options {
            fail_on: Severity::Error,
            ignored: vec![Ignored { id, name: name.map(str::to_owned) }],
            ..Options::default()
        };
        for (options, ignores, skips) in [
            (of("HC203", None), true, true),
            (of("HC203", Some("web")), true, false),
            (of("HC203", Some("shop/web")), true, false),
            (of("HC203", Some("other/web")), false, false),
            (of("HC203", Some("api")), false, false),
            (of("HC201", None), false, false),
        ] {
            assert_eq!((options.ignores(&finding), options.skips("HC203")), (ignores, skips), "{options:?}");
        }
        assert!(!of("HC201", None).fails(std::slice::from_ref(&finding)));
        assert!(Options { fail_on: Severity::Warning, ..Options::default() }.fails(&[finding]));
    }
}
