//! Whether an owner will undo a rollback, and when: from its sign and what could be read of the owner itself. Pure.

use std::collections::BTreeMap;

use cluster_model::rollout::{Id, Rollout};
use cluster_model::{Known, Raw};
use serde_json::Value;

use super::signs::Sign;
use super::trigger::{self, Trigger};
use crate::snapshot::{Controls, Owner, Reverts};

/// What was read of owners. An entry that is absent was not read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// By sign: the Kustomization or HelmRelease.
    pub objects: BTreeMap<Sign, Known<Option<Value>>>,
    /// By sign of Helm: its release Secrets, without their data.
    pub releases: BTreeMap<Sign, Known<Vec<Value>>>,
    /// Argo CD's Applications, if it is installed.
    pub applications: Option<Known<Vec<Value>>>,
    /// By namespace, where Flagger, Argo Rollouts or OpenKruise Rollouts is installed.
    pub canaries: BTreeMap<String, Known<Vec<Value>>>,
    pub rollouts: BTreeMap<String, Known<Vec<Value>>>,
    pub kruise: BTreeMap<String, Known<Vec<Value>>>,
    /// Does the cluster have OpenShift's image streams?
    pub image_streams: Option<Known<bool>>,
}

pub fn judge(rollout: &Rollout, sign: &Sign, sources: &Sources) -> Option<Owner> {
    let perhaps = |why: &str| Reverts::Perhaps(why.to_owned());
    let owner = |who: String, reverts: Reverts, instead: String| {
        Some(Owner { who, reverts, instead, controls: Controls::Template })
    };
    let id = &rollout.id;
    match sign {
        Sign::Helm { namespace, release } => {
            let secrets = sources.releases.get(sign);
            owner(format!("Helm release {release}"), helm(secrets), helm_instead(namespace, release))
        }
        Sign::FluxKustomization { namespace, name } => {
            let reverts = match off(rollout) {
                Some(reverts) => reverts,
                None => flux(sources.objects.get(sign), |_| true),
            };
            let instead = suspend("kustomization", namespace, name);
            owner(format!("Flux Kustomization {namespace}/{name}"), reverts, instead)
        }
        Sign::FluxHelmRelease { namespace, name } => {
            let corrects = |release: &Value| release.text("/spec/driftDetection/mode") == "enabled";
            let reverts = flux(sources.objects.get(sign), corrects);
            owner(
                format!("Flux HelmRelease {namespace}/{name}"),
                reverts,
                suspend("helmrelease", namespace, name),
            )
        }
        Sign::ArgoCd { namespace, application, sure } => {
            argo_cd(id, namespace.as_deref(), application, *sure, sources)
        }
        Sign::ArgoCdUnnamed => owner(
            "Argo CD".into(),
            perhaps("it writes to this object; of which Application is not recorded on it"),
            "argocd app list".into(),
        ),
        Sign::Operator { api_version, kind, name } => {
            let group = api_version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
            let instead = format!("kubectl edit {}{group} {name} -n {}", kind.to_lowercase(), id.namespace);
            let why = "its controller usually puts back what differs from what it wants";
            owner(format!("{kind} {name}"), perhaps(why), instead)
        }
        Sign::ObjectSet { id } => owner(
            format!("object set {id} (Rancher Fleet, k3s or the like)"),
            perhaps("whether drift is corrected is a setting of whoever applied it"),
            "change it where it is kept".into(),
        ),
        Sign::ConfigSync => owner(
            "Config Sync".into(),
            perhaps("it puts back what differs from its source"),
            "revert the commit in its source".into(),
        ),
        Sign::AddonManager => owner(
            "the addon manager".into(),
            perhaps("its mode is Reconcile, so it puts its own manifest back about once a minute"),
            "change the manifest in the addon manager's directory".into(),
        ),
        Sign::Kapp { .. } => {
            let reverts = Reverts::Later("at the next kapp deploy".into());
            owner("kapp".into(), reverts, "deploy the older configuration with kapp".into())
        }
        Sign::ImageTrigger(trigger) => image_trigger(id, trigger, sources.image_streams.as_ref()),
        Sign::UnreadableImageTrigger(why) => {
            let reverts = Reverts::Unknown(format!("the annotation {}: {why}", trigger::ANNOTATION));
            owner("OpenShift image triggers".into(), reverts, String::new())
        }
        Sign::Keel => {
            let reverts = Reverts::Later("when a newer image is pushed".into());
            owner("Keel".into(), reverts, "set the label keel.sh/policy to never meanwhile".into())
        }
    }
}

