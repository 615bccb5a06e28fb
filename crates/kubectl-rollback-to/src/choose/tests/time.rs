use super::*;
use k8s_openapi::jiff::SignedDuration;
use k8s_openapi::jiff::tz::Offset;
use proptest::prelude::*;

#[test]
fn a_moment_in_a_sure_stretch() {
    for kind in Kind::ALL {
        for (second, expected) in
            [(1, 1), (HOUR - 1, 1), (HOUR, 2), (2 * HOUR - 1, 2), (2 * HOUR, 3), (NOW, 3)]
        {
            assert_eq!(number(&abc(kind), &time(second)), expected, "{kind:?} {second}");
        }
    }
    assert!(evidence(&abc(Kind::DaemonSet), &time(HOUR)).starts_with(
        "revision 2 was active at 2026-11-18 12:06:40 UTC: from 2026-11-18 12:06:40 until 2026-11-18 13:06:40; likely healthy"
    ), "{}", evidence(&abc(Kind::DaemonSet), &time(HOUR)));
    assert!(evidence(&abc(Kind::DaemonSet), &time(NOW)).contains(", and still is: from"));
    let seoul = TimeZone::fixed(Offset::constant(9));
    let seen = abc(Kind::Deployment).seen(NOW);
    let Ok(Chosen::Target(target)) = choose(seen.past(), &time(HOUR), &seoul) else { panic!() };
    assert!(target.evidence.contains("at 2026-11-18 21:06:40 +09"), "{}", target.evidence);
}

#[test]
fn a_moment_in_a_gap_is_refused_unless_the_closest_will_do() {
    assert_eq!((number(&aba(), &time(HOUR - 1)), number(&aba(), &time(9000))), (3, 3));
    let gap = refused(&aba(), &time(HOUR));
    assert_eq!(
        gap.message,
        "at 2026-11-18 12:06:40 UTC deployment/web was at revision 2 or revision 3: the exact time of the change is unknown"
    );
    assert_eq!(
        gap.hints,
        [
            "kubectl rollback-to deployment/web -n shop --to-revision 2",
            "to take the nearest, revision 2, add --closest",
            "list the revisions: kubectl rollback-to deployment/web -n shop --history",
        ]
    );
    // Nor is the current one suggested as the nearest.
    let only = ["kubectl rollback-to deployment/web -n shop --to-revision 2", gap.hints[2].as_str()];
    assert_eq!(refused(&aba(), &time(8900)).hints, only);
    // What is sure of b is its very beginning, of the second a its end.
    assert_eq!((number(&aba(), &closest(HOUR + 60)), number(&aba(), &closest(8900))), (2, 3));
    assert!(
        evidence(&aba(), &closest(8900))
            .contains("is the closest to 2026-11-18 13:35:00 UTC, which is between two known times")
    );
    // Something that is not kept any more.
    let lost = History::of(Kind::Deployment).revision(1, "a", 1).emptied(600).revision(4, "c", HOUR);
    assert_eq!(number(&lost, &time(HOUR)), 4);
    assert!(
        refused(&lost, &time(2)).message.ends_with("was at revision 1 or a revision that is no longer kept")
    );
    assert!(refused(&lost, &time(700)).message.ends_with("was at a revision that is no longer kept"));
    assert_eq!((number(&lost, &closest(700)), number(&lost, &closest(HOUR - 1))), (1, 4));
}

/// `--time 0s` is counted from a reading of the clock that is a little later.
#[test]
fn a_moment_within_the_second_of_now_is_not_in_the_future() {
    let later = at(NOW) + SignedDuration::from_millis(700);
    let choice = Choice::Time { at: later, closest: false };
    assert_eq!(number(&abc(Kind::Deployment), &choice), 3);
}

