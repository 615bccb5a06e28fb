//! On which line of a YAML text a field is. Parsed anew: it is asked only once something is wrong with the object.

use std::fmt;

use cluster_model::raw::unescaped;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

/// The line of this field, from 1; of one that is not there, the line of what it would be in. `pointer`: as in `/spec/containers/0/name`.
pub(super) fn line_of(text: &str, pointer: &str) -> Option<usize> {
    let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
    let mut node: Node = serde_saphyr::from_str_with_options(text, options).ok()?;
    let mut line = None;
    for part in pointer.split('/').skip(1) {
        let part = unescaped(part);
        let Some(at) = node.fields.iter().position(|(name, ..)| *name == part) else { break };
        let (_, own, inner) = node.fields.swap_remove(at);
        (line, node) = (own, inner);
    }
    line
}

/// A value as far as it has fields, each with its line. Items of a list have their position as name.
#[derive(Default)]
struct Node {
    fields: Vec<(String, Option<usize>, Node)>,
}

fn line(at: Location) -> Option<usize> {
    usize::try_from(at.line()).ok().filter(|line| *line > 0)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let inner = map.next_value()?;
            fields.push((key.value, line(key.referenced), inner));
        }
        Ok(Node { fields })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Node>>()? {
            fields.push((fields.len().to_string(), line(item.referenced), item.value));
        }
        Ok(Node { fields })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
kind: Deployment
metadata: {name: web, labels:
  {a/b: c}}
spec:
  replicas: two
  template:
    spec:
      containers:
      - name: a

      - image: i
        name: b
        ports: [{containerPort: 1}]
      nodeSelector:
";

    #[test]
    fn a_field_has_the_line_of_its_name() {
        for (pointer, expected) in [
            ("/spec/replicas", Some(6)),
            ("/spec", Some(5)),
            ("/metadata/labels/a~1b", Some(4)),
            ("/spec/template/spec/containers", Some(9)),
            ("/spec/template/spec/containers/0", Some(10)),
            ("/spec/template/spec/containers/1/name", Some(13)),
            ("/spec/template/spec/containers/1/ports/0/containerPort", Some(14)),
            ("/spec/template/spec/nodeSelector/x", Some(15)),
            ("/spec/selector/matchLabels", Some(5)),
            ("/status", None),
            ("", None),
        ] {
            assert_eq!(line_of(TEXT, pointer), expected, "{pointer}");
        }
        assert_eq!(line_of("a: [", "/a"), None);
    }
}
