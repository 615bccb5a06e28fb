//! A diff in one calm line.

use cluster_model::image_ref::delta;
use cluster_model::text::count;

use super::{Change, Diff, Difference};

/// More parts than this are counted.
const PARTS: usize = 6;

pub fn headline(diff: &Diff) -> String {
    if diff.differences.is_empty() {
        return "nothing".to_owned();
    }
    if diff.is_restart_only() {
        return "only a restart".to_owned();
    }
    let mut parts: Vec<Part> = Vec::new();
    for difference in &diff.differences {
        let part = Part::of(difference);
        // A container that comes or goes is one thing, whatever is in it.
        if let Some(whole) =
            parts.iter_mut().find(|p| p.place == difference.place && p.what == What::Container)
        {
            whole.members += 1;
            continue;
        }
        let alike = |p: &&mut Part| p.what == part.what && p.change == part.change && p.what.is_counted();
        match parts.iter_mut().find(alike) {
            Some(alike) => alike.members += 1,
            None => parts.push(part),
        }
    }
    parts.sort_by_key(|part| part.what.rank());
    let left: usize = parts.iter().skip(PARTS).map(|part| part.members).sum();
    let mut shown: Vec<String> = parts.iter().take(PARTS).map(Part::text).collect();
    if left > 0 {
        shown.push(format!("{left} more"));
    }
    shown.join(", ")
}

/// Did `kubectl rollout restart` make this difference?
pub fn is_restart(difference: &Difference) -> bool {
    difference.place == "pod" && difference.field == "annotation kubectl.kubernetes.io/restartedAt"
}

struct Part {
    what: What,
    change: Change,
    place: String,
    members: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// All of it came or went.
    Container,
    /// `web 1.5 → 1.4`
    Image(String),
    /// The command, the args: there is one in a container.
    Single(String),
    /// Things there are several of, by their noun.
    Counted(&'static str),
    Other(String),
}

/// (the beginning of the field, what to call such fields)
const NOUNS: &[(&str, &str)] = &[
    ("env ", "env"),
    ("envFrom", "env"),
    ("livenessProbe", "probe"),
    ("readinessProbe", "probe"),
    ("startupProbe", "probe"),
    ("requests.", "resource"),
    ("limits.", "resource"),
    ("port ", "port"),
    ("volume mount ", "volume mount"),
    ("volume device ", "volume device"),
    ("volume ", "volume"),
    ("label ", "label"),
    ("annotation ", "annotation"),
    ("toleration", "toleration"),
];

impl What {
    fn rank(&self) -> usize {
        match self {
            What::Container => 0,
            What::Image(_) => 1,
            What::Single(_) => 2,
            What::Counted(noun) => 3 + NOUNS.iter().position(|(_, n)| n == noun).unwrap_or_default(),
            What::Other(_) => 3 + NOUNS.len(),
        }
    }

    fn is_counted(&self) -> bool {
        matches!(self, What::Counted(_) | What::Single(_))
    }
}

impl Part {
    fn of(difference: &Difference) -> Part {
        let field = difference.field.as_str();
        let name = difference.place.rsplit(' ').next().unwrap_or_default();
        let what = match (field, difference.change) {
            ("image", Change::Added | Change::Removed) => What::Container,
            ("image", Change::Changed) => {
                let side = |text: &Option<String>| text.clone().unwrap_or_default();
                let (from, to) = delta(&side(&difference.from), &side(&difference.to));
                What::Image(format!("{name} {from} → {to}"))
            }
            ("command" | "args", _) => What::Single(field.to_owned()),
            _ => match NOUNS.iter().find(|(start, _)| field.starts_with(start)) {
                Some((_, noun)) => What::Counted(noun),
                None => What::Other(field.to_owned()),
            },
        };
        Part { what, change: difference.change, place: difference.place.clone(), members: 1 }
    }

    fn text(&self) -> String {
        let verb = match self.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        };
        match &self.what {
            What::Container => format!("{} {verb}", self.place),
            What::Image(delta) => format!("image {delta}"),
            What::Single(field) if self.members == 1 => format!("{field} {verb}"),
            What::Single(field) => format!("{field} of {} containers {verb}", self.members),
            // "2 envs" is no word.
            What::Counted("env") => format!("{} env {verb}", self.members),
            What::Counted(noun) => format!("{} {verb}", count(self.members, noun)),
            What::Other(field) => format!("{field} {verb}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(list: &[(&str, &str, Change, &str, &str)]) -> Diff {
        let side = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let differences = list.iter().map(|(place, field, change, from, to)| Difference {
            place: (*place).to_owned(),
            field: (*field).to_owned(),
            change: *change,
            from: side(from),
            to: side(to),
            hidden: false,
        });
        Diff { differences: differences.collect() }
    }

    #[test]
    fn one_line_for_everything() {
        use Change::{Added, Changed, Removed};
        let restart = ("pod", "annotation kubectl.kubernetes.io/restartedAt", Changed, "a", "b");
        let web = "container web";
        for (differences, line) in [
            (&[][..], "nothing"),
            (&[restart], "only a restart"),
            (&[restart, ("pod", "annotation x", Added, "", "1")], "1 annotation changed, 1 annotation added"),
            (
                &[
                    ("pod", "label v", Changed, "a", "b"),
                    (web, "image", Changed, "shop:1.5", "shop:1.4"),
                    (web, "livenessProbe", Changed, "a", "b"),
                    (web, "env A", Removed, "1", ""),
                    (web, "env B", Removed, "1", ""),
                    (web, "args", Changed, "a", "b"),
                ],
                "image web 1.5 → 1.4, args changed, 2 env removed, 1 probe changed, 1 label changed",
            ),
            (
                &[
                    ("container log", "image", Added, "", "busybox:1"),
                    ("container log", "env A", Added, "", "1"),
                    ("init container setup", "image", Removed, "x:1", ""),
                    ("pod", "volume logs", Added, "", "emptyDir"),
                ],
                "container log added, init container setup removed, 1 volume added",
            ),
            (
                &[(web, "args", Changed, "a", "b"), ("container b", "args", Changed, "a", "b")],
                "args of 2 containers changed",
            ),
            (&[("pod", "hostNetwork", Changed, "false", "true")], "hostNetwork changed"),
            (
                &[
                    ("pod", "a", Changed, "1", "2"),
                    ("pod", "b", Changed, "1", "2"),
                    ("pod", "c", Changed, "1", "2"),
                    ("pod", "d", Changed, "1", "2"),
                    ("pod", "e", Changed, "1", "2"),
                    ("pod", "f", Changed, "1", "2"),
                    ("pod", "g", Changed, "1", "2"),
                    ("pod", "h", Changed, "1", "2"),
                ],
                "a changed, b changed, c changed, d changed, e changed, f changed, 2 more",
            ),
        ] {
            assert_eq!(diff(differences).headline(), line);
        }
    }
}
