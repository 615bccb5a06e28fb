//! One line for each row and tool.

use testbed::status;

use crate::goals::{Figure, judged};
use crate::tool::Run;

pub struct Line {
    pub row: String,
    pub who: &'static str,
    /// Pods, or workloads: what the row does its work on.
    pub pieces: usize,
    pub run: Run,
}

impl Line {
    pub fn figure(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Seconds => self.run.seconds,
            Figure::Cpu => self.run.cpu,
            Figure::Requests => self.run.requests.len() as f64,
            Figure::PeakMib => self.run.peak_mib,
            Figure::Sockets => self.run.sockets as f64,
        }
    }
}

/// Prints the lines and the output of the runs that failed; returns how many failed.
pub fn show(lines: &[Line]) -> usize {
    status::line(
        "\nrow                  who          time  to kubectl       CPU  to kubectl  requests   each   peak RSS  sockets  goals",
    );
    for line in lines {
        let run = &line.run;
        let kubectl = lines.iter().find(|other| other.row == line.row && other.who == "kubectl");
        let ratio = |figure| {
            kubectl
                .map_or("-".to_owned(), |other| format!("{:.2}×", line.figure(figure) / other.figure(figure)))
        };
        let text = format!(
            "{:<20} {:<8} {:>7.2}s  {:>10}  {:>7.2}s  {:>10}  {:>8}  {:>5.1}  {:>5.1} MiB  {:>7}  {}",
            line.row,
            line.who,
            run.seconds,
            ratio(Figure::Seconds),
            run.cpu,
            ratio(Figure::Cpu),
            run.requests.len(),
            run.requests.len() as f64 / line.pieces as f64,
            run.peak_mib,
            run.sockets,
            judged(line, lines),
        );
        status::line(text.trim_end());
    }
    let failed: Vec<&Line> = lines.iter().filter(|line| !line.run.succeeded()).collect();
    for line in &failed {
        status::line(&format!("\n{}, {} failed:\n{}", line.row, line.who, line.run.output));
    }
    failed.len()
}
