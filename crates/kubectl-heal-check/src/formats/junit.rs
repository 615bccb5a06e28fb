//! `-o junit`: a suite a namespace, a case for each workload and check. A case passes only where the check applies, ran and found nothing.

use std::collections::BTreeMap;

use cluster_model::text::sanitize;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::applies::applies;
use super::proof::proof;
use crate::checks::{CHECKS, Check};
use crate::finding::Finding;
use crate::report::HealReport;

/// Where objects of the cluster are, and what could not be checked.
const CLUSTER: &str = "cluster";

/// Worst last: of several results of one case the worst counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// With what was found and does not count.
    Passed(Vec<String>),
    /// It could not be checked.
    Skipped(String),
    Failed {
        kind: String,
        messages: Vec<String>,
    },
}

type Suites = BTreeMap<String, BTreeMap<(String, String), Outcome>>;

pub fn document(report: &HealReport) -> String {
    text(&suites(report), report.seconds)
}

/// Of a run that ended early.
pub fn failed(why: &str) -> String {
    let outcome = Outcome::Failed { kind: "error".to_owned(), messages: vec![why.to_owned()] };
    let case = BTreeMap::from([(("run".to_owned(), "kubectl heal-check".to_owned()), outcome)]);
    text(&Suites::from([(CLUSTER.to_owned(), case)]), 0.0)
}

fn text(suites: &Suites, seconds: f64) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory cannot fail.
    let _ = write(&mut writer, suites, seconds);
    let mut text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

fn suites(report: &HealReport) -> Suites {
    let mut suites = Suites::new();
    let mut put = |namespace: &str, class: String, name: String, outcome: Outcome| {
        let suite = if namespace.is_empty() { CLUSTER } else { namespace };
        let cases = suites.entry(suite.to_owned()).or_default();
        match (cases.get_mut(&(class.clone(), name.clone())), outcome) {
            (Some(Outcome::Failed { messages, .. }), Outcome::Failed { messages: more, .. })
            | (Some(Outcome::Passed(messages)), Outcome::Passed(more)) => messages.extend(more),
            (Some(known), outcome) if *known >= outcome => {}
            (_, outcome) => drop(cases.insert((class, name), outcome)),
        }
    };
    for workload in &report.scope.workloads {
        for check in CHECKS.iter().filter(|check| report.scope.asks(check)) {
            // Where a check does not apply there is no case.
            if !applies(check, workload) {
                continue;
            }
            let outcome = match reason(report, check.id) {
                Some(why) => Outcome::Skipped(format!("not checked: {why}")),
                None => Outcome::Passed(Vec::new()),
            };
            let subject = &workload.subject;
            put(&subject.namespace, subject.to_string(), title(check), outcome);
        }
    }
    let mut of_finding = |finding: &Finding, outcome: Outcome| {
        let Finding { id, name, subject, .. } = finding;
        put(&subject.namespace, subject.to_string(), format!("{id} {name}"), outcome);
    };
    for finding in &report.findings {
        let text = format!("{}; {}", finding.message, finding.remedy);
        let outcome = if finding.severity >= report.scope.fail_on {
            Outcome::Failed { kind: finding.severity.word().to_owned(), messages: vec![text] }
        } else {
            Outcome::Passed(vec![format!("{}: {text}", finding.severity.word())])
        };
        of_finding(finding, outcome);
    }
    for it in &report.exempt.ignored {
        let why = it.reason.as_deref().unwrap_or("without a reason");
        of_finding(&it.finding, Outcome::Passed(vec![format!("ignored by {}: {why}", it.by)]));
    }
    for finding in &report.exempt.known {
        of_finding(finding, Outcome::Passed(vec![format!("in the baseline: {}", finding.message)]));
    }
    if let Some(proof) = proof(report) {
        let outcome = match proof.failure {
            None => Outcome::Passed(Vec::new()),
            Some(it) => Outcome::Failed { kind: it.result.to_owned(), messages: vec![it.reason] },
        };
        let namespace = proof.subject.map(|it| it.namespace.as_str()).unwrap_or_default();
        let class = proof.subject.map_or("run".to_owned(), ToString::to_string);
        put(namespace, class, proof.name, outcome);
    }
    for it in &report.unchecked {
        put("", "unchecked".to_owned(), it.id.clone(), Outcome::Skipped(it.reason.clone()));
    }
    suites
}

