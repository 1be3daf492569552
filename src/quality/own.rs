//! Rules that the standard has no words for: over time, and about a number in a JSON output. They are written as `type: custom` with
//! `engine: formake`, so that the file stays one of the standard.

use super::contract::{Compare, Drift, Over, Unit, What};
use super::lower::{About, Lowering, Words};
use super::shape::{At, place, scalar, text};
use super::standard::OPERATORS;
use crate::diagnostic::nearest;
use crate::identity::instance::is_plain;
use crate::table::measure::Scalar;
use crate::yaml::{Node, Tree};

/// Earlier instances that are looked at, where nothing is said.
const WINDOW: usize = 10;
/// Fewer earlier instances say nothing, where nothing else is said.
const LEAST: usize = 1;

const METRICS: &[&str] = &["rowCount", "nullShare", "mean", "psi", "ks", "newValues", "vanishedValues", "freshness", "number"];

impl Lowering<'_> {
    pub fn custom(&mut self, node: &Node, about: &About, at: At) {
        let find = |name: &str| node.entries().iter().find(|(key, _)| key.text == name);
        let Some((key, engine)) = find("engine") else {
            self.findings.error("E1006", "a rule of `type: custom` needs an `engine`", at, "").help.push("write `engine: formake`".into());
            return;
        };
        if text(engine) != Some("formake") {
            let what = format!("a rule of the engine `{}`", text(engine).unwrap_or_default());
            self.findings.unchecked(&what, place(engine, key), "write it as `type: sql`, or with `engine: formake`");
            return;
        }
        let Some((key, own)) = find("implementation").filter(|(_, own)| matches!(own.value, Tree::Map(_))) else {
            let problem = self.findings.error("E1006", "a rule of the engine `formake` needs an `implementation` with keys", at, "");
            problem.help.push("write `implementation: { metric: rowCount, mustBeBetween: [-20, 20], unit: percent }`".into());
            return;
        };
        if let Some((operator, _)) = node.entries().iter().find(|(key, _)| OPERATORS.contains(&key.text.as_str())) {
            let problem = self.findings.error("E1006", format!("`{}` stands outside", operator.text), (operator.start, operator.end), "");
            problem.help.push("the limit of a rule of the engine `formake` stands in its `implementation`".into());
            return;
        }
        let words = self.words(node, at);
        let at = (key.start, key.end);
        let Some((key, metric)) = own.entries().iter().find(|(key, _)| key.text == "metric") else {
            self.findings.error("E1006", "there is no `metric`", at, "").help.push(format!("metrics are {}", METRICS.join(", ")));
            return;
        };
        let (at_metric, metric) = (place(metric, key), text(metric).unwrap_or_default());
        let drift = match metric {
            "number" => return self.number(own, about, &words, at),
            "rowCount" => Drift::RowCount,
            "nullShare" => Drift::NullShare,
            "mean" => Drift::Mean,
            "psi" => Drift::Psi,
            "ks" => Drift::Ks,
            "newValues" => Drift::NewValues,
            "vanishedValues" => Drift::VanishedValues,
            "freshness" => Drift::Freshness,
            other => {
                let help = match nearest(other, METRICS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("metrics are {}", METRICS.join(", ")),
                };
                self.findings.error("E1006", format!("there is no metric `{other}`"), at_metric, "").help.push(help);
                return;
            }
        };
        self.over(own, about, &words, at, drift, metric);
    }

    fn over(&mut self, own: &Node, about: &About, words: &Words, at: At, drift: Drift, metric: &str) {
        let known = ["metric", "column", "window", "minimumHistory", "unit"];
        self.own_keys(own, metric, &known);
        let column = own.get("column").and_then(text).or(about.top()).map(str::to_string);
        let column = match (drift, column) {
            (Drift::RowCount, Some(_)) => {
                self.findings.error("E1006", "`rowCount` is a metric of a schema, not of a column", at, "");
                return;
            }
            (Drift::RowCount, None) => None,
            (_, None) => {
                let message = if about.label.is_empty() {
                    "the rule needs a column"
                } else {
                    "rules over time are about columns of the table itself"
                };
                self.findings
                    .error("E1006", message, at, "")
                    .help
                    .push("write the rule at a property of the schema, or `column: name`".into());
                return;
            }
            (_, column) => column,
        };
        let Some(limit) = self.limit(own, at) else { return };
        let (Some(window), Some(least)) = (self.count(own, "window", WINDOW), self.count(own, "minimumHistory", LEAST)) else { return };
        if least > window {
            self.findings.error("E1010", format!("`minimumHistory` is {least}, and `window` only {window}"), at, "");
        }
        let unit = self.unit(own);
        if unit == Unit::Percent && matches!(drift, Drift::Psi | Drift::Ks | Drift::NewValues | Drift::VanishedValues | Drift::Freshness) {
            self.findings.error("E1006", format!("`{metric}` is no share, so that `unit: percent` says nothing"), at, "");
            return;
        }
        let about = column.as_ref().map_or_else(About::default, |column| About::default().field(column));
        let what = if drift == Drift::RowCount { "row count over time".to_string() } else { metric.to_string() };
        self.rule(&about, &what, words, What::Over { over: Over { drift, column, window, least }, limit, unit });
    }

    fn number(&mut self, own: &Node, about: &About, words: &Words, at: At) {
        self.own_keys(own, "number", &["metric", "pointer", "against", "unit"]);
        if !about.label.is_empty() {
            let problem = self.findings.error("E1006", "a number of a JSON output is no matter of a column", at, "");
            problem.help.push("write the rule below `quality` of the schema itself".into());
            return;
        }
        let Some((key, node)) = own.entries().iter().find(|(key, _)| key.text == "pointer") else {
            let problem = self.findings.error("E1006", "`number` needs a `pointer`", at, "");
            problem.help.push("it says where in the JSON the number is: `pointer: /metrics/auc`".into());
            return;
        };
        let pointer = text(node).unwrap_or_default().to_string();
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let problem = self.findings.error("E1004", format!("`{pointer}` is no JSON pointer"), place(node, key), "");
            problem.help.push(format!("write `/{}`", pointer.replace('.', "/")));
            return;
        }
        let Some(limit) = self.limit(own, at) else { return };
        let relative = self.unit(own) == Unit::Percent;
        let against = own.entries().iter().find(|(key, _)| key.text == "against");
        let limit = match against {
            None if relative => {
                self.findings.error("E1006", "`unit: percent` is about a change, and there is no `against`", at, "");
                return;
            }
            None => Compare::Limit(limit),
            Some((key, node)) => {
                let label = node.get("label").and_then(text).filter(|label| is_plain(label));
                match (text(node), label) {
                    (Some("previous"), _) => Compare::With { label: None, relative, change: limit },
                    (_, Some(label)) => Compare::With { label: Some(label.into()), relative, change: limit },
                    _ => {
                        let problem = self.findings.error(
                            "E1004",
                            "a number is compared with an earlier one, or with that of a label",
                            place(node, key),
                            "",
                        );
                        problem.help.push("write `against: previous`, or `against: { label: prod }`".into());
                        return;
                    }
                }
            }
        };
        let what = match &limit {
            Compare::Limit(_) => pointer.clone(),
            Compare::With { label: None, .. } => format!("{pointer} against the previous instance"),
            Compare::With { label: Some(label), .. } => format!("{pointer} against {label}"),
        };
        self.rule(about, &what, words, What::Number { pointer, limit });
    }

    fn own_keys(&mut self, own: &Node, metric: &str, known: &[&'static str]) {
        for (key, _) in own.entries() {
            if !known.contains(&key.text.as_str()) && !OPERATORS.contains(&key.text.as_str()) {
                self.findings.unknown(key, &format!("`{metric}`"), &mut known.iter().chain(OPERATORS).copied(), true);
            }
        }
    }

    fn count(&mut self, own: &Node, name: &str, default: usize) -> Option<usize> {
        let Some((key, value)) = own.entries().iter().find(|(key, _)| key.text == name) else { return Some(default) };
        match scalar(value) {
            Some(Scalar::Number(number)) if number.as_u64().is_some_and(|number| number > 0) => {
                number.as_u64().map(|number| number as usize)
            }
            _ => {
                self.findings.error("E1004", format!("`{name}` is a whole number from 1"), place(value, key), "");
                None
            }
        }
    }

    /// Service levels that can be checked: how old the newest value of a column may be.
    pub fn service_levels(&mut self, root: &Node, object: &Node) {
        for level in root.get("slaProperties").map_or(&[][..], Node::items) {
            let part = |key: &str| level.get(key).and_then(text);
            if part("property") != Some("freshness") {
                continue;
            }
            let at = level.entries().first().map_or((0, 0), |(key, value)| place(value, key));
            let Some((schema, column)) =
                part("element").or(root.get("slaDefaultElement").and_then(text)).and_then(|element| element.split_once('.'))
            else {
                self.findings.unchecked("freshness without a column", at, "write `element: schema.column`");
                continue;
            };
            if object.get("name").and_then(text) != Some(schema) {
                continue;
            }
            let Some(hours) = part("value").and_then(|value| hours(value, part("unit").unwrap_or("d"))) else {
                let problem = self.findings.error("E1010", "this is no length of time", at, "");
                problem.help.push("write a number with a unit, `d`, `h` or `m`, or a duration such as `P1DT12H`".into());
                continue;
            };
            let properties = object.get("properties").map_or(&[][..], Node::items);
            let property = properties.iter().find(|property| property.get("name").and_then(text) == Some(column));
            let column = property.and_then(|property| property.get("physicalName")).and_then(text).unwrap_or(column);
            let words = Words { name: part("id").map(str::to_string), ..Words::schema(at) };
            let over = Over { drift: Drift::Freshness, column: Some(column.into()), window: 1, least: 0 };
            let limit = super::contract::Limit::Less(hours);
            self.rule(&About::default().field(column), "freshness", &words, What::Over { over, limit, unit: Unit::Rows });
        }
    }
}

/// Hours of `1` with the unit `d`, or of a duration of ISO 8601; months and years as the reference tool takes them.
fn hours(value: &str, unit: &str) -> Option<f64> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        let factor = match unit.to_lowercase().as_str() {
            "d" | "day" | "days" | "" => 24.0,
            "h" | "hr" | "hour" | "hours" => 1.0,
            "m" | "min" | "minute" | "minutes" => 1.0 / 60.0,
            _ => return None,
        };
        return Some(number.trunc() * factor);
    }
    let span: jiff::Span = value.parse().ok()?;
    let days = f64::from(span.get_years()) * 365.0
        + f64::from(span.get_months()) * 30.0
        + f64::from(span.get_weeks()) * 7.0
        + f64::from(span.get_days());
    Some(days * 24.0 + f64::from(span.get_hours()) + span.get_minutes() as f64 / 60.0 + span.get_seconds() as f64 / 3600.0)
}
