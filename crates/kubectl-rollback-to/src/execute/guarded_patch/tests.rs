use super::*;
use crate::outcome::cause::Author;
use crate::outcome::reason::ImageChange;
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
    Read(ReadResult),
}
use Input::{Answer as A, Read as R};

/// What is done after an input.
#[derive(Debug, PartialEq)]
enum Done {
    Send,
    Read,
    /// Is it mutated?
    Written(bool),
    End(Wrote),
}

fn done(act: Act) -> Done {
    match act {
        Act::Send(_) => Done::Send,
        Act::Read => Done::Read,
        Act::End(Wrote::Written { mutated, .. }) => Done::Written(mutated),
        Act::End(wrote) => Done::End(wrote),
    }
}

fn after(inputs: Vec<Input>) -> Vec<Done> {
    let mut attempt = attempt();
    let next = inputs.into_iter().map(|input| match input {
        A(answer) => attempt.on_answer(answer),
        R(read) => attempt.on_read(read),
    });
    next.map(|next| done(next.act)).collect()
}

fn failed(message: &str) -> Done {
    Done::End(Wrote::Failed(message.into()))
}

fn lost() -> Input {
    A(Answer::Lost("504".into()))
}

fn conflict() -> Input {
    A(Answer::Conflict("422".into()))
}

fn denied() -> Input {
    R(ReadResult::Denied("403".into()))
}

fn gone() -> Input {
    A(Answer::Gone("404".into()))
}

fn changed_by_argo() -> Done {
    let by = Some(Author { manager: "argo".into(), at: "2026-01-01T00:00:00Z".parse().unwrap() });
    let image = ImageChange { container: "web".into(), from: Some("v2".into()), to: Some("v3".into()) };
    Done::End(Wrote::Changed(Change::Template { by, images: vec![image] }))
}

#[test]
fn each_way_to_an_end() {
    let mut other = web("v2", "kubectl");
    other["metadata"]["uid"] = json!("u2");
    let found = |image, by| R(ReadResult::Found(Some(web(image, by))));
    let cases: Vec<(&str, Vec<Input>, Vec<Done>)> = vec![
        ("applied", vec![A(Answer::Applied(web("v1", "us")))], vec![Done::Written(false)]),
        ("changed by a webhook", vec![A(Answer::Applied(web("v1-x", "us")))], vec![Done::Written(true)]),
        ("lost, was applied", vec![lost(), found("v1", "us")], vec![Done::Read, Done::Written(false)]),
        (
            "lost, was applied and changed by a webhook",
            vec![lost(), found("v1-x", "us")],
            vec![Done::Read, Done::Written(true)],
        ),
        (
            "lost, was not applied",
            vec![lost(), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            vec![Done::Read, Done::Send, Done::Written(false)],
        ),
        (
            "lost, and applied after the read",
            vec![lost(), found("v2", "kubectl"), conflict(), found("v1", "us")],
            vec![Done::Read, Done::Send, Done::Read, Done::Written(false)],
        ),
        (
            "lost, and somebody else came",
            vec![lost(), found("v3", "argo")],
            vec![Done::Read, changed_by_argo()],
        ),
        ("changed", vec![conflict(), found("v3", "argo")], vec![Done::Read, changed_by_argo()]),
        (
            "somebody else did the same",
            vec![conflict(), found("v1", "argo")],
            vec![Done::Read, Done::End(Wrote::Already)],
        ),
        (
            "only something else raced",
            vec![conflict(), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            vec![Done::Read, Done::Send, Done::Written(false)],
        ),
        (
            "it never fits",
            (0..4).flat_map(|_| [conflict(), found("v2", "kubectl")]).collect(),
            vec![
                Done::Read,
                Done::Send,
                Done::Read,
                Done::Send,
                Done::Read,
                Done::Send,
                Done::Read,
                failed("422"),
            ],
        ),
        ("deleted", vec![conflict(), R(ReadResult::Found(None))], vec![Done::Read, Done::End(Wrote::Gone)]),
        (
            "made again",
            vec![conflict(), R(ReadResult::Found(Some(other)))],
            vec![Done::Read, Done::End(Wrote::Gone)],
        ),
        (
            "lost, and no right to read",
            vec![lost(), denied()],
            vec![Done::Read, Done::End(Wrote::Unknown("403".into()))],
        ),
        ("conflict, and no right to read", vec![conflict(), denied()], vec![Done::Read, failed("403")]),
        ("gone", vec![gone(), R(ReadResult::Found(None))], vec![Done::Read, Done::End(Wrote::Gone)]),
        (
            "not found by something on the way",
            vec![gone(), found("v2", "kubectl"), A(Answer::Applied(web("v1", "us")))],
            vec![Done::Read, Done::Send, Done::Written(false)],
        ),
        ("refused", vec![A(Answer::Refused("403".into()))], vec![failed("403")]),
        (
            "refused by a server that is just starting",
            vec![
                A(Answer::NotSent("refused".into())),
                A(Answer::Denied("403".into())),
                A(Answer::Applied(web("v1", "us"))),
            ],
            vec![Done::Send, Done::Send, Done::Written(false)],
        ),
        ("no right", vec![A(Answer::Denied("403".into()))], vec![failed("403")]),
        ("unsent", vec![A(Answer::NotSent("refused".into())), gone()], vec![Done::Send, Done::Read]),
    ];
    for (case, inputs, expected) in cases {
        assert_eq!(after(inputs), expected, "{case}");
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
                return (tries, waited.as_secs(), wrote);
            }
        }
        unreachable!()
    };
    let blind = |a: &mut GuardedPatch| {
        let lost = a.on_answer(Answer::Lost("504".into()));
        let blind = a.on_read(ReadResult::NoAnswer("504".into()));
        Next { wait: lost.wait + blind.wait, act: blind.act }
    };
    assert_eq!(ends(attempt(), &blind), (5, 19, Wrote::Unknown("504".into())));
    let unsent = |a: &mut GuardedPatch| a.on_answer(Answer::NotSent("refused".into()));
    assert_eq!(ends(attempt(), &unsent), (9, 19, Wrote::Failed("refused".into())));
    let busy = |a: &mut GuardedPatch| {
        a.on_answer(Answer::Busy { message: "429".into(), wait: Duration::from_secs(2) })
    };
    assert_eq!(ends(attempt(), &busy), (7, 12, Wrote::Failed("429".into())));
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
    attempt.on_answer(Answer::Conflict("422".into()));
    let mut live = web("v2", "kubectl");
    live["metadata"]["annotations"] = json!({"another": "one"});
    assert_eq!(
        attempt.on_read(ReadResult::Found(Some(live.clone()))).act,
        changed_note(),
        "it was to be replaced"
    );
    live["metadata"]["annotations"]["note"] = json!("kept");
    let fits = last(attempt.on_read(ReadResult::Found(Some(live))));
    assert_eq!(fits, json!({"op": "replace", "path": "/metadata/annotations/note", "value": "back"}));
}

