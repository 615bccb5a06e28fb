//! What each row is to reach, and whether it did.

use crate::table::Line;

#[derive(Clone, Copy)]
pub enum Figure {
    Seconds,
    Cpu,
    Requests,
    PeakMib,
    Sockets,
}

/// What a limit is a multiple of.
#[derive(Clone, Copy)]
pub enum Base {
    One,
    /// Pods, or workloads: what the row does its work on.
    Piece,
    /// The same figure of another tool in the same row.
    Tool(&'static str),
    /// The plugin's same figure in another row.
    Row(&'static str),
}

/// At most `times` the base, and `plus`.
struct Goal {
    row: &'static str,
    figure: Figure,
    times: f64,
    base: Base,
    plus: f64,
}

const fn goal(row: &'static str, figure: Figure, times: f64, base: Base, plus: f64) -> Goal {
    Goal { row, figure, times, base, plus }
}

/// Evictions in flight at once, unless `--concurrency` is set.
const CONCURRENCY: f64 = 20.0;

#[rustfmt::skip]
const GOALS: [Goal; 21] = [
    goal("pool", Figure::Seconds, 1.0, Base::Tool("kubectl"), 0.0),
    goal("pool", Figure::Cpu, 1.0, Base::Tool("kubectl"), 0.0),
    goal("pool", Figure::Requests, 1.3, Base::Piece, 0.0),
    goal("pool", Figure::PeakMib, 20.0, Base::One, 0.0),
    goal("pool", Figure::Sockets, CONCURRENCY, Base::One, 5.0),
    goal("rollback-300", Figure::Seconds, 1.05, Base::Tool("kubectl"), 0.0),
    goal("rollback-300", Figure::Cpu, 1.0, Base::Tool("kubectl"), 0.0),
    goal("rollback-300", Figure::PeakMib, 25.0, Base::One, 0.0),
    goal("workloads", Figure::Requests, 8.0, Base::Piece, 0.0),
    goal("workloads", Figure::Sockets, 16.0, Base::One, 0.0),
    goal("workloads, 64 files", Figure::Requests, 8.0, Base::Piece, 0.0),
    goal("workloads, 64 files", Figure::Sockets, 16.0, Base::One, 0.0),
    goal("plan drain 10000", Figure::Seconds, 1.2, Base::Tool("raw"), 0.0),
    goal("plan drain 10000", Figure::PeakMib, 1.0, Base::Row("plan drain 0"), 20.0),
    goal("plan rollback 10000", Figure::Seconds, 1.2, Base::Tool("raw"), 0.0),
    goal("plan rollback 10000", Figure::PeakMib, 1.0, Base::Row("plan rollback 0"), 20.0),
    goal("heal 10000", Figure::Seconds, 1.5, Base::Tool("raw"), 0.0),
    goal("heal 10000", Figure::PeakMib, 150.0, Base::One, 0.0),
    goal("heal 50000", Figure::Seconds, 1.5, Base::Tool("raw"), 0.0),
    goal("heal 50000", Figure::PeakMib, 150.0, Base::One, 0.0),
    goal("budget", Figure::PeakMib, 60.0, Base::One, 0.0),
];

/// What became of the goals of a line, in words; that it ends well is a goal of every line.
pub fn judged(line: &Line, all: &[Line]) -> String {
    let mut words = Vec::new();
    match line.run.code {
        Some(0) => words.push("exit 0 ok".to_owned()),
        code => words
            .push(format!("exit {} missed", code.map_or("by a signal".to_owned(), |code| code.to_string()))),
    }
    for goal in GOALS.iter().filter(|goal| line.who == "ours" && goal.row == line.row) {
        let base = match goal.base {
            Base::One => Some(1.0),
            Base::Piece => Some(line.pieces as f64),
            Base::Tool(who) => of(all, &line.row, who, goal.figure),
            Base::Row(row) => of(all, row, line.who, goal.figure),
        };
        let Some(base) = base else { continue };
        let (had, most) = (line.figure(goal.figure), base * goal.times + goal.plus);
        let word = if had <= most { "ok" } else { "missed" };
        words.push(format!("{} <= {} {word}", name(goal.figure), text(goal.figure, most)));
    }
    words.join(", ")
}

fn of(all: &[Line], row: &str, who: &str, figure: Figure) -> Option<f64> {
    let line = all.iter().find(|line| line.row == row && line.who == who)?;
    line.run.succeeded().then(|| line.figure(figure))
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Seconds => "time",
        Figure::Cpu => "CPU",
        Figure::Requests => "requests",
        Figure::PeakMib => "RSS",
        Figure::Sockets => "sockets",
    }
}

fn text(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Seconds | Figure::Cpu => format!("{value:.2}s"),
        Figure::Requests | Figure::Sockets => format!("{value:.0}"),
        Figure::PeakMib => format!("{value:.1} MiB"),
    }
}
