//! Which nodes fail together: those of one zone, or of one value of another label.

use std::fmt;
use std::str::FromStr;

use cluster_model::feasibility::ZONE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub label: String,
    pub is_asked_for: bool,
}

impl Default for Domain {
    fn default() -> Self {
        Domain { label: ZONE.to_owned(), is_asked_for: false }
    }
}

impl FromStr for Domain {
    type Err = String;

    /// A key of a label (apimachinery/pkg/util/validation, IsQualifiedName).
    fn from_str(text: &str) -> Result<Self, String> {
        let (prefix, name) = match text.split_once('/') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, text),
        };
        let is_part = |part: &str, most: usize| {
            let ends = part.bytes().next().zip(part.bytes().last());
            let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            part.len() <= most
                && ends.is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
                && part.bytes().all(is_inside)
        };
        if is_part(name, 63) && prefix.is_none_or(|prefix| is_part(prefix, 253)) {
            Ok(Domain { label: text.to_owned(), is_asked_for: true })
        } else {
            Err("a label of nodes is expected, as in topology.kubernetes.io/zone".to_owned())
        }
    }
}

/// `zone`, or the label.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.label == ZONE { "zone" } else { &self.label })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_of_kubernetes() {
        for text in ["rack", "example.com/rack", "topology.kubernetes.io/zone"] {
            assert_eq!(text.parse::<Domain>().map(|it| it.label), Ok(text.to_owned()));
        }
        for text in ["", "a/b/c", "/a", "a/", "a b", "-a", "rack=r1", "\u{1b}[2J"] {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
    }
}
