//! Properties of a block: which there are, where they belong, and reading their arguments.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::draft::Draft;
use super::expand::template_error;
use super::problems::{Problems, suggest};
use super::template::{self, Constants};
use super::values;
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{Argument, Literal, Property, Quoting, Span, Spanned};
use crate::formula::program::{Column, Life};
use crate::identity::Period;

#[derive(Clone, Copy, PartialEq)]
enum On {
    Formula,
    Source,
    Both,
}

/// Name, where it belongs, whether it may stand several times, and how it is written.
const TABLE: &[(&str, On, bool, &str)] = &[
    ("columns", On::Source, false, "columns (id int, name text)"),
    ("copy", On::Both, false, "copy"),
    ("doc", On::Both, false, "doc \"what it is\""),
    ("effect", On::Formula, false, "effect"),
    ("env", On::Formula, true, "env TZ = \"UTC\""),
    ("file", On::Formula, false, "file \"model.bin\""),
    ("folder", On::Formula, false, "folder"),
    ("format", On::Formula, false, "format csv"),
    ("min_age", On::Source, false, "min_age 10min"),
    ("needs", On::Formula, true, "needs cpu = 2, memory = \"4GiB\""),
    ("owner", On::Both, false, "owner \"team@example.org\""),
    ("param", On::Formula, true, "param threshold = 0.5"),
    ("ready", On::Source, false, "ready \"_SUCCESS\""),
    ("retry", On::Formula, false, "retry 3 every 30s"),
    ("run", On::Formula, false, "run \"python3 jobs/train.py\""),
    ("secret", On::Formula, true, "secret DB_PASSWORD"),
    ("since", On::Both, false, "since 2024-01-01"),
    ("sql", On::Formula, false, "sql \"jobs/report.sql\""),
    ("tags", On::Both, true, "tags daily, finance"),
    ("timeout", On::Formula, false, "timeout 1h"),
    ("tool", On::Formula, true, "tool \"python3 --version\""),
    ("until", On::Both, false, "until 2025-01-01"),
    ("uses", On::Formula, true, "uses \"jobs/lib/**/*.py\""),
    ("volatile", On::Formula, false, "volatile 1d"),
];

/// Properties of the language that this version does not act on, and what to do meanwhile.
const LATER: &[(&str, &str)] = &[
    ("after", "automation is not in this version; run `formake build` from cron or a workflow"),
    ("every", "automation is not in this version; run `formake build` from cron or a workflow"),
    ("on", "other executors than this machine are not in this version; take it away, and the job runs here"),
    ("require", "rules of contracts are not in this version; check inside the recipe, and fail there"),
];

pub(super) const RECIPES: [&str; 3] = ["sql", "run", "copy"];

/// The properties that hold for one draft, by name, and all that is needed to read them.
pub(super) struct Properties<'a, 'p> {
    pub problems: &'p mut Problems,
    pub constants: &'p Constants,
    found: BTreeMap<&'static str, Vec<&'a Property>>,
    own: &'a [Property],
}

impl<'a, 'p> Properties<'a, 'p> {
    /// A draft's own properties over the `defaults` above it. What repeats is gathered, anything else replaced.
    pub fn new(draft: &Draft<'a>, constants: &'p Constants, problems: &'p mut Problems) -> Self {
        let own = draft.properties();
        let mut all = Self { problems, constants, found: BTreeMap::new(), own };
        let on = if draft.is_source() { On::Source } else { On::Formula };
        if on == On::Formula {
            for property in draft.defaults.iter() {
                if RECIPES.contains(&property.name.node.as_str()) {
                    let help = "write it in the block of each formula";
                    let message = format!("`{}` cannot be a default", property.name.node);
                    all.problems.error("E0301", message, property.span, "a recipe belongs to one formula", help);
                } else if let Some((name, many)) = all.known(property, On::Formula) {
                    let found = all.found.entry(name).or_default();
                    if !many {
                        found.clear();
                    }
                    found.push(property);
                }
            }
        }
        let mut first: BTreeMap<&str, Span> = BTreeMap::new();
        for property in own {
            let Some((name, many)) = all.known(property, on) else { continue };
            if let Some(before) = first.insert(name, property.span).filter(|_| !many) {
                let twice = Diagnostic::error("E0302", format!("`{name}` stands twice"))
                    .at(all.problems.place(property.span), "again here")
                    .at(all.problems.place(before), "first here")
                    .help("keep one of them");
                all.problems.report(twice);
                continue;
            }
            let found = all.found.entry(name).or_default();
            if !many {
                found.clear();
            }
            found.push(property);
        }
        all
    }

