//! `formake.yaml`: what is not a formula. Every key may be left out; no file at all means the same.
//!
//! What is true here: all mistakes are found at once, each with its place; what is wrong keeps its default, so that the rest can be checked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::yaml::{self, Key, Node, Tree};
use crate::catalog::policy::{Policy, Rule, Writer};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::formula::program::{Bases, Entry, Set};
use crate::formula::{Settings, duration};
use crate::identity::instance::is_plain;
use crate::identity::{Name, Period};

/// Its name at the project's root.
pub const FILE: &str = "formake.yaml";

/// A project's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What formulas are checked against.
    pub settings: Settings,
    /// What `formake build` without a target makes, as targets are written.
    pub targets: Vec<String>,
    /// The catalog's file, relative to the project's root or absolute.
    pub catalog: String,
    pub contracts: String,
    pub repositories: BTreeMap<Name, Repository>,
    /// By name or pattern (`pr-*`).
    pub labels: BTreeMap<Name, Label>,
    /// Jobs at a time on this machine; `None`: as many as it has cores.
    pub jobs: Option<usize>,
}

/// Where bytes live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Relative to the project's root or absolute.
    pub root: String,
    pub protected: bool,
    /// Who may write into it, as in [`Label::writers`].
    pub writers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Label {
    /// What it falls through to for reading.
    pub base: Option<Name>,
    pub protected: bool,
    /// Who may write under it: users, and `group:…`.
    pub writers: Vec<String>,
    /// Seconds.
    pub expires: Option<f64>,
}

impl Config {
    /// Who may write where.
    pub fn policy(&self) -> Policy {
        let rule =
            |protected, writers: &[String]| Rule { protected, writers: writers.iter().map(|writer| Writer::parse(writer)).collect() };
        Policy {
            labels: self.labels.iter().map(|(name, l)| (name.clone(), rule(l.protected, &l.writers))).collect(),
            repositories: self.repositories.iter().map(|(name, r)| (name.clone(), rule(r.protected, &r.writers))).collect(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            targets: vec![],
            catalog: ".formake/catalog.db".into(),
            contracts: "contracts/".into(),
            repositories: BTreeMap::from([("dl".into(), Repository { root: "lake".into(), protected: false, writers: vec![] })]),
            labels: BTreeMap::new(),
            jobs: None,
        }
    }
}

/// Reads the text of `formake.yaml`.
pub fn read(text: &str) -> (Config, Vec<Diagnostic>) {
    let mut config = Config::default();
    let mut reader = Reader { problems: Vec::new() };
    match yaml::parse(text) {
        Ok(root) => reader.config(&root, &mut config),
        Err(mistake) => {
            let error = Diagnostic::error("E0501", format!("this is not YAML: {}", mistake.message));
            reader.problems.push(error.at(place(mistake.start, mistake.end), "here"));
        }
    }
    (config, reader.problems)
}

fn place(start: usize, end: usize) -> Place {
    Place { file: FILE.into(), start, end }
}

struct Reader {
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn config(&mut self, root: &Node, config: &mut Config) {
        let known = [
            "catalog",
            "contracts",
            "default_label",
            "executors",
            "formulas",
            "labels",
            "pools",
            "repositories",
            "sets",
            "targets",
            "timezone",
        ];
        let settings = &mut config.settings;
        for (key, node) in self.keys(root, "formake.yaml", &known) {
            match key.text.as_str() {
                "catalog" => self.text(node, "a path").into_iter().for_each(|path| config.catalog = path),
                "contracts" => self.text(node, "a folder").into_iter().for_each(|path| config.contracts = path),
                "default_label" => self.name(node, "a label").into_iter().for_each(|label| settings.default_label = label),
                "executors" => config.jobs = self.executors(node),
                "formulas" => self.texts(node, "formula files or globs").into_iter().for_each(|texts| settings.formulas = texts),
                "labels" => config.labels = self.labels(node),
                "pools" => settings.pools = self.pools(node),
                "repositories" => config.repositories = self.repositories(node),
                "sets" => settings.sets = self.sets(node),
                "targets" => self.texts(node, "targets").into_iter().for_each(|texts| config.targets = texts),
                _ => self.timezone(node, settings),
            }
        }
        settings.repositories = config.repositories.keys().cloned().collect();
        settings.bases = Bases(config.labels.iter().map(|(name, label)| (name.clone(), label.base.clone())).collect());
        settings.labels = (!config.labels.is_empty()).then(|| config.labels.keys().cloned().collect());
    }

