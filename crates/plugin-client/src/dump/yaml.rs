//! YAML documents. The items of a list, as kubectl prints it, are found by their indentation and parsed one at a time.

use std::io::{BufRead, Read};

use serde::Deserialize;
use serde_json::Value;

use super::object::{COMPLETE, Entry, Fault, Format, Head, Object, Place, bad, from_yaml};
use super::{LIMIT, Start, Stop, Visit, too_large};
use crate::Failure;

pub(super) fn read(
    reader: &mut dyn BufRead,
    file: &str,
    start: &Start,
    visit: &mut Visit<'_>,
) -> Result<(), Stop> {
    let mut number = 0;
    let known = |number: usize| start.head.clone().filter(|_| number == start.document);
    let mut document = Document { file, known: known(0), ..Document::default() };
    each_line(reader, file, &mut |line, at| {
        if let Some(rest) = marker(line) {
            let is_one = document.end(number >= start.document, number, visit)?;
            number += usize::from(is_one);
            document = Document { file, number, known: known(number), ..Document::default() };
            return if rest.is_empty() { Ok(()) } else { document.line(rest, at, false, number, visit) };
        }
        document.line(line, at, number >= start.document, number, visit)
    })?;
    document.is_last = true;
    document.end(number >= start.document, number, visit)?;
    Ok(())
}

/// What the document of this number says about itself.
pub(super) fn head(reader: &mut dyn BufRead, file: &str, number: usize) -> Result<Head, Failure> {
    let mut found = Head::default();
    let mut visit = |_: Entry<'_>| Ok(());
    let (mut at, mut document) = (0, Document { file, ..Document::default() });
    let mut close = |document: &Document<'_>, at: &mut usize| {
        if !document.is_empty() {
            if *at == number {
                found = from_yaml(&document.outside, None).unwrap_or_default();
            }
            *at += 1;
        }
    };
    let end = each_line(reader, file, &mut |line, row| match marker(line) {
        Some(_) => {
            close(&document, &mut at);
            document = Document { file, ..Document::default() };
            Ok(())
        }
        None => document.line(line, row, false, 0, &mut visit),
    });
    if let Err(Stop::Failed(failure)) = end {
        return Err(failure);
    }
    close(&document, &mut at);
    Ok(found)
}

/// Each line with its number, without its end.
fn each_line(
    reader: &mut dyn BufRead,
    file: &str,
    visit: &mut dyn FnMut(&str, usize) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let place = Place { file, document: None, item: None, line: Some(number), is_last: false };
        let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
        let read = reader.take(limit).read_until(b'\n', &mut bytes);
        if read.map_err(|error| bad(file, error.to_string()))? == 0 {
            return Ok(());
        }
        if bytes.len() >= LIMIT {
            return Err(place.bad(too_large()).into());
        }
        let line = std::str::from_utf8(&bytes).map_err(|_| place.bad("it is not UTF-8: no text"))?;
        visit(line.trim_end_matches(['\n', '\r']), number)?;
    }
    Ok(())
}

/// What follows on the line of `---` or `...`, between documents.
fn marker(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."))?;
    let rest = match rest.chars().next() {
        None => "",
        Some(' ' | '\t') => rest.trim(),
        Some(_) => return None,
    };
    Some(if rest.starts_with('#') { "" } else { rest })
}

/// One document as far as it was read.
#[derive(Default)]
struct Document<'f> {
    file: &'f str,
    /// From 0.
    number: usize,
    /// The line at which it begins, once it was seen.
    starts: Option<usize>,
    known: Option<Head>,
    /// All but the items that were found by their lines.
    outside: String,
    items: Items,
    item: String,
    /// The line at which the item begins.
    item_at: usize,
    count: usize,
    /// The file ends with it, and with the item that is read.
    is_last: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Items {
    #[default]
    NotSeen,
    /// After the line `items:`.
    Expected,
    /// At this indentation.
    At(usize),
    Over,
}