    fn known(&mut self, property: &Property, on: On) -> Option<(&'static str, bool)> {
        let name = property.name.node.as_str();
        if let Some((_, help)) = LATER.iter().find(|(later, _)| *later == name) {
            self.problems.error("E0306", format!("`{name}` is not in this version"), property.name.span, "not known yet", *help);
            return None;
        }
        match TABLE.iter().find(|(known, ..)| *known == name) {
            Some((name, place, many, _)) if *place == on || *place == On::Both => Some((name, *many)),
            Some((_, place, ..)) => {
                let (here, there) = if *place == On::Source { ("formulas", "sources") } else { ("sources", "formulas") };
                let message = format!("`{name}` belongs to {there}, not to {here}");
                self.problems.error("E0301", message, property.name.span, "does not belong here", "take it away");
                None
            }
            None => {
                let here = TABLE.iter().filter(|(_, place, ..)| *place == on || *place == On::Both).map(|(name, ..)| *name);
                let help = suggest(name, here);
                self.problems.error("E0301", format!("there is no property `{name}`"), property.name.span, "not known", help);
                None
            }
        }
    }

    pub fn all(&self, name: &str) -> Vec<&'a Property> {
        self.found.get(name).cloned().unwrap_or_default()
    }

    pub fn one(&self, name: &str) -> Option<&'a Property> {
        self.found.get(name).and_then(|found| found.last()).copied()
    }

    /// Whether it stands in the block itself, not in `defaults`.
    pub fn is_own(&self, property: &Property) -> bool {
        self.own.iter().any(|own| std::ptr::eq(own, property))
    }

    /// Says how a property is written, where it is written otherwise.
    pub fn misused(&mut self, property: &Property, span: Span, label: &str) {
        let name = property.name.node.as_str();
        let usage = TABLE.iter().find(|(known, ..)| *known == name).map_or(name, |(.., usage)| usage);
        let message = format!("`{name}` cannot be read");
        self.problems.error("E0305", message, span, label, format!("it is written `{usage}`"));
    }

    pub fn flag(&mut self, name: &str) -> bool {
        let Some(property) = self.one(name) else { return false };
        if !property.arguments.is_empty() {
            self.misused(property, property.span, "takes nothing");
        }
        true
    }

    /// All arguments, none of them named.
    fn plain(&mut self, property: &'a Property) -> Vec<&'a Spanned<Literal>> {
        let mut values = Vec::new();
        for argument in &property.arguments {
            match argument {
                Argument::Value(value) => values.push(value),
                Argument::Named { name, .. } => self.misused(property, name.span, "a name is not expected here"),
                Argument::Columns(_) => self.misused(property, property.span, "columns are not expected here"),
            }
        }
        if values.is_empty() && property.arguments.is_empty() {
            self.misused(property, property.span, "something is missing");
        }
        values
    }

    /// A text, rendered where it names constants alone.
    fn rendered(&mut self, text: &str, span: Span) -> Option<String> {
        template::render_if_constant(text, self.constants)
            .map_err(|failure| template_error(self.problems, failure, span, self.constants))
            .ok()
    }

    /// The one text of a property as written, and its place.
    pub fn raw(&mut self, property: &'a Property) -> Option<(&'a str, Quoting, Span)> {
        let values = self.plain(property);
        match values.as_slice() {
            [Spanned { node: Literal::Text(text), span }] => Some((&text.text, text.quoting, *span)),
            [Spanned { node: Literal::Word(word), span }] => Some((word, Quoting::Bare, *span)),
            [] => None,
            [first, ..] => {
                self.misused(property, first.span, "expected one text");
                None
            }
        }
    }

    /// The one text of a property, rendered.
    pub fn text(&mut self, name: &str) -> Option<(String, Span)> {
        let property = self.one(name)?;
        let (text, _, span) = self.raw(property)?;
        Some((self.rendered(text, span)?, span))
    }

    /// All texts of a property that may repeat.
    pub fn texts(&mut self, name: &str) -> Vec<(String, Span)> {
        let mut texts = Vec::new();
        for property in self.all(name) {
            for value in self.plain(property) {
                match values::text(&value.node) {
                    Some(text) => texts.extend(self.rendered(&text, value.span).map(|text| (text, value.span))),
                    None => self.misused(property, value.span, "expected a text"),
                }
            }
        }
        texts
    }

    /// All `name = value` of a property that may repeat; the block's own win over defaults.
    pub fn named(&mut self, name: &str) -> BTreeMap<String, (Json, Span)> {
        let mut found: BTreeMap<String, (Json, Span)> = BTreeMap::new();
        for property in self.all(name) {
            if property.arguments.is_empty() {
                self.misused(property, property.span, "something is missing");
            }
            for argument in &property.arguments {
                let Argument::Named { name: key, value } = argument else {
                    self.misused(property, property.span, "expected `name = value`");
                    break;
                };
                let constants = self.constants;
                let json = values::json(value, &mut |text| template::render_if_constant(text, constants));
                match json {
                    Ok(json) => {
                        let before = found.insert(key.node.clone(), (json, key.span));
                        if let Some((_, span)) = before.filter(|(_, span)| self.own.iter().any(|p| within(*span, p.span))) {
                            let twice = Diagnostic::error("E0302", format!("`{name} {}` stands twice", key.node))
                                .at(self.problems.place(key.span), "again here")
                                .at(self.problems.place(span), "first here")
                                .help("keep one of them");
                            self.problems.report(twice);
                        }
                    }
                    Err((failure, span)) => template_error(self.problems, failure, span, constants),
                }
            }
        }
        found
    }

    /// Seconds.
    pub fn duration(&mut self, name: &str) -> Option<f64> {
        let property = self.one(name)?;
        let values = self.plain(property);
        let first = values.first()?.span;
        let words: Option<Vec<String>> = values.iter().map(|v| values::text(&v.node)).collect();
        let seconds = words.and_then(|words| values::seconds(&words.join(" ")));
        if seconds.is_none() {
            self.misused(property, first, "no duration: units are `s min h d w`");
        }
        seconds
    }

    /// `retry 3 every 30s`: how often, and seconds between.
    pub fn retry(&mut self) -> (u32, f64) {
        let Some(property) = self.one("retry") else { return (0, 0.0) };
        let values = self.plain(property);
        let read = match values.split_first() {
            Some((Spanned { node: Literal::Int(n), .. }, rest)) => u32::try_from(*n).ok().filter(|n| *n <= 1000).and_then(|n| match rest {
                [] => Some((n, 0.0)),
                [Spanned { node: Literal::Word(every), .. }, delay @ ..] if every == "every" => {
                    let words: Option<Vec<String>> = delay.iter().map(|v| values::text(&v.node)).collect();
                    Some((n, values::seconds(&words?.join(" "))?))
                }
                _ => None,
            }),
            _ => None,
        };
        if read.is_none() && !values.is_empty() {
            self.misused(property, property.span, "expected a number, and how long to wait between");
        }
        read.unwrap_or_default()
    }

    fn period(&mut self, name: &str) -> Option<(Period, &'a Property)> {
        let property = self.one(name)?;
        let values = self.plain(property);
        let text = match values.as_slice() {
            [value] => self.rendered(&values::text(&value.node).unwrap_or_default(), value.span)?,
            _ => String::new(),
        };
        let period = Period::parse_any(&text);
        if period.is_none() {
            self.misused(property, property.span, "no time: `2024`, `2024-01`, `2024-01-31`, `2024-01-31T05`");
        }
        Some((period?, property))
    }

    /// `since` and `until`; `timed`: all outputs have a time component.
    pub fn life(&mut self, timed: bool) -> Life {
        let mut life = Life::default();
        for name in ["since", "until"] {
            let Some((period, property)) = self.period(name) else { continue };
            if timed {
                *(if name == "since" { &mut life.since } else { &mut life.until }) = Some(period);
            } else if self.is_own(property) {
                let message = format!("`{name}` needs a time in the output");
                let help = format!("take `{name}` away, or put a time into the output: `(report, <DATE>, prod, dl)`");
                self.problems.error("E0308", message, property.span, "its instances have no time", help);
            }
        }
        if let (Some(since), Some(until)) = (life.since, life.until)
            && until.start_minutes() <= since.start_minutes()
            && let Some(property) = self.one("until")
        {
            let message = format!("nothing exists between {since} and {until}");
            self.problems.error("E0308", message, property.span, "`until` is not included", "`until` lies after `since`");
        }
        life
    }

    pub fn columns(&mut self) -> Option<Vec<Column>> {
        let property = self.one("columns")?;
        let [Argument::Columns(columns)] = property.arguments.as_slice() else {
            self.misused(property, property.span, "expected columns and their types");
            return None;
        };
        for (i, (name, _)) in columns.iter().enumerate() {
            if columns[..i].iter().any(|(before, _)| before.node == name.node) {
                let message = format!("the column `{}` stands twice", name.node);
                self.problems.error("E0302", message, name.span, "again here", "keep one of them");
            }
        }
        Some(columns.iter().map(|(name, ty)| Column { name: name.node.clone(), ty: ty.node.clone() }).collect())
    }

    pub fn doc(&mut self) -> (Option<String>, Option<String>, Vec<String>) {
        let doc = self.text("doc").map(|(text, _)| text);
        let owner = self.text("owner").map(|(text, _)| text);
        let mut tags: Vec<String> = self.texts("tags").into_iter().map(|(text, _)| text).collect();
        tags.sort();
        tags.dedup();
        (doc, owner, tags)
    }
}

fn within(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && outer.start <= inner.start && inner.end <= outer.end
}
