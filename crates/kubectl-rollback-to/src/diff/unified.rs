//! The two templates as YAML, line against line: `--diff=full`.

use plugin_client::{Line, to_yaml};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::mask::masked_pair;

/// Lines around each change.
const CONTEXT: usize = 3;

/// Nothing when the two print alike. `names` head the two sides, as in `deployment/web revision 7`.
pub fn unified(from: &Value, to: &Value, show_values: bool, names: (&str, &str)) -> Vec<Line> {
    let (from, to) = masked_pair(from, to, show_values);
    let (from, to) = (to_yaml(&from), to_yaml(&to));
    let diff = TextDiff::from_lines(&from, &to);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(Line::new().dim(hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let text = change.value().trim_end_matches('\n');
            lines.push(match change.tag() {
                ChangeTag::Delete => Line::new().bad(format!("-{text}")),
                ChangeTag::Insert => Line::new().good(format!("+{text}")),
                ChangeTag::Equal => Line::new().plain(format!(" {text}")),
            });
        }
    }
    if !lines.is_empty() {
        let head = [format!("--- {}", names.0), format!("+++ {}", names.1)];
        lines.splice(0..0, head.iter().map(|name| Line::new().strong(name)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_against_yaml_without_secrets() {
        let template = |image: &str, password: &str| {
            json!({"spec": {"containers": [{"name": "web", "image": image,
                "env": [{"name": "A", "value": "1"}, {"name": "DB_PASSWORD", "value": password}]}]}})
        };
        let lines_of = |a: &Value, b: &Value, show| -> Vec<String> {
            unified(a, b, show, ("revision 7", "revision 5")).iter().map(Line::text).collect()
        };
        let (new, old) = (template("shop:1.5", "b"), template("shop:1.4", "a"));
        assert_eq!(
            lines_of(&new, &old, false),
            [
                "--- revision 7",
                "+++ revision 5",
                "@@ -4,6 +4,6 @@",
                "     - name: A",
                "       value: \"1\"",
                "     - name: DB_PASSWORD",
                "-      value: <hidden>",
                "-    image: shop:1.5",
                "+      value: <hidden, differs>",
                "+    image: shop:1.4",
                "     name: web",
            ]
        );
        assert!(lines_of(&new, &old, true).contains(&"-      value: b".to_owned()));
        assert!(lines_of(&new, &new, false).is_empty());
    }
}