fn title(check: &Check) -> String {
    format!("{} {}", check.id, check.name)
}

fn reason<'r>(report: &'r HealReport, id: &str) -> Option<&'r str> {
    report.unchecked.iter().chain(&report.scope.left_out).find(|it| it.id == id).map(|it| it.reason.as_str())
}

fn write(writer: &mut Writer<Vec<u8>>, suites: &Suites, seconds: f64) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&Outcome> = suites.values().flat_map(BTreeMap::values).collect();
    let mut root = counted("testsuites", "kubectl heal-check", &all);
    root.push_attribute(("time", format!("{seconds:.3}").as_str()));
    writer.write_event(Event::Start(root))?;
    for (name, cases) in suites {
        let own: Vec<&Outcome> = cases.values().collect();
        writer.write_event(Event::Start(counted("testsuite", name, &own)))?;
        for ((class, name), outcome) in cases {
            case(writer, class, name, outcome)?;
        }
        writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn counted(tag: &'static str, name: &str, outcomes: &[&Outcome]) -> BytesStart<'static> {
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|it| is(it)).count().to_string();
    let mut element = BytesStart::new(tag);
    element.push_attribute(("name", clean(name).as_str()));
    element.push_attribute(("tests", outcomes.len().to_string().as_str()));
    element.push_attribute(("failures", count(|it| matches!(it, Outcome::Failed { .. })).as_str()));
    element.push_attribute(("errors", "0"));
    element.push_attribute(("skipped", count(|it| matches!(it, Outcome::Skipped(_))).as_str()));
    element
}

fn case(writer: &mut Writer<Vec<u8>>, class: &str, name: &str, outcome: &Outcome) -> std::io::Result<()> {
    let mut element = BytesStart::new("testcase");
    element.push_attribute(("classname", clean(class).as_str()));
    element.push_attribute(("name", clean(name).as_str()));
    element.push_attribute(("time", "0"));
    match outcome {
        Outcome::Passed(notes) if notes.is_empty() => return writer.write_event(Event::Empty(element)),
        Outcome::Passed(notes) => {
            writer.write_event(Event::Start(element))?;
            writer.write_event(Event::Start(BytesStart::new("system-out")))?;
            let all: Vec<String> = notes.iter().map(|text| clean(text)).collect();
            writer.write_event(Event::Text(BytesText::new(&all.join("\n"))))?;
            writer.write_event(Event::End(BytesEnd::new("system-out")))?;
        }
        Outcome::Skipped(why) => {
            writer.write_event(Event::Start(element))?;
            let mut skipped = BytesStart::new("skipped");
            skipped.push_attribute(("message", clean(why).as_str()));
            writer.write_event(Event::Empty(skipped))?;
        }
        Outcome::Failed { kind, messages } => {
            writer.write_event(Event::Start(element))?;
            let mut failure = BytesStart::new("failure");
            let first = messages.first().map(String::as_str).unwrap_or_default();
            failure.push_attribute(("message", clean(first).as_str()));
            failure.push_attribute(("type", kind.as_str()));
            writer.write_event(Event::Start(failure))?;
            let all: Vec<String> = messages.iter().map(|text| clean(text)).collect();
            writer.write_event(Event::Text(BytesText::new(&all.join("\n"))))?;
            writer.write_event(Event::End(BytesEnd::new("failure")))?;
        }
    }
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

/// XML 1.0 has no control characters, not even as references, and no U+FFFE and U+FFFF (§2.2).
fn clean(text: &str) -> String {
    sanitize(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::testing::{HOSTILE, proven, report};
    use crate::proof::report::ProofResult;
    use proptest::prelude::*;
    use roxmltree::{Document, Node};

    /// What the XML schemas of JUnit that are in use have in common.
    fn faults(text: &str) -> Vec<String> {
        let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut faults = Vec::new();
        let mut check = |is_right: bool, what: String| {
            if !is_right {
                faults.push(what);
            }
        };
        let root = document.root_element();
        check(root.has_tag_name("testsuites"), "the root".to_owned());
        let number = |node: &Node, name: &str| node.attribute(name).and_then(|it| it.parse::<usize>().ok());
        for element in root.descendants().filter(Node::is_element) {
            let tag = element.tag_name().name();
            let parent = element.parent_element().map(|it| it.tag_name().name().to_owned());
            let (expected, attributes): (Option<&str>, &[&str]) = match tag {
                "testsuites" => (None, &["name", "tests", "failures", "errors", "skipped", "time"]),
                "testsuite" => (Some("testsuites"), &["name", "tests", "failures", "errors", "skipped"]),
                "testcase" => (Some("testsuite"), &["classname", "name", "time"]),
                "skipped" => (Some("testcase"), &["message"]),
                "system-out" => (Some("testcase"), &[]),
                "failure" => (Some("testcase"), &["message", "type"]),
                _ => panic!("element {tag}"),
            };
            check(parent.as_deref() == expected, format!("{tag} in {parent:?}"));
            let names: Vec<&str> = element.attributes().map(|it| it.name()).collect();
            check(names == attributes, format!("{tag} has {names:?}"));
            if tag.starts_with("testsuite") {
                let cases: Vec<Node> =
                    element.descendants().filter(|it| it.has_tag_name("testcase")).collect();
                let with = |name: &str| {
                    cases.iter().filter(|it| it.children().any(|child| child.has_tag_name(name))).count()
                };
                check(number(&element, "tests") == Some(cases.len()), format!("{tag} tests"));
                check(number(&element, "failures") == Some(with("failure")), format!("{tag} failures"));
                check(number(&element, "skipped") == Some(with("skipped")), format!("{tag} skipped"));
            }
            if tag == "testcase" {
                let results = element.children().filter(Node::is_element).count();
                check(results <= 1, "a case has two results".to_owned());
                let name = |it: &Node| {
                    (it.attribute("classname").map(str::to_owned), it.attribute("name").map(str::to_owned))
                };
                let same =
                    element.parent_element().unwrap().children().filter(|it| name(it) == name(&element));
                check(same.count() == 1, format!("{:?} is there twice", name(&element)));
            }
        }
        faults
    }

    /// As `skipped forbidden`; `passed` is without a word.
    fn result(text: &str, suite: &str, class: &str, name: &str) -> String {
        let document = Document::parse(text).unwrap();
        let is = |node: &Node, attribute: &str, value: &str| node.attribute(attribute) == Some(value);
        let suite = document.descendants().find(|it| it.has_tag_name("testsuite") && is(it, "name", suite));
        let case = suite.unwrap().children().find(|it| is(it, "classname", class) && is(it, "name", name));
        let case = case.unwrap_or_else(|| panic!("no case {class} {name}\n{text}"));
        let Some(result) = case.children().find(Node::is_element) else { return "passed".to_owned() };
        let text = result.attribute("message").or(result.text()).unwrap_or_default();
        format!("{} {text}", result.tag_name().name())
    }

    #[test]
    fn every_case_has_the_result_that_it_had() {
        let text = document(&report());
        assert_eq!(faults(&text), [""; 0]);
        for (suite, class, name, expected) in [
            ("shop", "deployment/web", "HC302 no-readiness", "passed"),
            ("shop", "deployment/web", "HC203 no-budget", "failed"),
            (
                "shop",
                "deployment/web",
                "HC201 single-replica",
                "system-out ignored by annotation: one tenant",
            ),
            ("shop", "deployment/web", "HC301 no-liveness", "system-out in the baseline: m"),
            ("shop", "deployment/web", "HC402 one-zone", "system-out info: low; r"),
            ("shop", "deployment/web", "HC601 crash-loop", "skipped not checked: forbidden"),
            ("shop", "deployment/web", "HC604 image-pull", "skipped not checked: forbidden"),
            ("cluster", "node/n1", "HC801 node-down", "failed"),
            ("cluster", "unchecked", "HC601", "skipped forbidden"),
            ("cluster", "unchecked", "placement", "skipped forbidden"),
        ] {
            let found = result(&text, suite, class, name);
            match expected {
                "failed" => assert!(found.starts_with("failure "), "{name}: {found}"),
                expected => assert_eq!(found, expected, "{name}"),
            }
        }
        assert!(!text.contains("HC410"), "it does not apply to a Deployment");
    }

    #[test]
    fn a_proof_is_a_case() {
        for (result_of, reason, expected) in [
            (ProofResult::Recovered, None, "passed"),
            (ProofResult::Slow, Some("slow"), "failure slow"),
            (ProofResult::NotRecovered, Some("no pod"), "failure no pod"),
            (ProofResult::Aborted, Some("refused"), "failure refused"),
            (ProofResult::Void, Some("changed"), "failure changed"),
        ] {
            let text = document(&proven(result_of, reason));
            assert_eq!(faults(&text), [""; 0]);
            assert_eq!(result(&text, "shop", "deployment/web", "proof by eviction"), expected);
        }
    }

    #[test]
    fn a_run_that_ended_early_is_a_failure() {
        let text = failed("no \u{1b}answer");
        assert_eq!(faults(&text), [""; 0]);
        assert!(
            result(&text, "cluster", "run", "kubectl heal-check").starts_with("failure no \\u{1b}answer")
        );
    }

    #[test]
    fn two_findings_of_one_case_are_one_failure() {
        let mut report = report();
        let mut more = report.findings[0].clone();
        more.message = "another".to_owned();
        report.findings.push(more);
        let text = document(&report);
        assert_eq!(faults(&text), [""; 0]);
        assert!(text.contains("\nanother; r"), "{text}");
    }

    #[test]
    fn what_was_not_there_is_no_pass() {
        let mut report = report();
        report.scope.workloads.clear();
        report.findings.clear();
        let text = document(&report);
        assert_eq!(faults(&text), [""; 0]);
        let document = Document::parse(&text).unwrap();
        let passed = document
            .descendants()
            .filter(|it| it.has_tag_name("testcase") && !it.children().any(|child| child.is_element()));
        assert_eq!(passed.count(), 0);
    }

    /// Of manifests nobody asked whether it crashes now, or what the server says.
    #[test]
    fn what_manifests_cannot_say_is_no_pass() {
        let mut report = report();
        let names = |report: &HealReport| -> Vec<String> {
            let all = suites(report);
            let own = all["shop"].keys().filter(|(class, _)| class == "deployment/web");
            own.filter_map(|(_, name)| Some(name.split_once(' ')?.0.to_owned())).collect()
        };
        let there = |report: &HealReport, id: &str| names(report).iter().any(|it| it == id);
        for id in ["HC212", "HC502", "HC508", "HC602"] {
            assert!(there(&report, id), "{id}");
        }
        report.scope.is_manifests = true;
        assert!(there(&report, "HC212"));
        for id in ["HC502", "HC508", "HC602"] {
            assert!(!there(&report, id), "{id}: {:?}", names(&report));
        }
    }

    #[test]
    fn hostile_text_is_spelled_out() {
        let mut report = report();
        report.findings[0].message = HOSTILE.to_owned();
        report.findings[0].subject.name = HOSTILE.to_owned();
        let text = document(&report);
        assert_eq!(faults(&text), [""; 0]);
        assert!(!text.contains(|c| c != '\n' && cluster_model::text::is_hostile(c)), "{text:?}");
        assert!(text.contains("&lt;/failure&gt;"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_is_xml(message in any::<String>(), name in any::<String>()) {
            let mut report = report();
            report.findings[0].message = message;
            report.findings[0].subject.name = name.clone();
            report.findings[0].subject.namespace = name;
            prop_assert_eq!(faults(&document(&report)), Vec::<String>::new());
        }
    }
}
