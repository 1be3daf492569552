//! The one place that draws a diagnostic: excerpt, carets, reason, way out.
//!
//! What is true here: places are clamped to the text they point into, so that a file that changed meanwhile is drawn wrongly at worst;
//! control characters and everything that turns the direction of writing reach a terminal only as pictures of themselves.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde_json::{Value, json};

use super::{Diagnostic, Place, Severity};

/// Excerpts are cut to this many columns, around what is underlined.
const WIDTH: usize = 120;

/// Longer places are underlined at their beginning only.
const UNDERLINED: usize = 100;
const UNDERLINED_LINES: usize = 6;

/// Draws all diagnostics, by file and place, and a last line that counts them; nothing where there are none. `texts` gives a file's text by
/// the name in its places; without it the file is only named.
pub fn render(diagnostics: &[Diagnostic], texts: &dyn Fn(&str) -> Option<String>, color: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let texts = read_texts(diagnostics, texts);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let mut out = String::new();
    for diagnostic in sorted(diagnostics) {
        out += &renderer.render(&[group(diagnostic, &texts)]);
        out += "\n\n";
    }
    out += &count(diagnostics);
    out.push('\n');
    // The renderer shows C0 controls as pictures and leaves C1, which some terminals obey.
    out.replace(|c| ('\u{80}'..='\u{9f}').contains(&c), "\u{fffd}")
}

/// All diagnostics for machines, by file and place. Lines and columns count from 1, columns in characters; `start` and `end` are bytes.
pub fn to_json(diagnostics: &[Diagnostic], texts: &dyn Fn(&str) -> Option<String>) -> Value {
    let texts = read_texts(diagnostics, texts);
    let place = |(place, text): &(Place, String)| {
        let mut value = json!({ "file": &*place.file, "start": place.start, "end": place.end, "text": text });
        if let Some(source) = texts.get(&*place.file) {
            let ((line, column), (end_line, end_column)) = (position(source, place.start), position(source, place.end));
            value["line"] = line.into();
            value["column"] = column.into();
            value["end_line"] = end_line.into();
            value["end_column"] = end_column.into();
        }
        value
    };
    let one = |diagnostic: &Diagnostic| {
        json!({
            "code": diagnostic.code,
            "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
            "message": diagnostic.message,
            "places": diagnostic.labels.iter().map(place).collect::<Vec<_>>(),
            "notes": diagnostic.notes,
            "help": diagnostic.help,
        })
    };
    sorted(diagnostics).into_iter().map(one).collect()
}

fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.labels.first().map(|(place, _)| (place.file.clone(), place.start, Reverse(place.end))));
    sorted
}

/// Each file that a place names, read once.
fn read_texts(diagnostics: &[Diagnostic], texts: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (place, _) in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        if !read.contains_key(&*place.file)
            && let Some(text) = texts(&place.file)
        {
            read.insert(place.file.to_string(), text);
        }
    }
    read
}

fn group<'a>(diagnostic: &'a Diagnostic, texts: &'a BTreeMap<String, String>) -> Group<'a> {
    let level = if diagnostic.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    let mut files: Vec<&str> = Vec::new();
    for (place, _) in &diagnostic.labels {
        if !files.contains(&&*place.file) {
            files.push(&place.file);
        }
    }
    for file in files {
        let labels = diagnostic.labels.iter().enumerate().filter(|(_, (place, _))| &*place.file == file);
        group = match texts.get(file) {
            Some(text) => group.element(excerpt(file, text, labels)),
            None => group.element(Origin::path(file)),
        };
    }
    let lines = |level: Level<'a>, texts: &[String]| {
        texts.iter().map(|text| level.clone().message(normalize_untrusted_str(text))).collect::<Vec<_>>()
    };
    group.elements(lines(Level::NOTE, &diagnostic.notes)).elements(lines(Level::HELP, &diagnostic.help))
}

/// The lines of one file that labels point at; the very first label is the primary one.
fn excerpt<'a>(
    file: &'a str,
    text: &'a str,
    labels: impl Iterator<Item = (usize, &'a (Place, String))>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let labels: Vec<_> = labels.map(|(index, (place, label))| (index, clamped(text, place), label.as_str())).collect();
    let first = labels.iter().map(|(_, range, _)| range.start).min().unwrap_or(0);
    let last = labels.iter().map(|(_, range, _)| range.end).max().unwrap_or(0);
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let annotations = labels.into_iter().map(|(index, range, label)| {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(range.start - start..range.end - start).label(label)
    });
    let line = 1 + text[..start].matches('\n').count();
    Snippet::source(&text[start..end]).path(file).line_start(line).annotations(annotations)
}

/// A place as it is underlined: inside the text, at characters' boundaries, and not longer than a screen.
fn clamped(text: &str, place: &Place) -> Range<usize> {
    let start = text.floor_char_boundary(place.start);
    let end = text.ceil_char_boundary(place.end.max(start));
    let within = &text[start..end];
    let length = match within.match_indices('\n').nth(UNDERLINED_LINES) {
        Some(_) => within.find('\n').unwrap_or(within.len()),
        None => within.len(),
    };
    let length = if within[..length].contains('\n') {
        length
    } else {
        within.char_indices().nth(UNDERLINED).map_or(length, |(at, _)| at.min(length))
    };
    start..start + length
}

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    (1 + before.matches('\n').count(), 1 + before[line..].chars().count())
}

/// `2 errors, 1 warning`
fn count(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let counted = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}{}", if number == 1 { "" } else { "s" }));
    [counted(errors, "error"), counted(diagnostics.len() - errors, "warning")].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, start: usize, end: usize) -> Place {
        Place { file: file.into(), start, end }
    }

    fn texts(file: &str) -> Option<String> {
        let long = format!("{}here{}", "x".repeat(400), "y".repeat(400));
        match file {
            "a" => Some("first line\n(b, \u{1b}[31mprod\u{202e}, dl)\tend\n\nfourth\n".into()),
            "long" => Some(long),
            _ => None,
        }
    }

    #[test]
    fn diagnostics_are_drawn_by_place_and_counted() {
        let drawn = render(
            &[
                Diagnostic::warning("E0002", "far away").at(at("long", 400, 404), "a place in a long line"),
                Diagnostic::error("E0001", "an escape\u{1b}[0m")
                    .at(at("a", 15, 24), "this one")
                    .at(at("a", 0, 5), "because of this")
                    .note("a note\u{7}\u{9b}")
                    .help("do that"),
                Diagnostic::error("E0003", "no place at all").help("look elsewhere"),
                Diagnostic::error("E0004", "the file changed").at(at("a", 900, 950), "behind the end"),
                Diagnostic::error("E0005", "no text").at(at("gone", 3, 4), "somewhere"),
            ],
            &texts,
            false,
        );
        assert!(!drawn.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']));
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn what_is_underlined_fits_a_screen() {
        let drawn = render(&[Diagnostic::error("E0001", "all of it").at(at("long", 0, 804), "this")], &texts, false);
        assert!(drawn.lines().all(|line| line.chars().count() <= 2 * WIDTH), "{drawn}");
    }

    #[test]
    fn machines_get_lines_and_columns() {
        let value = to_json(&[Diagnostic::error("E0001", "x").at(at("a", 11, 14), "y").help("z")], &texts);
        let expected = json!([{
            "code": "E0001", "severity": "error", "message": "x", "notes": [], "help": ["z"],
            "places": [{ "file": "a", "start": 11, "end": 14, "text": "y", "line": 2, "column": 1, "end_line": 2, "end_column": 4 }],
        }]);
        assert_eq!(value, expected);
    }
}
