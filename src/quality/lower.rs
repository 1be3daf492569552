//! What lowers a schema to rules, and what all rules share: names, severities, limits and units.

use std::collections::BTreeSet;

use super::contract::{Limit, Rule, Severity, Unit, What};
use super::shape::{At, Findings, flag, number, place, scalar, text};
use super::standard::OPERATORS;
use crate::diagnostic::nearest;
use crate::table::measure::{PathStep, Scalar};
use crate::yaml::{Key, Node};

/// The rules made so far, and what they need to know.
pub(super) struct Lowering<'f> {
    pub findings: &'f mut Findings,
    pub rules: Vec<Rule>,
    /// Names that stand for the snapshot in queries.
    pub tables: Vec<String>,
    names: BTreeSet<String>,
}

/// What a rule is about: the whole table, or a column.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub path: Vec<PathStep>,
    /// The path as people write it; empty for the table.
    pub label: String,
}

impl About {
    pub fn field(&self, name: &str) -> Self {
        let label = if self.label.is_empty() { name.to_string() } else { format!("{}.{name}", self.label) };
        Self { path: [&self.path[..], &[PathStep::Field(name.into())]].concat(), label }
    }

    pub fn items(&self) -> Self {
        Self { path: [&self.path[..], &[PathStep::Items]].concat(), label: format!("{}[]", self.label) }
    }

    /// The column's name, where it is one of the table itself.
    pub fn top(&self) -> Option<&str> {
        match &self.path[..] {
            [PathStep::Field(name)] => Some(name),
            _ => None,
        }
    }

    pub fn below_list(&self) -> bool {
        self.path.contains(&PathStep::Items)
    }
}

/// What a rule has of its own besides what it checks.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// What the contract calls it.
    pub name: Option<String>,
    pub severity: Severity,
    pub description: Option<String>,
    pub at: At,
}

impl Words {
    /// Of what the schema says, which always counts.
    pub fn schema(at: At) -> Self {
        Self { name: None, severity: Severity::Error, description: None, at }
    }
}

impl<'f> Lowering<'f> {
    pub fn new(findings: &'f mut Findings, object: &Node, class: &str) -> Self {
        let names = ["physicalName", "name"].iter().filter_map(|key| object.get(key).and_then(text));
        let tables = names.chain([class]).map(str::to_string).collect();
        Self { findings, rules: Vec::new(), tables, names: BTreeSet::new() }
    }

    /// Adds a rule under the name that the contract gives it, or one made of its column and what it checks.
    pub fn rule(&mut self, about: &About, what: &str, words: &Words, lowered: What) {
        let own = words
            .name
            .clone()
            .unwrap_or_else(|| if about.label.is_empty() { what.to_string() } else { format!("{}: {what}", about.label) });
        let mut name = own.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{own} ({count})");
        }
        self.rules.push(Rule {
            name,
            column: (!about.label.is_empty()).then(|| about.label.clone()),
            severity: words.severity,
            what: lowered,
            description: words.description.clone(),
            at: words.at,
        });
    }

    pub fn flag(&self, node: &Node, key: &str) -> bool {
        node.get(key).and_then(scalar).as_ref().and_then(flag).unwrap_or_default()
    }

    /// The one limit of a rule, in its operator.
    pub fn limit(&mut self, node: &Node, at: At) -> Option<Limit> {
        let written: Vec<&(Key, Node)> = node.entries().iter().filter(|(key, _)| OPERATORS.contains(&key.text.as_str())).collect();
        let [(key, value)] = written[..] else {
            let message = if written.is_empty() { "the rule does not say what may be" } else { "a rule has one limit" };
            let at = written.get(1).map_or(at, |(key, _)| (key.start, key.end));
            let help = "write one of mustBe, mustNotBe, mustBeGreaterThan, mustBeGreaterOrEqualTo, mustBeLessThan, mustBeLessOrEqualTo, mustBeBetween, mustNotBeBetween";
            self.findings.error("E1006", message, at, "").help.push(help.into());
            return None;
        };
        let at = place(value, key);
        let one = |findings: &mut Findings| match scalar(value) {
            Some(Scalar::Number(number)) => number.as_f64(),
            Some(Scalar::Bool(flag)) => Some(f64::from(u8::from(flag))),
            Some(Scalar::Text(variable)) if variable.contains("${") => {
                findings.unchecked("a rule with a variable of the environment as limit", at, "write the number");
                None
            }
            _ => {
                findings.error("E1010", format!("`{}` is a number", key.text), at, "what is compared is a number too");
                None
            }
        };
        let two = |findings: &mut Findings| {
            let ends: Vec<f64> = value.items().iter().filter_map(number).collect();
            let [least, most] = ends[..] else { return None };
            if least >= most {
                findings.error("E1010", format!("nothing is between {least} and {most}"), at, "the smaller number comes first");
            }
            Some((least, most))
        };
        match key.text.as_str() {
            "mustBe" => one(self.findings).map(Limit::Be),
            "mustNotBe" => one(self.findings).map(Limit::NotBe),
            "mustBeGreaterThan" => one(self.findings).map(Limit::Greater),
            "mustBeGreaterOrEqualTo" => one(self.findings).map(Limit::GreaterOrEqual),
            "mustBeLessThan" => one(self.findings).map(Limit::Less),
            "mustBeLessOrEqualTo" => one(self.findings).map(Limit::LessOrEqual),
            "mustBeBetween" => two(self.findings).map(|(least, most)| Limit::Between(least, most)),
            _ => two(self.findings).map(|(least, most)| Limit::NotBetween(least, most)),
        }
    }

    /// Rows, where nothing or something else is said.
    pub fn unit(&mut self, node: &Node) -> Unit {
        let Some((key, value)) = node.entries().iter().find(|(key, _)| key.text == "unit") else { return Unit::Rows };
        match text(value).map(|unit| unit.trim().to_lowercase()).as_deref() {
            Some("percent" | "percentage" | "%") => Unit::Percent,
            Some("rows" | "row" | "count" | "number") | None => Unit::Rows,
            Some(other) => {
                let message = format!("the unit `{other}` is taken as rows");
                self.findings.warning("E1004", message, place(value, key), "").help.push("units are `rows` and `percent`".into());
                Unit::Rows
            }
        }
    }

    /// A rule's own words. What it is called: its name, else its id.
    pub fn words(&mut self, node: &Node, at: At) -> Words {
        let own = |key: &str| node.get(key).and_then(text).filter(|text| !text.is_empty()).map(str::to_string);
        Words { name: own("name").or_else(|| own("id")), severity: self.severity(node), description: own("description"), at }
    }

    fn severity(&mut self, node: &Node) -> Severity {
        let Some((key, value)) = node.entries().iter().find(|(key, _)| key.text == "severity") else { return Severity::Error };
        let word = text(value).unwrap_or_default().trim().to_lowercase();
        match word.as_str() {
            "info" | "trivial" => Severity::Info,
            "warning" | "warn" | "low" | "minor" => Severity::Warning,
            "error" | "" => Severity::Error,
            "critical" | "blocker" | "fatal" | "high" | "major" | "medium" | "severe" => Severity::Error,
            other => {
                let problem = self.findings.warning("E1004", format!("the severity `{other}` is taken as `error`"), place(value, key), "");
                problem.help.push(match nearest(other, ["info", "warning", "error"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "severities are `error`, `warning` and `info`".into(),
                });
                Severity::Error
            }
        }
    }
}
