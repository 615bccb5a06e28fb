//! Missing rights, as findings and as a refusal, each with the rule that grants it. No I/O.

use cluster_model::{Finding, Severity};

use super::right::Right;
use super::rule::{Rule, rbac_rule};
use crate::Failure;

pub fn finding(right: &Right, id: &'static str) -> Finding {
    Finding::new(id, Severity::Error, right.to_string(), "you have no right to do this").remedy(grant(right))
}

/// One line, ready to be put into a Role.
pub fn grant(right: &Right) -> String {
    format!("grant {}", Rule::of(right).inline())
}

/// The access reviews themselves failed.
pub fn not_checked(failure: &Failure, id: &'static str) -> Finding {
    Finding::new(id, Severity::Unknown, "your rights", format!("could not be asked about: {failure}"))
}

/// All that is missing, with the whole role to copy; `None` if nothing is.
pub fn refusal(missing: &[Right]) -> Option<Failure> {
    let first = missing.first()?;
    let names: Vec<String> = missing.iter().map(Right::to_string).collect();
    let role = match &first.namespace {
        Some(namespace) if missing.iter().all(|right| right.namespace == first.namespace) => {
            format!("a Role in namespace {namespace}")
        }
        _ => "a ClusterRole".to_owned(),
    };
    Some(
        Failure::refused(format!("you have no right to {}", names.join(", ")))
            .hint(format!("{role} with these rules is enough:"))
            .block(&rbac_rule(missing)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_the_rule_that_grants_it() {
        let evict = Right::new("create", "", "pods").subresource("eviction").namespace("shop");
        let found = finding(&evict, "rights-missing");
        assert_eq!((found.id, found.severity), ("rights-missing", Severity::Error));
        assert_eq!(found.subject, "create pods/eviction in namespace shop");
        assert_eq!(
            found.remedy,
            r#"grant {apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"]}"#
        );
        assert_eq!(
            grant(&Right::new("watch", "apps", "deployments").name("web")),
            r#"grant {apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["web"], verbs: ["watch"]}"#
        );
    }

    #[test]
    fn a_refusal_names_only_the_missing_rights() {
        assert_eq!(refusal(&[]), None);
        let here = Right::new("patch", "apps", "deployments").namespace("shop");
        let one = refusal(std::slice::from_ref(&here)).unwrap();
        assert_eq!(one.message, "you have no right to patch deployments.apps in namespace shop");
        assert_eq!(one.hints, ["a Role in namespace shop with these rules is enough:"]);
        assert_eq!(one.block[0], "rules:");
        let everywhere = [here.clone(), Right::new("list", "", "nodes")];
        let several = [here.clone(), here.namespace("other")];
        for missing in [everywhere, several] {
            let hints = refusal(&missing).unwrap().hints;
            assert_eq!(hints, ["a ClusterRole with these rules is enough:"], "{missing:?}");
        }
    }
}
