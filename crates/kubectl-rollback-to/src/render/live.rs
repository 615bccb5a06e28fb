//! The rollback while it runs: a region that is redrawn on a terminal, one line per change elsewhere.

use std::collections::HashMap;

use cluster_model::text::span;
use plugin_client::{Line, Live, Ui, table};

use super::status::word;
use crate::execute::progress::model::{Progress, State};
use crate::execute::{Event, Reporter};
use crate::outcome::{PodReport, PodState};

pub struct Screen {
    ui: Ui,
    live: Option<Live>,
    /// The region is on the screen.
    drawn: bool,
    /// Of several workloads each is reported when it is done; of one, the outcome says it.
    several: bool,
    /// What was last said about a workload and its pods: nothing is said twice.
    said: HashMap<(String, String), Event>,
}

impl Screen {
    pub fn new(ui: &Ui, workloads: usize) -> Self {
        Screen { ui: ui.clone(), live: ui.live(), drawn: false, several: workloads > 1, said: HashMap::new() }
    }

    fn is_news(&mut self, event: &Event) -> bool {
        let (workload, pod) = match event {
            Event::Moved { workload, .. } => {
                // An issue of a pod that comes back after something moved is a new one.
                self.said.retain(|(of, pod), _| of != workload || pod.is_empty());
                (workload, "")
            }
            Event::PodIssue { workload, pod, .. } => (workload, pod.as_str()),
            _ => return true,
        };
        let key = (workload.clone(), pod.to_owned());
        self.said.insert(key, event.clone()).as_ref() != Some(event)
    }
}

impl Reporter for Screen {
    fn event(&mut self, event: &Event) {
        // The region shows these; as lines they would only scroll by.
        let is_drawn = matches!(event, Event::Moved { .. } | Event::PodIssue { .. });
        if !self.is_news(event) || (is_drawn && self.live.is_some()) {
            return;
        }
        if matches!(event, Event::Done { .. }) && !self.several {
            return;
        }
        for line in lines(event) {
            self.ui.status(&line);
        }
    }

    fn draw(&mut self, rollouts: &[(String, Progress)]) {
        // Between two rollouts, as a failed one and its way back, there is nothing to look at.
        if rollouts.is_empty() {
            if std::mem::take(&mut self.drawn) {
                self.live = None;
                self.live = self.ui.live();
            }
            return;
        }
        let Some(live) = self.live.as_ref().filter(|live| live.due()) else { return };
        self.drawn = true;
        let (header, lines) = frame(rollouts);
        let sum = |of: fn(&Progress) -> i64| {
            rollouts.iter().map(|(_, progress)| usize::try_from(of(progress)).unwrap_or_default()).sum()
        };
        live.show(sum(|p| p.done), sum(|p| p.total), &header, &lines);
    }
}

/// What the region holds beside the bar.
fn frame(rollouts: &[(String, Progress)]) -> (Line, Vec<Line>) {
    let left = rollouts.iter().filter_map(|(_, progress)| progress.seconds_left).max();
    // The slowest decides, and one whose pace is not known yet may be slower still.
    let known = rollouts.iter().all(|(_, p)| p.seconds_left.is_some() || p.state != State::Moving);
    let left = left.filter(|_| known).map(|left| format!(" · about {} left", span(left)));
    let left = Line::new().dim(left.unwrap_or_default());
    if let [(_, progress)] = rollouts {
        let header = told_by_pods(progress).unwrap_or_else(|| summary(progress));
        return (header.then(left), pods(progress, |pod| attention(pod) || is_stuck(progress, pod)));
    }
    let failing = rollouts.iter().filter(|(_, progress)| is_failing(progress)).count();
    let mut header = Line::new().plain(format!("{} rolling out", rollouts.len()));
    if failing > 0 {
        header = header.plain(" · ").warn(format!("{failing} failing"));
    }
    let rows: Vec<Vec<Line>> = rollouts
        .iter()
        .map(|(workload, progress)| {
            let name = Line::new().plain("  ").strong(workload);
            vec![name, format!("{}/{}", progress.done, progress.total).into(), summary(progress)]
        })
        .collect();
    let mut lines = Vec::new();
    for (line, (_, progress)) in table(&rows).into_iter().zip(rollouts) {
        lines.push(line);
        let failing = pods(progress, |pod| pod.state == PodState::Failing);
        // One is what the summary says already.
        if failing.len() > 1 {
            lines.extend(failing.into_iter().map(|pod| Line::new().plain("  ").then(pod)));
        }
    }
    (header.then(left), lines)
}

