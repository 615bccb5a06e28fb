use super::*;
use crate::history::history_of;
use crate::timeline::fixture::{HOUR, History};
use cluster_model::rollout::{CHANGE_CAUSE, Kind};
use serde_json::json;

const NOW: i64 = 30 * HOUR;

fn text(lines: &[Line]) -> String {
    lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn cause(text: &str) -> Value {
    json!({"metadata": {"annotations": {CHANGE_CAUSE: text}}})
}

/// good, bad, then good again, then worse.
fn web() -> History {
    History::of(Kind::Deployment)
        .revision(2, "b", 2 * HOUR)
        .kept(image("r.example.com/shop:1.5"))
        .kept(cause("release 1.5"))
        .emptied(26 * HOUR + 40)
        .revision(3, "a", 1)
        .kept(image("r.example.com/shop:1.4"))
        .was("1")
        .serves(3, 3)
        .controller_wrote(26 * HOUR + 50)
        .revision(4, "c", 29 * HOUR)
        .kept(image("r.example.com/store:2"))
        .kept(cause("release 2: a very long story of why it had to be released right before the weekend"))
        .serves(0, 1)
        .crashing_pod("web-c-x")
        .written("helm", 29 * HOUR, false)
        .edit(image("r.example.com/store:2"))
}

#[test]
fn the_timeline_as_a_table() {
    let seen = web().seen(NOW);
    let report = history_of(seen.past());
    insta::assert_snapshot!(text(&history(seen.past(), &report, &TimeZone::UTC, false, Some(200))), @r"
    deployment/web in shop: 3 revisions
      REVISION   ACTIVE (UTC)                                FOR     HEALTHY                                                      IMAGE                   BY    CAUSE
    * 4          2026-11-19 16:06:40 – now                   1h      unhealthy: no pod is available: CrashLoopBackOff on web-c-x  web shop:1.4 → store:2  helm  release 2: a very long story of why it had …
      3 (was 1)  ~2026-11-19 13:07:20 – 16:06:40             ≥2h59m  healthy: serves 3 pods that are available now                web 1.5 → 1.4
      2          2026-11-18 13:06:40 – ~2026-11-19 13:07:20  ≤24h    unknown: no evidence of its health                           web 1.4 → 1.5                 release 1.5
    ~ latest possible time; the exact time is unknown
    ≥ at least, ≤ at most
    ");
    // Nothing has to fit where no terminal is.
    assert!(text(&history(seen.past(), &report, &TimeZone::UTC, false, None)).contains("before the weekend"));
    insta::assert_snapshot!(text(&history(seen.past(), &report, &TimeZone::UTC, true, Some(80))), @r"
    deployment/web in shop: 3 revisions
      REVISION   ACTIVE (UTC)                                FOR     HEALTHY                                                      IMAGE                                                BY    CAUSE
    * 4          2026-11-19 16:06:40 – now                   1h      unhealthy: no pod is available: CrashLoopBackOff on web-c-x  web r.example.com/shop:1.4 → r.example.com/store:2   helm  release 2: a very long story of why it had to be released right before the weekend
      3 (was 1)  ~2026-11-19 13:07:20 – 16:06:40             ≥2h59m  healthy: serves 3 pods that are available now                web r.example.com/shop:1.5 → r.example.com/shop:1.4
      2          2026-11-18 13:06:40 – ~2026-11-19 13:07:20  ≤24h    unknown: no evidence of its health                           web r.example.com/shop:1.4 → r.example.com/shop:1.5        release 1.5
    ~ latest possible time; the exact time is unknown
    ≥ at least, ≤ at most
    ");
    let none = History::of(Kind::DaemonSet).seen(NOW);
    assert_eq!(
        text(&history(none.past(), &history_of(none.past()), &TimeZone::UTC, false, None)),
        "daemonset/web in shop: 0 revisions"
    );
}

#[test]
fn a_terminal_gets_what_it_has_room_for() {
    let seen = web().seen(NOW);
    let report = history_of(seen.past());
    for columns in [40, 80, 100, 110, 120, 140, 160] {
        let lines = history(seen.past(), &report, &TimeZone::UTC, false, Some(columns));
        assert!(lines.iter().all(|line| line.width() <= columns), "{columns}:\n{}", text(&lines));
    }
    let head = |columns| {
        let lines = history(seen.past(), &report, &TimeZone::UTC, false, Some(columns));
        let last = lines.last().map(Line::text).unwrap_or_default();
        (lines[1].text().split_whitespace().collect::<Vec<_>>().join(" "), last)
    };
    let (all, last) = head(200);
    assert_eq!(all, "REVISION ACTIVE (UTC) FOR HEALTHY IMAGE BY CAUSE");
    assert_eq!(last, "≥ at least, ≤ at most");
    assert_eq!(
        head(170),
        (
            "REVISION ACTIVE (UTC) FOR HEALTHY IMAGE CAUSE".to_owned(),
            "-o wide also shows who wrote it".to_owned()
        )
    );
    // The change cause stays longest: it is what kubectl rollout history shows.
    for (columns, shown, left_out) in [
        (106, "REVISION SINCE (UTC) HEALTHY IMAGE CAUSE", "how long each was active, "),
        (80, "REVISION HEALTHY IMAGE CAUSE", "when each was active, "),
    ] {
        let rest = "the evidence of health, who wrote it";
        assert_eq!(head(columns), (shown.to_owned(), format!("-o wide also shows {left_out}{rest}")));
    }
    // Rather without the ends than cut in the middle of an image.
    let narrow = head(60);
    assert_eq!(narrow.0, "REVISION HEALTHY IMAGE");
    assert!(narrow.1.ends_with("who wrote it, the change causes"), "{narrow:?}");
    // No column is free while a cause is cut.
    for columns in [80, 106, 110] {
        let lines = history(seen.past(), &report, &TimeZone::UTC, false, Some(columns));
        let row = lines[2].text();
        assert!(row.ends_with('…') && row.chars().count() == columns, "{columns}: {row}");
    }
    // A column without content is none.
    let plain = History::of(Kind::Deployment).revision(1, "a", 1).seen(NOW);
    let lines = history(plain.past(), &history_of(plain.past()), &TimeZone::UTC, false, Some(200));
    assert!(!lines[1].text().contains("CAUSE"), "{}", text(&lines));
}

#[test]
fn what_left_no_trace_is_marked() {
    let seen = web().live("d").edit(json!({"metadata": {"generation": 2}})).stripped().seen(NOW);
    let shown = text(&history(seen.past(), &history_of(seen.past()), &TimeZone::UTC, false, None));
    assert!(shown.contains("2026-11-19 16:06:40 – ?") && shown.contains("? time unknown"), "{shown}");
    assert!(shown.contains("the live template is not listed") && !shown.contains("* "), "{shown}");
}

#[test]
fn one_revision_in_full() {
    let seen = web().seen(NOW);
    let template = &seen.rollout.revisions[1].template;
    insta::assert_snapshot!(text(&revision(seen.past(), 1, template, &TimeZone::UTC)), @r"
    deployment/web in shop, revision 3
    earlier numbers  1
    kept as          replicasets/web-a
    first made       2026-11-18 11:06:41 UTC
    active           ~2026-11-19 13:07:20 – 16:06:40 (UTC), for ≥2h59m
    active           2026-11-18 11:06:41 – 13:06:40 (UTC), for 1h59m
    health           healthy: serves 3 pods that are available now
    image            web=r.example.com/shop:1.4
    ~ latest possible time; the exact time is unknown
    ≥ at least

    metadata:
      labels:
        app: web
    spec:
      containers:
      - image: r.example.com/shop:1.4
        name: web
    ");
    let current = text(&revision(seen.past(), 2, &json!({}), &TimeZone::UTC));
    assert!(
        current.contains("revision 4, the current one")
            && current.contains("helm (Update, 2026-11-19 16:06:40 UTC)"),
        "{current}"
    );
}

#[test]
fn rows_to_pick_from_begin_with_the_last_healthy_one() {
    let seen = web().seen(NOW);
    let (rows, indices, first) = picker_rows(seen.past(), &TimeZone::UTC);
    assert_eq!((indices, first), (vec![2, 1, 0], 1));
    insta::assert_snapshot!(text(&rows), @r"
    * 4          unhealthy     web shop:1.4 → store:2  2026-11-19 16:06:40 – now                   release 2: a very long story of why it …
      3 (was 1)  last healthy  web 1.5 → 1.4           ~2026-11-19 13:07:20 – 16:06:40
      2          unknown       web 1.4 → 1.5           2026-11-18 13:06:40 – ~2026-11-19 13:07:20  release 1.5
    ");
    let single = History::of(Kind::DaemonSet).revision(1, "a", 1).seen(NOW);
    assert_eq!(picker_rows(single.past(), &TimeZone::UTC).2, 0);
}

#[test]
fn images_beside_those_before() {
    let two = |before: Value, after: Value| {
        let with = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let history = History::of(Kind::Deployment).revision(1, "a", 1).kept(with(before));
        history.revision(2, "b", 100).kept(with(after)).seen(NOW)
    };
    let container = |name: &str, image: &str| json!({"name": name, "image": image});
    for (before, after, shown) in [
        (json!([container("web", "shop:1")]), json!([container("web", "shop:2")]), "web 1 → 2"),
        (
            json!([container("web", "a/shop:1")]),
            json!([container("web", "b/shop:1")]),
            "web a/shop:1 → b/shop:1",
        ),
        (json!([container("web", "shop")]), json!([container("web", "shop:2")]), "web latest → 2"),
        (
            json!([container("web", "shop:1")]),
            json!([container("web", "shop@sha256:0123456789abcdef")]),
            "web 1 → sha256:0123456789ab",
        ),
        (json!([container("web", "shop:1")]), json!([container("web", "shop:1")]), "same image"),
        (
            json!([container("web", "shop:1")]),
            json!([container("web", "shop:1"), container("log", "r:5/l:3")]),
            "+log l:3",
        ),
        (
            json!([container("web", "shop:1"), container("log", "l:3")]),
            json!([container("web", "shop:2")]),
            "web 1 → 2, -log",
        ),
    ] {
        let seen = two(before, after);
        assert_eq!(images::changed(seen.past(), 1, false).text(), shown);
    }
}

/// A rollout without a cause keeps the annotation of the one before it.
#[test]
fn a_cause_of_another_rollout_is_marked() {
    let set = "kubectl set image deployment/web web=shop:1.5 --record=true";
    let seen = History::of(Kind::Deployment)
        .revision(1, "a", HOUR)
        .kept(image("shop:1.5"))
        .kept(cause(set))
        .revision(2, "b", 2 * HOUR)
        .kept(image("shop:1.6"))
        .kept(cause(set))
        .seen(NOW);
    let report = history_of(seen.past());
    for width in [None, Some(120), Some(80)] {
        let lines = history(seen.past(), &report, &TimeZone::UTC, false, width);
        let marked: Vec<bool> =
            lines[2..4].iter().map(|line| line.text().ends_with(" (inherited)")).collect();
        assert_eq!(marked, [true, false], "{width:?}\n{}", text(&lines));
    }
    let (rows, ..) = picker_rows(seen.past(), &TimeZone::UTC);
    assert!(
        rows[0].text().ends_with(" (inherited)") && !rows[1].text().contains("inherited"),
        "{}",
        text(&rows)
    );
    let target = |index| match crate::choose::choose(
        seen.past(),
        &crate::options::Choice::Revision(index),
        &TimeZone::UTC,
    ) {
        Ok(crate::choose::Chosen::Target(target)) => target.cause_inherited,
        _ => panic!(),
    };
    assert_eq!((target(1), target(2)), (false, true), "the plan has it too");
}

/// An adopted ReplicaSet keeps the number of its former owner: both are listed, each with its own facts.
#[test]
fn two_revisions_of_one_number_are_distinguished_by_their_names() {
    let seen = History::of(Kind::Deployment)
        .revision(2, "b", HOUR)
        .kept(cause("first"))
        .revision(2, "x", 2 * HOUR)
        .kept(cause("second"))
        .was("1")
        .revision(3, "c", 3 * HOUR)
        .seen(NOW);
    let report = history_of(seen.past());
    let table = text(&history(seen.past(), &report, &TimeZone::UTC, false, None));
    let row =
        |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{table}"));
    assert!(row("  2 (web-b) ").ends_with("first"), "{table}");
    assert!(row("  2 (web-x, was 1) ").ends_with("second"), "{table}");
    assert!(row("* 3 ").contains("→ c"), "{table}");
}

/// Back to a, and to b again: of the last stretch of a only the latest possible end is known, which is the latest possible start too.
#[test]
fn nothing_is_shown_to_have_lasted_no_time() {
    let back = || {
        let a = History::of(Kind::Deployment).revision(3, "a", 1).was("1").emptied(320);
        a.revision(4, "b", 100).was("2").controller_wrote(350)
    };
    let times = |history: &History, of: &str| {
        let seen = history.seen(NOW);
        let lines = history_lines(&seen, None);
        let row = lines.iter().find(|line| line.contains(of)).unwrap_or_else(|| panic!("{lines:?}"));
        row.split("  ").filter(|cell| !cell.is_empty()).skip(1).take(2).collect::<Vec<_>>().join("  ")
    };
    assert_eq!(times(&back(), "3 (was 1)"), "before 2026-11-18 11:12:00  ≤3m40s");
    assert!(times(&back(), "4 (was 2)").starts_with("~2026-11-18 11:12:00 – now  ≥"));
    // Somebody wrote the template of b then, and nothing else.
    let known = back().written("kubectl", 320, true);
    assert_eq!(times(&known, "3 (was 1)"), "? – 2026-11-18 11:12:00  ≤3m40s");
    // Known to the second, and within it.
    let quick = History::of(Kind::Deployment).revision(1, "a", 100).revision(2, "b", 100);
    assert_eq!(times(&quick, "  1 ").trim_start(), "2026-11-18 11:08:20 – 11:08:20  <1s");
    // In the narrow table, too.
    let stretch = back().seen(NOW).timeline.stretches[2].clone();
    assert_eq!(since(&stretch, &TimeZone::UTC).text(), "before 2026-11-18 11:12:00");
}

fn history_lines(seen: &crate::timeline::fixture::Seen, width: Option<usize>) -> Vec<String> {
    let lines = history(seen.past(), &history_of(seen.past()), &TimeZone::UTC, false, width);
    lines.iter().map(Line::text).collect()
}

#[test]
fn every_mark_that_is_shown_is_explained_and_no_other() {
    const MARKS: [(char, &str); 4] =
        [('~', "latest possible"), ('?', "unknown"), ('≥', "at least"), ('≤', "at most")];
    let exact = History::of(Kind::Deployment).revision(1, "a", 1).kept(cause("why?")).revision(2, "b", HOUR);
    // Only the stretch before its last one is not known exactly.
    let before = History::of(Kind::StatefulSet).revision(3, "a", 0).controller_wrote(300);
    for (history, marks) in [(&exact, ""), (&web(), "~≥≤"), (&web().stripped(), "~?≤"), (&before, "")] {
        for width in [None, Some(120), Some(106), Some(60)] {
            let seen = history.seen(NOW);
            let lines = history_lines(&seen, width);
            let legend =
                |meaning: &str| lines.iter().any(|line| !line.starts_with(' ') && line.contains(meaning));
            let explained: String = MARKS
                .iter()
                .filter(|(mark, meaning)| {
                    legend(&format!("{mark} {meaning}")) || legend(&format!("{mark} time {meaning}"))
                })
                .map(|(mark, _)| *mark)
                .collect();
            let rows = lines.iter().filter(|line| line.starts_with("  ") || line.starts_with("* "));
            let shown: String = rows.map(|row| row.replace("why?", "")).collect();
            let shown: String =
                MARKS.iter().map(|(mark, _)| *mark).filter(|mark| shown.contains(*mark)).collect();
            assert_eq!(explained, shown, "{width:?} {lines:?}");
            if width.is_none() {
                assert_eq!(shown, marks, "{lines:?}");
            }
        }
    }
}

/// As with a refusal, which lists those that are meant.
#[test]
fn some_of_the_revisions_are_shown_as_some() {
    let seen = web().seen(NOW);
    let mut report = history_of(seen.past());
    report.revisions.retain(|revision| revision.revision != 3);
    let lines = history(seen.past(), &report, &TimeZone::UTC, false, None);
    assert_eq!(lines[0].text(), "deployment/web in shop: 2 of 3 revisions");
    assert!(!text(&lines).contains("3 (was 1)"), "{}", text(&lines));
}

#[test]
fn text_from_objects_is_shown_on_one_line() {
    let seen = History::of(Kind::Deployment).revision(1, "a", 1).kept(image("x\u{1b}[2J\ny")).seen(NOW);
    let lines = history_lines(&seen, None);
    assert!(lines.len() == 3 && lines[2].contains("\\u{1b}[2J\\ny"), "{lines:?}");
}
