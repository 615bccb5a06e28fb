use super::*;
use proptest::prelude::*;

fn entry(manager: &str, operation: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
}

fn object(entries: &[Value]) -> Value {
    json!({"metadata": {"managedFields": entries}})
}

/// Of container web, these fields.
fn web(fields: Value) -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": fields}}}}})
}

#[test]
fn fields_are_returned_and_our_entry_vanishes() {
    let helm = |fields: Value| entry("helm", "Apply", fields);
    let scaler = json!({"manager": "hpa", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
        "fieldsV1": {"f:spec": {"f:replicas": {}}}});
    let all = web(json!({".": {}, "f:image": {}, "f:name": {}}));
    let before = object(&[helm(all.clone()), scaler.clone()]);
    let after = object(&[
        helm(web(json!({".": {}, "f:name": {}}))),
        entry("us", "Update", web(json!({"f:image": {}}))),
        scaler.clone(),
    ]);
    let entries = hand_back(&before, &after, "us").unwrap();
    assert_eq!(entries, [helm(all), scaler]);
    assert_eq!(receivers(&after, &entries, "us"), [("helm".to_owned(), 1)]);
}

#[test]
fn whose_a_field_is() {
    let image = || web(json!({"f:image": {}}));
    let env = || web(json!({"f:env": {}}));
    let helm = |fields| entry("helm", "Apply", fields);
    let us = |fields| entry("us", "Update", fields);
    let cases: Vec<(&str, Value, Value, Option<Value>)> = vec![
        ("nothing taken", object(&[helm(image())]), object(&[helm(image())]), None),
        (
            "ours before already",
            object(&[helm(env()), us(image())]),
            object(&[helm(env()), us(image())]),
            None,
        ),
        (
            "all of an entry was taken: it is made again",
            object(&[helm(image())]),
            object(&[us(image())]),
            Some(json!([helm(image())])),
        ),
        (
            "nobody had it, one manager is around",
            object(&[helm(image())]),
            object(&[helm(image()), us(env())]),
            Some(json!([helm(web(json!({"f:env": {}, "f:image": {}})))])),
        ),
        (
            "nobody had it, two managers are around",
            object(&[helm(image()), entry("kubectl", "Update", web(json!({"f:ports": {}})))]),
            object(&[helm(image()), entry("kubectl", "Update", web(json!({"f:ports": {}}))), us(env())]),
            None,
        ),
        (
            "an annotation nobody had stays ours",
            object(&[helm(image())]),
            object(&[us(json!({"f:metadata": {"f:annotations": {"f:cause": {}}},
                "f:spec": image()["f:spec"]}))]),
            Some(json!([us(json!({"f:metadata": {"f:annotations": {"f:cause": {}}}})), helm(image())])),
        ),
        (
            "two had it: both get it",
            object(&[helm(image()), entry("argo", "Apply", image())]),
            object(&[us(image())]),
            Some(json!([entry("argo", "Apply", image()), helm(image())])),
        ),
        (
            "what another took since is not ours to give",
            object(&[helm(image())]),
            object(&[entry("argo", "Apply", image())]),
            None,
        ),
    ];
    for (case, before, after, expected) in cases {
        assert_eq!(hand_back(&before, &after, "us").map(Value::Array), expected, "{case}");
    }
}

fn set() -> impl Strategy<Value = Paths> {
    let path = prop::collection::vec("[a-c]".prop_map(|key| format!("f:{key}")), 1..4);
    prop::collection::btree_set(path, 0..8)
}

proptest! {
    #[test]
    fn sets_survive_their_notation(all in set()) {
        prop_assert_eq!(paths(&fields(&all)), all);
    }

    #[test]
    fn no_field_is_lost(before in set(), ours in set(), others in set()) {
        let before = object(&[entry("helm", "Apply", fields(&before))]);
        let after = object(&[entry("us", "Update", fields(&ours)), entry("argo", "Apply", fields(&others))]);
        if let Some(entries) = hand_back(&before, &after, "us") {
            let all = |object: &Value| owned(object).into_values().flatten().collect::<Paths>();
            prop_assert_eq!(all(&object(&entries)), all(&after));
            let empty = entries.iter().any(|entry| entry["fieldsV1"] == json!({}));
            prop_assert!(!empty, "the server takes an empty set for one that owns itself");
        }
    }
}

/// A controller that writes the status again and again, as that of a DaemonSet does while its pods start.
async fn kept_after(conflicts: usize) -> Note {
    use testbed::fake::{Answer, Fake};
    let fake = Fake::start();
    let cluster = crate::server_dry_run::testing::connect(&fake).await;
    let rollout = crate::server_dry_run::testing::web();
    let image = || web(json!({"f:image": {}}));
    let with = |manager: &str, operation: &str| {
        let mut object = rollout.object.clone();
        object["metadata"]["managedFields"] = json!([entry(manager, operation, image())]);
        object
    };
    let path = "/apis/apps/v1/namespaces/shop/deployments/web";
    fake.on("GET", path).answer(Answer::json(with("us", "Update")));
    let conflict = Answer::status(409, "Conflict", "the object has been modified");
    fake.on("PATCH", path).times(conflicts).answer(conflict);
    fake.on("PATCH", path).answer(Answer::json(with("helm", "Apply")));
    let (failures, _) = tokio::sync::mpsc::unbounded_channel();
    let waits = std::iter::repeat_n(Duration::ZERO, 4);
    let before = with("helm", "Apply");
    keep_within(&cluster, &rollout.id, &before, "us", &failures, waits).await.unwrap()
}

#[tokio::test]
async fn a_workload_whose_status_keeps_changing_is_tried_again() {
    let returned = Note::OwnershipReturned(vec![("helm".into(), 1)]);
    for conflicts in [0, 1, 4] {
        assert_eq!(kept_after(conflicts).await, returned, "{conflicts}");
    }
    let Note::OwnershipKept { message, .. } = kept_after(5).await else { panic!("returned") };
    assert_eq!(message, "deployment/web was changed during each of 5 attempts (conflict)");
}
