//! Names that may have been meant by one that does not exist.

use strsim::osa_distance;

/// More would be a list, and no hint.
const MOST: usize = 3;

/// `did you mean shop or shop-2?`; `None` if no name is near.
pub fn question<'n>(named: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut near: Vec<(usize, &str)> =
        names.map(|name| (distance(named, name), name)).filter(|(far, _)| *far <= limit(named)).collect();
    near.sort_unstable();
    near.dedup();
    let names: Vec<&str> = near.into_iter().take(MOST).map(|(_, name)| name).collect();
    let (last, others) = names.split_last()?;
    let all = if others.is_empty() { (*last).to_owned() } else { format!("{} or {last}", others.join(", ")) };
    Some(format!("did you mean {all}?"))
}

/// A third of the characters may be wrong.
fn limit(named: &str) -> usize {
    (named.chars().count() / 3).max(1)
}

/// Characters that are missing, wrong, too many or exchanged; what only goes on differs by one, however long.
fn distance(named: &str, name: &str) -> usize {
    let is_longer = |short: &str, long: &str| {
        short.len() > 2 && long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'))
    };
    if is_longer(named, name) || is_longer(name, named) { 1 } else { osa_distance(named, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        for (named, expected) in [
            ("shpo", Some("did you mean shop?")),
            ("sho", Some("did you mean shop or show?")),
            ("shop-prod", Some("did you mean shop?")),
            ("payments", None),
            ("x", None),
        ] {
            let names = ["show", "shop", "kube-system", "default"].into_iter();
            assert_eq!(question(named, names).as_deref(), expected, "{named}");
        }
        assert_eq!(question("shop", [].into_iter()), None);
    }
}