impl Document<'_> {
    fn is_empty(&self) -> bool {
        let text = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', '%']);
        matches!(self.items, Items::NotSeen | Items::Expected) && !self.outside.lines().any(text)
    }

    fn line(
        &mut self,
        line: &str,
        at: usize,
        is_read: bool,
        number: usize,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        let text = line.trim_start_matches(' ');
        let is_blank = text.is_empty() || text.starts_with('#');
        let indent = line.len() - text.len();
        let is_item = text == "-" || text.starts_with("- ");
        match self.items {
            Items::Expected if is_blank => return Ok(()),
            Items::Expected if is_item => {
                self.items = Items::At(indent);
                return self.begin(text, indent, at);
            }
            // `items` of another form: parsed with the rest.
            Items::Expected => {
                self.outside.push_str("items:\n");
                self.items = Items::NotSeen;
            }
            Items::At(items) if is_blank || indent > items => return self.add(line, at),
            Items::At(items) if is_item && indent == items => {
                self.finish(is_read, number, visit)?;
                return self.begin(text, indent, at);
            }
            Items::At(_) => {
                self.finish(is_read, number, visit)?;
                self.items = Items::Over;
            }
            Items::NotSeen | Items::Over => {}
        }
        let is_items = line.strip_prefix("items:").is_some_and(|rest| {
            let rest = rest.trim();
            rest.is_empty() || rest.starts_with('#')
        });
        if is_items && self.items == Items::NotSeen {
            self.items = Items::Expected;
            return Ok(());
        }
        self.starts.get_or_insert(at);
        push(&mut self.outside, line).ok_or_else(|| self.place(None, Some(at)).bad(too_large()))?;
        Ok(())
    }

    fn place(&self, item: Option<usize>, line: Option<usize>) -> Place<'_> {
        let document = (self.number > 0).then_some(self.number + 1);
        Place { file: self.file, document, item, line, is_last: self.is_last }
    }

    fn begin(&mut self, text: &str, indent: usize, at: usize) -> Result<(), Stop> {
        self.item.clear();
        (self.item_at, self.count) = (at, self.count + 1);
        // A mapping that begins behind the dash is indented by what the dash takes.
        self.add(&format!("{} {}", " ".repeat(indent), text.get(1..).unwrap_or_default()), at)
    }

    fn add(&mut self, line: &str, at: usize) -> Result<(), Stop> {
        push(&mut self.item, line).ok_or_else(|| self.place(Some(self.count), Some(at)).bad(too_large()))?;
        Ok(())
    }

    fn finish(&mut self, is_read: bool, number: usize, visit: &mut Visit<'_>) -> Result<(), Stop> {
        if !is_read {
            return Ok(());
        }
        let place = self.place(Some(self.count), Some(self.item_at));
        let head = head_of(&self.item, place.line).map_err(|fault| place.broken(fault, &self.item))?;
        let list = match &self.known {
            Some(known) => known.clone(),
            None => Head::of_lines(&self.outside),
        };
        if head.kind.is_none() && list.kind.is_none() {
            return Err(Stop::KindAfterItems(number));
        }
        visit(Entry::Object(Object::new(head, Some(&list), &self.item, Format::Yaml, place)?))?;
        Ok(())
    }

    /// Was there a document?
    fn end(&mut self, is_read: bool, number: usize, visit: &mut Visit<'_>) -> Result<bool, Stop> {
        if self.items == Items::Expected {
            self.outside.push_str("items:\n");
        }
        if let Items::At(_) = self.items {
            self.finish(is_read, number, visit)?;
            self.items = Items::Over;
        }
        if self.is_empty() {
            return Ok(false);
        }
        if is_read {
            match self.items {
                Items::Over => self.end_of_list(visit)?,
                _ => self.whole(visit)?,
            }
        }
        Ok(true)
    }

    fn end_of_list(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let broken = |what: String| bad(self.file, what).hint(COMPLETE);
        let head: Head = from_yaml(&self.outside, None)
            .map_err(|fault| broken(format!("a list in it: {}", fault.what)))?;
        match (&head.kind, head.is_list()) {
            (None, _) => Err(broken("a list in it has no kind".to_owned())),
            (Some(kind), false) => Err(broken(format!("a {kind} with items is no list"))),
            (Some(_), true) => head.listed(self.file, visit),
        }
    }

    /// A document that is parsed as a whole: one object, or a list of another form than kubectl's.
    fn whole(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let place = self.place(None, self.starts);
        let broken = |fault: Fault| place.broken(fault, &self.outside);
        let head = head_of(&self.outside, self.starts).map_err(broken)?;
        if !head.is_list() {
            let object = Object::new(head, None, &self.outside, Format::Yaml, place)?;
            return visit(Entry::Object(object));
        }
        #[derive(Deserialize)]
        struct List {
            items: Option<Vec<Value>>,
        }
        let list: List = from_yaml(&self.outside, self.starts).map_err(broken)?;
        for (index, item) in list.items.into_iter().flatten().enumerate() {
            let place = self.place(Some(index + 1), None);
            let of_item = |key: &str| item[key].as_str().map(str::to_owned);
            let of_item = Head { api_version: of_item("apiVersion"), kind: of_item("kind"), metadata: None };
            let text = item.to_string();
            visit(Entry::Object(Object::new(of_item, Some(&head), &text, Format::Json, place)?))?;
        }
        let whole: Head = from_yaml(&self.outside, self.starts).map_err(broken)?;
        whole.listed(self.file, visit)
    }
}

fn push(text: &mut String, line: &str) -> Option<()> {
    text.push_str(line);
    text.push('\n');
    (text.len() < LIMIT).then_some(())
}

/// By its lines, if they are as kubectl prints them: parsing it twice would take twice the time.
fn head_of(text: &str, starts: Option<usize>) -> Result<Head, Fault> {
    let head = Head::of_lines(text);
    if head.kind.is_some() && head.api_version.is_some() { Ok(head) } else { from_yaml(text, starts) }
}

impl Head {
    fn of_lines(text: &str) -> Head {
        let is_text = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let Some(first) = text.lines().find(is_text) else { return Head::default() };
        let indent = &first[..first.len() - first.trim_start_matches(' ').len()];
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(indent)?.strip_prefix(key));
            let value = lines.next()?.strip_prefix(": ")?.trim();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "./-".contains(c);
            (!value.is_empty() && value.chars().all(is_plain)).then(|| value.to_owned())
        };
        Head { api_version: value("apiVersion"), kind: value("kind"), metadata: None }
    }
}