#[test]
fn a_moment_outside_of_history() {
    let future = chosen(&abc(Kind::Deployment).seen(NOW), &time(NOW + 1)).unwrap_err();
    assert_eq!(future.failure.exit, Exit::Usage);
    assert!(future.failure.message.contains("is in the future"), "{future:?}");
    assert_eq!(
        chosen(&abc(Kind::Deployment).seen(NOW), &time(-1)).unwrap(),
        (
            0,
            "deployment/web did not exist at 2026-11-18 11:06:39 UTC: it was created at 2026-11-18 11:06:40 UTC; \
             its history reaches back to 2026-11-18 11:06:41 UTC (revision 1)"
                .to_owned()
        )
    );
    let pruned = History::of(Kind::StatefulSet).revision(5, "a", HOUR).revision(6, "b", 2 * HOUR);
    assert_eq!(
        refused(&pruned, &time(HOUR - 1)).message,
        "the history of statefulset/web reaches back to 2026-11-18 12:06:40 UTC (revision 5), not to 2026-11-18 12:06:39 UTC: \
         older revisions took a new number when they were rolled back to, or were deleted"
    );
    let late = History::of(Kind::StatefulSet).revision(1, "a", HOUR);
    let before = refused(&late, &time(2));
    assert!(before.message.contains("had no revision yet"));
    // Its only revision is the current one.
    assert_eq!(before.hints, ["list the revisions: kubectl rollback-to statefulset/web -n shop --history"]);
    // Adopted from a workload that was deleted without its pods: older than its own birth.
    let adopted = History::of(Kind::DaemonSet).revision(1, "a", -HOUR).revision(2, "b", 10);
    assert_eq!((number(&adopted, &time(-10)), number(&adopted, &time(-HOUR - 1))), (1, 0));
    let unseen = abc(Kind::Deployment).live("d").edit(json!({"metadata": {"generation": 2}})).written(
        "kubectl",
        3 * HOUR,
        true,
    );
    assert!(refused(&unseen, &time(NOW)).message.ends_with("was at a template without a revision"));
    assert_eq!(number(&unseen, &time(3 * HOUR - 1)), 3);
}

proptest! {
    /// Rolled out one after another, the times in order: for each second, the revision of that second is chosen.
    #[test]
    fn an_exact_moment_finds_its_revision(kind in prop::sample::select(Kind::ALL.to_vec()),
                                          gaps in prop::collection::vec(1i64..2000, 1..6), second in 0i64..NOW) {
        let mut history = History::of(kind);
        let mut starts = Vec::new();
        let mut from = 0;
        for (index, gap) in gaps.into_iter().enumerate() {
            from += gap;
            starts.push(from);
            history = history.revision(i64::try_from(index).unwrap() + 1, ["a", "b", "c", "d", "e"][index], from);
        }
        let expected = starts.iter().rposition(|&start| start <= second).map(|index| i64::try_from(index).unwrap() + 1);
        let seen = history.seen(NOW);
        match (chosen(&seen, &time(second)), expected) {
            (Ok((number, _)), Some(expected)) => prop_assert_eq!(number, expected),
            (answer, expected) => prop_assert!(answer.is_err() && expected.is_none()),
        }
    }
}

/// What was named is refused, however many others are there; of what a selector found it is skipped, unless nothing is left.
#[test]
fn only_what_was_selected_is_skipped_and_never_all_of_it() {
    let at = |second| choose(abc(Kind::Deployment).seen(NOW).past(), &time(second), &TimeZone::UTC).unwrap();
    let (existing, not_yet_created) = (|| at(HOUR), || at(-1));
    for (chosen, named, is_refused) in [
        (vec![existing()], true, false),
        (vec![not_yet_created()], true, true),
        (vec![existing(), not_yet_created()], true, true),
        (vec![existing(), not_yet_created()], false, false),
        (vec![not_yet_created(), not_yet_created()], false, true),
        (vec![existing()], false, false),
    ] {
        let refusal = refusal(&chosen, named);
        assert_eq!(refusal.is_some(), is_refused, "{chosen:?} {named}");
        assert!(refusal.is_none_or(|it| it.exit == Exit::Refused && it.message.contains("reaches back to")));
    }
}
