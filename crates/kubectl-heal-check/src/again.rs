//! The command line of a run, for a command that asks the same again. Pure.

use plugin_client::shell;

use crate::args::Args;

/// ` deploy/web -n shop`: which workloads, and what is asked of them; without what the output looks like and the flags of the cluster.
pub fn again(args: &Args) -> String {
    let mut words: String = args.workloads.iter().map(|word| format!(" {}", shell::word(word))).collect();
    words.push_str(&flags(args));
    if let Some(namespace) = args.connection.namespace.as_deref().filter(|it| !it.is_empty()) {
        words.push_str(&format!(" -n {}", shell::word(namespace)));
    }
    words
}

/// The flags that decide what is read and found, and how it ends: without them the same words give another result.
pub fn flags(args: &Args) -> String {
    let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    // Without its files it would ask the cluster.
    let mut words: String = args.filename.iter().map(|file| shell::flag("filename", &path(file))).collect();
    let valued = [
        ("from", args.from.as_ref().map(path)),
        ("selector", args.selector.clone()),
        ("fail-on", args.fail_on.map(|it| it.word().to_owned())),
        ("domain", args.domain.as_ref().map(|it| it.label.clone())),
        ("config", args.config.as_ref().map(path)),
        ("baseline", args.baseline.as_ref().map(path)),
    ];
    words.extend(valued.into_iter().filter_map(|(name, value)| Some(shell::flag(name, &value?))));
    words.extend(args.ignore.iter().map(|rule| shell::flag("ignore", rule)));
    let switches = [
        ("--now", args.now),
        ("--posture", args.posture),
        ("--secrets", args.secrets),
        ("--ask-server", args.ask_server),
        ("-A", args.all_namespaces),
    ];
    words.extend(switches.into_iter().filter(|(_, given)| *given).map(|(flag, _)| format!(" {flag}")));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, Command, CommandFactory, Parser};
    use plugin_client::ConnectionFlags;
    use std::collections::BTreeSet;

    /// What they are given as, by their names in [`Args`].
    const KEPT: [(&str, &[&str]); 15] = [
        ("workloads", &["deploy/web"]),
        ("selector", &["--selector", "app=web"]),
        ("all_namespaces", &["-A"]),
        ("from", &["--from", "dump.json"]),
        ("filename", &["--filename", "all.yaml"]),
        ("fail_on", &["--fail-on", "warning"]),
        ("now", &["--now"]),
        ("posture", &["--posture"]),
        ("domain", &["--domain", "example.com/rack"]),
        ("config", &["--config", "rules.toml"]),
        ("baseline", &["--baseline", "known.json"]),
        ("ignore", &["--ignore", "HC203"]),
        ("secrets", &["--secrets"]),
        ("ask_server", &["--ask-server"]),
        ("namespace", &["-n", "shop"]),
    ];
    /// They change nothing that is found: what else is done with it, how it looks, how long it may take; or they are of a proof.
    const LEFT_OUT: [&str; 18] = [
        "fix",
        "write_baseline",
        "show_ignored",
        "watch",
        "prove",
        "container",
        "debug_image",
        "rounds",
        "max_recovery",
        "max_unavailable",
        "grace",
        "interval",
        "yes",
        "explain",
        "print_rbac",
        "timeout",
        "output",
        "quiet",
    ];

    #[test]
    fn no_flag_is_forgotten() {
        // Those of the cluster are added to every command that is shown (`Line::with_flags`).
        let of_cluster = ConnectionFlags::augment_args(Command::new(""));
        let of_cluster: BTreeSet<&str> = of_cluster.get_arguments().map(|it| it.get_id().as_str()).collect();
        let command = Args::command();
        let own = command.get_arguments().map(|it| it.get_id().as_str());
        let own: BTreeSet<&str> = own.filter(|id| !of_cluster.contains(id)).chain(["namespace"]).collect();
        let listed: Vec<&str> = KEPT.iter().map(|(id, _)| *id).chain(LEFT_OUT).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), own);
        assert_eq!(listed.len(), own.len(), "one is listed twice");
        for (id, words) in KEPT {
            let args = Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap();
            assert_eq!(again(&args), format!(" {}", words.join(" ")), "{id}");
        }
    }

    #[test]
    fn the_same_is_asked_again() {
        for (words, expected) in [
            (&[][..], ""),
            (&["deploy/web", "-n", "shop", "-o", "json", "-q"], " deploy/web -n shop"),
            (&["-f", "a b.yaml", "-f", "c"], " --filename 'a b.yaml' --filename c"),
            (&["--from", "dump.json", "deploy/web"], " deploy/web --from dump.json"),
            (&["-A", "-l", "app in (a,b)"], " --selector 'app in (a,b)' -A"),
            (
                &["--posture", "--ignore", "HC203,HC301:web", "--config", "my file", "--context", "c"],
                " --config 'my file' --ignore HC203 --ignore HC301:web --posture",
            ),
        ] {
            let args = Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap();
            assert_eq!(again(&args), expected);
        }
    }
}
