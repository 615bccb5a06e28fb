use super::*;
use clap::{CommandFactory, Parser};

#[derive(Parser)]
struct Probe {
    nodes: Vec<String>,
    #[command(flatten)]
    connection: ConnectionFlags,
    /// After the connection flags, yet not under their heading
    #[arg(long)]
    own: bool,
}

fn parse(args: &[&str]) -> Result<Probe, clap::Error> {
    Probe::try_parse_from([&["probe"], args].concat())
}

#[test]
fn durations() {
    let good = [("30s", 30_000), ("1m30s", 90_000), ("0", 0), ("0s", 0), ("1.5h", 5_400_000), ("250ms", 250)];
    for (text, milliseconds) in good {
        assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "30", "s", "-1s", "1x", "1m 30s", "soon", "1m-5s", "99999999999999999999h", "1e9h"] {
        assert!(duration(text).is_err(), "{text} passed");
    }
    for text in ["banana", "", "s", "1m-5s", "30"] {
        let wrong = duration(text).unwrap_err();
        assert!(wrong.ends_with("; write it as in 30s, 5m or 1h30m"), "{wrong}");
        assert!(!wrong.contains("float") && !wrong.contains("string"), "{wrong}");
    }
    assert_eq!(request_timeout("45"), Ok(Duration::from_secs(45)));
    assert_eq!(request_timeout("1m"), Ok(Duration::from_secs(60)));
    assert!(request_timeout("-5").is_err());
    for wrong in [limit("banana"), request_timeout("banana")] {
        let forms = "not a duration; write it as in 30s, 5m or 1h30m, or 0 for no limit";
        assert_eq!(wrong.unwrap_err(), forms);
    }
}

#[test]
fn commands_that_are_suggested_reach_the_same_cluster() {
    let flags = |args: &[&str]| parse(args).unwrap().connection.of_cluster();
    assert_eq!(flags(&["-n", "shop", "--token", "secret"]), "");
    assert_eq!(
        flags(&["--context", "it's main", "-s", "https://x:6443"]),
        r" --context 'it'\''s main' --server https://x:6443"
    );
    assert_eq!(
        flags(&["--kubeconfig", "/a/b", "--cluster=c", "--user=u", "--as=me"]),
        " --kubeconfig /a/b --cluster c --user u --as me"
    );
    assert_eq!(
        flags(&["--as=me", "--as-group=g 1", "--as-group=g2", "--as-uid=7", "--as-user-extra=k=v"]),
        " --as me --as-uid 7 --as-group 'g 1' --as-group g2 --as-user-extra k=v"
    );
    assert_eq!(
        flags(&["--certificate-authority=ca", "--tls-server-name=n", "--proxy-url=http://p:1"]),
        " --certificate-authority ca --tls-server-name n --proxy-url http://p:1"
    );
    assert_eq!(flags(&["--insecure-skip-tls-verify"]), " --insecure-skip-tls-verify=true");
    // Credentials are never shown.
    let secret = ["--token=x", "--username=u", "--password=x", "--proxy-url=http://u:x@p:1"];
    assert_eq!(flags(&secret), "");
    assert_eq!(flags(&["--context", "-l", "--user==ls"]), " --context=-l --user '=ls'");
}

#[test]
fn whole_numbers() {
    assert_eq!(whole::<u16>(1, 1000)("20"), Ok(20));
    assert_eq!(whole::<i64>(i64::MIN, i64::MAX)("-1"), Ok(-1));
    for text in ["0", "1001", "soon", "", "1.5", "99999999999999999999"] {
        assert_eq!(whole::<u16>(1, 1000)(text).unwrap_err(), "write a whole number from 1 to 1000");
    }
    assert_eq!(whole::<i64>(0, i64::MAX)("-1").unwrap_err(), "write a whole number of 0 or more");
    assert_eq!(whole::<i64>(i64::MIN, i64::MAX)("x").unwrap_err(), "write a whole number, as in 30");
}

#[test]
fn zero_means_no_deadline_and_absence_means_the_default() {
    let deadline = |args: &[&str]| parse(args).unwrap().connection.deadline();
    assert_eq!(deadline(&[]), Some(REQUEST_TIMEOUT));
    assert_eq!(deadline(&["--request-timeout=0"]), None);
    assert_eq!(deadline(&["--request-timeout", "0s"]), None);
    assert_eq!(deadline(&["--request-timeout=5"]), Some(Duration::from_secs(5)));
}

#[test]
fn flags_are_accepted_anywhere_and_booleans_take_a_value() {
    let probe = parse(&[
        "a",
        "--context=c",
        "-n",
        "ns",
        "b",
        "-s=https://x",
        "-v=6",
        "--insecure-skip-tls-verify",
        "c",
        "--warnings-as-errors=false",
        "--match-server-version=T",
        "--as=me",
        "--as-group=g1",
        "--as-group",
        "g2",
        "--as-user-extra=k=v",
        "--cache-dir=/x",
        "--vmodule",
        "a=1",
        "--profile=none",
        "--kuberc=off",
    ])
    .unwrap();
    assert_eq!(probe.nodes, ["a", "b", "c"]);
    assert!(!probe.own);
    let flags = probe.connection;
    assert_eq!(flags.context.as_deref(), Some("c"));
    assert_eq!(flags.namespace.as_deref(), Some("ns"));
    assert_eq!(flags.server.as_deref(), Some("https://x"));
    assert_eq!(flags.verbosity, 6);
    assert_eq!(flags.insecure_skip_tls_verify, Some(true));
    assert_eq!(flags.warnings_as_errors, Some(false));
    assert_eq!(flags.match_server_version, Some(true));
    assert_eq!(flags.impersonate_groups, ["g1", "g2"]);
    assert_eq!(flags.impersonate_extra, [("k".to_owned(), "v".to_owned())]);
    assert!(flags.check().is_ok());
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    for args in [
        &["--as-group=g"][..],
        &["--as-uid=1"],
        &["--namespace=shop?x=1"],
        &["--namespace=../nodes"],
        &["--username=u"],
        &["--token=t", "--username=u", "--password=p"],
        &["--certificate-authority=x", "--insecure-skip-tls-verify"],
    ] {
        let failure = parse(args).unwrap().connection.check().unwrap_err();
        assert_eq!(failure.exit, crate::Exit::Usage, "{args:?}");
    }
    assert!(parse(&["--insecure-skip-tls-verify=maybe"]).is_err());
}

#[test]
fn help_puts_the_plugins_own_flags_first_and_stays_short() {
    Probe::command().debug_assert();
    let help = Probe::command().render_help().to_string();
    let own = help.find("--own").unwrap();
    let connection = help.find("Connection (").unwrap();
    assert!(own < connection, "{help}");
    assert!(!help.contains("--tls-server-name"), "{help}");
    assert!(help.starts_with("Usage:"), "{help}");
}

#[test]
fn secrets_are_not_in_a_debug_print() {
    let probe = parse(&["--token=s3cret"]).unwrap();
    assert!(!format!("{:?}", probe.connection).contains("s3cret"));
}
