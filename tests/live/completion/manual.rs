//! What a plugin prints about itself: manual page, and where completion is mentioned.

use ::testbed::plugins_dir;

use super::{PLUGINS, printed, program};

fn ask(plugin: &str, args: &[&str]) -> String {
    printed(&mut std::process::Command::new(plugins_dir().join(program(plugin))), args)
}

#[test]
fn the_manual_page_has_every_flag_and_is_the_same_each_time() {
    for plugin in PLUGINS {
        let page = ask(plugin, &["__man"]);
        let title = format!(".TH KUBECTL-{} 1 ", plugin.to_uppercase());
        assert!(page.contains(&title), "no {title:?} in:\n{page}");
        let help = ask(plugin, &["--help"]);
        let flags =
            help.lines().filter_map(|line| line.split_once("--").filter(|(before, _)| before.len() <= 6));
        let names: Vec<&str> =
            flags.map(|(_, flag)| flag.split([' ', '=', '[']).next().unwrap_or_default()).collect();
        assert!(names.len() > 15 && names.contains(&"output"), "{names:?}");
        for name in names {
            let name = format!("\\-\\-{}", name.replace('-', "\\-"));
            assert!(page.contains(&name), "no {name} in the manual page of {plugin}");
        }
        assert!(page.contains(".SH EXAMPLES\n.nf\n") && page.contains("Exit codes: 0 "), "{page}");
        assert_eq!(page, ask(plugin, &["__man"]));
    }
}

#[test]
fn the_help_mentions_completion_in_one_line() {
    for plugin in PLUGINS {
        let line = format!("Completion on TAB: kubectl {plugin} completion kubectl|bash|zsh|fish");
        assert_eq!(ask(plugin, &["--help"]).lines().filter(|it| **it == line).count(), 1);
        assert!(
            ask(plugin, &["completion", "--help"])
                .contains(&format!("kubectl {plugin} completion kubectl|bash|zsh|fish"))
        );
    }
}
