//! The proof for people: the conditions, the plan, and the summary with a bar for each phase.

use std::time::Duration;

use cluster_model::text::count;
use plugin_client::{Line, table};

use super::kill::plan::{KillPlan, Means};
use super::options::ProofOptions;
use super::outcome::{Added, End, Killed, Round};
use super::plan::Plan;
use super::preflight::Test;
use super::statistics::statistics;
use super::timeline::Phase;
use crate::finding::Finding;
use crate::snapshot::Kind;
use crate::spans::exact;

/// Columns of the longest bar.
const BAR: f64 = 30.0;

pub fn preflight(tests: &[Test]) -> Vec<Line> {
    let row = |test: &Test| {
        let (mark, text) = match &test.outcome {
            Ok(text) => (Line::new().good("  ok"), Line::new().plain(text)),
            Err(text) => (Line::new().bad("  failed"), Line::new().plain(text)),
        };
        vec![mark, Line::new().plain(test.what), text]
    };
    table(&tests.iter().map(row).collect::<Vec<_>>())
}

pub fn plan(plan: &Plan, options: &ProofOptions) -> Vec<Line> {
    let limit = options.max_recovery.map_or_else(
        || "; no limit for a recovery (--max-recovery)".to_owned(),
        |it| format!(", or a recovery longer than {}", exact(it)),
    );
    let mut rows = match &plan.kill {
        None => evictions(plan),
        Some(kill) => kills(plan, kill),
    };
    if plan.rounds > 1 {
        rows.push(row("waits", options.cool_down_words()));
    }
    rows.push(row("stops at", format!("more than {} not ready{limit}", plan.max_unavailable)));
    let mut lines = vec![
        Line::new()
            .strong(plan.subject.to_string())
            .plain(format!(" in namespace {}", plan.subject.namespace)),
    ];
    lines.extend(table(&rows));
    lines
}

fn row(what: &str, text: String) -> Vec<Line> {
    vec![Line::new().plain("  ").dim(what), Line::new().plain(text)]
}

fn evictions(plan: &Plan) -> Vec<Vec<Line>> {
    let names: Vec<&str> = plan.members.iter().take(plan.rounds).map(|it| it.name.as_str()).collect();
    let again = if plan.rounds > names.len() { ", then replacements" } else { "" };
    let grace = match plan.grace_seconds {
        Some(seconds) => format!("{seconds}s"),
        None => format!("its own, {}s", plan.grace),
    };
    vec![
        row(
            "will evict",
            format!("one pod at a time, {}: {}{again}", count(plan.rounds, "round"), names.join(", ")),
        ),
        row(
            "by",
            "POST pods/eviction with the UID of the pod; nothing is ever deleted past a budget".to_owned(),
        ),
        row("grace", grace),
    ]
}

fn kills(plan: &Plan, kill: &KillPlan) -> Vec<Vec<Line>> {
    let names: Vec<&str> = kill.victims.iter().take(plan.rounds).map(|it| it.name.as_str()).collect();
    let mut rows = vec![row(
        "will kill",
        format!(
            "container {}, of one pod at a time, {}: {}",
            kill.container,
            count(plan.rounds, "round"),
            names.join(", ")
        ),
    )];
    match &kill.means {
        Means::Inside(way) => rows.extend([
            row(
                "by",
                format!(
                    "{} to its process {} ({}), sent by a command in it (pods/exec)",
                    way.signal, way.process, way.name
                ),
            ),
            row("works as", way.because.to_owned()),
        ]),
        Means::Ephemeral { image } => rows.extend([
            row("will add", format!("an ephemeral container of image {image} to each of these pods")),
            row("stays", "it cannot be removed: it goes when its pod is replaced".to_owned()),
            row("by", "a command in it (pods/exec): SIGKILL, SIGTERM or its stop signal".to_owned()),
            row("unknown", "whether one of them can work: that is seen only from there".to_owned()),
        ]),
    }
    let same = "the pod, the container and the process are still those that were looked at";
    rows.push(row("only if", same.to_owned()));
    rows
}

/// What was found by looking into a container.
pub fn unheard(findings: &[Finding], width: Option<usize>) -> Vec<Line> {
    let own: Vec<&Finding> = findings.iter().filter(|it| it.id == "HC310").collect();
    crate::render::findings::lines(&own, true, width)
}

/// Why it ended as it did, if that is not success.
pub fn reason(end: &End, rounds: &[Round]) -> Option<String> {
    match end {
        End::Recovered => None,
        End::Slow { round, limit } => {
            let round_seen = rounds.last();
            let slowest = round_seen.and_then(Round::slowest);
            let begin =
                if round_seen.is_some_and(|it| it.killed.is_some()) { "the signal" } else { "the eviction" };
            let slowest = slowest.map_or(String::new(), |it| {
                let before = it.from.map_or(begin, Phase::word);
                format!("; the slowest phase was {}, {} after {before}", it.to.word(), exact(it.took))
            });
            let took = round_seen.and_then(|it| it.recovery).map_or(String::new(), exact);
            Some(format!(
                "round {round} recovered after {took}, and --max-recovery is {}{slowest}",
                exact(*limit)
            ))
        }
        End::NotRecovered(why) | End::Void(why) | End::Refused(why) | End::Aborted(why) => Some(why.clone()),
        End::Interrupted => Some("interrupted".to_owned()),
        End::Timeout => Some("--timeout passed".to_owned()),
        End::Failed(failure) => Some(failure.to_string()),
    }
}

