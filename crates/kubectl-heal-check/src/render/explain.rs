//! What a check means, in full; on the terminal and in the catalogue of docs/heal-check.md.

use plugin_client::{Line, table};

use crate::checks::{About, CHECKS, Check};
use crate::finding::Severity;

pub fn explain(check: &'static Check) -> Vec<Line> {
    let row = |title: &str, text: &str| Line::new().dim(format!("{title:<12}")).plain(text).hanging(12);
    vec![
        Line::new().strong(check.id).plain(" ").plain(check.name),
        row("asks", question(check.about)),
        row("severity", &severities(check)),
        row("fires when", check.fires_when),
        row("why", check.why),
        row("remedy", check.remedy),
        row("exceptions", check.exceptions),
    ]
}

/// All checks, one line each.
pub fn list() -> Vec<Line> {
    let row = |check: &Check| vec![check.id.into(), severities(check).into(), check.name.into()];
    table(&CHECKS.iter().map(row).collect::<Vec<_>>())
}

fn question(about: About) -> &'static str {
    match about {
        About::Posture => "Would it heal?",
        About::Now => "Is it healing now?",
    }
}

fn severities(check: &Check) -> String {
    check.severities.iter().map(|it| Severity::word(*it)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const START: &str = "<!-- catalogue -->";
    const END: &str = "<!-- /catalogue -->";

    fn catalogue() -> String {
        let row = |check: &Check| {
            let about = [
                check.name,
                question(check.about),
                check.fires_when,
                check.why,
                check.remedy,
                check.exceptions,
            ];
            format!("| `{}` | {} | {} |\n", check.id, severities(check), about.join(" | "))
        };
        let rows: String = CHECKS.iter().map(row).collect();
        let head = "| id | severity | name | asks | fires when | why | remedy | exceptions |\n|---|---|---|---|---|---|---|---|";
        format!("\n{head}\n{rows}")
    }

    /// `UPDATE_DOCS=1 cargo test -p kubectl-heal-check catalogue` writes it anew.
    #[test]
    fn the_catalogue_of_the_page_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/heal-check.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(START).unwrap();
        let (found, after) = rest.split_once(END).unwrap();
        if found != catalogue() && std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, [before, START, &catalogue(), END, after].concat()).unwrap();
        }
        assert_eq!(found, catalogue(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn a_check_is_explained_in_full() {
        let text: Vec<String> =
            explain(crate::checks::find("HC101").unwrap()).iter().map(Line::text).collect();
        assert_eq!(text[0], "HC101 bare-pod");
        assert_eq!(text[1..3], ["asks        Would it heal?", "severity    error, info"]);
        assert_eq!(text.len(), 7);
    }
}