/// Its controller compares the container's image with the tag whenever the workload or the tag changes
/// (openshift/openshift-controller-manager, pkg/image/trigger).
fn image_trigger(id: &Id, trigger: &Trigger, image_streams: Option<&Known<bool>>) -> Option<Owner> {
    let Trigger { container, tag } = trigger;
    let reverts = match image_streams {
        // Without image streams nobody follows them: the annotation came along from another cluster.
        Some(Known::Seen(false)) => return None,
        Some(Known::Seen(true)) => Reverts::Certainly("as soon as it is written".into()),
        Some(Known::Unknown(why)) => Reverts::Perhaps(why.clone()),
        None => Reverts::Perhaps("it was not looked up".into()),
    };
    Some(Owner {
        who: format!("the image trigger of container {container}, which follows ImageStreamTag {tag}"),
        reverts,
        instead: format!("oc set triggers {id} -n {} --manual", id.namespace),
        controls: Controls::Image(container.clone()),
    })
}

fn suspend(kind: &str, namespace: &str, name: &str) -> String {
    format!("revert the commit in git; until then: flux suspend {kind} {name} -n {namespace}")
}

/// Flux's own switches on the object (kustomize-controller, internal/controller/kustomization_controller.go).
fn off(rollout: &Rollout) -> Option<Reverts> {
    let set = |key: &str, value: &str| {
        let object = &rollout.object;
        let found = object.annotation(key).or(object.label(key));
        found.is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let later = |when: &str| Some(Reverts::Later(when.to_owned()));
    if set("kustomize.toolkit.fluxcd.io/reconcile", "disabled") {
        return later("once its kustomize.toolkit.fluxcd.io/reconcile is no longer disabled");
    }
    ["Ignore", "IfNotPresent"]
        .into_iter()
        .find(|mode| set("kustomize.toolkit.fluxcd.io/ssa", mode))
        .and_then(|mode| later(&format!("once its kustomize.toolkit.fluxcd.io/ssa is no longer {mode}")))
}

fn flux(source: Option<&Known<Option<Value>>>, corrects: impl Fn(&Value) -> bool) -> Reverts {
    match source {
        Some(Known::Seen(Some(object))) if object["spec"]["suspend"] == true => {
            Reverts::Later("once it is resumed".into())
        }
        Some(Known::Seen(Some(object))) if corrects(object) => {
            let every = match object.text("/spec/interval") {
                "" => String::new(),
                interval => format!(", every {interval}"),
            };
            Reverts::Certainly(format!("at its next reconciliation{every}"))
        }
        Some(Known::Seen(Some(_))) => Reverts::Later("at its next upgrade: it does not correct drift".into()),
        Some(Known::Seen(None)) => Reverts::Perhaps("it is named on the object and does not exist".into()),
        Some(Known::Unknown(why)) => Reverts::Perhaps(why.clone()),
        None => Reverts::Perhaps("it was not looked up".into()),
    }
}

/// (revision, status) of each release Secret, newest first (helm/pkg/storage/driver/secrets.go, newSecretsObject).
fn revisions(secrets: &[Value]) -> Vec<(i64, &str)> {
    let of = |secret| {
        Some((Raw::label(secret, "version")?.parse().ok()?, Raw::label(secret, "status").unwrap_or_default()))
    };
    let mut found: Vec<(i64, &str)> = secrets.iter().filter_map(of).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

fn helm(secrets: Option<&Known<Vec<Value>>>) -> Reverts {
    let next = "at the next helm upgrade";
    match secrets {
        Some(Known::Seen(secrets)) => match revisions(secrets).first() {
            Some((revision, status)) if status.starts_with("pending-") => Reverts::Perhaps(format!(
                "revision {revision} is {status}: helm is at work, or was interrupted"
            )),
            Some((revision, status)) => {
                Reverts::Later(format!("{next} (revision {revision} is {status} now)"))
            }
            None => Reverts::Later(format!(
                "{next}, if it is still kept with helm: no release of that name was found"
            )),
        },
        Some(Known::Unknown(_)) | None => Reverts::Later(next.into()),
    }
}

/// Which of its revisions has the desired template is in its Secrets, and those are not read: the one before may be a bad one too.
fn helm_instead(namespace: &str, release: &str) -> String {
    format!("helm history {release} -n {namespace}, then helm rollback {release} REVISION -n {namespace}")
}

fn argo_cd(id: &Id, namespace: Option<&str>, name: &str, sure: bool, sources: &Sources) -> Option<Owner> {
    let who = |namespace: Option<&str>| match namespace {
        Some(namespace) => format!("Argo CD application {namespace}/{name}"),
        None => format!("Argo CD application {name}"),
    };
    let list = "argocd app list".to_owned();
    let applications = match &sources.applications {
        Some(Known::Seen(applications)) => applications,
        // Without the kind there is no Argo CD here; another cluster's may still write to this one.
        None if !sure => return None,
        None => {
            let why = "its Application is not in this cluster".to_owned();
            return Some(Owner {
                who: who(namespace),
                reverts: Reverts::Perhaps(why),
                instead: list,
                controls: Controls::Template,
            });
        }
        Some(Known::Unknown(why)) if !sure => {
            let reverts =
                Reverts::Unknown(format!("whether it has an application {name} with this object: {why}"));
            return Some(Owner {
                who: "Argo CD".to_owned(),
                reverts,
                instead: list,
                controls: Controls::Template,
            });
        }
        Some(Known::Unknown(why)) => {
            return Some(Owner {
                who: who(namespace),
                reverts: Reverts::Perhaps(why.clone()),
                instead: list,
                controls: Controls::Template,
            });
        }
    };
    let named = |app: &&Value| {
        app.name() == name && namespace.is_none_or(|namespace| app.text("/metadata/namespace") == namespace)
    };
    let holds = |app: &&Value| {
        let is_it = |resource: &Value| {
            let part = |at: &str| resource.text(at);
            (part("/group"), part("/kind"), part("/namespace"), part("/name"))
                == (id.kind.resource().group, id.kind.name(), id.namespace.as_str(), id.name.as_str())
        };
        app.list("/status/resources").iter().any(is_it)
    };
    let found = applications.iter().filter(named).find(holds);
    let Some(app) = found.or_else(|| applications.iter().find(named).filter(|_| sure)) else {
        let why = "it is named on the object and does not exist in this cluster".to_owned();
        return sure.then(|| Owner {
            who: who(namespace),
            reverts: Reverts::Perhaps(why),
            instead: list,
            controls: Controls::Template,
        });
    };
    let namespace = app.text("/metadata/namespace");
    let (reverts, instead) = argo_cd_reverts(app, namespace, name);
    Some(Owner { who: who(Some(namespace)), reverts, instead, controls: Controls::Template })
}

fn argo_cd_reverts(app: &Value, namespace: &str, name: &str) -> (Reverts, String) {
    let automated =
        app.pointer("/spec/syncPolicy/automated").filter(|a| a["enabled"] != false && !a.is_null());
    let manual = format!("argocd app set {name} -N {namespace} --sync-policy none");
    let git = format!("revert the commit in git; until then: {manual}");
    if app.annotation("argocd.argoproj.io/skip-reconcile") == Some("true") {
        return (Reverts::Later("once it is reconciled again: skip-reconcile is on".into()), git);
    }
    match automated {
        Some(automated) if automated["selfHeal"] == true => {
            (Reverts::Certainly("at once: self-heal is on".into()), git)
        }
        Some(_) => (Reverts::Later("at its next automatic sync: with the next commit".into()), git),
        None => {
            (Reverts::Later("at its next sync".into()), format!("argocd app rollback {name} -N {namespace}"))
        }
    }
}
