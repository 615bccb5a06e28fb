use super::*;
use clap::CommandFactory;
use plugin_client::Exit;

fn parse(words: &[&str]) -> Args {
    Args::try_parse_from(["kubectl rollback-to"].iter().chain(words)).unwrap()
}

fn wish(words: &[&str]) -> Result<Wish, Failure> {
    parse(words).wish("2026-11-24T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn each_target_has_its_flag() {
    let revision = |n| Wish::Choice(Choice::Revision(n));
    let image = |container: Option<&str>, image: &str| {
        let container = container.map(str::to_owned);
        Wish::Choice(Choice::Image(ImagePattern { container, image: image.into() }))
    };
    let cases: [(&[&str], Wish); 12] = [
        (&["deploy/web"], Wish::Pick),
        (&["deploy/web", "3"], revision(3)),
        (&["deploy/web", "--to-revision=3"], revision(3)),
        (&["deploy/web", "--to-revision", "0"], Wish::Choice(Choice::Previous)),
        (&["deploy/web", "--previous"], Wish::Choice(Choice::Previous)),
        (&["deploy/web", "--last-healthy"], Wish::Choice(Choice::LastHealthy)),
        (&["--last"], Wish::Journal),
        (&["deploy/web", "--image", "shop:1.4"], image(None, "shop:1.4")),
        (&["deploy/web", "--image", "web=shop:1.*"], image(Some("web"), "shop:1.*")),
        (&["deploy/web", "--image", "*=shop:1.*"], image(None, "shop:1.*")),
        (&["deploy/web", "--image", "@sha256:ab"], image(None, "@sha256:ab")),
        (
            &["deploy/web", "--time", "2h", "--closest"],
            Wish::Choice(Choice::Time { at: "2026-11-24T10:00:00Z".parse().unwrap(), closest: true }),
        ),
    ];
    for (words, expected) in cases {
        assert_eq!(wish(words).unwrap(), expected, "{words:?}");
    }
}

/// A command that is copied acts where, and to what, the one acted that it corrects.
#[test]
fn suggested_commands_keep_the_namespace_and_the_target() {
    let hints = |words: &[&str]| parse(words).subjects().unwrap_err().hints;
    assert_eq!(
        hints(&["deploy", "-n", "shop", "--previous"]),
        [
            "for one: kubectl rollback-to deployment/NAME --previous -n shop",
            "for all: kubectl rollback-to deployment --all --previous -n shop"
        ]
    );
    for (words, flags) in [
        (&["--time", "2h 5m", "--closest"][..], " --time '2h 5m' --closest"),
        (&["--to-revision=-3"], " --to-revision=-3"),
        (&["--image", "a=b:*", "-n", "-x"], " --image 'a=b:*' -n -x"),
        (&["--history", "--revision=3"], " --revision 3 --history"),
        (&["--status"], " --status"),
        (&["--last", "--dry-run=server"], " --last --dry-run=server"),
        (&["--last-healthy", "--dry-run"], " --last-healthy --dry-run"),
    ] {
        let hints = hints(&[&["deploy/web", "api"], words].concat());
        assert_eq!(hints, [format!("for example: kubectl rollback-to deploy/web deployment/api{flags}")]);
    }
}

#[test]
fn bad_input_is_a_usage_error_that_names_it() {
    let cases: [(&[&str], &str); 10] = [
        (&["deployment/web?x=1"], "deployment/web?x=1: no name has a '?'"),
        (&["deploy/web", "--closest", "--previous"], "--closest belongs to --time"),
        (&["deploy/web", "3", "--previous"], "two targets"),
        (&["deploy/web", "3", "--to-revision=4"], "two targets"),
        (&["deploy/web", "--to-revision=-1"], "-1: revisions are positive"),
        (&["deploy/web", "--time", "soonish"], "--time soonish"),
        (&["deploy/web", "--image", "web="], "--image web="),
        (&["deploy/web", "--reason", " "], "--reason is empty"),
        (&["deploy/web", "--field-manager="], "--field-manager"),
        (&["deploy/web", "--allow", "no-such-id"], "no-such-id"),
    ];
    for (words, part) in cases {
        let args = parse(words);
        let failure = wish(words).map(drop).and_then(|()| args.options().map(drop)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{words:?}");
        assert!(failure.message.contains(part), "{words:?}: {}", failure.message);
    }
    for words in [
        &["deploy/web", "--previous", "--last-healthy"][..],
        &["deploy/web", "--history", "--previous"],
        &["deploy/web", "--history", "--status"],
        &["deploy/web", "--revision=3"],
        &["deploy/web", "--closest"],
        &["deploy/web", "--on-failure=pray"],
        &["deploy/web", "--no-wait", "--unstick"],
    ] {
        assert!(
            Args::try_parse_from(["kubectl rollback-to"].iter().chain(words)).is_err(),
            "{words:?} passed"
        );
    }
}
