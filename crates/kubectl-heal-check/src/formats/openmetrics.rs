//! `-o openmetrics`: the text format 1.0.0. Its labels are workloads, checks and fixed words: no pods, messages or reasons, which would
//! make a new series each time. Pods without a controller are counted together, because their names may change.

use std::collections::BTreeMap;
use std::fmt::Write;

use cluster_model::text::sanitize;

use crate::checks::CHECKS;
use crate::finding::Severity;
use crate::matrix::{Cell, Evidence, Verdict};
use crate::report::{HealReport, HealResult, Row};

struct Family {
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    samples: BTreeMap<Labels, Number>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Whole(i64),
    Seconds(f64),
}

pub fn document(report: &HealReport) -> String {
    let mut text = String::new();
    for family in families(report) {
        write(&mut text, &family);
    }
    text.push_str("# EOF\n");
    text
}

fn families(report: &HealReport) -> [Family; 8] {
    let family = |name, unit, help| Family { name, unit, help, samples: BTreeMap::new() };
    let mut cells =
        family("heal_check_cell", None, "Workloads by what becomes of them in a case of the matrix.");
    let mut etas = family(
        "heal_check_eta_seconds",
        Some("seconds"),
        "Until as many pods are ready as before, where that is known; the longest.",
    );
    let mut outages = family(
        "heal_check_outage",
        None,
        "Of what heals: 1 if no pod of the workload is ready until then, 0 if some are, where that is known.",
    );
    for row in &report.workloads {
        for (case, cell) in row.matrix.iter().flat_map(|matrix| matrix.cells()) {
            add_cell(&mut cells, row, case, cell);
            let labels = || of_case(row, case);
            keep_most(&mut etas, labels, cell.eta_seconds);
            keep_most(&mut outages, labels, cell.outage.map(i64::from));
        }
    }
    let mut findings =
        family("heal_check_findings", None, "Findings that count. Checks that could not run have none.");
    let is_unchecked = |id: &str| report.unchecked.iter().chain(&report.scope.left_out).any(|it| it.id == id);
    let of_check =
        |id: &str, severity: Severity| vec![("id", id.to_owned()), ("severity", severity.word().to_owned())];
    for check in CHECKS.iter().filter(|it| report.scope.asks(it) && !is_unchecked(it.id)) {
        for severity in check.severities {
            findings.samples.insert(of_check(check.id, *severity), Number::Whole(0));
        }
    }
    for finding in &report.findings {
        count(&mut findings, of_check(finding.id, finding.severity));
    }
    let mut exempt = family(
        "heal_check_exempt_findings",
        None,
        "Findings that do not count, because they are ignored or in the baseline.",
    );
    for (reason, number) in
        [("ignored", report.exempt.ignored.len()), ("baseline", report.exempt.known.len())]
    {
        exempt.samples.insert(vec![("reason", reason.to_owned())], whole(number));
    }
    let mut unchecked = family(
        "heal_check_unchecked",
        None,
        "What could not be checked, by check; other is what is no check.",
    );
    unchecked.samples.insert(vec![("id", "other".to_owned())], Number::Whole(0));
    for it in &report.unchecked {
        let id = if CHECKS.iter().any(|check| check.id == it.id) { &it.id } else { "other" };
        count(&mut unchecked, vec![("id", id.to_owned())]);
    }
    let mut result = family("heal_check_result", None, "The result of the run: 1 for the one that it is.");
    for (word, is) in
        [("ok", HealResult::Ok), ("findings", HealResult::Findings), ("incomplete", HealResult::Incomplete)]
    {
        let is = i64::from(report.result == is);
        result.samples.insert(vec![("result", word.to_owned())], Number::Whole(is));
    }
    let mut duration = family("heal_check_duration_seconds", Some("seconds"), "How long the run took.");
    duration.samples.insert(Vec::new(), Number::Seconds(report.seconds));
    [cells, etas, outages, findings, exempt, unchecked, result, duration]
}

fn of_case(row: &Row, case: &str) -> Labels {
    let subject = &row.subject;
    let is_bare = subject.kind == "Pod";
    vec![
        ("namespace", subject.namespace.clone()),
        ("kind", subject.kind.clone()),
        ("workload", if is_bare { String::new() } else { subject.name.clone() }),
        ("case", case.replace(' ', "_")),
    ]
}

/// Of pods that are counted together the most.
fn keep_most(family: &mut Family, labels: impl Fn() -> Labels, number: Option<i64>) {
    let Some(number) = number else { return };
    if let Number::Whole(known) = family.samples.entry(labels()).or_insert(Number::Whole(number)) {
        *known = number.max(*known);
    }
}

