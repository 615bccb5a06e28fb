use super::*;
use cluster_model::rollout::Kind;
use proptest::prelude::*;
use serde_json::json;

/// A Deployment of this image whose template `by` wrote.
fn web(image: &str, by: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u1", "annotations": {"note": "kept"},
            "managedFields": [{"manager": by, "operation": "Update", "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:template": {}}}}]},
        "spec": {"template": template(image)}})
}

fn template(image: &str) -> Value {
    json!({"spec": {"containers": [{"name": "web", "image": image}]}})
}

fn attempt() -> GuardedPatch {
    let seen = web("v2", "kubectl");
    GuardedPatch::new(Id::of(Kind::Deployment, &seen), seen, template("v1"), Vec::new(), "us")
}

enum Input {
    Answer(Answer),
    Look(Look),
}
use Input::{Answer as A, Look as L};

/// What is done after each input: `send`, `look`, or how it ends.
fn told(inputs: Vec<Input>) -> Vec<String> {
    let mut attempt = attempt();
    inputs
        .into_iter()
        .map(|input| {
            let next = match input {
                A(answer) => attempt.answered(answer),
                L(look) => attempt.looked(look),
            };
            match next.act {
                Act::Send(_) => "send".to_owned(),
                Act::Look => "look".to_owned(),
                Act::End(Wrote::Written { mutated, .. }) => format!("written, mutated: {mutated}"),
                Act::End(wrote) => format!("{wrote:?}"),
            }
        })
        .collect()
}

fn lost() -> Input {
    A(Answer::Lost { says: "504".into() })
}

fn misfit() -> Input {
    A(Answer::Misfit { says: "422".into() })
}

fn denied() -> Input {
    L(Look::Denied { says: "403".into() })
}

const ARGO: &str = "Changed { change: \"changed by argo at 2026-01-01T00:00:00Z (web: v2 → v3)\" }";

