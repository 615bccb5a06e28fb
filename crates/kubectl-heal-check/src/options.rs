//! What counts: the severity from which on a run fails, and what is left out.

use crate::finding::{Finding, Severity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub fail_on: Severity,
    pub ignored: Vec<Ignored>,
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
            location: None,
            offer: None,
        };
        let of = |id, name: Option<&str>| Options {
            fail_on: Severity::Error,
            ignored: vec![Ignored { id, name: name.map(str::to_owned) }],
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
        assert!(Options { fail_on: Severity::Warning, ignored: vec![] }.fails(&[finding]));
    }
}