/// `flags`: of the command to type next; `None` leaves it out.
pub fn summary(plan: &Plan, end: &End, rounds: &[Round], added: &[Added], flags: Option<&str>) -> Vec<Line> {
    let mut lines = Vec::new();
    let longest = rounds.iter().flat_map(|it| it.phases.values()).max().copied().unwrap_or_default();
    for (index, round) in rounds.iter().enumerate() {
        lines.extend(bars(index + 1, round, longest));
        lines.push(Line::new());
    }
    let name = plan.subject.to_string();
    let word = match end {
        End::Recovered => Line::new().good("recovered"),
        End::Slow { .. } => Line::new().bad("slow"),
        End::NotRecovered(_) => Line::new().bad("not recovered"),
        End::Refused(_) => Line::new().warn("refused"),
        End::Void(_) => Line::new().warn("void"),
        End::Aborted(_) | End::Failed(_) | End::Timeout => Line::new().warn("aborted"),
        End::Interrupted => Line::new().warn("interrupted"),
    };
    let why = match end {
        // The word says it.
        End::Interrupted => String::new(),
        _ => reason(end, rounds).map_or(String::new(), |it| format!(": {it}")),
    };
    lines.push(Line::new().strong(&name).plain("  ").then(word).plain(why).hanging(2));
    if let Some(it) = statistics(rounds.iter().filter_map(|it| it.recovery)) {
        let p95 = it.p95.map_or(String::new(), |it| format!(", 95th percentile {}", exact(it)));
        lines.push(
            Line::new()
                .plain(format!(
                    "recovery of {}: min {}, median {}, max {}{p95}",
                    count(it.n, "round"),
                    exact(it.min),
                    exact(it.median),
                    exact(it.max)
                ))
                .hanging(2),
        );
    }
    lines.extend(left(plan, added));
    if let Some(flags) = flags {
        let next = match end {
            End::Recovered => ("what else may fail: ", format!("kubectl heal-check {name} -o wide{flags}")),
            _ => ("its state now: ", format!("kubectl heal-check {name}{flags}")),
        };
        lines.push(Line::new().plain(next.0).command(format!("{} -n {}", next.1, plan.subject.namespace)));
    }
    lines
}

/// The ephemeral containers that nobody can remove, and how to get pods without them.
fn left(plan: &Plan, added: &[Added]) -> Vec<Line> {
    let doubt = |it: &Added| if it.is_certain { "" } else { " (it is not known whether it was added)" };
    let row = |it: &Added| {
        let text = format!(" in pod {}: ephemeral container {}{}", it.pod, it.container, doubt(it));
        Line::new().warn("left").plain(text).hanging(2)
    };
    let mut lines: Vec<Line> = added.iter().map(row).collect();
    // kubectl restarts no ReplicaSet.
    if !added.is_empty() && plan.kind != Kind::ReplicaSet {
        let restart = format!("kubectl rollout restart {} -n {}", plan.subject, plan.subject.namespace);
        lines.push(Line::new().plain("for pods without it: ").command(restart));
    }
    lines
}

/// `container main: SIGTERM, ended with exit code 143 (Error)`: after that code it was started again, and no other one was tried.
fn killed(killed: &Killed) -> String {
    let end = match &killed.ended {
        Some(run) if run.code == 0 => "ended with exit code 0: a clean end, and no crash".to_owned(),
        Some(run) => format!("ended with exit code {} ({})", run.code, run.reason),
        None => "its end was not seen".to_owned(),
    };
    format!("container {}: {}, {end}", killed.container, killed.signal)
}

/// From the acceptance to each phase: bars that start at the same place show what overlaps.
fn bars(number: usize, round: &Round, longest: Duration) -> Vec<Line> {
    let what = match (&round.killed, &round.replacement) {
        (Some(it), _) => format!("  {}", killed(it)),
        (None, Some(it)) => format!(" → {}", it.name),
        (None, None) => " → no replacement".to_owned(),
    };
    let mut lines = vec![
        Line::new()
            .strong(format!("round {number}"))
            .plain(format!("  {}{what}", round.victim.name))
            .hanging(4),
    ];
    let row = |(phase, at): (&Phase, &Duration)| {
        let share = if longest.is_zero() { 0.0 } else { at.as_secs_f64() / longest.as_secs_f64() };
        let length = ((share * BAR).round() as usize).max(1);
        vec![
            Line::new().plain("  ").plain(phase.word()),
            Line::new().plain(exact(*at)),
            Line::new().dim("━".repeat(length)),
        ]
    };
    lines.extend(table(&round.phases.iter().map(row).collect::<Vec<_>>()));
    if let Some(window) = round.no_endpoint.filter(|it| !it.is_zero()) {
        lines.push(
            Line::new().plain("  ").warn(format!("for {} its Service had none of its pods", exact(window))),
        );
    }
    if round.is_uncertain {
        lines.push(Line::new().plain("  ").warn("a watch was interrupted: times may be late"));
    }
    lines
}
