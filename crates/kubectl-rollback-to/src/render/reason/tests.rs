use super::*;
use crate::outcome::cause::{Cause, Problem};
use cluster_model::BeingDeleted;
use cluster_model::rollout::Kind;
use k8s_openapi::jiff::tz::TimeZone;

fn id(name: &str) -> Id {
    Id { kind: Kind::StatefulSet, namespace: "shop".into(), name: name.into(), uid: "u".into() }
}

fn lines(all: &[Vec<Reason>]) -> String {
    all.iter().map(|all| reasons(&id("db"), all)).collect::<Vec<_>>().join("\n")
}

fn failed() -> Reason {
    let problem = Problem::FailedCreate("exceeded quota".into());
    Reason::Rollout(Cause::Problem(problem))
}

fn by(manager: &str) -> Option<Author> {
    Some(Author { manager: manager.into(), at: "2026-01-01T00:00:07Z".parse().unwrap() })
}

fn changed(images: &[(&str, Option<&str>, Option<&str>)], by: Option<Author>) -> Change {
    let image = |(container, from, to): &(&str, Option<&str>, Option<&str>)| ImageChange {
        container: (*container).into(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    Change::Template { by, images: images.iter().map(image).collect() }
}

fn being_deleted() -> BeingDeleted {
    BeingDeleted { since: "2026-01-01T00:00:07Z".parse().unwrap(), finalizers: vec!["x.io/hold".into()] }
}

#[test]
fn before_and_after_the_write() {
    let already = || Already::Live(Some(5));
    let blocked = |why| vec![Reason::BlockedByPod { pod: "db-1".into(), why }];
    let message = || "cannot write statefulset/db: no (403)".to_owned();
    let images =
        changed(&[("web", Some("shop:1"), Some("shop:2")), ("log", Some("log:1"), None)], by("helm"));
    insta::assert_snapshot!(lines(&[
        vec![Reason::Already(already())],
        vec![Reason::Already(Already::Live(None)), Reason::PodsNotChecked],
        vec![Reason::Already(Already::WrittenBySomebody), Reason::NoPods(Kind::StatefulSet)],
        vec![Reason::AlreadyBut { already: already(), pods: None }, failed()],
        vec![Reason::AlreadyBut { already: already(), pods: Some((0, 2)) }, failed()],
        vec![Reason::DidNotExist],
        vec![Reason::NoTarget],
        vec![Reason::NotStarted(Some(id("api"))), Reason::NothingWritten],
        vec![Reason::NotStarted(None)],
        vec![Reason::ChangedAfterPlanning(images), Reason::NothingWritten],
        vec![Reason::ChangedAfterPlanning(changed(&[], None)), Reason::NothingWritten],
        vec![Reason::ChangedAfterPlanning(Change::Annotation("a/b".into())), Reason::NothingWritten],
        vec![Reason::DeletedAfterPlanning, Reason::NothingWritten],
        vec![Reason::Message(message()), Reason::NothingWritten],
        vec![Reason::Message(message()), Reason::UpdateUnknown],
        vec![Reason::NotWatched],
        blocked(BlockedByPod::UntilDeleted { message: "not Ready".into(), revision: Some(3) }),
        blocked(BlockedByPod::UntilDeleted { message: "not Ready".into(), revision: None }),
        blocked(BlockedByPod::KeepsChanging),
        blocked(BlockedByPod::NotDeleted(message())),
        vec![Reason::Deleted],
        vec![Reason::BeingDeleted(being_deleted())],
        vec![Reason::Reverted(by("argo"))],
        vec![Reason::Reverted(None)],
        vec![Reason::Superseded { by: by("kim"), pods: (1, 3) }],
        vec![Reason::Unobserved { why: Unobserved::NotListed, restored: false }],
        vec![Reason::Unobserved { why: Unobserved::UnreadablePod("db-0".into()), restored: true }],
        vec![Reason::Unobserved { why: Unobserved::WatchesDiffer, restored: false }],
    ]), @r"
    the live template already is revision 5
    the live template already is an earlier template; its pods were not checked (--no-wait)
    somebody else wrote the same template meanwhile; 0 replicas, so there are no pods to show whether it works
    the live template already is revision 5, but FailedCreate: exceeded quota
    the live template already is revision 5, but 0 of 2 pods run it: FailedCreate: exceeded quota
    did not exist then; unchanged
    there is no target for it
    not started, because statefulset/api did not succeed; nothing was written
    not started
    changed by helm at 2026-01-01T00:00:07Z (web: shop:1 → shop:2, log: log:1 → none) after planning; nothing was written
    changed by somebody (the same images) after planning; nothing was written
    its annotation a/b was changed after planning; nothing was written
    deleted after planning; nothing was written
    cannot write statefulset/db: no (403); nothing was written
    cannot write statefulset/db: no (403); unknown whether it was updated
    not watched (--no-wait)
    blocked by pod db-1 (not Ready) until it is deleted
    blocked by pod db-1 (not Ready) until it is deleted
    blocked by pod db-1, which keeps changing
    blocked by pod db-1, which could not be deleted: cannot write statefulset/db: no (403)
    it was deleted meanwhile
    it is being deleted since 2026-01-01T00:00:07Z: its controller rolls nothing out; finalizers: x.io/hold
    reverted by argo at 2026-01-01T00:00:07Z
    reverted by someone
    kim wrote another template at 2026-01-01T00:00:07Z, when 1 of 3 pods ran this one; it is not overwritten
    it could not be seen for 10 minutes; the rollout continues unobserved
    restored, but pod db-0 could not be read: its fields are not as expected; the rollout continues unobserved
    the watched state differs from the state on the server; the rollout continues unobserved
    ");
}

#[test]
fn restored_or_not() {
    let not = |why| vec![failed(), Reason::NotRestored(why)];
    let message = || "cannot write statefulset/db: no (403)".to_owned();
    insta::assert_snapshot!(lines(&[
        vec![failed(), Reason::Restored],
        vec![Reason::OtherFailed(id("api")), Reason::Restored, Reason::NotWatched],
        vec![failed(), Reason::HadPreviousTemplate],
        vec![Reason::Overdue { pods: (1, 3) }, Reason::Restored],
        vec![failed(), Reason::RestoredAndReplaced(by("kim"))],
        not(NotRestored::Changed(changed(&[], None))),
        not(NotRestored::Deleted),
        not(NotRestored::Restarted(by("kim"))),
        not(NotRestored::Failed(message())),
        not(NotRestored::Unknown(message())),
        not(NotRestored::Unobserved(Unobserved::Message(message()))),
        not(NotRestored::Unhealthy(vec![Reason::Deleted])),
        not(NotRestored::Unhealthy(vec![Reason::BeingDeleted(being_deleted())])),
    ]), @r"
    FailedCreate: exceeded quota; previous template restored
    statefulset/api failed; previous template restored; not watched (--no-wait)
    FailedCreate: exceeded quota; it already has its previous template
    --timeout passed with 1 of 3 updated pods available; previous template restored
    FailedCreate: exceeded quota; restored, and then kim wrote another template, which is not overwritten
    FailedCreate: exceeded quota; not restored: changed by somebody (the same images) meanwhile, which is not overwritten
    FailedCreate: exceeded quota; not restored: it was deleted meanwhile
    FailedCreate: exceeded quota; not restored: restarted by kim at 2026-01-01T00:00:07Z meanwhile, which is not overwritten
    FailedCreate: exceeded quota; not restored: cannot write statefulset/db: no (403)
    FailedCreate: exceeded quota; not restored: cannot write statefulset/db: no (403); unknown whether it was
    FailedCreate: exceeded quota; not restored: cannot write statefulset/db: no (403)
    FailedCreate: exceeded quota; its template was restored, and then it was deleted
    FailedCreate: exceeded quota; its template was restored, but it is being deleted since 2026-01-01T00:00:07Z: its controller rolls nothing out; finalizers: x.io/hold
    ");
}

fn at_each(by: &End) -> Vec<Vec<Reason>> {
    let ended = |at, pods| Reason::Ended { by: by.clone(), at, pods };
    vec![
        vec![ended(EndedAt::NotStarted, (0, 0))],
        vec![ended(EndedAt::Writing, (0, 0))],
        vec![ended(EndedAt::Watching { written: true }, (2, 3))],
        vec![ended(EndedAt::Watching { written: false }, (0, 0))],
        vec![failed(), ended(EndedAt::ToRestore, (0, 0))],
        vec![failed(), ended(EndedAt::Restoring, (0, 0))],
        vec![failed(), ended(EndedAt::RestoreWatching, (1, 3))],
    ]
}

#[test]
fn an_early_end_reports_the_state_of_each_workload() {
    let undecided = |by| Reason::Ended { by, at: EndedAt::Undecided, pods: (0, 0) };
    let mut all = at_each(&End::Timeout);
    all.push(vec![undecided(End::Interrupted), failed()]);
    insta::assert_snapshot!(lines(&all), @r"
    --timeout passed before it was started; nothing was written
    --timeout passed during the write; unknown whether it was updated
    --timeout passed with 2 of 3 updated pods available; the rollout continues
    --timeout passed; the rollout continues
    FailedCreate: exceeded quota; --timeout passed before it was restored
    FailedCreate: exceeded quota; --timeout passed while it was restored; unknown whether it was
    FailedCreate: exceeded quota; restored; --timeout passed with 1 of 3 updated pods available, the rollout continues
    interrupted before the decision whether to restore it: FailedCreate: exceeded quota
    ");
    let silent = End::Silent {
        since: "2026-01-01T10:00:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC),
        seconds: 600,
        message: Some("refused".into()),
    };
    let mut all = at_each(&silent);
    all.push(vec![failed(), undecided(silent)]);
    insta::assert_snapshot!(lines(&all), @r"
    the API server has not responded since 10:00:00 (10m): refused; nothing was written
    the API server has not responded since 10:00:00 (10m): refused; unknown whether it was updated
    the API server has not responded since 10:00:00 (10m): refused; it was updated, 2 of 3 updated pods available when last seen, its current state is unknown
    the API server has not responded since 10:00:00 (10m): refused; its current state is unknown
    FailedCreate: exceeded quota; the API server has not responded since 10:00:00 (10m): refused; not restored
    FailedCreate: exceeded quota; the API server has not responded since 10:00:00 (10m): refused; unknown whether it was restored
    FailedCreate: exceeded quota; the API server has not responded since 10:00:00 (10m): refused; it was restored, 1 of 3 updated pods available when last seen, its current state is unknown
    FailedCreate: exceeded quota; the API server has not responded since 10:00:00 (10m): refused; not restored
    ");
}

#[test]
fn questions_and_notes() {
    let workload = || id("db");
    let questions = [
        Question::Restore { workloads: vec![workload()] },
        Question::Restore { workloads: vec![workload(), id("api")] },
        Question::Unstick {
            step: 0,
            workload: workload(),
            pod: "db-1".into(),
            uid: "u".into(),
            message: "not Ready".into(),
        },
    ];
    let message = || "no (403)".to_owned();
    let notes = [
        Note::NotWritten(vec![Reason::DeletedAfterPlanning, Reason::NothingWritten]),
        Note::Healthy,
        Note::Restarted(by("kim")),
        Note::OwnershipReturned(vec![("helm".into(), 1), ("kubectl".into(), 2)]),
        Note::OwnershipKept { manager: "kubectl-rollback-to".into(), message: message() },
        Note::ChangeCauseKept(message()),
        Note::NotRecorded(message()),
        Note::EventsUnavailable(message()),
        Note::JournalNotWritten(message()),
    ];
    let notes = notes.iter().map(|one| note(&workload(), one));
    let lines: Vec<String> = questions.iter().map(question).chain(notes).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Restore statefulset/db?
    Restore 2 workloads of this run?
    statefulset/db is blocked by pod db-1 (not Ready). Delete pod db-1?
    deleted after planning; nothing was written
    it became healthy meanwhile and is not restored
    restarted by kim; waiting for its new pods
    field ownership returned to helm (1 field), kubectl (2 fields)
    field ownership was not returned by kubectl-rollback-to: no (403)
    the change cause of its revision was not updated: no (403)
    no (403)
    no (403); causes that only events report are missing
    the journal could not be written, so --last will not know: no (403)
    ");
}
