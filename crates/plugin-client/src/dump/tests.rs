use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What is in it, as `Kind name` and `[Kind]` for the end of a typed list; or the failure.
fn contents(text: &[u8]) -> Result<Vec<String>, String> {
    let dump = Dump::of_text("file", text).map_err(|failure| failure.to_string())?;
    let mut found = Vec::new();
    let read = dump.read(&mut |entry| {
        found.push(match entry {
            Entry::List { kind, .. } => format!("[{kind}]"),
            Entry::Object(object) => {
                let value: Value = object.parse()?;
                format!("{} {}", object.kind, value["metadata"]["name"].as_str().unwrap_or("?"))
            }
        });
        Ok(())
    });
    read.map(|()| found).map_err(|failure| failure.to_string())
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"note": "---\n- items:\n"}})
}

/// An item of a typed list.
fn bare(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// With its keys in this order.
fn object(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key:?}: {value}")).collect();
    format!("{{{}}}", fields.join(",\n"))
}

fn yaml(value: &Value) -> String {
    crate::to_yaml(value)
}

#[test]
fn all_forms_of_kubectl_are_read() {
    let list = json!({"apiVersion": "v1", "items": [pod("a"), pod("b")], "kind": "List", "metadata": {"resourceVersion": ""}});
    let items = ("items", json!([bare("a"), bare("b")]));
    let (kind, version) = (("kind", json!("PodList")), ("apiVersion", json!("v1")));
    let typed_first = object(&[kind.clone(), version.clone(), items.clone()]);
    let typed_last = object(&[version.clone(), items, kind.clone()]);
    let empty = object(&[version, ("items", Value::Null), kind]);
    let indented = "apiVersion: v1\nitems:\n  - apiVersion: v1\n    kind: Pod\n    metadata:\n      name: a\n  # between\n  -\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: b}\nkind: List\n";
    let flow = "kind: PodList\napiVersion: v1\nitems: [{metadata: {name: a}}, {metadata: {name: b}}]\n";
    let documents = format!("# two\n---\n{}---\n{}...\n---\n", yaml(&pod("a")), yaml(&pod("b")));
    let windows = indented.replace('\n', "\r\n");
    let marked = format!("\u{feff}{list}");
    let (pods, typed) = (&["Pod a", "Pod b"][..], &["Pod a", "Pod b", "[Pod]"][..]);
    let yaml_typed =
        "apiVersion: v1\nitems:\n- metadata:\n    name: a\n- metadata:\n    name: b\nkind: PodList\n";
    let cases: [(&str, String, &[&str]); 15] = [
        ("a list", list.to_string(), pods),
        ("a pretty list", crate::to_json(&list), pods),
        ("a byte order mark", marked, pods),
        ("a typed list", typed_first.clone(), typed),
        ("its kind comes last", typed_last.clone(), typed),
        ("the second of two", format!("{}\n{typed_last}", pod("z")), &["Pod z", "Pod a", "Pod b", "[Pod]"]),
        ("an empty typed list", empty, &["[Pod]"]),
        ("one object", pod("a").to_string(), &["Pod a"]),
        ("documents", format!("{}\n{}", pod("a"), pod("b")), pods),
        ("a list in YAML", yaml(&list), pods),
        ("an indented list", indented.to_owned(), pods),
        ("lines of Windows", windows, pods),
        ("a typed list in YAML", yaml_typed.to_owned(), typed),
        ("a list in flow style", flow.to_owned(), typed),
        ("documents in YAML", documents, pods),
    ];
    for (case, text, expected) in cases {
        assert_eq!(
            contents(text.as_bytes()).unwrap_or_else(|error| panic!("{case}: {error}\n{text}")),
            expected,
            "{case}"
        );
    }
    // The same again from both lists whose kind comes last, in one file.
    let twice = format!("{yaml_typed}---\n{yaml_typed}");
    assert_eq!(contents(twice.as_bytes()).unwrap(), [typed, typed].concat());
}

