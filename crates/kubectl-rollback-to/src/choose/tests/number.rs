use super::*;

#[test]
fn previous_is_the_second_highest_number() {
    for kind in Kind::ALL {
        assert_eq!(number(&abc(kind), &Choice::Previous), 2);
        let only = refused(&History::of(kind).revision(1, "a", 1), &Choice::Previous);
        assert_eq!(
            only.message,
            format!("{}/web has only revision 1: there is nothing to go back to", kind.word())
        );
        let none = chosen(&History::of(kind).seen(NOW), &Choice::Previous).unwrap_err();
        assert!(
            none.failure.message.ends_with("has no revisions: there is nothing to go back to"),
            "{none:?}"
        );
    }
    let limit =
        History::of(Kind::Deployment).revision(7, "a", 1).edit(json!({"spec": {"revisionHistoryLimit": 0}}));
    assert!(
        refused(&limit, &Choice::Previous)
            .message
            .ends_with("older ones were pruned (revisionHistoryLimit 0)")
    );
    // A ReplicaSet that was adopted has no number.
    let adopted = History::of(Kind::Deployment).revision(0, "x", 5).revision(1, "a", 10);
    assert!(refused(&adopted, &Choice::Previous).message.contains("only revision 1"));
    // What a restart made is a revision like any other, but marked as a restart.
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}});
    let base = History::of(Kind::Deployment)
        .revision(1, "a", 1)
        .revision(2, "a", HOUR)
        .kept(restart.clone())
        .edit(restart);
    assert_eq!(number(&base, &Choice::Previous), 1);
    assert!(evidence(&base, &Choice::Previous).contains("only a restart separates the two"));
    assert!(!evidence(&abc(Kind::Deployment), &Choice::Previous).contains("restart"));
}

#[test]
fn of_equal_ones_it_is_the_one_that_was_rolled_out_and_not_its_copy() {
    let copy = |history: History, number: i64, name: &str| {
        history
            .revision(number, name, 2 * HOUR)
            .kept(json!({"metadata": {"name": "web-copy", "uid": "uid-copy", "generation": 1},
            "spec": {"replicas": 0}}))
    };
    let name = |history: &History, choice: &Choice| {
        let seen = history.seen(NOW);
        let Ok(Chosen::Target(target)) = choose(seen.past(), choice, &TimeZone::UTC) else { panic!() };
        assert!(!target.evidence.contains("never had a pod"), "{}", target.evidence);
        seen.rollout.revisions[target.revision.unwrap()].name.clone()
    };
    let first = || History::of(Kind::Deployment).revision(1, "a", 1);
    let of_the_first = copy(first(), 1, "a").revision(2, "b", HOUR);
    assert_eq!(name(&of_the_first, &Choice::Revision(1)), "web-a");
    assert_eq!(name(&of_the_first, &Choice::Previous), "web-a");
    let of_the_current = copy(first().revision(2, "b", HOUR), 2, "b");
    assert_eq!(name(&of_the_current, &Choice::Revision(2)), "web-b");
    assert_eq!(name(&of_the_current, &Choice::Previous), "web-a");
}

#[test]
fn numbers_present_superseded_and_unknown() {
    assert_eq!(number(&abc(Kind::DaemonSet), &Choice::Revision(1)), 1);
    assert_eq!(number(&aba(), &Choice::Revision(1)), 3);
    assert!(evidence(&aba(), &Choice::Revision(1)).starts_with("revision 1 is now 3; it is the current one"));
    assert!(evidence(&aba(), &Choice::Revision(2)).starts_with("revision 2, as requested; "));
    let Chosen::Target(picked) =
        choose(aba().seen(NOW).past(), &Choice::Picked("web-b".into()), &TimeZone::UTC).unwrap()
    else {
        panic!()
    };
    assert_eq!(picked.chosen_by, "interactive selection", "no flag was given");
    assert!(picked.evidence.starts_with("revision 2; "), "{}", picked.evidence);
    for number in [0, -1] {
        let failure =
            chosen(&abc(Kind::Deployment).seen(NOW), &Choice::Revision(number)).unwrap_err().failure;
        assert_eq!(failure.exit, Exit::Usage);
    }
    let gone = |kind| History::of(kind).revision(5, "a", 1).revision(7, "b", HOUR);
    let old = refused(&gone(Kind::Deployment), &Choice::Revision(2));
    assert_eq!(old.message, "deployment/web has no revision 2; it has 5 and 7; older ones were deleted");
    // The number may be a slip: which other revision is meant is not guessed.
    assert_eq!(
        old.hints.to_vec(),
        ["list the revisions: kubectl rollback-to deployment/web -n shop --history"]
    );
    assert_eq!(listed(&gone(Kind::Deployment), &Choice::Revision(2)), ["web-a", "web-b"]);
    let between = refused(&gone(Kind::Deployment), &Choice::Revision(6)).message;
    assert!(!between.contains("pruned"), "{between}");
    let renumbered = refused(
        &History::of(Kind::StatefulSet).revision(2, "b", 1).revision(3, "a", HOUR),
        &Choice::Revision(1),
    );
    assert!(
        renumbered
            .message
            .ends_with("; older ones took a new number when they were rolled back to, or were deleted"),
        "{renumbered}"
    );
    let high = refused(&gone(Kind::StatefulSet), &Choice::Revision(1_000_000));
    assert!(high.message.ends_with("it has 5 and 7") && high.hints.len() == 1, "{high:?}");
    // Where it may have been given up on the way back.
    assert!(
        refused(&gone(Kind::StatefulSet), &Choice::Revision(6)).hints[1]
            .starts_with("a StatefulSet's revision takes a new number")
    );
}

