//! Which signal, sent from inside, ends a container. Pure.
//!
//! The first process of a PID namespace gets no signal from inside for which it has no handler: the kernel drops even SIGKILL
//! (pid_namespaces(7); kernel/signal.c, `sig_task_ignored`). One that it blocks is kept for it to fetch, as small init programs do.

use super::look::{Look, Process};
use super::signal::Signal;
use super::target::{StopSignal, Target};

/// What ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub process: u32,
    pub name: String,
    pub start: u64,
    pub boot: String,
    pub signal: Signal,
    /// It may end the container with any exit code; SIGKILL does with 137.
    pub because: &'static str,
}

/// Why nothing does, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoWay {
    pub why: String,
    pub hint: &'static str,
    /// No command runs in the container: from beside it there may be a way.
    pub lacks_shell: bool,
}

const HINT: &str = "with shareProcessNamespace: true, or with a small init program (tini) as its first process, it can be; without, only from its node";

fn no(why: String) -> NoWay {
    NoWay { why, hint: HINT, lacks_shell: false }
}

/// The process whose end is the end of the container.
pub fn main_process<'l>(target: &Target, look: &'l Look) -> Result<(u32, &'l Process), NoWay> {
    let container = &target.container;
    let is_beside = target.commands_in != *container;
    // The kubelet's runtimes name the control groups of a container by its ID.
    let is_own = |process: &Process| match is_beside {
        false => !look.cgroup.is_empty() && process.cgroup == look.cgroup,
        true => process.cgroup.iter().any(|it| it.contains(target.bare_id())),
    };
    if !target.is_shared {
        return match look.processes.get(&1) {
            Some(first) if is_own(first) => Ok((1, first)),
            _ if is_beside => Err(no(format!(
                "process 1, as ephemeral container {} sees it, is not known to be that of container {container}: the runtime may not support targetContainerName",
                target.commands_in
            ))),
            _ => Err(no(format!("process 1, as container {container} sees it, is none of its own"))),
        };
    }
    // The runtime, which starts it and every command in it, is outside the namespace: their parent is 0.
    // Commands, such as those of probes, run in it only after its first process has begun.
    let mut started: Vec<(&u32, &Process)> =
        look.processes.iter().filter(|(id, it)| **id != 1 && it.parent == Some(0) && is_own(it)).collect();
    started.sort_by_key(|(_, it)| it.start);
    match started[..] {
        [] => Err(no(format!("the first process of container {container} was not found"))),
        [(id, process)] => Ok((*id, process)),
        [(id, first), (_, second), ..] if first.start.is_some() && first.start < second.start => {
            Ok((*id, first))
        }
        _ => Err(no(format!(
            "the first process of container {container} cannot be told from commands that run in it"
        ))),
    }
}

pub fn way(target: &Target, look: &Look) -> Result<Way, NoWay> {
    let container = &target.container;
    let (id, process) = main_process(target, look)?;
    let who = format!("process {id} ({})", process.name);
    if !process.is_allowed {
        return Err(no(format!(
            "a command in container {} may send no signal to {who}: it runs as another user",
            target.commands_in
        )));
    }
    let Some(start) = process.start else {
        return Err(no(format!("when {who} of container {container} began is not known")));
    };
    let way = |signal: Signal, because: &'static str| Way {
        process: id,
        name: process.name.clone(),
        start,
        boot: look.boot.clone(),
        signal,
        because,
    };
    if id != 1 {
        return match target.restarts_after_kill {
            true => {
                Ok(way(Signal::KILL, "it is not the first process of its namespace, so that SIGKILL ends it"))
            }
            false => {
                Err(no(format!("container {container} is not started again after SIGKILL (exit code 137)")))
            }
        };
    }
    let signals = [Signal::TERM, target.stop_signal.signal()];
    match signals.into_iter().map(|it| (it, hears(process, it))).find(|(_, heard)| *heard != Some(false)) {
        Some((signal, Some(_))) => match target.final_exit {
            None => Ok(way(signal, "it handles this signal; SIGKILL from inside would not reach it")),
            Some(code) => Err(no(format!(
                "container {container} is not started again if it ends with exit code {code}"
            ))),
        },
        Some((_, None)) => {
            Err(no(format!("which signals {who} of container {container} handles is not known")))
        }
        None => Err(no(format!(
            "container {container} cannot be killed from inside: {who} has no handler for {}, and without one the kernel lets no signal through to the first process, not even SIGKILL",
            signals[0]
        ))),
    }
}

