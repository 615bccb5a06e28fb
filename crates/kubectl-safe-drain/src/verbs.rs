//! kubectl's verbs in the place of a node, as in `kubectl safe-drain uncordon node-1`.

use plugin_client::{DryRun, shell};

use crate::args::{Args, CORDON_ONLY, UNCORDON};

/// Each verb with the flags that a run of this plugin has in its place, and those of this run.
#[derive(Clone, Default)]
pub struct Verbs([(&'static str, String); 3]);

impl Verbs {
    pub fn of(args: &Args) -> Self {
        // What only shows a plan must not become the real thing.
        let dry_run = match (&args.from, args.dry_run) {
            (Some(_), _) | (None, DryRun::None) => "",
            (None, DryRun::Client) => " --dry-run=client",
            (None, DryRun::Server) => " --dry-run=server",
        };
        let from = args.from.as_ref().map(|path| format!(" --from {}", shell::word(&path.to_string_lossy())));
        let drain = args.flags_to_go_on(false) + &from.unwrap_or_default();
        let flags = [("cordon", CORDON_ONLY), ("uncordon", UNCORDON), ("drain", &drain)];
        Verbs(flags.map(|(verb, flags)| (verb, format!("{flags}{dry_run}"))))
    }

    pub fn contains(&self, word: &str) -> bool {
        self.flags(word).is_some()
    }

    fn flags(&self, word: &str) -> Option<&str> {
        self.0.iter().find(|(verb, _)| *verb == word).map(|(_, flags)| flags.as_str())
    }

    /// The command, if one of the names that are `gone` is a verb.
    pub fn meant_by(&self, named: &[String], gone: &[String]) -> Option<String> {
        let flags = gone.iter().find_map(|word| self.flags(word))?;
        let is_node = |word: &&String| !(self.contains(word) && gone.contains(word));
        let nodes: Vec<&str> = named.iter().filter(is_node).map(String::as_str).collect();
        let nodes = if nodes.is_empty() { "NODE".to_owned() } else { nodes.join(" ") };
        Some(format!("kubectl safe-drain {nodes}{flags}"))
    }
}
