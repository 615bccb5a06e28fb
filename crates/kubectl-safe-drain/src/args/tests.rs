use super::*;
use clap::CommandFactory;
use plugin_client::Exit;

fn parse(words: &[&str]) -> Args {
    Args::try_parse_from(["kubectl safe-drain"].iter().chain(words)).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn every_flag_of_kubectl_drain_is_there() {
    let args = parse(&[
        "n1",
        "--force",
        "--ignore-daemonsets=true",
        "--delete-emptydir-data",
        "--grace-period=7",
        "--timeout=1m30s",
        "--pod-selector=a=b",
        "--disable-eviction",
        "--skip-wait-for-delete-timeout=5",
        "--chunk-size=1",
        "--dry-run",
    ]);
    let options = args.options().unwrap();
    assert!(options.force && options.delete_emptydir_data && options.disable_eviction);
    assert_eq!((options.grace_period, options.skip_wait_for_delete), (Some(7), Some(5)));
    assert_eq!(
        (args.timeout(), args.dry_run, args.drain.chunk_size),
        (Some(Duration::from_secs(90)), DryRun::Client, 1)
    );
    assert_eq!(args.drain.pod_selector.as_deref(), Some("a=b"));
    assert_eq!(parse(&["n1", "--dry-run=server"]).dry_run, DryRun::Server);
    assert!(!parse(&["n1", "--force=false"]).options().unwrap().force);
}

#[test]
fn going_on_needs_the_same_consent_again() {
    let flags = |words: &[&str]| parse(words).flags_to_go_on(false);
    // How long it may take and how fast it goes are the operator's, too; but not a timeout that just passed.
    for (timeout, again) in
        [("5s", "5s"), ("90s", "90s"), ("1h30m", "90m"), ("1500ms", "1500ms"), ("1.5s", "1500ms")]
    {
        let words = ["n1", "--yes", "--concurrency=2", &format!("--timeout={timeout}")];
        assert_eq!(flags(&words), format!(" --concurrency=2 --timeout={again}"));
        assert_eq!(parse(&words).flags_to_go_on(true), " --concurrency=2");
    }
    assert_eq!(flags(&["n1", "--yes", "--timeout=0s"]), "");
    assert_eq!(
        flags(&[
            "n1",
            "--force",
            "--allow=pinned-pod,host-path-data",
            "--pod-selector=a in (b, c)",
            "--grace-period=0",
            "--skip-wait-for-delete-timeout=5",
            "--on-failure=uncordon"
        ]),
        " --force --grace-period=0 --pod-selector='a in (b, c)' --allow=pinned-pod,host-path-data \
         --skip-wait-for-delete-timeout=5 --on-failure=uncordon"
    );
}

#[test]
fn nodes_are_named_as_in_kubectl() {
    let names = |words: &[&str]| parse(words).target();
    assert_eq!(
        names(&["a", "node/b", "nodes/c", "a"]).unwrap(),
        Target::Names(vec!["a".into(), "b".into(), "c".into()])
    );
    assert_eq!(names(&["-l", "pool=old"]).unwrap(), Target::Selector("pool=old".into()));
}

#[test]
fn bad_input_is_a_usage_error_that_names_it() {
    let cases: [(&[&str], &str); 10] = [
        (&["--snapshot", "-"], "not to stdout"),
        (&[], "no node given"),
        (&["n1", "-l", "a=b"], "both a node name and a --selector"),
        (&["-l", ""], "--selector is empty"),
        (&["pod/x"], "pod is not a node"),
        (&["node/"], "cannot be empty"),
        (&["node/n1?dryRun=All"], "node/n1?dryRun=All: no name has a '?'"),
        (&["n1", "--allow", "no-such-id"], "no-such-id"),
        (&["n1", "--grace-period=-2"], "--grace-period -2"),
        (&["n1", "--allow=bare-pod,oops"], "oops"),
    ];
    for (words, part) in cases {
        let args = parse(words);
        let failure = args.target().and_then(|_| args.options()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{words:?}");
        assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
    }
    for words in [
        &["n1", "--timeout=soon"][..],
        &["n1", "--timeout=-5s"],
        &["n1", "--concurrency=0"],
        &["n1", "--cordon-only", "--uncordon"],
        &["n1", "--dry-run=maybe"],
    ] {
        assert!(
            Args::try_parse_from(["kubectl safe-drain"].iter().chain(words)).is_err(),
            "{words:?} passed"
        );
    }
}