fn changed_note() -> Act {
    Act::End(Wrote::Changed(Change::Annotation("note".into())))
}

/// Nobody's annotation is overwritten; but the template is restored all the same.
#[test]
fn a_restore_leaves_an_annotation_alone_that_somebody_changed() {
    let seen = web("v2", "us");
    let id = Id::of(Kind::Deployment, &seen);
    let note = vec![("note".to_owned(), Some("before".to_owned()))];
    let mut attempt = GuardedPatch::restore(id, seen, template("v1"), note, "us");
    let ops = |next: Next| match next.act {
        Act::Send(ops) => ops,
        other => panic!("{other:?}"),
    };
    let guard = json!({"op": "test", "path": "/metadata/annotations/note", "value": "kept"});
    assert!(ops(attempt.start()).contains(&guard));
    attempt.on_answer(Answer::Conflict("422".into()));
    let mut live = web("v2", "us");
    live["metadata"]["annotations"]["note"] = json!("by hand");
    let again = ops(attempt.on_read(ReadResult::Found(Some(live))));
    assert_eq!(again.last().unwrap()["path"], "/spec/template", "{again:?}");
}

fn answer() -> impl Strategy<Value = Answer> {
    let message = String::new;
    prop_oneof![
        Just(Answer::Conflict(message())),
        Just(Answer::Busy { message: message(), wait: Duration::ZERO }),
        Just(Answer::Lost(message())),
        Just(Answer::NotSent(message())),
        Just(Answer::Denied(message())),
        Just(Answer::Gone(message())),
    ]
}

fn read() -> impl Strategy<Value = ReadResult> {
    let found = |image, by| Just(ReadResult::Found(Some(web(image, by))));
    prop_oneof![
        4 => found("v2", "kubectl"),
        1 => found("v3", "argo"),
        1 => found("v1", "us"),
        2 => Just(ReadResult::NoAnswer(String::new())),
        1 => Just(ReadResult::Denied(String::new())),
    ]
}

proptest! {
    /// Whatever the server answers: it ends, and nothing is sent again before it is certain that it is not there yet.
    #[test]
    fn it_ends_and_repeats_nothing_blindly(
        answers in prop::collection::vec(answer(), 40),
        reads in prop::collection::vec(read(), 40),
    ) {
        let mut attempt = attempt();
        let (mut answers, mut reads) = (answers.into_iter(), reads.into_iter());
        let mut next = attempt.start();
        let mut lost = false;
        loop {
            next = match next.act {
                Act::End(_) => break,
                Act::Send(_) => {
                    prop_assert!(!lost, "an answer was lost, and nothing was read");
                    let answer = answers.next().unwrap();
                    lost = matches!(answer, Answer::Lost(_));
                    attempt.on_answer(answer)
                }
                Act::Read => {
                    let read = reads.next().unwrap();
                    lost &= !matches!(read, ReadResult::Found(_));
                    attempt.on_read(read)
                }
            };
        }
    }
}
