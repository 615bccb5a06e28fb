//! Which other owners the metadata of a workload names. Pure.

use std::collections::BTreeSet;

use cluster_model::Raw;
use cluster_model::managed_fields::entries;
use cluster_model::rollout::{Id, Rollout};

use super::trigger::{Trigger, triggers};

/// A name that an object of Kubernetes could have (RFC 1123). Signs with any other are forged or broken, and their
/// names would end up in commands.
pub fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    text.len() <= 253 && text.chars().all(inner) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The same for kinds and groups.
fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/'))
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    Helm {
        namespace: String,
        release: String,
    },
    FluxKustomization {
        namespace: String,
        name: String,
    },
    FluxHelmRelease {
        namespace: String,
        name: String,
    },
    /// `namespace`: only when the sign itself names it. `sure`: it names this very object, or is used for nothing else.
    ArgoCd {
        namespace: Option<String>,
        application: String,
        sure: bool,
    },
    /// Argo CD writes to it, and left no name.
    ArgoCdUnnamed,
    /// Any controller owner: an operator.
    Operator {
        api_version: String,
        kind: String,
        name: String,
    },
    /// Fleet, k3s and others that are built on wrangler's object sets.
    ObjectSet {
        id: String,
    },
    ConfigSync,
    AddonManager,
    Kapp {
        app: String,
    },
    Keel,
    ImageTrigger(Trigger),
    /// OpenShift's annotation is there, and what it means is not known; why.
    UnreadableImageTrigger(String),
}

pub fn recognise(rollout: &Rollout) -> BTreeSet<Sign> {
    let object = &rollout.object;
    let here = || rollout.id.namespace.clone();
    let label = |key: &str| object.label(key).filter(|value| is_name(value)).map(str::to_owned);
    let annotation = |key: &str| object.annotation(key).filter(|value| is_name(value)).map(str::to_owned);
    let mut signs = BTreeSet::new();

    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        let namespace = label("kustomize.toolkit.fluxcd.io/namespace").unwrap_or_else(here);
        signs.insert(Sign::FluxKustomization { namespace, name });
    }
    if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
        let namespace = label("helm.toolkit.fluxcd.io/namespace").unwrap_or_else(here);
        signs.insert(Sign::FluxHelmRelease { namespace, name });
    } else if let Some(release) = annotation("meta.helm.sh/release-name") {
        // Charts rendered by others carry the label `app.kubernetes.io/managed-by: Helm` too; only Helm itself annotates.
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or_else(here);
        signs.insert(Sign::Helm { namespace, release });
    }
    signs.extend(argo_cd(rollout));
    if let Some(owner) = object.controller_ref() {
        let (api_version, kind, name) = (owner.text("/apiVersion"), owner.text("/kind"), owner.text("/name"));
        if is_kind(api_version) && is_kind(kind) && is_name(name) {
            let (api_version, kind, name) = (api_version.to_owned(), kind.to_owned(), name.to_owned());
            signs.insert(Sign::Operator { api_version, kind, name });
        }
    }
    if let Some(id) = object.annotation("objectset.rio.cattle.io/id") {
        signs.insert(Sign::ObjectSet { id: id.to_owned() });
    }
    if object.annotation("configmanagement.gke.io/managed") == Some("enabled") {
        signs.insert(Sign::ConfigSync);
    }
    if object.label("addonmanager.kubernetes.io/mode") == Some("Reconcile") {
        signs.insert(Sign::AddonManager);
    }
    if let Some(app) = object.label("kapp.k14s.io/app") {
        signs.insert(Sign::Kapp { app: app.to_owned() });
    }
    if object
        .label("keel.sh/policy")
        .or(object.annotation("keel.sh/policy"))
        .is_some_and(|policy| policy != "never")
    {
        signs.insert(Sign::Keel);
    }
    match triggers(rollout) {
        Ok(triggers) => signs.extend(triggers.into_iter().map(Sign::ImageTrigger)),
        Err(why) => drop(signs.insert(Sign::UnreadableImageTrigger(why))),
    }
    signs
}

fn argo_cd(rollout: &Rollout) -> Option<Sign> {
    let object = &rollout.object;
    if let Some(tracked) =
        object.annotation("argocd.argoproj.io/tracking-id").and_then(|id| tracked(&rollout.id, id))
    {
        return Some(tracked);
    }
    let named = |key: &str, sure| {
        let application = object.label(key).filter(|value| is_name(value))?.to_owned();
        Some(Sign::ArgoCd { namespace: None, application, sure })
    };
    if let Some(sign) = named("argocd.argoproj.io/instance", true) {
        return Some(sign);
    }
    // Argo CD's default label is one that charts set as well: whether there is such an Application has to be looked up.
    let writes = entries(object).any(|entry| entry.manager == "argocd-controller");
    named("app.kubernetes.io/instance", false).or(writes.then_some(Sign::ArgoCdUnnamed))
}

