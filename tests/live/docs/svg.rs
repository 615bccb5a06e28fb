//! A terminal's screen as an SVG picture: text that can be selected, with its colours. No I/O.

use std::fmt::Write;
use std::num::NonZero;

use vt100::{Cell, Color, Screen};

/// Of one character of a monospaced font of 14 pixels, in pixels.
const WIDTH: f32 = 8.43;
const HEIGHT: usize = 19;
const MARGIN: usize = 16;

/// On a background of its own, so that it is readable on a light page and on a dark one.
const STYLE: &str = "\
.s{fill:#1e1e2e}text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#cdd6f4;white-space:pre}\
.b{font-weight:bold}.d{opacity:.6}.red{fill:#f38ba8}.green{fill:#a6e3a1}.yellow{fill:#f9e2af}.cyan{fill:#89dceb}";

/// Text of one look.
struct Span {
    classes: String,
    text: String,
}

/// The screen below its command, without the empty rows at its end; `named` replaces names in a text.
pub fn picture(command: &str, screen: &Screen, named: impl Fn(&str) -> String) -> String {
    let mut rows: Vec<Vec<Span>> = vec![vec![
        Span { classes: "d".to_owned(), text: "$ ".to_owned() },
        Span { classes: "b".to_owned(), text: command.to_owned() },
    ]];
    let (height, width) = (screen.size().0.get(), screen.size().1.get());
    rows.extend((0..height).map(|row| spans((0..width).filter_map(|column| screen.cell(row, column)))));
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    let columns =
        rows.iter().map(|row| row.iter().map(|span| span.text.chars().count()).sum::<usize>()).max();
    let width = (columns.unwrap_or_default() as f32 * WIDTH).ceil() as usize + 2 * MARGIN;
    let height = rows.len() * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"s\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n"
    );
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
        let y = MARGIN + at * HEIGHT + HEIGHT - 5;
        let _ = write!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\">");
        for Span { classes, text } in row {
            let text = escaped(&named(text));
            let _ = match classes.as_str() {
                "" => write!(svg, "{text}"),
                _ => write!(svg, "<tspan class=\"{classes}\">{text}</tspan>"),
            };
        }
        svg.push_str("</text>\n");
    }
    svg + "</svg>\n"
}

/// Without blanks at the end.
fn spans<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for cell in cells.filter(|cell| !cell.is_wide_continuation()) {
        let classes = classes(cell);
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match spans.last_mut().filter(|span| span.classes == classes) {
            Some(span) => span.text.push_str(text),
            None => spans.push(Span { classes, text: text.to_owned() }),
        }
    }
    while let Some(last) = spans.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            break;
        }
        spans.pop();
    }
    spans
}

fn classes(cell: &Cell) -> String {
    let colour = match cell.fgcolor() {
        Color::Idx(1 | 9) => "red",
        Color::Idx(2 | 10) => "green",
        Color::Idx(3 | 11) => "yellow",
        Color::Idx(6 | 14) => "cyan",
        _ => "",
    };
    let all = [(cell.bold(), "b"), (cell.dim(), "d"), (!colour.is_empty(), colour)];
    all.iter().filter(|(has, _)| *has).map(|(_, class)| *class).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn a_picture_has_the_text_and_the_colours_of_the_screen() {
    let mut terminal = vt100::Parser::new(NonZero::new(3).unwrap(), NonZero::new(20).unwrap(), 0);
    terminal.process(b"\x1b[1;31merror:\x1b[0m a<b\r\n\r\n");
    let svg = picture("kubectl x", terminal.screen(), |text| text.replace("a<b", "c<d"));
    assert!(svg.contains("<tspan class=\"b\">kubectl x</tspan></text>"), "{svg}");
    assert!(svg.contains("<tspan class=\"b red\">error:</tspan> c&lt;d</text>"), "{svg}");
    assert_eq!(svg.matches("<text").count(), 2, "no empty rows: {svg}");
}
