//! When a revision was active, as far as that is known, and what the marks mean that show how exactly.

use cluster_model::text::span;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use plugin_client::Line;

use crate::choose::Past;
use crate::time_arg::local;
use crate::timeline::{Bound, Stretch};

/// By when it had ended, if it may have begun as late as that: the latest possible start then shows nothing, and beside the end it would
/// read as if it had lasted no time.
fn ended_by(stretch: &Stretch) -> Option<Timestamp> {
    let Bound::Between(_, begun) = stretch.from else { return None };
    stretch.until?.latest().filter(|ended| begun >= *ended)
}

/// `2026-11-23 10:00:00 – 14:02:11`; the date once if it is the same.
pub(super) fn active_times(stretch: &Stretch, zone: &TimeZone) -> Line {
    let (from, until) = (bound(stretch.from, zone), stretch.until.map(|until| bound(until, zone)));
    let Some(until) = until else { return Line::from(format!("{from} – now")) };
    match (ended_by(stretch), stretch.until) {
        (Some(_), Some(Bound::Exact(_))) => return Line::from(format!("? – {until}")),
        (Some(ended), _) => return Line::from(format!("before {}", local(ended, zone))),
        (None, _) => {}
    }
    let date = |text: &str| text.trim_start_matches('~').split_once(' ').map(|(date, _)| date.to_owned());
    let until = match (date(&from), date(&until)) {
        (Some(a), Some(b)) if a == b => until.replacen(&format!("{a} "), "", 1),
        _ => until,
    };
    Line::from(format!("{from} – {until}"))
}

/// When it began.
pub(super) fn since(stretch: &Stretch, zone: &TimeZone) -> Line {
    match ended_by(stretch) {
        Some(ended) => format!("before {}", local(ended, zone)).into(),
        None => bound(stretch.from, zone).into(),
    }
}

fn bound(bound: Bound, zone: &TimeZone) -> String {
    match bound {
        Bound::Exact(at) => local(at, zone),
        Bound::Between(_, at) => format!("~{}", local(at, zone)),
        Bound::Unknown => "?".to_owned(),
    }
}

/// How long it was active: exactly, at least or at most.
pub(super) fn lasting(past: Past<'_>, index: usize) -> Line {
    let reach = past.timeline.reach(index, past.now);
    let until = reach.perhaps_until.unwrap_or(past.now);
    let most = reach.perhaps_from.map(|from| (until.as_second() - from.as_second()).max(0));
    match (reach.seconds(), most) {
        // Times are known to the second.
        (0, Some(0)) => "<1s".into(),
        (least, Some(most)) if least == most => span(least).into(),
        (0, Some(most)) => format!("≤{}", span(most)).into(),
        (0, None) => Line::new(),
        (least, _) => format!("≥{}", span(least)).into(),
    }
}

/// The marks in these cells, and no others.
pub(super) fn legend(cells: &[Line]) -> Vec<String> {
    let cells: Vec<String> = cells.iter().map(Line::text).collect();
    let meanings = |marks: &[(char, &str)]| {
        let shown = marks.iter().filter(|(mark, _)| cells.iter().any(|cell| cell.contains(*mark)));
        shown.map(|(mark, meaning)| format!("{mark} {meaning}")).collect::<Vec<_>>().join(", ")
    };
    let lines = [
        meanings(&[('~', "latest possible time; the exact time is unknown")]),
        meanings(&[('?', "time unknown")]),
        meanings(&[('≥', "at least"), ('≤', "at most")]),
    ];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}
