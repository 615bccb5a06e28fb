//! The terminal: what is shown, what is prompted, and the state it is left in. Runs `examples/terminal.rs`.

#![cfg(unix)]

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use expectrl::process::unix::{Signal, WaitStatus};
use expectrl::session::OsSession;
use expectrl::{Eof, Expect, Session};
use serde_json::json;
use testbed::fake::{Answer, Fake};

/// Built by `cargo test` beside this test.
pub fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().unwrap().parent().unwrap().join("examples/terminal");
    assert!(path.exists(), "{} is missing: `cargo build --example terminal`", path.display());
    path
}

fn run(words: &[&str]) -> Output {
    Command::new(program()).args(words).stdin(Stdio::null()).output().unwrap()
}

fn session(words: &[&str]) -> OsSession {
    let mut command = Command::new(program());
    command.args(words).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session
}

/// Everything that is still to come, and the exit code.
fn end(session: &mut OsSession) -> (String, i32) {
    let rest = session.expect(Eof).map(|found| found.as_bytes().to_vec()).unwrap_or_default();
    match session.get_process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (String::from_utf8_lossy(&rest).into_owned(), code),
        other => panic!("{other:?}"),
    }
}

const HIDE: &str = "\u{1b}[?25l";
const SHOW: &str = "\u{1b}[?25h";

#[test]
fn cursor_is_restored_on_ctrl_c() {
    let mut session = session(&["ask"]);
    session.expect("[y/N]").unwrap();
    session.send("\u{3}").unwrap();
    let (rest, code) = end(&mut session);
    assert!(rest.contains(SHOW), "{rest:?}");
    assert!(rest.rfind(SHOW) > rest.rfind(HIDE), "{rest:?}");
    assert!(rest.contains("interrupted"), "{rest:?}");
    assert_eq!(code, 130);
}

#[test]
fn enter_alone_is_no() {
    for (keys, answer, exit) in [
        ("\r", "answer: no", 3),
        ("n\r", "answer: no", 3),
        ("y\r", "answer: yes", 0),
        ("q\r", "answer: no", 3),
        ("yn\r", "answer: no", 3),
        ("nay\r", "answer: no", 3),
        ("Yes\r", "answer: yes", 0),
        ("nay\u{7f}\u{7f}\u{7f}y\r", "answer: yes", 0),
        // The end of input.
        ("\u{4}", "answer: no", 3),
        ("y\u{4}", "answer: no", 3),
    ] {
        let mut session = session(&["ask"]);
        session.expect("[y/N]").unwrap();
        session.send(keys).unwrap();
        let (rest, code) = end(&mut session);
        assert!(rest.contains(answer), "{keys:?}: {rest:?}");
        assert_eq!(code, exit, "{keys:?}");
    }
}

/// A question is about the plan that was shown.
#[test]
fn what_is_asked_about_is_shown_though_quiet() {
    let mut session = session(&["plan", "--quiet"]);
    let shown = session.expect("[y/N]").unwrap();
    let shown = String::from_utf8_lossy(shown.as_bytes()).into_owned();
    assert!(shown.contains("the plan") && !shown.contains("nobody is asked"), "{shown:?}");
    session.send("y\r").unwrap();
    assert_eq!(end(&mut session).1, 0);
    // Without a terminal nobody is asked.
    let piped = run(&["plan", "--quiet"]);
    assert!(piped.stderr.starts_with(b"error: needs confirmation"), "{piped:?}");
}

#[test]
fn data_loss_must_be_confirmed_by_typing_a_word() {
    for (typed, answer, exit) in [
        ("a\r", "answer: yes", 0),
        ("yb\u{7f}\u{7f}a\r", "answer: yes", 0),
        ("y\r", "answer: no", 3),
        ("\r", "answer: no", 3),
        ("\u{4}", "answer: no", 3),
        ("a\u{4}", "answer: no", 3),
    ] {
        let mut session = session(&["type"]);
        session.expect("to continue: ").unwrap();
        session.send(typed).unwrap();
        let (rest, code) = end(&mut session);
        assert!(rest.contains(answer), "{typed:?}: {rest:?}");
        assert_eq!(code, exit, "{typed:?}");
    }
    let mut session = session(&["type"]);
    session.expect("to continue").unwrap();
    session.send("\u{3}").unwrap();
    assert_eq!(end(&mut session).1, 130);
}

const DOWN: &str = "\u{1b}[B";
const UP: &str = "\u{1b}[A";