#[test]
fn each_way_to_an_end() {
    let mut other = web("v2", "kubectl");
    other["metadata"]["uid"] = json!("u2");
    let found = |image, by| L(Look::Seen(Some(web(image, by))));
    let cases: Vec<(&str, Vec<Input>, &[&str])> = vec![
        ("applied", vec![A(Answer::Applied(web("v1", "us")))], &["written, mutated: false"]),
        ("a webhook meddled", vec![A(Answer::Applied(web("v1-x", "us")))], &["written, mutated: true"]),
        ("lost, was applied", vec![lost(), found("v1", "us")], &["look", "written, mutated: false"]),
        (
            "lost, was applied and meddled with",
            vec![lost(), found("v1-x", "us")],
            &["look", "written, mutated: true"],
        ),
        (
            "lost, was not applied",
            vec![lost(), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            &["look", "send", "written, mutated: false"],
        ),
        (
            "lost, and applied after the look",
            vec![lost(), found("v2", "kubectl"), misfit(), found("v1", "us")],
            &["look", "send", "look", "written, mutated: false"],
        ),
        ("lost, and somebody else came", vec![lost(), found("v3", "argo")], &["look", ARGO]),
        ("changed", vec![misfit(), found("v3", "argo")], &["look", ARGO]),
        ("somebody else did the same", vec![misfit(), found("v1", "argo")], &["look", "Already"]),
        (
            "only something else raced",
            vec![misfit(), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            &["look", "send", "written, mutated: false"],
        ),
        (
            "it never fits",
            (0..4).flat_map(|_| [misfit(), found("v2", "kubectl")]).collect(),
            &["look", "send", "look", "send", "look", "send", "look", "Failed { says: \"422\" }"],
        ),
        ("deleted", vec![misfit(), L(Look::Seen(None))], &["look", "Gone"]),
        ("made again", vec![misfit(), L(Look::Seen(Some(other)))], &["look", "Gone"]),
        ("lost, and no right to look", vec![lost(), denied()], &["look", "Unknown { says: \"403\" }"]),
        ("misfit, and no right to look", vec![misfit(), denied()], &["look", "Failed { says: \"403\" }"]),
        ("gone", vec![A(Answer::Gone), L(Look::Seen(None))], &["look", "Gone"]),
        (
            "not found by something on the way",
            vec![A(Answer::Gone), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            &["look", "send", "written, mutated: false"],
        ),
        ("refused", vec![A(Answer::Refused { says: "403".into() })], &["Failed { says: \"403\" }"]),
        (
            "refused by a server that is just starting",
            vec![
                A(Answer::Unsent { says: "refused".into() }),
                A(Answer::Denied { says: "403".into() }),
                A(Answer::Applied(web("v1", "us"))),
            ],
            &["send", "send", "written, mutated: false"],
        ),
        ("no right", vec![A(Answer::Denied { says: "403".into() })], &["Failed { says: \"403\" }"]),
        ("unsent", vec![A(Answer::Unsent { says: "refused".into() }), A(Answer::Gone)], &["send", "look"]),
    ];
    for (case, inputs, expected) in cases {
        assert_eq!(told(inputs), expected, "{case}");
    }
}

#[test]
fn patience_ends() {
    let ends = |mut attempt: GuardedPatch, input: &dyn Fn(&mut GuardedPatch) -> Next| {
        let mut waited = Duration::ZERO;
        for tries in 1.. {
            let next = input(&mut attempt);
            waited += next.wait;
            if let Act::End(wrote) = next.act {
                return (tries, waited.as_secs(), format!("{wrote:?}"));
            }
        }
        unreachable!()
    };
    let blind = |a: &mut GuardedPatch| {
        let lost = a.answered(Answer::Lost { says: "504".into() });
        let blind = a.looked(Look::Blind { says: "504".into() });
        Next { wait: lost.wait + blind.wait, act: blind.act }
    };
    assert_eq!(ends(attempt(), &blind), (5, 19, "Unknown { says: \"504\" }".to_owned()));
    let unsent = |a: &mut GuardedPatch| a.answered(Answer::Unsent { says: "refused".into() });
    assert_eq!(ends(attempt(), &unsent), (9, 19, "Failed { says: \"refused\" }".to_owned()));
    let busy =
        |a: &mut GuardedPatch| a.answered(Answer::Busy { says: "429".into(), wait: Duration::from_secs(2) });
    assert_eq!(ends(attempt(), &busy), (7, 12, "Failed { says: \"429\" }".to_owned()));
}

#[test]
fn the_second_try_fits_what_is_there_then() {
    let seen = web("v2", "kubectl");
    let id = Id::of(Kind::Deployment, &seen);
    let mut attempt =
        GuardedPatch::new(id, seen, template("v1"), vec![("note".into(), Some("back".into()))], "us");
    let last = |next: Next| match next.act {
        Act::Send(ops) => ops.last().cloned().unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(last(attempt.start())["op"], "replace");
    attempt.answered(Answer::Misfit { says: "422".into() });
    let mut live = web("v2", "kubectl");
    live["metadata"]["annotations"] = json!({"another": "one"});
    assert_eq!(attempt.looked(Look::Seen(Some(live.clone()))).act, changed_note(), "it was to be replaced");
    live["metadata"]["annotations"]["note"] = json!("kept");
    let fits = last(attempt.looked(Look::Seen(Some(live))));
    assert_eq!(fits, json!({"op": "replace", "path": "/metadata/annotations/note", "value": "back"}));
}

fn changed_note() -> Act {
    Act::End(Wrote::Changed { change: "its annotation note was changed".into() })
}

/// Nobody's annotation is overwritten; but a broken template goes back all the same.
#[test]
fn the_way_back_leaves_an_annotation_alone_that_somebody_changed() {
    let seen = web("v2", "us");
    let id = Id::of(Kind::Deployment, &seen);
    let note = vec![("note".to_owned(), Some("before".to_owned()))];
    let mut attempt = GuardedPatch::back(id, seen, template("v1"), note, "us");
    let ops = |next: Next| match next.act {
        Act::Send(ops) => ops,
        other => panic!("{other:?}"),
    };
    let guard = json!({"op": "test", "path": "/metadata/annotations/note", "value": "kept"});
    assert!(ops(attempt.start()).contains(&guard));
    attempt.answered(Answer::Misfit { says: "422".into() });
    let mut live = web("v2", "us");
    live["metadata"]["annotations"]["note"] = json!("by hand");
    let again = ops(attempt.looked(Look::Seen(Some(live))));
    assert_eq!(again.last().unwrap()["path"], "/spec/template", "{again:?}");
}

fn answer() -> impl Strategy<Value = Answer> {
    let says = String::new;
    prop_oneof![
        Just(Answer::Misfit { says: says() }),
        Just(Answer::Busy { says: says(), wait: Duration::ZERO }),
        Just(Answer::Lost { says: says() }),
        Just(Answer::Unsent { says: says() }),
        Just(Answer::Denied { says: says() }),
        Just(Answer::Gone),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    let found = |image, by| Just(Look::Seen(Some(web(image, by))));
    prop_oneof![
        4 => found("v2", "kubectl"),
        1 => found("v3", "argo"),
        1 => found("v1", "us"),
        2 => Just(Look::Blind { says: String::new() }),
        1 => Just(Look::Denied { says: String::new() }),
    ]
}

proptest! {
    /// Whatever the server answers: it ends, and nothing is sent again before it is certain that it is not there yet.
    #[test]
    fn it_ends_and_repeats_nothing_blindly(
        answers in prop::collection::vec(answer(), 40),
        looks in prop::collection::vec(look(), 40),
    ) {
        let mut attempt = attempt();
        let (mut answers, mut looks) = (answers.into_iter(), looks.into_iter());
        let mut next = attempt.start();
        let mut lost = false;
        loop {
            next = match next.act {
                Act::End(_) => break,
                Act::Send(_) => {
                    prop_assert!(!lost, "an answer was lost, and nobody looked");
                    let answer = answers.next().unwrap();
                    lost = matches!(answer, Answer::Lost { .. });
                    attempt.answered(answer)
                }
                Act::Look => {
                    let look = looks.next().unwrap();
                    lost &= !matches!(look, Look::Seen(_));
                    attempt.looked(look)
                }
            };
        }
    }
}
