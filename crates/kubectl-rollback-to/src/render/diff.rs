//! Differences place by place, one line each: `+` will be there, `-` will not, `~` will be another.

use cluster_model::image_ref::delta;
use plugin_client::{Line, Role, table};

use crate::diff::{Change, Diff, Difference};

/// No value takes more columns; of two long ones the part that differs is shown.
const COLUMNS: usize = 72;

pub fn differences(diff: &Diff) -> Vec<Line> {
    let places: Vec<&[Difference]> = diff.differences.chunk_by(|a, b| a.place == b.place).collect();
    // One table over all places, so that values stand below each other.
    let rows: Vec<Vec<Line>> = diff.differences.iter().map(row).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines = Vec::new();
    for place in places {
        lines.push(Line::new().strong(&place[0].place));
        lines.extend(rows.by_ref().take(place.len()));
    }
    lines
}

fn row(difference: &Difference) -> Vec<Line> {
    let (sign, role) = match difference.change {
        Change::Added => ("  + ", Role::Good),
        Change::Removed => ("  - ", Role::Bad),
        Change::Changed => ("  ~ ", Role::Warn),
    };
    vec![Line::new().span(role, sign).plain(&difference.field), value(difference)]
}

fn value(difference: &Difference) -> Line {
    let (from, to) = (difference.from.as_deref(), difference.to.as_deref());
    match (difference.change, from, to) {
        (Change::Added, ..) => side(to),
        (Change::Removed, ..) => side(from),
        (Change::Changed, None, None) => Line::new().dim("hidden, differs"),
        (Change::Changed, Some(from), Some(to)) => changed(&difference.field, from, to),
        (Change::Changed, ..) => arrow(side(from), side(to)),
    }
}

fn side(text: Option<&str>) -> Line {
    match text {
        Some(text) => Line::new().plain(cut(text, 0, COLUMNS)),
        None => Line::new().dim("hidden"),
    }
}

fn arrow(from: Line, to: Line) -> Line {
    from.dim(" → ").then(to)
}

fn changed(field: &str, from: &str, to: &str) -> Line {
    if field == "image" {
        let short = delta(from, to);
        return match from.strip_suffix(short.0.as_str()).filter(|_| short.0 != from) {
            Some(repository) => {
                let repository = repository.trim_end_matches([':', '@']);
                Line::new().dim(format!("{repository} ")).then(arrow(short.0.into(), short.1.into()))
            }
            None => arrow(short.0.into(), short.1.into()),
        };
    }
    let start =
        if from.chars().count().max(to.chars().count()) > COLUMNS { common_start(from, to) } else { 0 };
    arrow(cut(from, start, COLUMNS).into(), cut(to, start, COLUMNS).into())
}

/// So many characters are the same, less a few as context.
fn common_start(from: &str, to: &str) -> usize {
    const BEFORE: usize = 16;
    from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count().saturating_sub(BEFORE)
}

/// `max` characters from `start` on; what was cut is marked.
fn cut(text: &str, start: usize, max: usize) -> String {
    let left = text.chars().count().saturating_sub(start);
    let mut kept: String = text.chars().skip(start).take(if left > max { max - 1 } else { max }).collect();
    if start > 0 {
        kept.insert(0, '…');
    }
    if left > max {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown<'a> = (&'a str, &'a str, Change, Option<&'a str>, Option<&'a str>);

    fn shown(list: &[Shown<'_>]) -> Vec<String> {
        let owned = |text: &Option<&str>| text.map(str::to_owned);
        let differences = list.iter().map(|(place, field, change, from, to)| Difference {
            place: (*place).to_owned(),
            field: (*field).to_owned(),
            change: *change,
            from: owned(from),
            to: owned(to),
            hidden: from.is_none() && to.is_none(),
        });
        differences_text(&Diff { differences: differences.collect() })
    }

    fn differences_text(diff: &Diff) -> Vec<String> {
        differences(diff).iter().map(Line::text).collect()
    }

    #[test]
    fn one_line_each_under_its_place() {
        use Change::{Added, Changed, Removed};
        let web = "container web";
        assert_eq!(
            shown(&[
                (web, "image", Changed, Some("r.io/shop:1.5"), Some("r.io/shop:1.4")),
                (web, "env FLAG", Removed, Some("on"), None),
                (web, "env TOKEN", Added, None, None),
                (web, "env DB_PASSWORD", Changed, None, None),
                (web, "env KEY", Changed, None, Some("from secret db key k")),
                ("container log", "image", Changed, Some("a/log:1"), Some("b/log:1")),
                ("pod", "label v", Changed, Some("1.5"), Some("1.4")),
            ]),
            [
                "container web",
                "  ~ image            r.io/shop 1.5 → 1.4",
                "  - env FLAG         on",
                "  + env TOKEN        hidden",
                "  ~ env DB_PASSWORD  hidden, differs",
                "  ~ env KEY          hidden → from secret db key k",
                "container log",
                "  ~ image            a/log:1 → b/log:1",
                "pod",
                "  ~ label v          1.5 → 1.4",
            ]
        );
    }

    #[test]
    fn images_are_shown_by_what_differs() {
        let image =
            |from: &str, to: &str| shown(&[("c", "image", Change::Changed, Some(from), Some(to))])[1].clone();
        let digest = |n: &str| format!("shop@sha256:{}", n.repeat(64));
        assert_eq!(image("shop", "shop:1.4"), "  ~ image  latest → 1.4");
        assert_eq!(image("shop:1.5", "shop"), "  ~ image  shop 1.5 → latest");
        assert_eq!(
            image(&digest("a"), &digest("b")),
            "  ~ image  @sha256:aaaaaaaaaaaa → @sha256:bbbbbbbbbbbb"
        );
    }

    #[test]
    fn of_long_values_the_part_that_differs_is_shown() {
        let long = |end: &str| format!("{}-{end}", "x".repeat(100));
        let lines = shown(&[("c", "args", Change::Changed, Some(&long("old")), Some(&long("new")))]);
        assert_eq!(lines[1], "  ~ args  …xxxxxxxxxxxxxxx-old → …xxxxxxxxxxxxxxx-new");
        let lines = shown(&[("c", "args", Change::Added, None, Some(&"y".repeat(100)))]);
        assert_eq!(lines[1], format!("  + args  {}…", "y".repeat(71)));
    }

    #[test]
    fn text_from_the_cluster_cannot_reach_the_terminal_raw() {
        let lines = shown(&[("c\u{1b}[31m", "env A\u{7}", Change::Added, None, Some("a\nb"))]);
        assert_eq!(lines, ["c\\u{1b}[31m", "  + env A\\u{7}  a\\nb"]);
    }
}