/// The pod's own row has the cause, and more room for it.
fn told_by_pods(progress: &Progress) -> Option<Line> {
    let failing = || progress.pods.iter().filter(|pod| pod.state == PodState::Failing);
    let told = failing().any(|pod| progress.summary.starts_with(&pod.name));
    (told && progress.state == State::Moving)
        .then(|| Line::new().warn(format!("{} failing", failing().count())))
}

fn is_failing(progress: &Progress) -> bool {
    matches!(progress.state, State::Failed { .. } | State::Stuck { .. })
        || progress.pods.iter().any(|pod| pod.state == PodState::Failing)
}

fn summary(progress: &Progress) -> Line {
    match progress.state {
        State::Done { .. } => Line::new().good(&progress.summary),
        State::Failed { .. } | State::Deleted => Line::new().bad(&progress.summary),
        _ if is_failing(progress) => Line::new().warn(&progress.summary),
        State::Reverted { .. } | State::Superseded { .. } | State::Stalled { .. } => {
            Line::new().warn(&progress.summary)
        }
        _ => Line::new().plain(&progress.summary),
    }
}

/// Ready pods and old ones that wait for their turn are counted, not listed.
fn attention(pod: &PodReport) -> bool {
    matches!(pod.state, PodState::Starting | PodState::Failing | PodState::Terminating)
}

fn is_stuck(progress: &Progress, report: &PodReport) -> bool {
    matches!(&progress.state, State::Stuck { pod, .. } if *pod == report.name)
}

fn pods(progress: &Progress, shown: impl Fn(&PodReport) -> bool) -> Vec<Line> {
    let row = |pod: &PodReport| {
        let cause = pod.cause.as_deref().unwrap_or_default();
        vec![Line::new().plain("  ").plain(&pod.name), word(pod.state), cause.into()]
    };
    table(&progress.pods.iter().filter(|pod| shown(pod)).map(row).collect::<Vec<_>>())
}

