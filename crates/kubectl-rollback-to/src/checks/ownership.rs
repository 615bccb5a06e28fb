//! Fields that change hands: whoever writes a value manages it, and an apply by the one who managed it before meets a conflict.

use cluster_model::managed_fields::{Taken, recorded, taken};
use cluster_model::{Finding, Severity};

use super::Case;
use crate::merge_tree::listed;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    // Refused or not checked: reported by the check of admission.
    let Ok(after) = &case.dry_run.workload else { return Vec::new() };
    let before = &case.rollout().object;
    if !recorded(before) {
        let message = "has no managedFields: unknown which fields change owner";
        return vec![case.finding("ownership-not-checked", Severity::Unknown, message)];
    }
    taken(before, after, &case.options.field_manager).iter().map(|taken| finding(case, taken)).collect()
}

fn finding(case: &Case<'_>, Taken { manager, fields }: &Taken) -> Finding {
    let takes = format!("takes ownership of fields applied by {manager}: {}", listed(fields));
    if case.options.keep_ownership {
        let message = format!("{takes}; --keep-ownership returns them");
        return case.finding("ownership-moves", Severity::Info, message);
    }
    let (next, remedy) = match manager.as_str() {
        // These apply by force (gitops-engine, flux's ssa and Fleet).
        "argocd-controller" | "kustomize-controller" | "fleetagent" => {
            ("its next forced apply takes them back", "--keep-ownership returns them at once")
        }
        "helm" | "helm-controller" => (
            "the next helm upgrade conflicts with it",
            "--keep-ownership returns them; or helm upgrade --force-conflicts",
        ),
        "kubectl" => (
            "the next kubectl apply --server-side conflicts with it",
            "--keep-ownership returns them; or kubectl apply --server-side --force-conflicts",
        ),
        _ => (
            "its next server-side apply conflicts with it unless it is forced",
            "--keep-ownership returns them",
        ),
    };
    case.finding("ownership-moves", Severity::Warning, format!("{takes}; {next}")).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::Severity;
    use cluster_model::rollout::Kind;
    use serde_json::{Value, json};

    fn entry(manager: &str, operation: &str, container: Value) -> Value {
        let spec = json!({"f:containers": {"k:{\"name\":\"web\"}": container}});
        json!({"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:template": {"f:spec": spec}}}})
    }

    fn applied_by(manager: &str, operation: &str) -> Fixture {
        let before = json!([entry(manager, operation, json!({"f:image": {}}))]);
        let mut fixture = Fixture::of(Kind::Deployment).live(json!({"metadata": {"managedFields": before}}));
        if let Ok(object) = &mut fixture.dry_run.workload {
            object["metadata"]["managedFields"] =
                json!([entry("kubectl-rollback-to", "Update", json!({"f:image": {}}))]);
        }
        fixture
    }

    #[test]
    fn ownership_moves() {
        let helm = applied_by("helm", "Apply");
        fires("ownership-moves", Severity::Warning, &helm, &applied_by("helm", "Update"));
        assert_eq!(
            helm.message_of("ownership-moves"),
            "takes ownership of fields applied by helm: spec.containers[web].image; the next helm upgrade conflicts with it"
        );
        assert!(
            applied_by("argocd-controller", "Apply").message_of("ownership-moves").contains("forced apply")
        );
        let mut handed_back = applied_by("helm", "Apply");
        handed_back.options.keep_ownership = true;
        fires("ownership-moves", Severity::Info, &handed_back, &applied_by("helm", "Update"));
    }

    #[test]
    fn ownership_not_checked() {
        let bad = Fixture::of(Kind::Deployment).live(json!({"metadata": {"managedFields": []}}));
        fires("ownership-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
    }
}
