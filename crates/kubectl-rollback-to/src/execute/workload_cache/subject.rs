//! Which of the objects in its namespace belong to one workload. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Raw;
use cluster_model::rollout::{Id, label_selector, selector};
use k8s_openapi::api::core::v1::Pod;
use kube::core::{Selector, SelectorExt};
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Subject {
    pub id: Id,
    /// For a list request.
    pub selector: String,
    labels: Selector,
    match_labels: BTreeMap<String, String>,
}

impl Subject {
    pub fn new(id: &Id, object: &Value) -> Self {
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let labels = object.map("/spec/selector/matchLabels");
        Subject {
            id: id.clone(),
            selector: selector(object),
            labels: label_selector(object).unwrap_or_default(),
            match_labels: labels.into_iter().flatten().filter_map(text).collect(),
        }
    }

    /// By UID: another one may have its name.
    pub fn is(&self, object: &Value) -> bool {
        object.uid() == self.id.uid
    }

    pub fn is_another(&self, object: &Value) -> bool {
        object.name() == self.id.name && !self.is(object)
    }

    /// Is it a ReplicaSet or ControllerRevision of it?
    pub fn made(&self, history: &Value) -> bool {
        history.controller_ref().is_some_and(|owner| owner.text("/uid") == self.id.uid)
    }

    /// By its labels: the owner of a pod may not have been seen yet.
    pub fn selects(&self, pod: &Pod) -> bool {
        match &pod.metadata.labels {
            Some(labels) => self.labels.matches(labels),
            None => self.labels.matches(&BTreeMap::new()),
        }
    }

    /// By name, because an event may come before its pod.
    pub fn is_about(&self, event: &Value) -> bool {
        let name = event.text("/regarding/name");
        let rest = name.strip_prefix(&self.id.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// A selector of what these have in common; of one alone, its own. Empty if they share no label: then it is everything.
pub fn common_labels(subjects: &[Subject]) -> String {
    let [first, rest @ ..] = subjects else { return String::new() };
    if rest.is_empty() {
        return first.selector.clone();
    }
    let shared = |label: &(&String, &String)| {
        rest.iter().all(|other| other.match_labels.get(label.0).is_some_and(|value| value == label.1))
    };
    let shared = first.match_labels.iter().filter(shared);
    shared.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A selector of what any of these has; of one alone, its own. `None` if there is no label that each of them asks for.
pub fn labels_of_any(subjects: &[Subject]) -> Option<String> {
    let [first, rest @ ..] = subjects else { return None };
    if rest.is_empty() {
        return Some(first.selector.clone());
    }
    let any_of = |key: &String| {
        let values: Option<BTreeSet<&str>> =
            subjects.iter().map(|subject| subject.match_labels.get(key).map(String::as_str)).collect();
        Some(format!("{key} in ({})", values?.into_iter().collect::<Vec<_>>().join(",")))
    };
    let all: Vec<String> = first.match_labels.keys().filter_map(any_of).collect();
    (!all.is_empty()).then(|| all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn subject(name: &str, selector: Value) -> Subject {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: name.into(), uid: name.into() };
        Subject::new(&id, &json!({"spec": {"selector": selector}}))
    }

    #[test]
    fn what_they_have_in_common_is_what_is_watched() {
        let web = subject("web", json!({"matchLabels": {"app": "web", "part-of": "shop"}}));
        let api = subject("api", json!({"matchLabels": {"app": "api", "part-of": "shop"}}));
        let expressions = json!([{"key": "app", "operator": "In", "values": ["db"]}]);
        let db = subject("db", json!({"matchExpressions": expressions}));
        for (subjects, common) in [
            (vec![&web], "app=web,part-of=shop"),
            (vec![&db], "app in (db)"),
            (vec![&web, &api], "part-of=shop"),
            (vec![&web, &api, &db], ""),
            (vec![], ""),
        ] {
            let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
            assert_eq!(common_labels(&subjects), common);
        }
    }

    #[test]
    fn what_any_of_them_made_is_listed() {
        let web = subject("web", json!({"matchLabels": {"app": "web", "part-of": "shop"}}));
        let api = subject("api", json!({"matchLabels": {"app": "api", "part-of": "shop", "tier": "back"}}));
        let db = subject("db", json!({"matchLabels": {"db": "main"}}));
        for (subjects, expected) in [
            (vec![&web], Some("app=web,part-of=shop")),
            (vec![&web, &api], Some("app in (api,web),part-of in (shop)")),
            (vec![&web, &api, &db], None),
            (vec![], None),
        ] {
            let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
            assert_eq!(labels_of_any(&subjects).as_deref(), expected);
        }
    }

    #[test]
    fn what_is_of_others_is_not_its_own() {
        let web = subject("web", json!({"matchLabels": {"app": "web"}}));
        let owned = |uid: &str| json!({"metadata": {"ownerReferences": [{"uid": uid, "controller": true}]}});
        assert!(web.made(&owned("web")) && !web.made(&owned("api")) && !web.made(&json!({})));
        assert!(
            web.is(&json!({"metadata": {"uid": "web"}})) && !web.is(&json!({"metadata": {"uid": "another"}}))
        );
        let labelled = |app: &str| pod("shop/web-1", "n").edit(json!({"metadata": {"labels": {"app": app}}}));
        assert!(web.selects(&labelled("web")) && !web.selects(&labelled("api")));
        assert!(!web.selects(&pod("shop/web-1", "n")));
    }

    #[test]
    fn events_about_it_and_what_it_made() {
        let web = subject("web", json!({}));
        for (name, expected) in
            [("web", true), ("web-5c9f", true), ("web-5c9f-x", true), ("webshop", false), ("api", false)]
        {
            assert_eq!(web.is_about(&json!({"regarding": {"name": name}})), expected, "{name}");
        }
    }
}