fn add_cell(cells: &mut Family, row: &Row, case: &str, cell: &Cell) {
    let verdict = match cell.verdict {
        Verdict::None => "none",
        Verdict::Heals => "heals",
        Verdict::Slow => "slow",
        Verdict::Unknown => "unknown",
        Verdict::Wont => "wont",
    };
    let evidence = match cell.evidence {
        Evidence::Proven => "proven",
        Evidence::Observed => "observed",
        Evidence::Predicted => "predicted",
        Evidence::Unknown => "unknown",
    };
    let how = [("verdict", verdict.to_owned()), ("evidence", evidence.to_owned())];
    count(cells, of_case(row, case).into_iter().chain(how).collect());
}

fn count(family: &mut Family, labels: Labels) {
    let number = family.samples.entry(labels).or_insert(Number::Whole(0));
    if let Number::Whole(number) = number {
        *number += 1;
    }
}

fn whole(number: usize) -> Number {
    Number::Whole(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Writing to a String cannot fail.
fn write(text: &mut String, family: &Family) {
    let Family { name, unit, help, samples } = family;
    let _ = writeln!(text, "# TYPE {name} gauge");
    if let Some(unit) = unit {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {}", escaped(help));
    for (labels, number) in samples {
        let shown: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let shown = if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(",")) };
        let _ = match number {
            Number::Whole(number) => writeln!(text, "{name}{shown} {number}"),
            Number::Seconds(number) => writeln!(text, "{name}{shown} {number:.3}"),
        };
    }
}

/// Control characters are spelled out first, then what the format escapes.
fn escaped(text: &str) -> String {
    sanitize(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;
    use crate::formats::testing::{HOSTILE, report};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Sample = (String, BTreeMap<String, String>, f64);

    /// A strict reader: what the format allows for gauges, and nothing else.
    fn read(text: &str) -> Result<Vec<Sample>, String> {
        let body = text.strip_suffix("# EOF\n").ok_or("no EOF at the end")?;
        if body.contains("# EOF") {
            return Err("two ends".to_owned());
        }
        let (mut family, mut stage, mut known) = (String::new(), 0, BTreeSet::new());
        let mut samples: Vec<Sample> = Vec::new();
        for line in body.split_terminator('\n') {
            if line.chars().any(cluster_model::text::is_hostile) {
                return Err(format!("a control character: {line:?}"));
            }
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["#", "TYPE", name, "gauge"] => {
                    if !known.insert(name.to_owned()) {
                        return Err(format!("{name} is there twice"));
                    }
                    (family, stage) = (name.to_owned(), 1);
                }
                ["#", "UNIT", name, value] if name == family && stage == 1 => {
                    if !name.ends_with(&format!("_{value}")) {
                        return Err(format!("{name} does not end with its unit"));
                    }
                    stage = 2;
                }
                ["#", "HELP", name, _] if name == family && stage < 3 => stage = 3,
                ["#", ..] => return Err(format!("out of place: {line}")),
                _ if stage == 3 => {
                    let (labels, number) = sample(line, &family)?;
                    if samples.iter().any(|(name, other, _)| *name == family && *other == labels) {
                        return Err(format!("twice: {line}"));
                    }
                    samples.push((family.clone(), labels, number));
                }
                _ => return Err(format!("before its family: {line}")),
            }
        }
        Ok(samples)
    }

    fn sample(line: &str, family: &str) -> Result<(BTreeMap<String, String>, f64), String> {
        let wrong = |what: &str| format!("{what}: {line}");
        let mut rest = line.strip_prefix(family).ok_or_else(|| wrong("another family"))?;
        let mut labels = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                let (name, after) = rest.split_once("=\"").ok_or_else(|| wrong("no label"))?;
                let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                if name.is_empty() || !is_name(name) {
                    return Err(wrong("the name of a label"));
                }
                let (mut value, mut chars) = (String::new(), after.char_indices());
                let end = loop {
                    match chars.next() {
                        Some((at, '"')) => break at,
                        Some((_, '\\')) => match chars.next() {
                            Some((_, c @ ('\\' | '"'))) => value.push(c),
                            Some((_, 'n')) => value.push('\n'),
                            _ => return Err(wrong("an escape")),
                        },
                        Some((_, c)) => value.push(c),
                        None => return Err(wrong("no end of a value")),
                    }
                };
                if labels.insert(name.to_owned(), value).is_some() {
                    return Err(wrong("a label twice"));
                }
                rest = &after[end + 1..];
                match rest.strip_prefix(',') {
                    Some(next) => rest = next,
                    None => break,
                }
            }
            rest = rest.strip_prefix('}').ok_or_else(|| wrong("no end of the labels"))?;
        }
        let number = rest.strip_prefix(' ').ok_or_else(|| wrong("no space"))?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)) {
            return Err(wrong("the number"));
        }
        Ok((labels, number.parse().map_err(|_| wrong("the number"))?))
    }

    fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        samples.iter().find(|(known, own, _)| known == name && *own == labels).map(|it| it.2)
    }

    #[test]
    fn a_report_is_openmetrics() {
        let text = document(&report());
        let samples = read(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        let cell = |case: &str, verdict: &str, evidence: &str| {
            let labels = [("namespace", "shop"), ("kind", "Deployment"), ("workload", "web"), ("case", case)];
            value(
                &samples,
                "heal_check_cell",
                &[&labels[..], &[("verdict", verdict), ("evidence", evidence)]].concat(),
            )
        };
        assert_eq!(cell("crash", "heals", "observed"), Some(1.0));
        assert_eq!(cell("drain", "wont", "predicted"), Some(1.0));
        assert_eq!(cell("zone_loss", "unknown", "unknown"), Some(1.0));
        let of_case = |name: &str, case: &str| {
            let labels = [("namespace", "shop"), ("kind", "Deployment"), ("workload", "web"), ("case", case)];
            value(&samples, name, &labels)
        };
        let eta = |case: &str| of_case("heal_check_eta_seconds", case);
        assert_eq!((eta("node_loss"), eta("pod_loss")), (Some(85.0), None));
        let outages =
            ["pod_loss", "node_loss", "crash", "drain"].map(|case| of_case("heal_check_outage", case));
        assert_eq!(outages, [Some(0.0), Some(1.0), None, None]);
        let findings = |id: &str, severity: &str| {
            value(&samples, "heal_check_findings", &[("id", id), ("severity", severity)])
        };
        assert_eq!(findings("HC801", "error"), Some(1.0));
        assert_eq!(findings("HC206", "error"), Some(0.0), "it ran and found nothing");
        assert_eq!(findings("HC601", "error"), None, "it did not run");
        assert_eq!(findings("HC604", "error"), None, "it could not run, and was left out");
        let mut manifests = report();
        manifests.scope.is_manifests = true;
        let of_manifests = read(&document(&manifests)).unwrap();
        let labels = |id: &'static str| [("id", id), ("severity", "error")];
        assert_eq!(value(&of_manifests, "heal_check_findings", &labels("HC206")), Some(0.0));
        assert_eq!(
            value(&of_manifests, "heal_check_findings", &labels("HC602")),
            None,
            "manifests cannot say it"
        );
        assert_eq!(value(&samples, "heal_check_findings", &labels("HC602")), Some(0.0));
        let unchecked = |id: &str| value(&samples, "heal_check_unchecked", &[("id", id)]);
        assert_eq!(
            (unchecked("HC601"), unchecked("other"), unchecked("HC206")),
            (Some(1.0), Some(1.0), None)
        );
        let result = |word: &str| value(&samples, "heal_check_result", &[("result", word)]);
        assert_eq!((result("ok"), result("findings")), (Some(0.0), Some(1.0)));
        assert_eq!(value(&samples, "heal_check_duration_seconds", &[]), Some(1.25));
    }

    #[test]
    fn bare_pods_make_no_series_of_their_own() {
        let mut report = report();
        let row = report.workloads[0].clone();
        let pods = (0..100)
            .map(|n| Row { subject: Subject::new("Pod", "shop", &format!("run-{n}")), ..row.clone() });
        let before = read(&document(&report)).unwrap().len();
        report.workloads.extend(pods);
        let samples = read(&document(&report)).unwrap();
        assert_eq!(samples.len(), before + 5 + 2 + 2);
        let labels = [("namespace", "shop"), ("kind", "Pod"), ("workload", ""), ("case", "crash")];
        let all = [&labels[..], &[("verdict", "heals"), ("evidence", "observed")]].concat();
        assert_eq!(value(&samples, "heal_check_cell", &all), Some(100.0));
    }

    #[test]
    fn labels_are_escaped() {
        let mut report = report();
        report.workloads[0].subject = Subject::new("Deployment", "a\\b\"c", HOSTILE);
        let samples = read(&document(&report)).unwrap();
        assert!(
            samples.iter().any(|(_, labels, _)| labels.get("namespace").is_some_and(|it| it == "a\\b\"c"))
        );
    }

    #[test]
    fn the_reader_is_strict() {
        let text = document(&report());
        for (from, to) in [
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF"),
            (" gauge", " unknown"),
            ("case=\"crash\"", "case=\"crash"),
            ("# UNIT heal_check_eta_seconds seconds", "# UNIT heal_check_eta_seconds minutes"),
            ("heal_check_result{", "heal_check_result {"),
            ("workload=\"web\"", "workload=\"we\\b\""),
            ("namespace=", "case="),
        ] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, text, "{from}");
            assert!(read(&broken).is_err(), "{from} -> {to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_name_is_a_label(name in any::<String>(), namespace in any::<String>()) {
            let mut report = report();
            report.workloads[0].subject = Subject::new("Deployment", &namespace, &name);
            let samples = read(&document(&report)).unwrap();
            let is_it = |labels: &BTreeMap<String, String>| {
                labels.get("workload").is_some_and(|it| *it == sanitize(&name))
            };
            prop_assert!(samples.iter().any(|(_, labels, _)| is_it(labels)));
        }
    }
}