/// `application:group/Kind:namespace/name`, or `namespace_application:…` for an Application elsewhere. A copied object carries its
/// original's: only one that names this object counts.
fn tracked(id: &Id, tracking: &str) -> Option<Sign> {
    let (application, object) = tracking.split_once(':')?;
    if object != format!("apps/{}:{}/{}", id.kind.name(), id.namespace, id.name) {
        return None;
    }
    let (namespace, application) = match application.split_once('_') {
        Some((namespace, application)) => (Some(namespace.to_owned()), application),
        None => (None, application),
    };
    (is_name(application) && namespace.as_deref().is_none_or(is_name)).then(|| Sign::ArgoCd {
        namespace,
        application: application.to_owned(),
        sure: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build::merge;
    use cluster_model::rollout::Kind;
    use serde_json::{Value, json};

    fn signs(metadata: Value) -> Vec<Sign> {
        let mut object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"}});
        merge(&mut object, json!({"metadata": metadata}));
        recognise(&Rollout::new(Kind::Deployment, object, &[], Vec::new())).into_iter().collect()
    }

    fn labels(labels: Value) -> Vec<Sign> {
        signs(json!({"labels": labels}))
    }

    fn annotations(annotations: Value) -> Vec<Sign> {
        signs(json!({"annotations": annotations}))
    }

    fn argo(namespace: Option<&str>, sure: bool) -> Vec<Sign> {
        vec![Sign::ArgoCd { namespace: namespace.map(str::to_owned), application: "app".into(), sure }]
    }

    #[test]
    fn every_owner_has_its_sign() {
        let text = str::to_owned;
        assert_eq!(signs(json!({})), []);
        assert_eq!(
            annotations(json!({"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"})),
            [Sign::Helm { namespace: text("n"), release: text("r") }]
        );
        assert_eq!(labels(json!({"app.kubernetes.io/managed-by": "Helm"})), [], "anybody's chart");
        assert_eq!(
            labels(
                json!({"kustomize.toolkit.fluxcd.io/name": "k", "kustomize.toolkit.fluxcd.io/namespace": "n"})
            ),
            [Sign::FluxKustomization { namespace: text("n"), name: text("k") }]
        );
        let both = json!({"labels": {"helm.toolkit.fluxcd.io/name": "h"}, "annotations": {"meta.helm.sh/release-name": "h"}});
        assert_eq!(signs(both), [Sign::FluxHelmRelease { namespace: text("shop"), name: text("h") }]);
        let owned = json!({"ownerReferences": [{"apiVersion": "db.example.com/v1", "kind": "Database", "name": "main", "controller": true}]});
        assert_eq!(
            signs(owned),
            [Sign::Operator {
                api_version: text("db.example.com/v1"),
                kind: text("Database"),
                name: text("main")
            }]
        );
        assert_eq!(
            signs(json!({"ownerReferences": [{"kind": "Database", "name": "main"}]})),
            [],
            "no controller"
        );
        assert_eq!(
            annotations(json!({"objectset.rio.cattle.io/id": "x"})),
            [Sign::ObjectSet { id: text("x") }]
        );
        assert_eq!(annotations(json!({"configmanagement.gke.io/managed": "enabled"})), [Sign::ConfigSync]);
        assert_eq!(annotations(json!({"configmanagement.gke.io/managed": "disabled"})), []);
        assert_eq!(labels(json!({"addonmanager.kubernetes.io/mode": "Reconcile"})), [Sign::AddonManager]);
        assert_eq!(labels(json!({"addonmanager.kubernetes.io/mode": "EnsureExists"})), []);
        assert_eq!(labels(json!({"kapp.k14s.io/app": "1"})), [Sign::Kapp { app: text("1") }]);
        assert_eq!(labels(json!({"keel.sh/policy": "minor"})), [Sign::Keel]);
        assert_eq!(labels(json!({"keel.sh/policy": "never"})), []);
    }

    #[test]
    fn argo_cds_signs_by_how_sure_they_are() {
        let tracking = |id: &str| annotations(json!({"argocd.argoproj.io/tracking-id": id}));
        assert_eq!(tracking("app:apps/Deployment:shop/web"), argo(None, true));
        assert_eq!(tracking("team_app:apps/Deployment:shop/web"), argo(Some("team"), true));
        assert_eq!(tracking("app:apps/Deployment:shop/other"), [], "copied from another object");
        assert_eq!(tracking("app:apps/StatefulSet:shop/web"), []);
        assert_eq!(tracking("$(reboot):apps/Deployment:shop/web"), [], "no name at all");
        assert_eq!(labels(json!({"argocd.argoproj.io/instance": "app"})), argo(None, true));
        assert_eq!(labels(json!({"app.kubernetes.io/instance": "app"})), argo(None, false));
        let managed = json!({"managedFields": [{"manager": "argocd-controller", "operation": "Apply"}]});
        assert_eq!(signs(managed), [Sign::ArgoCdUnnamed]);
    }

    #[test]
    fn names_that_are_none_never_become_commands() {
        for name in ["a;b", "a b", "$(x)", "", "-x", "A", "a\u{1b}[m"] {
            assert_eq!(labels(json!({"kustomize.toolkit.fluxcd.io/name": name})), [], "{name:?}");
            assert_eq!(annotations(json!({"meta.helm.sh/release-name": name})), [], "{name:?}");
        }
    }
}
