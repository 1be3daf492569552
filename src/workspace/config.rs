//! `formake.yaml`: what is not a formula. Every key may be left out; no file at all means the same.
//!
//! What is true here: all mistakes are found at once, each with its place; what is wrong keeps its default, so that the rest can be checked.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::catalog::policy::{Policy, Rule, Writer};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::formula::program::{Bases, entry_of};
use crate::formula::{Settings, duration};
use crate::identity::Name;
use crate::identity::instance::is_plain;
use crate::plan::keep;
use crate::yaml::{self, Key, Node, Tree};

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
    /// What a cleaning keeps of the past.
    pub keep: keep::Policy,
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

    /// The entry of `labels:` that holds for a label, under its name or pattern.
    pub fn label(&self, label: &str) -> Option<(Name, Label)> {
        let entries: Vec<(Name, &Label)> = self.labels.iter().map(|(name, entry)| (name.clone(), entry)).collect();
        entry_of(&entries, label).map(|(name, entry)| (name.clone(), (*entry).clone()))
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
            keep: keep::Policy::default(),
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

/// What reads a tree, and the mistakes it found so far.
pub(super) struct Reader {
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
            "keep",
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
                "keep" => config.keep = self.keep(node),
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

    pub(super) fn error(&mut self, code: &'static str, message: String, start: usize, end: usize, label: &str, help: String) {
        let mut error = Diagnostic::error(code, message).at(place(start, end), label);
        if !help.is_empty() {
            error = error.help(help);
        }
        self.problems.push(error);
    }

    pub(super) fn expected(&mut self, node: &Node, what: &str, example: &str) {
        self.error(
            "E0503",
            format!("expected {what}, found {}", node.kind()),
            node.start,
            node.end,
            "",
            format!("it is written `{example}`"),
        );
    }

    /// A mapping's entries; nothing, where it is none.
    pub(super) fn map<'n>(&mut self, node: &'n Node, what: &str, example: &str) -> &'n [(Key, Node)] {
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

    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
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

    pub(super) fn checked_name(&mut self, text: &str, what: &str, stars: bool, start: usize, end: usize) -> Option<Name> {
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

    fn keep(&mut self, node: &Node) -> keep::Policy {
        let mut keep = keep::Policy::default();
        for (key, node) in self.keys(node, "`keep`", &["history", "last"]) {
            match (key.text.as_str(), &node.value) {
                ("history", _) => keep.history = self.duration(node).map_or(keep.history, |seconds| (seconds * 1000.0) as i64),
                (_, Tree::Scalar { text, quoted: false }) if text == "0" => keep.last = 0,
                _ => keep.last = self.count(node, "how many earlier snapshots").map_or(keep.last, |count| count as usize),
            }
        }
        keep
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

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

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
keep: { history: 14d, last: 2 }
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
        assert_eq!(config.label("pr-7").map(|(entry, _)| entry.to_string()), Some("pr-*".into()));
        assert_eq!((config.targets, config.jobs), (vec!["summary".to_string()], Some(8)));
        assert_eq!(config.labels["pr-*"].expires, Some(14.0 * 86_400.0));
        let pii = Repository { root: "lake-pii".into(), protected: true, writers: vec!["alice".into()] };
        assert_eq!(config.repositories["pii"], pii);
        assert_eq!(config.keep, keep::Policy { history: 14 * 86_400_000, last: 2 });
        assert_eq!(good("keep: { history: 0d, last: 0 }").keep, keep::Policy { history: 0, last: 0 });
        assert_eq!(good("labels: { \"pr-*\": {}, pr-7: {} }").label("pr-7").map(|(entry, _)| entry.to_string()), Some("pr-7".into()));
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