#[test]
fn what_is_no_dump_is_an_error_that_says_why() {
    let cases: [(&str, &[u8], &str); 20] = [
        ("nothing", b"", "it is empty"),
        ("space", b" \n\t ", "it is empty"),
        ("zeros", &[0; 64], "cannot read file"),
        ("no UTF-8", b"kind: \xff\xfe", "line 1: it is not UTF-8"),
        ("UTF-16", b"\xff\xfe{\x00", "PowerShell"),
        ("compressed", b"\x1f\x8b\x08\x00", "compressed"),
        ("an array", b"[{}]", "expected an object of Kubernetes"),
        ("no kind", b"{\"metadata\": {}}", "it has no kind"),
        ("a number", b"42", "cannot read file"),
        ("words", b"hello world", "cannot read file"),
        ("a list without kind", b"{\"items\": []}", "a list in it has no kind"),
        ("items without kind", b"{\"items\": [{}]}", "a list in it has no kind"),
        ("items of a List without kind", b"{\"kind\": \"List\", \"items\": [{}]}", "item 1: it has no kind"),
        ("items of no list", b"{\"items\": [], \"kind\": \"Pod\"}", "a Pod with items is no list"),
        ("a list without items", b"{\"kind\": \"PodList\"}", "a PodList in it has no items"),
        (
            "a list in a list",
            b"{\"kind\": \"List\", \"items\": [{\"kind\": \"PodList\", \"items\": []}]}",
            "a PodList within a list",
        ),
        ("half an object", b"{\"kind\": \"Pod\", ", "it ends too early"),
        (
            "half a list in YAML",
            b"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n",
            "a list in it has no kind",
        ),
        (
            "another cut",
            b"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\nkind: Li",
            "a Li with items is no list",
        ),
        ("items without kind in YAML", b"items:\n- metadata:\n    name: a\n", "a list in it has no kind"),
    ];
    for (case, text, expected) in cases {
        let error = contents(text).expect_err(case);
        assert!(error.contains(expected), "{case}: {error}");
    }
}

#[test]
fn a_broken_item_is_named() {
    let text = format!("{{\"kind\": \"List\", \"items\": [{}, {{\"kind\": 7}}]}}", pod("a"));
    let error = contents(text.as_bytes()).unwrap_err();
    assert!(error.contains("file: item 2: invalid type: integer `7`"), "{error}");
    let text = "kind: List\nitems:\n- kind: Pod\n  apiVersion: v1\n- kind: Pod\n  apiVersion: v1\n  a: [\n";
    let error = contents(text.as_bytes()).unwrap_err();
    assert!(error.contains("file: item 2, line 7: Pod: unclosed"), "{error}");
}

/// Only the end of a file may be where it was cut off.
#[test]
fn whether_a_file_is_complete_is_asked_at_its_end_alone() {
    let hints = |text: &str| {
        let dump = Dump::of_text("file", text.as_bytes()).unwrap();
        let read = dump.read(&mut |entry| match entry {
            Entry::Object(object) => object.parse::<Value>().map(drop),
            Entry::List { .. } => Ok(()),
        });
        read.unwrap_err().hints
    };
    let head = "kind: Pod\napiVersion: v1\n";
    let open = format!("{head}spec:\n  a: [b\n");
    assert_eq!(hints(&open), [object::COMPLETE]);
    assert_eq!(hints(&format!("{open}---\n{head}")), [""; 0], "more follows");
    assert_eq!(hints(&format!("{head}a: 1\na: 2\nb: 3\n")), [""; 0], "a typo");
    assert_eq!(hints("a: 1\n b: 2\nkind: Pod\n"), [""; 0], "a typo in what says nothing of its kind");
}

#[test]
fn what_is_wrong_with_a_field_has_its_line() {
    let object = "kind: Pod\napiVersion: v1\nspec:\n  a: 1\n";
    for (text, pointer, expected) in [
        (format!("# x\n---\n{object}"), "/spec/a", "line 6: Pod: bad"),
        (format!("{object}---\n{object}"), "/spec/a", "document 2, line 9: Pod: bad"),
        (object.to_owned(), "", "line 1: Pod: bad"),
        (object.to_owned(), "/metadata/name", "line 1: Pod: bad"),
        (
            format!("kind: List\nitems:\n- {}", object.trim_end().replace('\n', "\n  ")),
            "/spec/a",
            "item 1, line 6: Pod: bad",
        ),
        ("{\"kind\": \"Pod\", \"spec\": {\n\"a\": 1}}".to_owned(), "/spec/a", "file: Pod: bad"),
    ] {
        let dump = Dump::of_text("file", text.as_bytes()).unwrap();
        let mut last = None;
        dump.read(&mut |entry| {
            if let Entry::Object(object) = entry {
                last = Some(object.bad_at(pointer, "bad").to_string());
            }
            Ok(())
        })
        .unwrap();
        let last = last.unwrap();
        assert!(last.ends_with(expected), "{pointer} in {text}: {last}");
    }
}

