//! `sets:` of `formake.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::config::Reader;
use crate::formula::program::{Entry, Set};
use crate::identity::{Name, Period};
use crate::yaml::{Node, Tree};

impl Reader {
    pub(super) fn sets(&mut self, node: &Node) -> BTreeMap<Name, Set> {
        let mut found = BTreeMap::new();
        for (key, node) in self.map(node, "sets by name", "sets: { stores: [nyc, lon] }") {
            let Some(name) = self.checked_name(&key.text, "a set", false, key.start, key.end) else { continue };
            let Tree::List(items) = &node.value else {
                self.expected(node, "a list of values", "stores: [nyc, lon]");
                continue;
            };
            let mut entries = Vec::new();
            let mut seen = BTreeSet::new();
            for item in items {
                let Some(entry) = self.entry(item) else { continue };
                if !seen.insert(entry.id.clone()) {
                    let message = format!("`{}` stands twice in the set `{name}`", entry.id);
                    self.error("E0504", message, item.start, item.end, "again here", "keep one of them".into());
                    continue;
                }
                entries.push(entry);
            }
            if items.is_empty() {
                let help = "give it an entry, or take it away with the formulas that use it".into();
                self.error("E0504", format!("the set `{name}` is empty"), key.start, key.end, "stands for nothing", help);
            }
            found.insert(name.clone(), Set { name, entries });
        }
        found
    }

    /// A plain value, or an object with an `id`.
    fn entry(&mut self, node: &Node) -> Option<Entry> {
        let Tree::Map(fields) = &node.value else {
            let id = self.text(node, "a value, or an object with an `id`")?;
            return Some(Entry { id: id.as_str().into(), fields: BTreeMap::new(), since: None, until: None });
        };
        let mut entry = Entry { id: "".into(), fields: BTreeMap::new(), since: None, until: None };
        for (key, value) in fields {
            let json = match key.text.as_str() {
                "id" => {
                    let id = self.text(value, "the entry's value")?;
                    entry.id = id.as_str().into();
                    id.into()
                }
                "since" => self.period(value).map_or(Json::Null, |(text, period)| {
                    entry.since = Some(period);
                    text.into()
                }),
                "until" => self.period(value).map_or(Json::Null, |(text, period)| {
                    entry.until = Some(period);
                    text.into()
                }),
                _ => json(value),
            };
            entry.fields.insert(key.text.clone(), json);
        }
        if !entry.fields.contains_key("id") {
            let start = fields.first().map_or(node.start, |(key, _)| key.start);
            let help = "write `{ id: nyc, … }`: the id is its value in identities".into();
            self.error("E0504", "an entry without `id`".into(), start, node.end.max(start), "which one is it?", help);
            return None;
        }
        Some(entry)
    }

    fn period(&mut self, node: &Node) -> Option<(String, Period)> {
        let text = self.text(node, "a time")?;
        let period = Period::parse_any(&text);
        if period.is_none() {
            let help = "times are written `2024`, `2024-01`, `2024-01-31`".into();
            self.error("E0504", format!("`{text}` is no time"), node.start, node.end, "", help);
        }
        Some((text, period?))
    }
}

/// A field's value: what would be written the same in JSON is a number or a boolean, any other scalar a text.
fn json(node: &Node) -> Json {
    match &node.value {
        Tree::Null => Json::Null,
        Tree::Scalar { text, quoted: false } => match serde_json::from_str(text) {
            Ok(value @ (Json::Number(_) | Json::Bool(_))) => value,
            _ => text.as_str().into(),
        },
        Tree::Scalar { text, .. } => text.as_str().into(),
        Tree::List(items) => items.iter().map(json).collect(),
        Tree::Map(entries) => entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect(),
    }
}
