//! Evictions under disruption budgets.

use super::*;

#[test]
fn one_eviction_in_flight_per_budget_and_the_watch_opens_the_gate() {
    let mut e = engine(&guarded(vec![web(1), web(2)], 1));
    assert_eq!(evicted(&e.next(now())), ["uid-web-1"]);
    e.answered_last("uid-web-1", EvictionAnswer::Accepted, now());
    assert_eq!(e.next(now()), [], "the one disruption is spent before the watch reports it");
    assert_eq!(e.wake_at(now()), Some(after(1)), "a queue that moves is no news; one that stands is");
    let commands = e.next(after(1));
    answer_list_budget_pods(&mut e, &commands);
    assert!(e.take_events().iter().any(|event| matches!(event, Event::BudgetBlocks { .. })));
    e.budget_seen(web_budget(0, 2), after(1));
    assert_eq!(evicted(&e.next(after(1))).len(), 0);
    e.budget_seen(web_budget(1, 3), after(2));
    assert_eq!(evicted(&e.next(after(2))), ["uid-web-2"]);
}

#[test]
fn ten_pods_blocked_by_a_budget_do_not_delay_an_unblocked_one() {
    let pods = (0..10).map(web).chain([pod("shop/free", "n1")]).collect();
    let mut e = engine_with(&guarded(pods, 0), Options { concurrency: 2, ..Options::default() });
    assert_eq!(evicted(&e.next(now())), ["uid-free"]);
}

#[test]
fn while_blocked_nothing_is_repeated() {
    let mut e = engine(&guarded(vec![web(1)], 0));
    e.next(now());
    let commands = e.next(after(1));
    answer_list_budget_pods(&mut e, &commands);
    assert_eq!(e.take_events().len(), 1);
    let mut refusals = 0;
    for second in 2..60 {
        let commands = e.next(after(second));
        answer_list_budget_pods(&mut e, &commands);
        for uid in evicted(&commands) {
            refusals += 1;
            e.answered_last(
                uid,
                EvictionAnswer::BudgetSpent { message: "needs 2 healthy pods and has 2".into() },
                after(second),
            );
        }
    }
    assert_eq!(e.take_events(), [], "the budget's status is unchanged");
    assert!(
        (1..=6).contains(&refusals),
        "a lost watch event is made good by a probe every ten seconds: {refusals}"
    );
    e.budget_seen(web_budget(0, 1), after(60));
    let commands = e.next(after(60));
    answer_list_budget_pods(&mut e, &commands);
    assert_eq!(e.take_events().len(), 1, "it got worse: that is news");
}

#[test]
fn unhealthy_pods_that_use_up_the_budget_are_named() {
    let mut e = engine(&guarded(vec![web(1)], 0));
    e.next(now());
    assert_eq!(e.next(after(1)), [Command::ListBudgetPods { budget: "shop/web".into() }]);
    let unhealthy = pod("shop/web-9", "n2").label("app", "web").waiting("ImagePullBackOff");
    e.budget_pods_listed("shop/web", &[web(1), unhealthy]);
    let events = e.take_events();
    assert!(
        matches!(events.as_slice(), [Event::BudgetBlocks { unhealthy: Some(pods), waiting: 1, .. }] if pods == "shop/web-9 (ImagePullBackOff, on n2)"),
        "{events:?}"
    );
}

#[test]
fn a_budget_that_cannot_be_read_is_retried_at_a_slow_pace() {
    let mut e =
        engine(&Inventory { budgets: Known::Unknown("forbidden".into()), ..inventory_of(vec![web(1)]) });
    assert_eq!(evicted(&e.next(now())).len(), 1);
    e.answered_last("uid-web-1", EvictionAnswer::BudgetSpent { message: "no".into() }, now());
    assert_eq!(evicted(&e.next(after(1))).len(), 0);
    assert_eq!(e.wake_at(after(1)), Some(after(5)));
    assert_eq!(evicted(&e.next(after(5))).len(), 1);
}

#[test]
fn still_being_processed_is_over_when_the_budget_moves() {
    let mut e = engine(&guarded(vec![web(1)], 1));
    e.next(now());
    e.answered_last(
        "uid-web-1",
        EvictionAnswer::NotYet {
            message: "still being processed".into(),
            retry_after: SignedDuration::from_secs(10),
        },
        now(),
    );
    assert_eq!(evicted(&e.next(after(1))).len(), 0);
    e.budget_seen(web_budget(1, 3), after(2));
    assert_eq!(evicted(&e.next(after(2))).len(), 1);
}

#[test]
fn budgets_that_can_no_longer_be_watched_are_probed_instead() {
    let mut e = engine(&guarded(vec![web(1)], 0));
    assert_eq!(evicted(&e.next(now())).len(), 0);
    e.budgets_unreadable();
    assert_eq!(evicted(&e.next(now())), ["uid-web-1"], "the server keeps the budget, whoever may read it");
}