#[test]
fn a_broken_document_is_named_by_its_number_and_the_line_of_the_file() {
    let good = "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n---\n";
    for (bad, parts) in [
        (
            "kind: Pod\napiVersion: v1\nspec:\n  a: [\n",
            &["file: document 2, line 8: Pod: unclosed", "complete?"][..],
        ),
        ("# a comment\n\nmetadata: {name: b}\n", &["file: document 2, line 5: it has no kind"]),
        (
            "kind: Pod\napiVersion: v1\nmetadata:\n  name: {{ .Release.Name }}\n",
            &["document 2, line 8: Pod: ", "of Helm"],
        ),
        ("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", &["document 2, line 5: ", "of Helm"]),
    ] {
        let dump = Dump::of_text("file", format!("{good}{bad}").as_bytes()).unwrap();
        let read = dump.read(&mut |entry| match entry {
            Entry::Object(object) => object.parse::<Value>().map(drop),
            Entry::List { .. } => Ok(()),
        });
        let failure = read.unwrap_err();
        let text = format!("{failure} {}", failure.hints.join(" "));
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn a_kustomization_is_named_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [a.yaml]\n").unwrap();
    let failure = Dump::open(folder.path()).unwrap().read(&mut |_| Ok(())).unwrap_err();
    assert_eq!(failure.hints, [KUSTOMIZATION]);
}

#[test]
fn deep_nesting_ends_with_an_error() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let json = format!("{{\"kind\": \"Pod\", \"spec\": {}}}", deep("[", "]"));
    assert!(contents(json.as_bytes()).unwrap_err().contains("recursion limit"));
    let yaml = format!("kind: Pod\nspec: {}\n", deep("[", "]"));
    assert!(contents(yaml.as_bytes()).is_err());
    assert!(contents(deep("{\"a\":", "}").as_bytes()).is_err());
}

/// JSON that is cut off anywhere, and a list in YAML that is cut off before its kind, has no end.
#[test]
fn a_file_that_was_cut_off_is_an_error() {
    let list = json!({"apiVersion": "v1", "items": [pod("a"), pod("b")], "kind": "List"});
    let (json, yaml) = (crate::to_json(&list), yaml(&list));
    for end in 1..json.trim_end().len() {
        assert!(contents(&json.as_bytes()[..end]).is_err(), "{}", &json[..end]);
    }
    let whole = yaml.trim_end().len();
    assert!(yaml.trim_end().ends_with("kind: List"), "{yaml}");
    for end in 1..whole {
        assert!(contents(&yaml.as_bytes()[..end]).is_err(), "{}", &yaml[..end]);
    }
}

#[test]
fn folders_are_read_with_all_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(Dump::open(folder.path()).unwrap_err().to_string().contains("no .json"));
    std::fs::create_dir_all(at("shop/web")).unwrap();
    std::fs::write(at("nodes.json"), pod("n").to_string()).unwrap();
    std::fs::write(at("shop/pods.yml"), yaml(&pod("p"))).unwrap();
    std::fs::write(at("shop/web/logs.txt"), "==== START logs").unwrap();
    let dump = Dump::open(folder.path()).unwrap();
    let mut found = Vec::new();
    let mut read = |dump: &Dump| {
        found.clear();
        dump.read(&mut |entry| {
            if let Entry::Object(object) = entry {
                found.push(object.parse::<Value>()?["metadata"]["name"].to_string());
            }
            Ok(())
        })
        .map(|()| found.clone())
    };
    assert_eq!(read(&dump).unwrap(), ["\"n\"", "\"p\""]);
    assert_eq!(read(&dump).unwrap().len(), 2, "a second time");
    assert!(dump.modified().is_some());
    std::fs::write(at("shop/pods.yml"), "").unwrap();
    let error = read(&dump).unwrap_err().to_string();
    assert!(error.contains("pods.yml") && error.contains("it is empty"), "{error}");
    let none = Dump::open(&at("none")).unwrap_err();
    assert!(none.to_string().contains("No such file"), "{none}");
    assert_eq!(none.exit, crate::Exit::Usage, "as of any other file that the command line names");
}