    fn error(&mut self, code: &'static str, message: String, start: usize, end: usize, label: &str, help: String) {
        let mut error = Diagnostic::error(code, message).at(place(start, end), label);
        if !help.is_empty() {
            error = error.help(help);
        }
        self.problems.push(error);
    }

    fn expected(&mut self, node: &Node, what: &str, example: &str) {
        let found = match &node.value {
            Tree::Null => "nothing",
            Tree::Scalar { .. } => "one value",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a mapping",
        };
        self.error("E0503", format!("expected {what}, found {found}"), node.start, node.end, "", format!("it is written `{example}`"));
    }

    /// A mapping's entries; nothing, where it is none.
    fn map<'n>(&mut self, node: &'n Node, what: &str, example: &str) -> &'n [(Key, Node)] {
        match &node.value {
            Tree::Map(entries) => entries,
            Tree::Null => &[],
            _ => {
                self.expected(node, what, example);
                &[]
            }
        }
    }

    /// The entries of a mapping with known keys.
    fn keys<'n>(&mut self, node: &'n Node, of: &str, known: &[&str]) -> Vec<(&'n Key, &'n Node)> {
        let entries = self.map(node, &format!("the keys of {of}"), &format!("{}: …", known[0]));
        let mut found = Vec::new();
        for (key, value) in entries {
            if known.contains(&key.text.as_str()) {
                found.push((key, value));
                continue;
            }
            let help = match nearest(&key.text, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
            };
            self.error("E0502", format!("{of} has no key `{}`", key.text), key.start, key.end, "not known", help);
        }
        found
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Tree::Scalar { text, .. } if !text.is_empty() => Some(text.clone()),
            _ => {
                self.expected(node, what, "key: value");
                None
            }
        }
    }

    /// A list of texts, or one alone.
    fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<String>> {
        match &node.value {
            Tree::List(items) => items.iter().map(|item| self.text(item, &format!("one of {what}"))).collect(),
            Tree::Scalar { .. } => Some(vec![self.text(node, what)?]),
            _ => {
                self.expected(node, &format!("a list of {what}"), "key: [one, another]");
                None
            }
        }
    }

    fn count(&mut self, node: &Node, what: &str) -> Option<u64> {
        let count = match &node.value {
            Tree::Scalar { text, quoted: false } => text.parse::<u64>().ok().filter(|n| *n > 0),
            _ => None,
        };
        if count.is_none() {
            let message = format!("expected {what}: a whole number from 1");
            self.error("E0503", message, node.start, node.end, "", "it is written `8`, without quotes".into());
        }
        count
    }

    fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Tree::Scalar { text, quoted: false } if text == "true" => Some(true),
            Tree::Scalar { text, quoted: false } if text == "false" => Some(false),
            _ => {
                self.error("E0503", "expected `true` or `false`".into(), node.start, node.end, "", String::new());
                None
            }
        }
    }

    fn name(&mut self, node: &Node, what: &str) -> Option<Name> {
        let text = self.text(node, what)?;
        self.checked_name(&text, what, false, node.start, node.end)
    }

    fn checked_name(&mut self, text: &str, what: &str, stars: bool, start: usize, end: usize) -> Option<Name> {
        let bare = if stars { text.replace('*', "x") } else { text.to_string() };
        if is_plain(&bare) && bare.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some(text.into());
        }
        let help = "names start with a letter, and have letters, digits, `_`, `.` and `-`".into();
        self.error("E0504", format!("`{text}` cannot be the name of {what}"), start, end, "", help);
        None
    }

    fn repositories(&mut self, node: &Node) -> BTreeMap<Name, Repository> {
        let mut found: BTreeMap<Name, Repository> = BTreeMap::new();
        for (key, node) in self.map(node, "repositories by name", "repositories: { dl: { root: lake } }") {
            let Some(name) = self.checked_name(&key.text, "a repository", false, key.start, key.end) else { continue };
            let mut root = if &*name == "dl" { "lake".to_string() } else { format!("lake-{name}") };
            let (mut protected, mut writers) = (false, Vec::new());
            for (key, node) in self.keys(node, "a repository", &["root", "protected", "writers"]) {
                match key.text.as_str() {
                    "protected" => protected = self.boolean(node).unwrap_or_default(),
                    "writers" => writers = self.writers(node),
                    _ => root = self.text(node, "a folder").unwrap_or(root),
                }
            }
            let clean = root.trim_start_matches("./").trim_end_matches('/');
            if let Some((other, _)) = found.iter().find(|(_, r)| r.root.trim_start_matches("./").trim_end_matches('/') == clean) {
                let message = format!("the repositories `{other}` and `{name}` have one root, `{root}`");
                self.error("E0504", message, key.start, key.end, "the second", "give each its own folder".into());
                continue;
            }
            found.insert(name, Repository { root, protected, writers });
        }
        if found.is_empty() { Config::default().repositories } else { found }
    }

    fn labels(&mut self, node: &Node) -> BTreeMap<Name, Label> {
        let mut found = BTreeMap::new();
        let mut bases = Vec::new();
        for (key, node) in self.map(node, "labels by name", "labels: { \"pr-*\": { base: prod } }") {
            let Some(name) = self.checked_name(&key.text, "a label", true, key.start, key.end) else { continue };
            let mut label = Label::default();
            for (key, node) in self.keys(node, "a label", &["base", "expires", "protected", "writers"]) {
                match key.text.as_str() {
                    "base" => {
                        label.base = self.name(node, "a label");
                        bases.extend(label.base.clone().map(|base| (name.clone(), base, node.start, node.end)));
                    }
                    "protected" => label.protected = self.boolean(node).unwrap_or_default(),
                    "writers" => label.writers = self.writers(node),
                    _ => label.expires = self.duration(node),
                }
            }
            found.insert(name, label);
        }
        for (label, base, start, end) in bases {
            if let Some(chain) = circle(&label, &base, &found) {
                let help = "a label falls through to one that was there before it, such as `prod`".into();
                self.error("E0504", format!("the label `{label}` is its own base"), start, end, &chain, help);
            }
        }
        found
    }

    /// Users, and `group:…`; at least one.
    fn writers(&mut self, node: &Node) -> Vec<String> {
        let Some(writers) = self.texts(node, "users and groups") else { return Vec::new() };
        let problem = match writers.iter().find(|writer| *writer == "group:") {
            Some(_) => "a group has no name".to_string(),
            None if writers.is_empty() => "no writers are named".to_string(),
            None => return writers,
        };
        let help = "they are written `writers: [alice, \"group:release\"]`; where nobody may write, `protected: true` alone says so";
        self.error("E0504", problem, node.start, node.end, "", help.into());
        Vec::new()
    }

    fn duration(&mut self, node: &Node) -> Option<f64> {
        let text = self.text(node, "a duration")?;
        let seconds = duration(&text);
        if seconds.is_none() {
            let help = "it is written `14d`, with the units `s min h d w`".into();
            self.error("E0504", format!("`{text}` is no duration"), node.start, node.end, "", help);
        }
        seconds
    }

    fn pools(&mut self, node: &Node) -> BTreeMap<Name, u64> {
        let mut found = BTreeMap::new();
        for (key, node) in self.map(node, "sizes of pools by name", "pools: { db: 4 }") {
            let name = self.checked_name(&key.text, "a pool", false, key.start, key.end);
            let size = self.count(node, "the size of a pool");
            found.extend(name.zip(size));
        }
        found
    }

    fn executors(&mut self, node: &Node) -> Option<usize> {
        let mut jobs = None;
        for (_, node) in self.keys(node, "`executors`", &["local"]) {
            for (_, node) in self.keys(node, "the local executor", &["jobs"]) {
                jobs = self.count(node, "a number of jobs").map(|n| n as usize);
            }
        }
        jobs
    }

    fn timezone(&mut self, node: &Node, settings: &mut Settings) {
        let Some(name) = self.text(node, "a time zone") else { return };
        let Ok(zone) = TimeZone::get(&name) else {
            let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let help = match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "zones have the names of the IANA database: `UTC`, `Europe/Berlin`, `America/New_York`".into(),
            };
            self.error("E0504", format!("there is no time zone `{name}`"), node.start, node.end, "not known", help);
            return;
        };
        // Rules of our days: changes of long ago, such as the introduction of zones, do not count.
        let recent = jiff::Timestamp::constant(1_577_836_800, 0);
        settings.clocks_change = zone.following(recent).next().is_some();
        settings.timezone = name.into();
    }

    fn sets(&mut self, node: &Node) -> BTreeMap<Name, Set> {
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

/// The way from a label over its bases back to itself.
fn circle(label: &Name, base: &Name, labels: &BTreeMap<Name, Label>) -> Option<String> {
    let mut chain = vec![label.clone(), base.clone()];
    while let Some(last) = chain.last() {
        if last == label {
            return Some(chain.join(" → "));
        }
        let next = labels.get(last).and_then(|l| l.base.clone())?;
        if chain[1..].contains(&next) {
            return None;
        }
        chain.push(next);
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Config {
        let (config, problems) = read(text);
        assert_eq!(problems, [], "{text}");
        config
    }

    #[test]
    fn nothing_is_the_default() {
        for text in ["", "# nothing\n", "formulas:\n  - pipeline.formula\n", "repositories: {}\n"] {
            assert_eq!(good(text), Config::default(), "{text:?}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let config = good(
            r#"
formulas: [pipeline.formula, "teams/*.formula"]
targets: summary
catalog: .formake/catalog.db
repositories: { dl: { root: lake }, pii: { protected: true, writers: alice } }
labels: { prod: { protected: true, writers: [alice, "group:release"] }, "pr-*": { base: prod, expires: 14d } }
default_label: dev
timezone: America/New_York
sets:
  stores: [007, NO, 1.50, 2024-01-01, "a b"]
  shops: [{ id: 007, currency: USD, zip: 010, rate: 1.5, on: true, since: 2024-03-01 }]
pools: { db: 4 }
executors: { local: { jobs: 8 } }
contracts: contracts/
"#,
        );
        let ids = |set: &str| config.settings.sets[set].entries.iter().map(|e| e.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids("stores"), ["007", "NO", "1.50", "2024-01-01", "a b"], "as written");
        let shop = &config.settings.sets["shops"].entries[0];
        assert_eq!(
            Json::from_iter(shop.fields.clone()).to_string(),
            r#"{"currency":"USD","id":"007","on":true,"rate":1.5,"since":"2024-03-01","zip":"010"}"#
        );
        assert_eq!(shop.since.map(|p| p.to_string()), Some("2024-03-01".into()));
        assert_eq!((config.targets, config.jobs), (vec!["summary".to_string()], Some(8)));
        assert_eq!(config.labels["pr-*"].expires, Some(14.0 * 86_400.0));
        let pii = Repository { root: "lake-pii".into(), protected: true, writers: vec!["alice".into()] };
        assert_eq!(config.repositories["pii"], pii);
        assert!(config.settings.clocks_change && config.settings.knows_label("pr-7") && !config.settings.knows_label("pq-7"));
        assert!(!good("timezone: Asia/Tokyo").settings.clocks_change);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_string()
            + &('b'..='j')
                .map(|c| format!("{c}: &{c} [{}]\n", vec![format!("*{}", (c as u8 - 1) as char); 9].join(",")))
                .collect::<String>();
        assert_eq!(read(&bomb).1.len(), 1);
        assert_eq!(read(&"[".repeat(100_000)).1.len(), 1);
    }
}