#[test]
fn a_row_is_picked_with_the_arrow_keys() {
    for (keys, answer) in [
        (vec!["\r"], "picked 1"),
        (vec![DOWN, "\r"], "picked 2"),
        (vec![UP, UP, "\r"], "picked 2"),
        (vec![DOWN, "q"], "picked none"),
        (vec!["\u{1b}"], "picked none"),
    ] {
        let mut session = session(&["pick"]);
        session.expect("row 2").unwrap();
        for key in &keys {
            session.send(key).unwrap();
        }
        let (rest, code) = end(&mut session);
        assert!(rest.contains(answer), "{keys:?}: {rest:?}");
        assert!(rest.rfind(SHOW) > rest.rfind(HIDE), "{keys:?}: {rest:?}");
        assert_eq!(code, 0, "{keys:?}");
    }
    let mut session = session(&["pick"]);
    session.expect("row 2").unwrap();
    session.send("\u{3}").unwrap();
    let (rest, code) = end(&mut session);
    assert!(rest.contains(SHOW) && rest.contains("interrupted"), "{rest:?}");
    assert_eq!(code, 130);
}

/// Rows wider than the terminal, and in colour: dialoguer alone would clear the lines above them at every key.
#[test]
fn a_picker_keeps_to_its_own_lines() {
    let mut session = session(&["pick"]);
    let mut seen = session.expect("row 2").unwrap().as_bytes().to_vec();
    for key in [DOWN, DOWN, UP, "\r"] {
        session.send(key).unwrap();
    }
    let (rest, _) = end(&mut session);
    seen.extend(rest.as_bytes());
    assert!(rest.contains("\u{1b}[32mrow 1\u{1b}[0m"), "colours are kept: {rest:?}");
    assert!(!rest.contains("\u{1b}]52"), "{rest:?}");
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    screen.process(&seen);
    let lines = screen.screen().contents();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "a line that was there before");
    assert!(lines[1].starts_with("selected: row 2 of hostile\\u{1b}]52;c;x"), "{lines:?}");
    assert!(lines[1].ends_with('…'), "{lines:?}");
    assert_eq!(lines[2..], ["picked 2"]);
}

/// Such as a Ctrl-C typed before dialoguer reads keys, or the SIGTERM of a CI that gives up: neither may be ignored.
#[test]
fn a_signal_ends_the_question() {
    for (deed, shown) in [("ask", "drain node a?"), ("type", "to continue"), ("pick", "row 2")] {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let mut session = session(&[deed]);
            session.expect(shown).unwrap();
            session.get_process_mut().signal(signal).unwrap();
            let (rest, code) = end(&mut session);
            assert!(rest.contains("interrupted"), "{deed} {signal}: {rest:?}");
            assert!(rest.rfind(SHOW) >= rest.rfind(HIDE), "{deed} {signal}: {rest:?}");
            assert_eq!(code, 130, "{deed} {signal}");
        }
    }
}