/// Two ReplicaSets with number 2: an adopted one keeps the number that its former owner gave it.
fn twice() -> History {
    History::of(Kind::Deployment)
        .revision(1, "a", 1)
        .emptied(100)
        .revision(2, "b", HOUR)
        .emptied(HOUR + 50)
        .revision(2, "x", HOUR + 60)
        .emptied(2 * HOUR)
        .revision(3, "c", 2 * HOUR)
}

#[test]
fn a_number_that_two_replicasets_have_is_refused_with_both() {
    for choice in [Choice::Revision(2), Choice::Previous] {
        let failure = refused(&twice(), &choice);
        assert_eq!(
            failure.message,
            "revision 2 of deployment/web is ambiguous: ReplicaSets web-b and web-x have this number"
        );
        assert_eq!(
            failure.hints[..2],
            [
                "kubectl rollback-to deployment/web -n shop --image web=web:x",
                "kubectl rollback-to deployment/web -n shop --image web=web:b"
            ]
        );
        assert_eq!(listed(&twice(), &choice), ["web-b", "web-x"], "those that are meant, and no others");
    }
    assert_eq!(number(&twice(), &Choice::Revision(1)), 1);
    assert_eq!(number(&twice(), &image("web:x")), 2, "by its image it can be chosen");
}

/// The same image in both: only the time when each was active distinguishes them.
#[test]
fn of_one_image_the_time_chooses() {
    let variable = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "web:b", "env": [{"name": "A", "value": "1"}]}]}}}});
    let history = History::of(Kind::Deployment)
        .revision(2, "b", HOUR)
        .revision(2, "x", HOUR + 60)
        .kept(variable)
        .revision(3, "c", 2 * HOUR);
    let failure = refused(&history, &Choice::Revision(2));
    let first = at(HOUR);
    assert_eq!(
        failure.hints[..2],
        [
            "kubectl rollback-to deployment/web -n shop --image web=web:b".to_owned(),
            format!("kubectl rollback-to deployment/web -n shop --time {first}")
        ]
    );
    let typed = crate::time_arg::parse(&first.to_string(), at(NOW), &TimeZone::UTC).unwrap();
    assert!(
        evidence(&history, &Choice::Time { at: typed, closest: false })
            .starts_with("revision 2 (web-b) was active")
    );
}

/// Then it does not matter which of the two.
#[test]
fn a_number_of_two_equal_templates_is_not_ambiguous() {
    let same = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:b"}]}}}});
    let history = History::of(Kind::Deployment)
        .revision(2, "b", HOUR)
        .revision(2, "x", HOUR + 60)
        .kept(same)
        .revision(3, "c", 2 * HOUR);
    assert_eq!(number(&history, &Choice::Revision(2)), 2);
}

/// Two have given up the same number.
#[test]
fn a_superseded_number_of_two_is_ambiguous_too() {
    let history = History::of(Kind::Deployment)
        .revision(4, "a", 1)
        .was("1")
        .revision(5, "b", HOUR)
        .was("1")
        .revision(6, "c", 2 * HOUR);
    let failure = refused(&history, &Choice::Revision(1));
    assert!(failure.message.contains("ReplicaSets web-a and web-b had this number"), "{failure}");
    assert_eq!(failure.hints[0], "kubectl rollback-to deployment/web -n shop --to-revision 4");
}

/// `--to-revision 0` is another flag.
#[test]
fn a_replicaset_without_a_number_is_listed() {
    let none = History::of(Kind::Deployment).revision(0, "x", 5).revision(3, "a", HOUR);
    assert_eq!(listed(&none, &Choice::Revision(1)), ["web-x", "web-a"]);
}
