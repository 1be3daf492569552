//! The quality rules that the standard defines: its metrics, and SQL queries.

use super::contract::{Unit, What};
use super::lower::{About, Lowering, Words};
use super::property::inside;
use super::shape::{At, place, scalar, text};
use super::standard::METRICS;
use crate::diagnostic::nearest;
use crate::table::measure::{Scalar, Test};
use crate::table::statement;
use crate::yaml::{Key, Node};

/// Names that stand for the table in a query, and those that stand for the column.
const TABLE: &str = "model|table|object|schema|dataset|project|catalog|database";
const COLUMN: &str = "field|column|property";

impl Lowering<'_> {
    /// The rules of a property or schema.
    pub fn quality(&mut self, node: &Node, about: &About) {
        let Some((key, list)) = node.entries().iter().find(|(key, _)| key.text == "quality") else { return };
        for rule in list.items() {
            let at = rule.entries().first().map_or((key.start, key.end), |(key, value)| (key.start, place(value, key).1.max(key.end)));
            let ty = rule.get("type").and_then(text);
            match ty {
                // Text is for people.
                Some("text") => {}
                Some("custom") => self.custom(rule, about, at),
                Some("sql") => self.sql(rule, about, at),
                _ => self.metric(rule, about, at),
            }
        }
    }

    /// A rule that is not run, and would not be by the reference tool.
    fn not_run(&mut self, why: &str, at: At) -> &mut crate::diagnostic::Diagnostic {
        self.findings.warning("E1006", format!("the rule is not run: {why}"), at, "")
    }

    fn metric(&mut self, node: &Node, about: &About, at: At) {
        let find = |name: &str| node.entries().iter().find(|(key, _)| key.text == name);
        let Some((key, value)) = find("metric").or_else(|| find("rule")) else {
            let why = if find("query").is_some() { "a query needs `type: sql`" } else { "it has no `metric`" };
            self.not_run(why, at).help.push(format!("metrics are {}", METRICS.join(", ")));
            return;
        };
        let older = key.text == "rule";
        let metric = match text(value).unwrap_or_default() {
            "duplicateCount" if older => "duplicateValues",
            "nullCheck" if older => "nullValues",
            other => other,
        };
        let at_metric = place(value, key);
        let (table, property) = match metric {
            "rowCount" => (true, false),
            "duplicateValues" => (true, true),
            "nullValues" | "missingValues" | "invalidValues" => (false, true),
            other => {
                let help = match nearest(other, METRICS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("metrics are {}", METRICS.join(", ")),
                };
                if older || other.contains("${") {
                    self.findings.unchecked(&format!("the rule `{other}`"), at_metric, &help);
                } else {
                    self.findings.error("E1006", format!("there is no metric `{other}`"), at_metric, "").help.push(help);
                }
                return;
            }
        };
        let on_table = about.label.is_empty();
        if on_table && !table || !on_table && !property {
            let (here, there) = if on_table { ("a schema", "properties") } else { ("a property", "a schema") };
            self.not_run(&format!("`{metric}` is a metric of {there}, and this is {here}"), at_metric);
            return;
        }
        let Some(limit) = self.limit(node, at) else { return };
        let (unit, words) = (self.unit(node), self.words(node, at));
        let path = about.path.clone();
        match metric {
            "rowCount" if unit == Unit::Percent => {
                self.not_run("rows are counted, and there is nothing that they are a share of", at);
            }
            "rowCount" => self.rule(about, "row count", &words, What::Rows { limit }),
            "duplicateValues" if on_table => {
                let columns: Vec<String> = self.argument(node, "properties").iter().filter_map(plain_text).collect();
                if columns.is_empty() {
                    let help = "write `arguments: { properties: [a, b] }`";
                    self.findings.error("E1006", "`duplicateValues` of a schema needs its columns", at, "").help.push(help.into());
                    return;
                }
                let what = format!("duplicateValues ({})", columns.join(", "));
                self.rule(about, &what, &words, What::Duplicates { columns, limit, unit });
            }
            "duplicateValues" => self.unique(about, metric, &words, limit, unit),
            "nullValues" => self.rule(about, metric, &words, What::Cells { path, test: Test::Present, limit, unit }),
            "missingValues" => {
                let values = self.argument(node, "missingValues");
                let test = match values.is_empty() {
                    true => Test::Present,
                    false => Test::All { tests: vec![Test::NoneOf(values)], nulls: true },
                };
                self.rule(about, metric, &words, What::Cells { path, test, limit, unit });
            }
            _ => {
                let mut tests = Vec::new();
                let values = self.argument(node, "validValues");
                if !values.is_empty() {
                    tests.push(Test::OneOf(values));
                }
                let pattern = node.get("arguments").and_then(|arguments| arguments.entries().iter().find(|(key, _)| key.text == "pattern"));
                if let Some((key, value)) = pattern {
                    tests.extend(self.pattern(value, place(value, key)).map(Test::Matches));
                } else if tests.is_empty() {
                    let help = "write `arguments: { validValues: [a, b] }`, or a `pattern`";
                    self.not_run("it does not say which values are valid", at).help.push(help.into());
                    return;
                }
                self.rule(about, metric, &words, What::Cells { path, test: Test::All { tests, nulls: false }, limit, unit });
            }
        }
        self.arguments(node, metric);
    }

    /// The values of an argument that is a list, without null, which says nothing here.
    fn argument(&mut self, node: &Node, name: &str) -> Vec<Scalar> {
        let Some(arguments) = node.get("arguments") else { return Vec::new() };
        let Some((key, list)) = arguments.entries().iter().find(|(key, _)| key.text == name) else { return Vec::new() };
        if list.items().is_empty() {
            self.findings.error("E1004", format!("`{name}` is a list of values"), place(list, key), "");
        }
        list.items().iter().for_each(|item| self.old_boolean(item, key));
        list.items().iter().filter_map(scalar).filter(|value| *value != Scalar::Null).collect()
    }

    fn arguments(&mut self, node: &Node, metric: &str) {
        let known: &[&'static str] = match metric {
            "duplicateValues" => &["properties"],
            "missingValues" => &["missingValues"],
            "invalidValues" => &["validValues", "pattern"],
            _ => &[],
        };
        for (key, _) in node.get("arguments").map_or(&[][..], Node::entries) {
            match known.contains(&key.text.as_str()) {
                true => {}
                false if known.is_empty() => {
                    self.findings.warning("E1003", format!("`{metric}` has no arguments"), (key.start, key.end), "without effect");
                }
                false => self.findings.unknown(key, &format!("`{metric}`"), &mut known.iter().copied(), false),
            }
        }
    }

    fn sql(&mut self, node: &Node, about: &About, at: At) {
        let Some((key, value)) = node.entries().iter().find(|(key, _)| key.text == "query") else {
            self.findings.error("E1006", "a rule of `type: sql` needs a `query`", at, "");
            return;
        };
        let Some(limit) = self.limit(node, at) else { return };
        let mut words = self.words(node, at);
        words.at = place(value, key);
        if about.below_list() {
            let list = about.label.split("[]").next().unwrap_or_default();
            self.findings.unchecked(
                "a query about the items of a list",
                words.at,
                &format!("write the rule at `{list}`, or at the schema"),
            );
            return;
        }
        let Some(sql) = self.query(text(value).unwrap_or_default(), about, &words, key) else { return };
        self.rule(about, "sql", &words, What::Query { sql, limit, path: about.path.clone() });
    }

    /// A query over `snapshot`: placeholders are filled in, and the table's own name is understood.
    fn query(&mut self, written: &str, about: &About, words: &Words, key: &Key) -> Option<String> {
        let filled = |text: &str, names: &str, with: &str| {
            let pattern = regex::Regex::new(&format!(r#"["'`]?\$?\{{(?:{names})\}}["'`]?"#)).ok()?;
            Some(pattern.replace_all(text, regex::NoExpand(with)).into_owned())
        };
        let qualified =
            regex::Regex::new(&format!(r#"(?:["'`]?\$?\{{(?:{TABLE})\}}["'`]?\s*\.\s*)+(["'`]?\$?\{{(?:model|table|object)\}})"#)).ok()?;
        let sql = filled(&qualified.replace_all(written, "$1"), TABLE, "snapshot")?;
        let sql = if about.label.is_empty() { sql } else { filled(&sql, COLUMN, &inside(about))? };
        let left = regex::Regex::new(r"\$\{[^}]*\}|\{[A-Za-z_]\w*\}").ok()?;
        if let Some(found) = left.find(&sql) {
            let place = if words.at.1 > words.at.0 { words.at } else { (key.start, key.end) };
            let message = format!("the placeholder `{}` stands for nothing here", found.as_str());
            let problem = self.findings.error("E1009", message, place, "");
            problem.help.push(
                "there are ${table} and, in the rules of a property, ${column}; variables of the environment are not replaced".into(),
            );
            return None;
        }
        Some(statement::renamed(&sql, &self.tables, "snapshot").unwrap_or(sql))
    }
}

fn plain_text(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Text(text) => Some(text.clone()),
        Scalar::Number(number) => Some(number.to_string()),
        Scalar::Bool(flag) => Some(flag.to_string()),
        Scalar::Null => None,
    }
}
