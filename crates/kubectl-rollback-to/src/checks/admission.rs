//! What the server answered to the dry run: of the template, and of a pod made from it.

use cluster_model::{Finding, Known, Severity};

use super::Case;
use super::pace::Pace;
use crate::merge_tree::{differences, listed};
use crate::server_dry_run::{CLIENT_DRY_RUN, had_no_dry_run};

pub fn template(case: &Case<'_>) -> Vec<Finding> {
    match &case.dry_run.workload {
        Err(message) if had_no_dry_run(message) => {
            let remedy = remedy(message);
            // Without any dry run the pods are not checked either: one finding for both.
            let what = if message == CLIENT_DRY_RUN { ", nor for pod admission" } else { "" };
            let message = format!("could not be checked with a server dry run{what}: {message}");
            vec![case.finding("template-not-checked", Severity::Unknown, message).remedy(remedy)]
        }
        Err(message) => {
            let message = format!("would be refused: {message}");
            vec![
                case.finding("template-refused", Severity::Error, message)
                    .remedy("choose another revision, or fix the cause"),
            ]
        }
        Ok(object) => {
            let paths = differences(&case.target.template, &object["spec"]["template"]);
            if paths.is_empty() {
                return Vec::new();
            }
            let message = format!("would not be written as shown: the server changes {}", listed(&paths));
            vec![
                case.finding("template-mutated", Severity::Warning, message)
                    .remedy("see --diff=full; a webhook, a policy or a new default changes it"),
            ]
        }
    }
}

/// What a client alone cannot check, the server can.
fn remedy(message: &str) -> &'static str {
    if message == CLIENT_DRY_RUN { "--dry-run=server checks it" } else { "" }
}

pub fn pod(case: &Case<'_>) -> Vec<Finding> {
    match &case.dry_run.pod {
        Known::Unknown(why) if why == CLIENT_DRY_RUN => Vec::new(),
        Known::Unknown(why) => {
            let message = format!("could not be checked for pod admission: {why}");
            vec![case.finding("admission-not-checked", Severity::Unknown, message)]
        }
        Known::Seen(Ok(())) => Vec::new(),
        // One more pod does not fit, and none is asked for: each takes the place of another. See the check of quotas.
        Known::Seen(Err(message))
            if message.contains("exceeded quota") && !Pace::of(case.rollout()).needs_room_first() =>
        {
            Vec::new()
        }
        Known::Seen(Err(message)) => {
            let message = format!("would have its pods refused now: {message}");
            vec![
                case.finding("pod-not-admitted", Severity::Error, message)
                    .remedy("fix the cause, or choose another revision; checked with your permissions, not the controller's"),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::json;

    fn pod(answer: Known<Result<(), String>>) -> Fixture {
        let mut fixture = Fixture::of(Kind::Deployment);
        fixture.dry_run.pod = answer;
        fixture
    }

    fn template(answer: Result<serde_json::Value, String>) -> Fixture {
        let mut fixture = Fixture::of(Kind::Deployment);
        fixture.dry_run.workload = answer;
        fixture
    }

    #[test]
    fn pod_not_admitted() {
        let good = pod(Known::Seen(Ok(())));
        for message in [
            "pods \"web-\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
            "pods \"web-\" is forbidden: maximum cpu usage per Container is 1, but limit is 2",
            "admission webhook \"policy\" denied the request: no",
            "pods \"web-\" is forbidden: exceeded quota: compute",
        ] {
            let bad = pod(Known::Seen(Err(message.into())));
            fires("pod-not-admitted", Severity::Error, &bad, &good);
            assert!(bad.message_of("pod-not-admitted").ends_with(message));
        }
    }

    #[test]
    fn a_full_quota_refuses_only_who_needs_one_more_pod() {
        let message = || Known::Seen(Err("pods \"web-\" is forbidden: exceeded quota: compute".to_owned()));
        let recreate =
            pod(message()).live(json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}));
        fires("pod-not-admitted", Severity::Error, &pod(message()), &recreate);
        let room = json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}});
        fires("pod-not-admitted", Severity::Error, &pod(message()), &pod(message()).live(room));
    }

    #[test]
    fn admission_not_checked() {
        let bad = pod(Known::Unknown("you have no right to create pods".into()));
        fires("admission-not-checked", Severity::Unknown, &bad, &pod(Known::Seen(Ok(()))));
    }

    #[test]
    fn template_refused_or_not_checked() {
        let good = Fixture::of(Kind::Deployment);
        let refused = template(Err("Deployment.apps \"web\" is invalid: spec.template: no".into()));
        fires("template-refused", Severity::Error, &refused, &good);
        let silent = template(Err("admission webhook \"w\" does not support dry run".into()));
        fires("template-not-checked", Severity::Unknown, &silent, &good);
        assert_eq!(silent.of_id("template-refused"), [], "the real write may be taken");
        let mut client_only = Fixture::of(Kind::Deployment);
        client_only.dry_run =
            crate::server_dry_run::client_dry_run(client_only.case().rollout(), &client_only.target.template);
        fires("template-not-checked", Severity::Unknown, &client_only, &good);
        // One fact, one finding.
        assert_eq!(client_only.of_id("admission-not-checked"), []);
        let message = "could not be checked with a server dry run, nor for pod admission: --dry-run=client sends no dry-run requests";
        assert_eq!(client_only.message_of("template-not-checked"), message);
    }

    #[test]
    fn template_mutated() {
        let mut bad = Fixture::of(Kind::Deployment);
        if let Ok(object) = &mut bad.dry_run.workload {
            object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mirror/web:1");
            object["spec"]["template"]["spec"]["dnsPolicy"] = json!("ClusterFirst");
        }
        fires("template-mutated", Severity::Warning, &bad, &Fixture::of(Kind::Deployment));
        assert!(bad.message_of("template-mutated").ends_with("spec.containers[web].image, spec.dnsPolicy"));
    }
}
