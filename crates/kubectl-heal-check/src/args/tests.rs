use super::*;
use crate::finding::{Finding, Subject};
use clap::CommandFactory;
use plugin_client::Exit;
use std::collections::BTreeMap;

fn parse(words: &[&str]) -> Args {
    Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn workloads_are_named_as_in_kubectl() {
    let web = (Read::Deployments, "web".to_owned());
    assert_eq!(
        parse(&["deploy/web", "pod/x", "cj/nightly", "Job/once"]).target().unwrap(),
        Target::Named(vec![
            web,
            (Read::Pods, "x".into()),
            (Read::CronJobs, "nightly".into()),
            (Read::Jobs, "once".into())
        ])
    );
    assert_eq!(parse(&["-l", "app=web"]).target().unwrap(), Target::Selector("app=web".into()));
    assert_eq!(parse(&["-A"]).target().unwrap(), Target::All);
}

#[test]
fn fixes_are_printed_or_written() {
    let of = |words: &[&str]| parse(words).fix;
    assert_eq!((of(&[]), of(&["--fix"]), of(&["--fix=d"])), (None, Some(String::new()), Some("d".into())));
    assert_eq!(parse(&["--fix", "deploy/web"]).workloads, ["deploy/web"]);
}

#[test]
fn what_is_ignored() {
    let options = parse(&[
        "--ignore",
        "HC203,hc201:web,HC301:shop/deploy/api,HC302:deploy/web,HC303:shop/Deployment/web,HC304:sts/web",
        "--fail-on=warning",
    ]);
    let options = options.options(Files::default()).unwrap();
    assert_eq!(options.fail_on, Severity::Warning);
    assert!(options.skips("HC203") && !options.skips("HC201") && !options.skips("HC999"));
    let leaves_out = |id, namespace: &str, name: &str| {
        let subject = Subject::new("Deployment", namespace, name);
        let (message, remedy) = (String::new(), String::new());
        let finding = Finding {
            id,
            name: "n",
            severity: Severity::Error,
            subject,
            message,
            remedy,
            location: None,
            offer: None,
        };
        options.rules.iter().any(|rule| rule.matches(&finding, &BTreeMap::new()))
    };
    assert!(leaves_out("HC203", "a", "b") && leaves_out("HC201", "a", "web"));
    assert!(leaves_out("HC301", "shop", "api"));
    assert!(leaves_out("HC302", "a", "web") && leaves_out("HC303", "shop", "web"));
    assert!(!leaves_out("HC303", "a", "web") && !leaves_out("HC304", "shop", "web"));
    assert!(!leaves_out("HC201", "a", "api") && !leaves_out("HC301", "other", "api"));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let options = |words: &[&str], fail_on| {
        let mut config = Config::default();
        config.fail_on = fail_on;
        parse(words).options(Files { config, ..Files::default() }).unwrap().fail_on
    };
    assert_eq!(options(&[], None), Severity::Error);
    assert_eq!(options(&[], Some(Severity::Info)), Severity::Info);
    assert_eq!(options(&["--fail-on=warning"], Some(Severity::Info)), Severity::Warning);
}

#[test]
fn a_type_is_written_once_or_before_each_name() {
    let target = |words: &[&str]| parse(words).target().unwrap();
    let named = |names: &[(Read, &str)]| {
        Target::Named(names.iter().map(|(read, name)| (*read, (*name).to_owned())).collect())
    };
    let two = named(&[(Read::Deployments, "web"), (Read::Deployments, "api")]);
    assert_eq!(target(&["deploy", "web", "api"]), two);
    assert_eq!(target(&["deploy/web", "deployments/api"]), two);
    assert_eq!(
        target(&["deploy/web", "sts/db"]),
        named(&[(Read::Deployments, "web"), (Read::StatefulSets, "db")])
    );
}

#[test]
fn one_half_or_both() {
    let half = |words: &[&str]| parse(words).options(Files::default()).unwrap().half;
    assert_eq!((half(&[]), half(&["--now"]), half(&["--posture"])), (Half::Both, Half::Now, Half::Posture));
}

#[test]
fn a_check_is_left_out_by_its_id_or_its_name() {
    let ids = |word: &str| {
        let options = parse(&["--ignore", word]).options(Files::default()).unwrap();
        options.rules.iter().flat_map(|rule| rule.ids.clone()).collect::<Vec<_>>()
    };
    for word in ["HC301", "hc301", "no-liveness", "no-liveness:deploy/web"] {
        assert_eq!(ids(word), ["HC301"], "{word}");
    }
    let failure = parse(&["--ignore", "no-livenes"]).options(Files::default()).unwrap_err();
    assert_eq!(failure.hints[1], "did you mean no-liveness?");
}

#[test]
fn bad_input_is_a_usage_error_that_names_it() {
    let cases: [(&[&str], &str); 21] = [
        (&["--ignore", "HC203:shop/foo/web"], "foo is no kind"),
        (&["--ignore", "HC203:Web_1"], "cannot be a name"),
        (&["web"], "web: TYPE/NAME expected"),
        (&["deploy/"], "deploy/: TYPE/NAME expected"),
        (&["foo", "web"], "foo web: foo is no type"),
        (&["deploy", "sts/db"], "deploy sts/db: TYPE/NAME expected"),
        (&["deploy/web", "db"], "db: TYPE/NAME expected"),
        (&["deploy/web?x"], "deploy/web?x: no name has a '?'"),
        (&["deploy/a/b"], "TYPE/NAME expected"),
        (&["service/x"], "service is no type"),
        (&["deploy/web", "-l", "a=b"], "names cannot be used with --selector"),
        (&["-l", " "], "--selector is empty"),
        (&["-A", "-n", "shop"], "cannot be used together"),
        (&["--from", "x", "--context", "c"], "--from contacts no cluster: omit --context c"),
        (&["-f", "x", "--server", "https://example.invalid"], "--filename contacts no cluster"),
        (&["--from", "x", "deploy/web"], "name the namespace"),
        (&["-f", "x", "deploy/a/b"], "TYPE/NAME expected"),
        (&["--ignore", "HC999"], "--ignore HC999"),
        (&["--ignore", "HC203:"], "a name is missing"),
        (&["--ignore", ":web"], "--ignore :web: there is no such check"),
        (&["--ignore", "no-livenes"], "--ignore no-livenes: there is no such check"),
    ];
    for (words, part) in cases {
        let args = parse(words);
        let failure = args.target().and_then(|_| args.options(Files::default()).map(drop)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{words:?}");
        assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
    }
    for words in [
        &["--fail-on=bad"][..],
        &["--timeout=soon"],
        &["-o", "xml"],
        &["--now", "--posture"],
        &["--domain", "a b"],
        &["--now", "--domain", "rack"],
        &["--from", "x", "-f", "y"],
        &["-f", "x", "-A"],
        &["-f", "x", "--now"],
        &["--from", "x", "--print-rbac"],
        &["--prove=evict", "--from", "x"],
        &["--prove=evict", "-f", "x"],
        &["--prove=evict", "--fix"],
        &["--prove=evict", "--now"],
    ] {
        assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
    }
}

/// Nobody writes to the pipe: the end of the run does not wait for that.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_without_a_writer_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let args = parse(&["--config", pipe.to_str().unwrap()]);
    let now = Some(std::time::Instant::now());
    let bounds = plugin_client::Bounds { ui: plugin_client::Ui::captured(), deadline: now };
    let mut reading = Box::pin(Files::read(&args));
    let failure = bounds.in_time("it was read", reading.as_mut()).await.err().unwrap();
    assert_eq!(failure.exit, Exit::Timeout);
    // With a writer it is read, which also ends the thread that still waits.
    let writing = tokio::task::spawn_blocking(move || std::fs::write(pipe, "failOn: info").unwrap());
    let (files, written) = tokio::join!(reading, writing);
    written.unwrap();
    assert_eq!(args.options(files.unwrap()).unwrap().fail_on, Severity::Info);
}

#[test]
fn what_is_watched_can_be_printed_again_and_again() {
    for format in ["text", "wide", "json"] {
        assert!(parse(&["--watch", "-o", format]).check_watch().is_ok(), "{format}");
    }
    for format in ["yaml", "junit", "sarif", "openmetrics"] {
        assert_eq!(
            parse(&["--watch", "-o", format]).check_watch().unwrap_err().exit,
            Exit::Usage,
            "{format}"
        );
        assert!(parse(&["-o", format]).check_watch().is_ok());
    }
    for words in [
        &["--watch", "deploy/web", "--prove=evict"][..],
        &["--watch", "--write-baseline=x"],
        &["--watch", "--from=x"],
        &["--watch", "--fix"],
        &["--ask-server", "--now"],
        &["--ask-server", "-f", "x"],
    ] {
        assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
    }
}
