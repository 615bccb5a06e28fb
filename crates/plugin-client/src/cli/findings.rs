//! Findings for people: as a list, worst first, one line each with the remedy beneath; as the refusal they lead to;
//! and which of them `--allow` accepts. No I/O.

use cluster_model::finding::allow::{Allow, UnknownId};
use cluster_model::text::count;
use cluster_model::{Finding, Severity};

use crate::{Candidate, Candidates, Failure, Line, Role, table};

/// More of one kind are counted, not listed; `-o wide` lists them all.
const OF_ONE_KIND: usize = 4;

/// Of what belongs to a finding, and below it.
const INDENT: &str = "          ";

/// What `--allow` accepts; an id that is not `known` is wrong usage.
pub fn allowed(
    words: &[String],
    known: impl Iterator<Item = &'static str> + Clone,
) -> Result<Allow, Failure> {
    Allow::parse(words, known).map_err(|UnknownId { id, known }| {
        Failure::usage(format!("--allow {id}: there is no such finding"))
            .hint(format!("there are: {}", known.join(", ")))
    })
}

/// What `--allow` is completed to: those of the ids that are errors, with what the table of findings of the plugin's page says.
pub fn candidates(ids: impl Iterator<Item = &'static str>, page: &str) -> Candidates {
    let section = page.split_once("\n## Findings\n").map_or("", |(_, section)| section);
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let errors: Vec<(&str, String)> = rows
        .filter_map(|row| {
            let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
            let (id, severity, meaning) = (cells.next()?, cells.next()?, cells.next()?);
            (severity == "error").then(|| (id.trim_matches('`'), meaning.replace(['`', '*'], "")))
        })
        .collect();
    let described = |id: &'static str| {
        let (_, meaning) = errors.iter().find(|(error, _)| *error == id)?;
        Some(Candidate::new(id, meaning.as_str()))
    };
    ids.filter_map(described).chain([Candidate::new("all", "every error")]).collect()
}

/// `findings` in their order, which `cluster_model::finding::sort` made.
pub fn lines(findings: &[Finding], wide: bool) -> Vec<Line> {
    lines_of(&findings.iter().collect::<Vec<_>>(), wide)
}

/// As `lines`, for some of them.
pub fn lines_of(findings: &[&Finding], wide: bool) -> Vec<Line> {
    let groups: Vec<&[&Finding]> =
        findings.chunk_by(|a, b| a.id == b.id && a.accepted == b.accepted && a.remedy == b.remedy).collect();
    let listed = |group: &[&Finding]| if wide { group.len() } else { group.len().min(OF_ONE_KIND) };
    let rows: Vec<Vec<Line>> = groups.iter().flat_map(|g| g[..listed(g)].iter().map(|f| row(f))).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines = Vec::new();
    for group in groups {
        lines.extend(rows.by_ref().take(listed(group)));
        if listed(group) < group.len() {
            let more = group.len() - listed(group);
            lines.push(Line::from(INDENT).dim(format!("and {more} more; -o wide shows all")));
        }
        lines.extend(remedy(group));
    }
    lines
}

/// Why a run with these findings does not start. `kubectl_flag`: kubectl's own flag that accepts errors of an id, if there is one.
pub fn refusal(findings: &[Finding], kubectl_flag: fn(&str) -> Option<&'static str>) -> Failure {
    let blocking: Vec<&Finding> = findings.iter().filter(|f| f.blocks()).collect();
    let (mut flags, mut ids) = (Vec::new(), Vec::new());
    for finding in &blocking {
        let (to, word) = kubectl_flag(finding.id).map_or((&mut ids, finding.id), |flag| (&mut flags, flag));
        if !to.contains(&word) {
            to.push(word);
        }
    }
    let allow = (!ids.is_empty()).then(|| format!("--allow {}", ids.join(",")));
    let flags: Vec<&str> = flags.into_iter().chain(allow.as_deref()).collect();
    let (these, them) = if blocking.len() == 1 { ("it", "it") } else { ("these", "them") };
    Failure::refused(format!("{}; nothing was changed", count(blocking.len(), "pre-flight error")))
        .hint(format!("fix {these}, or accept {them} with {}", flags.join(" ")))
}

fn row(finding: &Finding) -> Vec<Line> {
    let (word, role) = match (finding.severity, &finding.accepted) {
        (Severity::Error, Some(_)) => ("accepted", Role::Warn),
        (Severity::Error, None) => ("error", Role::Bad),
        (Severity::Warning, _) => ("warning", Role::Warn),
        (Severity::Unknown, _) => ("unknown", Role::Warn),
        (Severity::Info, _) => ("info", Role::Dim),
    };
    vec![
        Line::new().span(role, format!("{word:<8}")),
        finding.id.into(),
        Line::new().strong(&finding.subject).plain(" ").plain(&finding.message),
    ]
}