/// As the first process of its namespace; `None`: not known.
fn hears(process: &Process, signal: Signal) -> Option<bool> {
    let (caught, blocked, ignored) =
        (process.caught?, process.blocked.unwrap_or(0), process.ignored.unwrap_or(0));
    Some((signal.is_in(caught) || signal.is_in(blocked)) && !signal.is_in(ignored))
}

/// Does the signal that asks it to stop do nothing? `None`: not known. A process that is not the first one ends by any signal that it
/// does not handle.
pub fn ignores_stop(target: &Target, look: &Look) -> Option<bool> {
    let (id, process) = main_process(target, look).ok()?;
    let signal = target.stop_signal.signal();
    if signal == Signal::KILL {
        return Some(false);
    }
    match id {
        1 => hears(process, signal).map(|heard| !heard),
        _ => process.ignored.map(|ignored| signal.is_in(ignored)),
    }
}

/// `SIGTERM`, or that it is only supposed.
pub fn stop_words(stop: &StopSignal) -> String {
    match stop {
        StopSignal::Known(signal) => signal.to_string(),
        StopSignal::Default => format!("{} (its image may name another signal)", Signal::TERM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn process(parent: u32, cgroup: &str, caught: u64) -> Process {
        Process {
            name: "app".to_owned(),
            parent: Some(parent),
            cgroup: vec![cgroup.to_owned()],
            start: Some(7),
            caught: Some(caught),
            blocked: Some(0),
            ignored: Some(0),
            is_allowed: true,
        }
    }

    fn look(processes: &[(u32, Process)]) -> Look {
        let processes: BTreeMap<u32, Process> = processes.iter().cloned().collect();
        Look { boot: "b".to_owned(), cgroup: vec!["0::/".to_owned()], processes }
    }

    fn target() -> Target {
        Target {
            pod: "web-a".to_owned(),
            uid: "u".to_owned(),
            container: "main".to_owned(),
            container_id: "containerd://a".to_owned(),
            commands_in: "main".to_owned(),
            is_shared: false,
            stop_signal: StopSignal::Default,
            restarts_after_kill: true,
            final_exit: None,
        }
    }

    fn shown(target: &Target, look: &Look) -> String {
        match way(target, look) {
            Ok(way) => format!("{} to {}", way.signal, way.process),
            Err(no) => no.why,
        }
    }

    #[test]
    fn the_first_process_needs_a_handler() {
        const TERM: u64 = 0x4000;
        const QUIT: u64 = 0x4;
        let quits = Target { stop_signal: StopSignal::Known(Signal::named("SIGQUIT").unwrap()), ..target() };
        let with = |edit: fn(&mut Process)| {
            let mut one = process(0, "0::/", 0);
            edit(&mut one);
            one
        };
        // Process 1; whether it can be killed; whether it ignores its stop signal.
        let cases = [
            ("a handler", target(), with(|it| it.caught = Some(TERM)), "SIGTERM to 1", Some(false)),
            (
                "Go's runtime handles all",
                target(),
                with(|it| it.caught = Some(0xffff_fffd_7fc1_feff)),
                "SIGTERM to 1",
                Some(false),
            ),
            (
                "tini blocks it, and fetches it",
                target(),
                with(|it| it.blocked = Some(u64::MAX)),
                "SIGTERM to 1",
                Some(false),
            ),
            ("B8: none", target(), with(|_| {}), "cannot be killed from inside", Some(true)),
            (
                "SIGINT only, as Python",
                target(),
                with(|it| it.caught = Some(2)),
                "cannot be killed from inside",
                Some(true),
            ),
            (
                "ignored",
                target(),
                with(|it| it.ignored = Some(TERM)),
                "cannot be killed from inside",
                Some(true),
            ),
            (
                "only its stop signal",
                quits.clone(),
                with(|it| it.caught = Some(QUIT)),
                "SIGQUIT to 1",
                Some(false),
            ),
            ("not its stop signal", quits, with(|it| it.caught = Some(TERM)), "SIGTERM to 1", Some(true)),
            ("no mask", target(), with(|it| it.caught = None), "is not known", None),
            ("another user", target(), with(|it| it.is_allowed = false), "runs as another user", Some(true)),
            (
                "of another container",
                target(),
                with(|it| it.cgroup = vec!["0::/../pause".to_owned()]),
                "none of its own",
                None,
            ),
        ];
        for (name, target, first, expected, ignores) in cases {
            let look = look(&[(1, first)]);
            assert!(shown(&target, &look).contains(expected), "{name}: {}", shown(&target, &look));
            assert_eq!(ignores_stop(&target, &look), ignores, "{name}");
        }
        assert!(shown(&target(), &look(&[])).contains("none of its own"));
    }

    #[test]
    fn in_a_shared_namespace_sigkill_works_if_the_process_is_certain() {
        let shared = Target { is_shared: true, ..target() };
        let pause = (1, process(0, "0::/../pause", 0));
        let other = (8, process(0, "0::/../other", 0));
        let main = (7, process(0, "0::/", 0));
        let child = (9, process(7, "0::/", 0));
        let orphan = (10, process(1, "0::/", 0));
        let all = look(&[pause.clone(), other.clone(), main.clone(), child, orphan]);
        assert_eq!(shown(&shared, &all), "SIGKILL to 7");
        assert_eq!(ignores_stop(&shared, &all), Some(false));
        // A command of a probe is younger than the first process, although its number may be lower.
        let command = |start| (5, Process { start, ..process(0, "0::/", 0) });
        for (start, expected) in
            [(Some(8), "SIGKILL to 7"), (Some(7), "cannot be told from"), (None, "cannot be told from")]
        {
            let seen = look(&[pause.clone(), main.clone(), command(start)]);
            assert!(shown(&shared, &seen).contains(expected), "{start:?}: {}", shown(&shared, &seen));
        }
        assert!(shown(&shared, &look(&[pause.clone(), other])).contains("was not found"));
        let mut deaf = main.clone();
        deaf.1.ignored = Some(0x4000);
        assert_eq!(ignores_stop(&shared, &look(&[pause, deaf])), Some(true));
    }

    /// From beside it, the control group that has its ID is its own, and no other one is, not even that of the command.
    #[test]
    fn from_an_ephemeral_container_the_process_is_known_by_the_id_of_the_container() {
        let beside = Target {
            container_id: "containerd://1f2e3d".to_owned(),
            commands_in: "heal-check-1".to_owned(),
            ..target()
        };
        let own = (1, process(0, "0::/../cri-containerd-1f2e3d.scope", 0x4000));
        assert_eq!(shown(&beside, &look(std::slice::from_ref(&own))), "SIGTERM to 1");
        for other in ["0::/", "0::/../cri-containerd-0a0b0c.scope"] {
            let why = shown(&beside, &look(&[(1, process(0, other, 0x4000))]));
            assert!(why.contains("may not support targetContainerName"), "{other}: {why}");
        }
        let shared = Target { is_shared: true, ..beside };
        let pause = (1, process(0, "0::/../cri-containerd-pause.scope", 0));
        let main = (7, own.1);
        let command = (9, process(0, "0::/", 0));
        assert_eq!(shown(&shared, &look(&[pause.clone(), main, command.clone()])), "SIGKILL to 7");
        assert!(shown(&shared, &look(&[pause, command])).contains("was not found"));
    }

    #[test]
    fn what_is_not_started_again_is_not_ended() {
        let handler = look(&[(1, process(0, "0::/", 0x4000))]);
        let never = Target { final_exit: Some(0), restarts_after_kill: false, ..target() };
        assert!(shown(&never, &handler).contains("not started again if it ends with exit code 0"));
        let shared = Target { is_shared: true, ..never };
        let seen = look(&[(7, process(0, "0::/", 0))]);
        assert!(shown(&shared, &seen).contains("not started again after SIGKILL"));
        // It is after 137, and after SIGKILL no other code is possible.
        assert_eq!(shown(&Target { restarts_after_kill: true, ..shared }, &seen), "SIGKILL to 7");
    }
}
