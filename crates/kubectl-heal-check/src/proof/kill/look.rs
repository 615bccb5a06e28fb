//! What is asked inside a container, and what the answers say. Pure: two scripts for `sh` that start no other program, and their output.

use std::collections::BTreeMap;

/// Reads, and changes nothing: `kill -0` sends no signal. What a process may have chosen, as its name, is never written by `echo`, which some
/// shells let write several lines. With `all`: every process that is seen there, else process 1.
const LOOK: &str = r#"
lines() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $1:$line in
      cgroup:*|status:Name:*|status:PPid:*|status:SigBlk:*|status:SigIgn:*|status:SigCgt:*) printf '%s\n' "$1 $line" ;;
    esac
  done <"$2"
}
echo "self $$"
read -r line </proc/sys/kernel/random/boot_id && echo "boot $line"
lines cgroup "/proc/$$/cgroup"
if [ "$1" = all ]; then set -- /proc/[0-9]*; else set -- /proc/1; fi
for folder in "$@"; do
  process=${folder#/proc/}
  if [ "$process" != "$$" ] && [ -r "$folder/stat" ]; then
    echo "process $process"
    lines cgroup "$folder/cgroup"
    lines status "$folder/status"
    read -r line <"$folder/stat" && printf '%s\n' "stat $line"
    kill -0 "$process" && echo allowed
  fi
done
echo done
"#;

/// Sends the signal if the process is still the one that was seen: it began then, since the same start of the machine.
const KILL: &str = r#"
process=$1 start=$2 boot=$3 signal=$4
read -r now </proc/sys/kernel/random/boot_id
read -r line <"/proc/$process/stat"
set -- ${line##*) }
if [ "$now" != "$boot" ] || [ "${20}" != "$start" ]; then
  echo changed
  exit
fi
echo sending
kill -"$signal" "$process" && echo sent
"#;

const NAME: &str = "heal-check";
pub const SENDING: &str = "sending";
pub const SENT: &str = "sent";
pub const CHANGED: &str = "changed";

fn sh(script: &str, arguments: &[&str]) -> Vec<String> {
    ["sh", "-c", script, NAME].iter().chain(arguments).map(|it| (*it).to_owned()).collect()
}

pub fn look(all: bool) -> Vec<String> {
    sh(LOOK, &[if all { "all" } else { "first" }])
}

/// `signal`: its number.
pub fn kill(process: u32, start: u64, boot: &str, signal: u32) -> Vec<String> {
    sh(KILL, &[&process.to_string(), &start.to_string(), boot, &signal.to_string()])
}

/// What was seen inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Changes when the machine is started again.
    pub boot: String,
    /// The control groups of the container: of the process that looked.
    pub cgroup: Vec<String>,
    pub processes: BTreeMap<u32, Process>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub name: String,
    pub parent: Option<u32>,
    pub cgroup: Vec<String>,
    /// When it began, in ticks since the start of the machine: with it a number that is used again is another process.
    pub start: Option<u64>,
    pub blocked: Option<u64>,
    pub ignored: Option<u64>,
    pub caught: Option<u64>,
    /// Signals may be sent to it from there.
    pub is_allowed: bool,
}

/// `None`: it did not come to its end.
pub fn parse(output: &str) -> Option<Look> {
    let mut look = Look::default();
    let mut current: Option<u32> = None;
    let mut is_done = false;
    for line in output.lines() {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let process = current.map(|it| look.processes.entry(it).or_default());
        match (what, process) {
            ("done", _) => is_done = true,
            ("boot", _) => rest.clone_into(&mut look.boot),
            ("process", _) => current = rest.parse().ok(),
            ("cgroup", Some(process)) => process.cgroup.push(rest.to_owned()),
            ("cgroup", None) => look.cgroup.push(rest.to_owned()),
            ("status", Some(process)) => status(process, rest),
            ("stat", Some(process)) => process.start = start(rest),
            ("allowed", Some(process)) => process.is_allowed = true,
            _ => {}
        }
    }
    is_done.then_some(look)
}

/// proc_pid_status(5)
fn status(process: &mut Process, line: &str) {
    let Some((key, value)) = line.split_once(':') else { return };
    let value = value.trim();
    let mask = || u64::from_str_radix(value, 16).ok();
    match key {
        "Name" => value.clone_into(&mut process.name),
        "PPid" => process.parent = value.parse().ok(),
        "SigBlk" => process.blocked = mask(),
        "SigIgn" => process.ignored = mask(),
        "SigCgt" => process.caught = mask(),
        _ => {}
    }
}

/// Field 22 of proc_pid_stat(5). The name before it, in parentheses, may hold anything.
fn start(stat: &str) -> Option<u64> {
    stat.rsplit_once(") ")?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::{Command, Stdio};

    /// The script itself, on this machine, by each shell that there is.
    #[test]
    fn the_scripts_work_in_every_shell() {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        for shell in [&["sh"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let run = |command: &[String]| {
                let command = Command::new(shell[0]).args(&shell[1..]).args(&command[1..]).output();
                command.ok().map(|it| String::from_utf8_lossy(&it.stdout).into_owned())
            };
            let Some(output) = run(&look(true)) else { continue };
            let seen = parse(&output).unwrap_or_else(|| panic!("{shell:?}: {output}"));
            let own = &seen.processes[&child.id()];
            assert_eq!((own.name.as_str(), own.parent), ("sleep", Some(std::process::id())), "{shell:?}");
            assert!(own.is_allowed && own.caught == Some(0) && own.start.is_some(), "{shell:?}: {own:?}");
            assert_eq!(own.cgroup, seen.cgroup, "{shell:?}");
            let first = parse(&run(&look(false)).unwrap()).unwrap();
            assert_eq!(first.processes.keys().collect::<Vec<_>>(), [&1], "{shell:?}");
            // Another process by that number, or another start of the machine: nothing is sent.
            let start = own.start.unwrap();
            for other in [kill(child.id(), start + 1, &seen.boot, 9), kill(child.id(), start, "other", 9)] {
                assert_eq!(run(&other).unwrap(), "changed\n", "{shell:?}");
            }
            assert_eq!(run(&kill(child.id(), start, &seen.boot, 0)).unwrap(), "sending\nsent\n", "{shell:?}");
        }
        let seen = parse(&String::from_utf8_lossy(
            &Command::new("sh").args(&look(true)[1..]).output().unwrap().stdout,
        ))
        .unwrap();
        let command = kill(child.id(), seen.processes[&child.id()].start.unwrap(), &seen.boot, 9);
        Command::new("sh").args(&command[1..]).output().unwrap();
        assert!(!child.wait().unwrap().success());
    }

    /// A process may call itself what it likes.
    #[test]
    fn a_name_is_no_line_of_the_answer() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a\\nprocess 0");
        let sleep = ["/bin/sleep", "/usr/bin/sleep"].map(std::path::Path::new);
        std::os::unix::fs::symlink(sleep.into_iter().find(|it| it.exists()).unwrap(), &name).unwrap();
        let mut child = Command::new(&name).arg("60").stdout(Stdio::null()).spawn().unwrap();
        let output = Command::new("sh").args(&look(true)[1..]).output().unwrap().stdout;
        child.kill().unwrap();
        child.wait().unwrap();
        let seen = parse(&String::from_utf8_lossy(&output)).unwrap();
        let own = &seen.processes[&child.id()];
        assert!(own.name.contains("process 0") && own.is_allowed && own.start.is_some(), "{own:?}");
        assert!(!seen.processes.contains_key(&0), "{seen:?}");
    }

    #[test]
    fn what_is_cut_short_is_no_look() {
        let whole = "self 9\nboot b\ncgroup 0::/\nprocess 1\ncgroup 0::/\nstatus Name:\tsleep\nstatus PPid:\t0\nstatus SigCgt:\t0000000000004000\nstat 1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 5\nallowed\ndone\n";
        let look = parse(whole).unwrap();
        let process = &look.processes[&1];
        assert_eq!((process.caught, process.start, process.parent), (Some(0x4000), Some(4711), Some(0)));
        assert_eq!(look.cgroup, ["0::/"]);
        assert_eq!(parse(&whole[..whole.len() - 5]), None);
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_a_panic(output in "((process|stat|status|cgroup|boot|done) ?[ -~]{0,40}\n){0,20}") {
            parse(&output);
        }
    }
}