/// `group` has one remedy.
fn remedy(group: &[&Finding]) -> Option<Line> {
    let finding = group.first()?;
    if let Some(flag) = &finding.accepted {
        return Some(Line::from(INDENT).dim(format!("by {flag}")).hanging(INDENT.len()));
    }
    let all = match group.len() {
        1 => String::new(),
        2 => "for both: ".to_owned(),
        n => format!("for all {n}: "),
    };
    let line = || {
        let line = Line::from(INDENT).plain(all).ending_in_command(Role::Advice, &finding.remedy);
        line.hanging(INDENT.len())
    };
    (!finding.remedy.is_empty()).then(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(findings: &[Finding], wide: bool) -> Vec<String> {
        lines(findings, wide).iter().map(Line::text).collect()
    }

    #[test]
    fn many_of_one_kind_are_counted_and_their_remedy_is_shown_once() {
        let bare = |n: usize| {
            Finding::new("bare-pod", Severity::Error, format!("shop/p{n}"), "has no owner")
                .remedy("kubectl delete")
        };
        let findings: Vec<Finding> = (1..=6).map(bare).collect();
        let short = texts(&findings, false);
        assert_eq!(short.len(), 6, "{short:?}");
        assert_eq!(short[0], "error     bare-pod  shop/p1 has no owner");
        assert_eq!(
            short[4..],
            ["          and 2 more; -o wide shows all", "          for all 6: kubectl delete"]
        );
        assert_eq!(texts(&findings, true).len(), 7);
        assert_eq!(texts(&findings[..2], false)[2], "          for both: kubectl delete");
        assert_eq!(texts(&findings[..1], false)[1], "          kubectl delete");
        let failure = refusal(&findings, |_| None);
        assert_eq!(failure.message, "6 pre-flight errors; nothing was changed");
        assert_eq!(failure.hints, ["fix these, or accept them with --allow bare-pod"]);
        assert_eq!(refusal(&findings[..1], |_| None).hints, ["fix it, or accept it with --allow bare-pod"]);
    }

    #[test]
    fn a_remedy_goes_on_below_itself_and_its_command_stays_in_one_piece() {
        let wrapped = |remedy: &str| -> Vec<String> {
            let finding = Finding::new("bare-pod", Severity::Error, "shop/p", "m").remedy(remedy);
            let lines = lines(&[finding], false);
            lines[1..].iter().flat_map(|line| line.wrapped(60)).map(|line| line.text()).collect()
        };
        assert_eq!(
            wrapped("let a controller own it, or delete it: kubectl delete pod p -n shop --wait"),
            [
                "          let a controller own it, or delete it:",
                "          kubectl delete pod p -n shop --wait"
            ]
        );
        assert_eq!(
            wrapped("relax the PodDisruptionBudget for the time of the drain, or run more pods"),
            [
                "          relax the PodDisruptionBudget for the time of the",
                "          drain, or run more pods"
            ]
        );
    }

    #[test]
    fn a_flag_of_kubectl_is_preferred_to_accept_an_error() {
        let error = |id| Finding::new(id, Severity::Error, "shop/p", "m");
        let findings = ["orphaned", "bare", "budget", "data", "pinned"].map(error);
        let flag = |id: &str| match id {
            "orphaned" | "bare" => Some("--force"),
            "data" => Some("--delete-data"),
            _ => None,
        };
        assert_eq!(
            refusal(&findings, flag).hints,
            ["fix these, or accept them with --force --delete-data --allow budget,pinned"]
        );
    }

    #[test]
    fn an_accepted_finding_names_the_flag() {
        let mut finding =
            Finding::new("bare-pod", Severity::Error, "shop/p", "has no owner").remedy("fix it");
        finding.accepted = Some("--force".into());
        assert_eq!(
            texts(&[finding], false),
            ["accepted  bare-pod  shop/p has no owner", "          by --force"]
        );
    }

    #[test]
    fn errors_are_offered_with_their_meaning() {
        let page = "# Page\n\n## Findings\n\nText.\n\n| id | severity | when | accepted by |\n|---|---|---|---|\n\
                    | `a` | error | its `spec` is *wrong*: really | `--force` |\n| `b` | warning | it may be | |\n\
                    | `other` | error | of another plugin | |\n\n| `c` | error | of another table | |\n";
        let expected =
            [Candidate::new("a", "its spec is wrong: really"), Candidate::new("all", "every error")];
        assert_eq!(candidates(["a", "b", "c"].into_iter(), page), expected.into_iter().collect());
    }

    #[test]
    fn an_unknown_id_is_wrong_usage() {
        let allowed = |word: &str| allowed(&[word.to_owned()], ["a", "b"].into_iter());
        assert!(allowed("a").unwrap().ids.contains("a"));
        let failure = allowed("x").unwrap_err();
        assert_eq!(failure.exit, crate::Exit::Usage);
        assert_eq!(failure.message, "--allow x: there is no such finding");
        assert_eq!(failure.hints, ["there are: a, b"]);
    }
}