/// One change, one line; a failure also has the last words of what crashed.
fn lines(event: &Event) -> Vec<Line> {
    let name = |workload: &str| Line::new().strong(workload);
    let line = match event {
        Event::Written { workload, mutated: false } => name(workload).plain(" updated; waiting for its pods"),
        Event::Written { workload, mutated: true } => name(workload)
            .plain(" updated, ")
            .warn("but not as requested")
            .plain(": admission changed the template"),
        Event::Moved { workload, done, total } => {
            name(workload).plain(format!(": {done} of {total} updated pods available"))
        }
        Event::PodIssue { workload, pod, cause } => {
            name(workload).plain(": ").warn(pod).plain(format!(": {cause}"))
        }
        Event::Unstuck { workload, pod } => {
            name(workload).plain(format!(": pod {pod} deleted; it is recreated with the new template"))
        }
        Event::Done { workload, note } => {
            let line = name(workload).good(" rolled back");
            note.iter().fold(line, |line, note| line.plain(format!("; {note}")))
        }
        Event::Failed { workload, cause, log } => {
            let line = name(workload).bad(" failed").plain(format!(": {cause}")).hanging(2);
            return std::iter::once(line)
                .chain(log.iter().map(|l| Line::new().dim("  | ").plain(l)))
                .collect();
        }
        Event::Restoring { workload } => name(workload).plain(" restoring the previous template"),
        Event::Restored { workload } => name(workload).good(" restored"),
        Event::NotRestored { workload, why } => name(workload).bad(" not restored").plain(format!(": {why}")),
        Event::Reverted { workload, by } => {
            name(workload).warn(" reverted").plain(format!(": {by} wrote the previous template again"))
        }
        Event::Superseded { workload, by } => {
            name(workload).warn(" superseded").plain(format!(": {by} wrote another template"))
        }
        Event::Stalled { workload, cause } => name(workload).warn(" stalled").plain(format!(": {cause}")),
        Event::Note { workload, says } => name(workload).plain(format!(": {says}")),
        Event::Disturbed { says } => {
            Line::new().warn("waiting for the API server").plain(format!(": {says}"))
        }
        Event::Recovered => Line::new().good("the API server responds again"),
    };
    vec![line.hanging(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, state: PodState, cause: &str) -> PodReport {
        let cause = (!cause.is_empty()).then(|| cause.to_owned());
        PodReport { name: name.to_owned(), state, cause, log: Vec::new() }
    }

    fn progress(summary: &str, seconds_left: Option<i64>, pods: Vec<PodReport>) -> Progress {
        Progress {
            state: State::Moving,
            done: 1,
            total: 3,
            desired: 3,
            summary: summary.to_owned(),
            pods,
            seconds_left,
        }
    }

    fn drawn(rollouts: &[(String, Progress)]) -> Vec<String> {
        let (header, lines) = frame(rollouts);
        std::iter::once(header.text()).chain(lines.iter().map(Line::text)).collect()
    }

    #[test]
    fn one_workload_shows_what_needs_attention() {
        let pods = vec![
            pod("web-1", PodState::Failing, "ImagePullBackOff in container main"),
            pod("web-10", PodState::Starting, "ContainerCreating"),
            pod("web-2", PodState::Old, "below the partition"),
            pod("web-3", PodState::Ready, ""),
        ];
        let all = [("deployment/web".to_owned(), progress("1 of 3 updated pods available", Some(90), pods))];
        assert_eq!(
            drawn(&all),
            [
                "1 of 3 updated pods available · about 1m30s left",
                "  web-1   failing   ImagePullBackOff in container main",
                "  web-10  starting  ContainerCreating",
            ]
        );
    }

    #[test]
    fn what_a_row_says_the_header_does_not_repeat() {
        let pods = ["web-1", "web-2"].map(|name| pod(name, PodState::Failing, "ImagePullBackOff")).to_vec();
        let web = |summary: &str| [("deployment/web".to_owned(), progress(summary, None, pods.clone()))];
        assert_eq!(drawn(&web("web-1: ImagePullBackOff (and 1 more pod)"))[0], "2 failing");
        assert_eq!(drawn(&web("exceeded quota"))[0], "exceeded quota");
    }

    #[test]
    fn an_old_pod_is_listed_if_it_is_in_the_way() {
        let pods = ["db-0", "db-1"].map(|name| pod(name, PodState::Old, "Error")).to_vec();
        let mut stuck = progress("db-1 is in the way", None, pods);
        stuck.state = State::Stuck {
            pod: "db-1".into(),
            pod_uid: "u".into(),
            pod_version: "1".into(),
            why: "w".into(),
        };
        assert_eq!(
            drawn(&[("statefulset/db".to_owned(), stuck)]),
            ["db-1 is in the way", "  db-1  old  Error"]
        );
    }

    #[test]
    fn of_several_each_has_a_line() {
        let failing = |names: &[&str]| names.iter().map(|n| pod(n, PodState::Failing, "Error")).collect();
        let all = |left: Option<i64>| {
            [
                (
                    "deployment/web".to_owned(),
                    progress("1 of 3 updated pods available, 1 starting", left, vec![]),
                ),
                ("statefulset/db".to_owned(), progress("db-0: Error", Some(5), failing(&["db-0"]))),
                ("daemonset/log".to_owned(), progress("log-a: Error", Some(5), failing(&["log-a", "log-b"]))),
            ]
        };
        assert_eq!(
            drawn(&all(Some(20))),
            [
                "3 rolling out · 2 failing · about 20s left",
                "  deployment/web  1/3  1 of 3 updated pods available, 1 starting",
                "  statefulset/db  1/3  db-0: Error",
                "  daemonset/log   1/3  log-a: Error",
                "    log-a  failing  Error",
                "    log-b  failing  Error",
            ]
        );
        // Whoever has no pace yet may be the slowest.
        assert_eq!(drawn(&all(None))[0], "3 rolling out · 2 failing");
    }

    fn told(workloads: usize, events: &[Event]) -> String {
        let ui = Ui::captured();
        let mut screen = Screen::new(&ui, workloads);
        for event in events {
            screen.event(event);
        }
        ui.err()
    }

    #[test]
    fn without_a_terminal_each_change_is_one_line_and_nothing_is_said_twice() {
        let web = || "deployment/web".to_owned();
        let moved = |done| Event::Moved { workload: web(), done, total: 3 };
        let issue = |pod: &str, cause: &str| Event::PodIssue {
            workload: web(),
            pod: pod.into(),
            cause: cause.into(),
        };
        let events = [
            Event::Written { workload: web(), mutated: false },
            moved(0),
            moved(0),
            moved(1),
            issue("web-1", "ErrImagePull"),
            issue("web-1", "ErrImagePull"),
            issue("web-2", "ErrImagePull"),
            issue("web-1", "ImagePullBackOff"),
            moved(2),
            issue("web-1", "ImagePullBackOff"),
            Event::Done { workload: web(), note: None },
        ];
        let lines = "deployment/web updated; waiting for its pods
deployment/web: 0 of 3 updated pods available
deployment/web: 1 of 3 updated pods available
deployment/web: web-1: ErrImagePull
deployment/web: web-2: ErrImagePull
deployment/web: web-1: ImagePullBackOff
deployment/web: 2 of 3 updated pods available
deployment/web: web-1: ImagePullBackOff
";
        assert_eq!(told(1, &events), lines);
        assert_eq!(told(2, &events), format!("{lines}deployment/web rolled back\n"));
    }

    #[test]
    fn a_failure_has_the_last_words_and_none_of_them_is_obeyed() {
        let log = vec!["starting".to_owned(), "\u{1b}[2Jpanic".to_owned()];
        let failed =
            Event::Failed { workload: "statefulset/db".into(), cause: "db-0: CrashLoopBackOff".into(), log };
        assert_eq!(
            told(1, &[failed]),
            "statefulset/db failed: db-0: CrashLoopBackOff\n  | starting\n  | \\u{1b}[2Jpanic\n"
        );
    }

    #[test]
    fn every_event_is_one_sentence() {
        let db = || "statefulset/db".to_owned();
        let cases = [
            (
                Event::Written { workload: db(), mutated: true },
                "statefulset/db updated, but not as requested: admission changed the template",
            ),
            (
                Event::Unstuck { workload: db(), pod: "db-1".into() },
                "statefulset/db: pod db-1 deleted; it is recreated with the new template",
            ),
            (Event::Restoring { workload: db() }, "statefulset/db restoring the previous template"),
            (Event::Restored { workload: db() }, "statefulset/db restored"),
            (
                Event::NotRestored { workload: db(), why: "changed since".into() },
                "statefulset/db not restored: changed since",
            ),
            (
                Event::Reverted { workload: db(), by: "argocd-controller".into() },
                "statefulset/db reverted: argocd-controller wrote the previous template again",
            ),
            (
                Event::Superseded { workload: db(), by: "helm".into() },
                "statefulset/db superseded: helm wrote another template",
            ),
            (
                Event::Stalled { workload: db(), cause: "waits for db-0".into() },
                "statefulset/db stalled: waits for db-0",
            ),
            (
                Event::Note { workload: db(), says: "the journal could not be written".into() },
                "statefulset/db: the journal could not be written",
            ),
            (
                Event::Disturbed { says: "connection refused".into() },
                "waiting for the API server: connection refused",
            ),
            (Event::Recovered, "the API server responds again"),
        ];
        for (event, line) in cases {
            assert_eq!(told(1, &[event]), format!("{line}\n"));
        }
        let note = Event::Done { workload: db(), note: Some("2 of 3: the partition excludes db-0".into()) };
        assert_eq!(told(2, &[note]), "statefulset/db rolled back; 2 of 3: the partition excludes db-0\n");
    }
}
