//! The command line of a run, for a command that asks the same again. Pure.

use plugin_client::shell;

use crate::args::Args;

/// ` deploy/web -n shop`: which workloads, and what is asked of them; without what the output looks like and the flags of the cluster.
pub fn again(args: &Args) -> String {
    let mut words: String = args.workloads.iter().map(|word| format!(" {}", shell::word(word))).collect();
    let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    // Without its files it would ask the cluster.
    words.extend(args.filename.iter().map(|file| shell::flag("filename", &path(file))));
    let valued = [
        ("from", args.from.as_ref().map(path)),
        ("selector", args.selector.clone()),
        ("domain", args.domain.as_ref().map(|it| it.label.clone())),
        ("config", args.config.as_ref().map(path)),
        ("baseline", args.baseline.as_ref().map(path)),
    ];
    words.extend(valued.into_iter().filter_map(|(name, value)| Some(shell::flag(name, &value?))));
    words.extend(args.ignore.iter().map(|rule| shell::flag("ignore", rule)));
    let switches = [("--posture", args.posture), ("--secrets", args.secrets), ("-A", args.all_namespaces)];
    words.extend(switches.into_iter().filter(|(_, given)| *given).map(|(flag, _)| format!(" {flag}")));
    if let Some(namespace) = args.connection.namespace.as_deref().filter(|it| !it.is_empty()) {
        words.push_str(&format!(" -n {}", shell::word(namespace)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

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