#[test]
fn no_terminal_no_question() {
    let confirm = "error: needs confirmation: no terminal to ask on; nothing was changed\nhint: look at it with --dry-run, then pass --yes\n";
    let pick = "error: needs a choice: no terminal to ask on\nhint: name it with --to-revision\n";
    for (deed, expected) in [("ask", confirm), ("type", confirm), ("pick", pick)] {
        let output = run(&[deed]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn event_lines_are_visible_without_a_tty() {
    let output = run(&["events"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "evicted pod 1\nevicted pod 2\nevicted pod 3\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let quiet = run(&["events", "--quiet"]);
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "");
}

#[test]
fn event_lines_stay_above_the_live_region() {
    let mut session = session(&["events"]);
    let (screen, code) = end(&mut session);
    assert_eq!(code, 0);
    for seen in ["evicted\u{1b}[0m pod 1", "evicted\u{1b}[0m pod 3", "draining", "one line", "1/3"] {
        assert!(screen.contains(seen), "{seen}: {screen:?}");
    }
    assert!(screen.rfind(SHOW) > screen.rfind(HIDE), "{screen:?}");
}

/// A terminal shows the key that was pressed, as a program's own output: after it, too, the region is cleared as a whole.
#[test]
fn an_interrupt_leaves_nothing_of_the_live_region() {
    let mut session = session(&["interrupted"]);
    session.get_process_mut().set_echo(true, None).unwrap();
    let mut seen = Vec::new();
    // The whole region, and the cursor where it stays.
    for text in ["second", "\r"] {
        seen.extend(session.expect(text).unwrap().as_bytes());
    }
    session.send("\u{3}").unwrap();
    let (rest, code) = end(&mut session);
    assert_eq!(code, 130);
    assert!(rest.contains("^C"), "it is not echoed: {rest:?}");
    seen.extend(rest.as_bytes());
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    screen.process(&seen);
    let screen = screen.screen().contents();
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert_eq!(lines, ["a line that was there before", "report"]);
}

#[test]
fn an_interrupt_that_nobody_handles_ends_the_program() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut session = session(&["wait"]);
        session.expect("waiting").unwrap();
        session.get_process_mut().signal(signal).unwrap();
        let (rest, code) = end(&mut session);
        assert!(rest.contains("error:") && rest.contains("interrupted"), "{rest:?}");
        assert_eq!(code, 130);
    }
}

#[test]
fn a_handled_interrupt_goes_on_and_the_second_ends() {
    let mut session = session(&["handle"]);
    session.expect("waiting").unwrap();
    session.get_process_mut().signal(Signal::SIGINT).unwrap();
    session.expect("stopping").unwrap();
    session.get_process_mut().signal(Signal::SIGINT).unwrap();
    assert_eq!(end(&mut session).1, 130);
}

#[test]
fn warnings_as_errors_fails_at_the_end() {
    let fake = Fake::start();
    let version = json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "",
        "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
    fake.on("GET", "/version").answer(Answer::json(version).header("Warning", "299 - \"old\""));
    let server = format!("--server={}", fake.url());
    let cases = [
        ("false", 0, "warning: old\n"),
        ("true", 1, "warning: old\nerror: 1 warning from the server (--warnings-as-errors)\n"),
    ];
    for (flag, code, expected) in cases {
        let output =
            run(&["version", &server, "--kubeconfig=/dev/null", &format!("--warnings-as-errors={flag}")]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "v1.37.2\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert_eq!(output.status.code(), Some(code));
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child =
        Command::new(program()).arg("data").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(program()).arg("data").stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: the result could not be written: "));
}

#[test]
fn usage_is_two_and_help_is_zero() {
    let cases: [(&[&str], i32); 4] =
        [(&["--help"], 0), (&["--version"], 0), (&[], 2), (&["ask", "--no-such-flag"], 2)];
    for (words, code) in cases {
        let output = run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{words:?}");
    }
    assert!(String::from_utf8_lossy(&run(&["--help"]).stdout).contains("Usage: kubectl terminal"));
}

/// By clap, and by the plugin itself; as text on stderr, too.
#[test]
fn wrong_usage_is_a_document_for_a_program() {
    let wrong: [(&[&str], &str); 3] = [
        (&["ask", "--no-such-flag"], "unexpected argument '--no-such-flag' found"),
        (
            &["ask", "--request-timeout=ban\u{1b}ana"],
            "invalid value 'ban\\u{1b}ana' for '--request-timeout <DURATION>'",
        ),
        (&["misused"], "used wrongly"),
    ];
    for (words, error) in wrong {
        for output in [
            &["-o", "json"][..],
            &["-o=json"],
            &["-ojson"],
            &["--output", "json"],
            &["--output=json"],
            &["-qojson"],
            &["-o", "yaml"],
        ] {
            let words = [words, output].concat();
            let ended = run(&words);
            let (out, err) =
                (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
            assert_eq!(ended.status.code(), Some(2), "{words:?}");
            let document: serde_json::Value = match output {
                [_, "yaml"] => serde_saphyr::from_str(&out).unwrap(),
                _ => serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {words:?}: {out}")),
            };
            assert_eq!(
                (&document["kind"], &document["result"]),
                (&json!("TestReport"), &json!("refused")),
                "{words:?}"
            );
            assert!(document["error"].as_str().unwrap().starts_with(error), "{words:?}: {document}");
            assert!(!document["error"].as_str().unwrap().contains("Usage:"), "{document}");
            assert!(document["things"].as_array().unwrap().is_empty() && document["startedAt"].is_string());
            assert!(err.starts_with("error: ") && err.contains(error), "{err}");
        }
        assert_eq!(String::from_utf8(run(&[words, &["-o", "text"]].concat()).stdout).unwrap(), "");
    }
    // A value of another flag is none of this one.
    assert!(run(&["ask", "--no-such-flag", "-nojson"]).stdout.is_empty());
    assert!(run(&["ask", "--no-such-flag", "--", "-ojson"]).stdout.is_empty());
}

#[test]
fn an_interrupt_that_nobody_handles_leaves_a_document_too() {
    let mut command = Command::new(program());
    let command = command.args(["wait", "-o", "json"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It reports so before it waits.
    child.stderr.as_mut().unwrap().read_exact(&mut [0; "waiting".len()]).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::HUP)
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&document["result"], &document["error"]), (&json!("interrupted"), &json!("interrupted")));
}