#[cfg(unix)]
#[test]
fn devices_are_refused_and_a_stream_has_no_time() {
    let error = Dump::open(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("a device"), "{error}");
    assert_eq!(Dump::of_text("file", b"x").unwrap().modified(), None);
}

#[test]
fn what_the_visitor_fails_with_ends_the_reading() {
    for text in [
        crate::to_json(&pod("a")),
        yaml(&pod("a")),
        format!("{{\"kind\": \"List\", \"items\": [{}]}}", pod("a")),
    ] {
        let dump = Dump::of_text("file", text.as_bytes()).unwrap();
        let end = dump.read(&mut |_| Err(Failure::refused("enough")));
        assert_eq!(end.unwrap_err().message, "enough");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = contents(&bytes);
    }

    /// Text that looks like a dump.
    #[test]
    fn no_text_panics(lines in prop::collection::vec("(items:|- |  |kind: |PodList|List|---|[{}\\[\\]\":,a-c\u{1b}#&*|>%]){0,4}", 0..12), end in "[\n\r]{1,2}") {
        let _ = contents(lines.join(&end).as_bytes());
    }

    /// A dump in which some bytes were replaced: the same, other objects, or an error.
    #[test]
    fn no_mutation_panics(at in prop::collection::vec((0..400usize, any::<u8>()), 1..4), is_yaml: bool) {
        let list = json!({"apiVersion": "v1", "items": [pod("a"), bare("b"), pod("c")], "kind": "PodList"});
        let mut bytes = if is_yaml { yaml(&list) } else { crate::to_json(&list) }.into_bytes();
        for (index, byte) in at {
            let index = index % bytes.len();
            bytes[index] = byte;
        }
        let _ = contents(&bytes);
    }

    /// Whatever an object is, it comes out as it was, from both formats and from a list.
    #[test]
    fn objects_come_out_as_they_were(name in "\\PC{0,12}", note in "[ -~\n\t]{0,30}") {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "note": note}});
        let list = json!({"apiVersion": "v1", "items": [object, object], "kind": "List"});
        for text in [object.to_string(), yaml(&object), list.to_string(), yaml(&list)] {
            let dump = Dump::of_text("file", text.as_bytes()).unwrap();
            let mut count = 0;
            let read = dump.read(&mut |entry| {
                if let Entry::Object(found) = entry {
                    assert_eq!(found.parse::<Value>()?, object, "{text}");
                    count += 1;
                }
                Ok(())
            });
            prop_assert!(read.is_ok(), "{read:?}\n{text}");
            prop_assert!(count > 0);
        }
    }
}

#[test]
fn a_page_of_a_list_is_not_the_list() {
    let list = |token: Value| json!({"apiVersion": "v1", "kind": "PodList", "items": [bare("a")], "metadata": {"continue": token}});
    for page in [list(json!("x")).to_string(), yaml(&list(json!("x")))] {
        let failure = contents(page.as_bytes()).unwrap_err();
        assert!(failure.contains("one page"), "{failure}");
    }
    assert_eq!(contents(list(json!("")).to_string().as_bytes()).unwrap(), ["Pod a", "[Pod]"]);
    let mut counted = list(json!(""));
    counted["metadata"]["remainingItemCount"] = json!(3);
    assert!(contents(counted.to_string().as_bytes()).unwrap_err().contains("one page"));
}

#[test]
fn items_twice_are_an_error() {
    let fields = [("kind", json!("PodList")), ("items", json!([bare("a")])), ("items", json!([bare("b")]))];
    let failure = contents(object(&fields).as_bytes()).unwrap_err();
    assert!(failure.contains("twice"), "{failure}");
}

/// As kubectl reads them (apimachinery/pkg/util/yaml, YAMLOrJSONDecoder).
#[test]
fn between_json_documents_there_may_be_a_separator() {
    let (a, b) = (crate::to_json(&pod("a")), pod("b"));
    let list =
        json!({"items": [bare("c"), {"metadata": {"name": "-"}, "spec": {"number": -1}}], "kind": "PodList"});
    let text = format!("{a}---\n{b}\n---\n---  \n{list}\n---\n");
    assert_eq!(contents(text.as_bytes()).unwrap(), ["Pod a", "Pod b", "Pod c", "Pod -", "[Pod]"]);
    assert!(contents(format!("{a}---\nkind: Pod\n").as_bytes()).is_err());
}
