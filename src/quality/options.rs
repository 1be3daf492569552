//! `logicalTypeOptions`: lengths, patterns, ranges and formats.

use super::contract::{Unit, What};
use super::lower::{About, Lowering, Words};
use super::property::NONE;
use super::shape::{At, flag, number, place, scalar, text};
use super::standard::{LOGICAL_TYPES, options};
use crate::table::measure::{Bound, Logical, Pattern, Scalar, Test, TextFormat};
use crate::yaml::Node;

impl Lowering<'_> {
    pub fn options(&mut self, node: &Node, about: &About, logical: Option<Logical>) {
        let Some((_, listed)) = node.entries().iter().find(|(key, _)| key.text == "logicalTypeOptions") else { return };
        let word = node.get("logicalType").and_then(text).filter(|word| LOGICAL_TYPES.contains(word));
        let mut lengths = [None, None];
        let mut items = [None, None];
        for (key, value) in listed.entries() {
            let at = place(value, key);
            let known = options(word);
            let Some((_, kind)) = known.iter().find(|(name, _)| *name == key.text) else {
                if key.text != "enum" || word.is_some() {
                    let of = word.map_or("an option".into(), |word| format!("the type `{word}`"));
                    self.findings.unknown(key, &of, &mut known.iter().map(|(name, _)| *name), word.is_some());
                }
                continue;
            };
            let before = self.findings.list.len();
            self.findings.value(value, key, kind);
            if self.findings.list.len() > before {
                continue;
            }
            let count = || number(value).map(|number| (number as u64, at));
            match key.text.as_str() {
                "minLength" => lengths[0] = count(),
                "maxLength" => lengths[1] = count(),
                "minItems" => items[0] = count(),
                "maxItems" => items[1] = count(),
                "dimensions" => {
                    let exactly = number(value).map(|number| number as u64);
                    self.test(about, "dimensions", at, Test::Items { least: exactly, most: exactly });
                }
                "uniqueItems" if scalar(value).as_ref().and_then(flag) == Some(true) => {
                    self.test(about, "uniqueItems", at, Test::UniqueItems)
                }
                "pattern" => {
                    if let Some(pattern) = self.pattern(value, at) {
                        self.test(about, "pattern", at, Test::Matches(pattern));
                    }
                }
                "multipleOf" => match number(value) {
                    Some(step) if step > 0.0 => self.test(about, "multipleOf", at, Test::MultipleOf(step)),
                    _ => {
                        self.findings.error("E1010", "`multipleOf` is above 0", at, "");
                    }
                },
                "format" => self.format(value, about, logical, at),
                "required" => {
                    for name in value.items().iter().filter_map(text) {
                        self.test(&about.field(name), "required", at, Test::Present);
                    }
                }
                "minProperties" | "maxProperties" | "timezone" => self.findings.unchecked(&format!("`{}`", key.text), at, ""),
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                    let Some(limit) = self.bound(value, logical, at) else { continue };
                    let bound = Bound { limit, exclusive: key.text.starts_with("exclusive") };
                    let least = key.text.ends_with("inimum");
                    self.test(about, &key.text.clone(), at, if least { Test::AtLeast(bound) } else { Test::AtMost(bound) });
                }
                // Words about the data that say nothing of its values.
                _ => {}
            }
        }
        for (ends, names, make) in [
            (lengths, ["minLength", "maxLength"], (|least, most| Test::Length { least, most }) as fn(Option<u64>, Option<u64>) -> Test),
            (items, ["minItems", "maxItems"], |least, most| Test::Items { least, most }),
        ] {
            let [least, most] = ends;
            if let (Some((least, _)), Some((most, at))) = (least, most)
                && least > most
            {
                self.findings.error("E1010", format!("`{}` is below `{}`", names[1], names[0]), at, "");
            }
            if let Some((least, at)) = least {
                self.test(about, names[0], at, make(Some(least), None));
            }
            if let Some((most, at)) = most {
                self.test(about, names[1], at, make(None, Some(most)));
            }
        }
    }

    fn test(&mut self, about: &About, what: &str, at: At, test: Test) {
        self.rule(about, what, &Words::schema(at), What::Cells { path: about.path.clone(), test, limit: NONE, unit: Unit::Rows });
    }

    /// A regular expression that the engine has.
    pub fn pattern(&mut self, node: &Node, at: At) -> Option<Pattern> {
        let written = text(node)?;
        match Pattern::new(written) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                // The library draws the pattern over several lines; its last one says why.
                let why = why.lines().rev().find_map(|line| line.trim().strip_prefix("error: ")).unwrap_or(&why).to_string();
                let problem = self.findings.error("E1008", format!("this is no regular expression: {why}"), at, "");
                if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| written.contains(look)) {
                    problem.notes.push("looking ahead and behind is not there, nor is it in the reference tool".into());
                }
                problem.help.push("patterns are those of RE2: https://github.com/google/re2/wiki/Syntax".into());
                None
            }
        }
    }

    /// An end of a range, of the column's kind.
    fn bound(&mut self, node: &Node, logical: Option<Logical>, at: At) -> Option<Scalar> {
        let limit = scalar(node)?;
        let written = text(node).unwrap_or_default();
        let (sound, example) = match (logical, &limit) {
            (_, Scalar::Null) | (_, Scalar::Bool(_)) => (false, "10"),
            (Some(Logical::Date), _) => (written.parse::<jiff::civil::Date>().is_ok() && written.len() <= 10, "2024-01-31"),
            (Some(Logical::Timestamp), _) => {
                (written.parse::<jiff::civil::DateTime>().is_ok() || written.parse::<jiff::Timestamp>().is_ok(), "2024-01-31T05:30:00")
            }
            (Some(Logical::Time), _) => (written.parse::<jiff::civil::Time>().is_ok(), "05:30:00"),
            (Some(Logical::Integer | Logical::Number), limit) => (matches!(limit, Scalar::Number(_)), "10"),
            _ => (true, ""),
        };
        if !sound {
            self.findings
                .error("E1010", format!("`{written}` cannot be compared with the column's values"), at, "")
                .help
                .push(format!("it is written `{example}`"));
            return None;
        }
        // Dates and times are compared by their text.
        Some(match logical {
            Some(Logical::Date | Logical::Timestamp | Logical::Time) => Scalar::Text(written.into()),
            _ => limit,
        })
    }

    fn format(&mut self, node: &Node, about: &About, logical: Option<Logical>, at: At) {
        let Some(format) = text(node) else { return };
        let bits = |name: &str| {
            let bits = name.strip_prefix(['i', 'u'])?.parse::<u32>().ok()?;
            [8, 16, 32, 64].contains(&bits).then_some(bits)
        };
        match logical {
            Some(Logical::Integer) => {
                let Some(bits) = bits(format) else { return };
                let (least, most) = match format.starts_with('u') {
                    true => (serde_json::Number::from(0), serde_json::Number::from(u64::MAX >> (64 - bits))),
                    false => (serde_json::Number::from(i64::MIN >> (64 - bits)), serde_json::Number::from(i64::MAX >> (64 - bits))),
                };
                let end = |limit| Bound { limit: Scalar::Number(limit), exclusive: false };
                let tests = vec![Test::AtLeast(end(least)), Test::AtMost(end(most))];
                self.test(about, "format", at, Test::All { tests, nulls: false });
            }
            Some(Logical::Text) | None => {
                let known = match format.to_lowercase().as_str() {
                    "email" => TextFormat::Email,
                    "uri" => TextFormat::Uri,
                    "uuid" => TextFormat::Uuid,
                    "hostname" => TextFormat::Hostname,
                    "ipv4" => TextFormat::Ipv4,
                    "ipv6" => TextFormat::Ipv6,
                    "password" | "byte" | "binary" => return,
                    _ => {
                        let way_out = "formats are email, uri, uuid, hostname, ipv4 and ipv6; others are written as a `pattern`";
                        self.findings.unchecked(&format!("the format `{format}`"), at, way_out);
                        return;
                    }
                };
                self.test(about, "format", at, Test::Format(known));
            }
            Some(Logical::Date | Logical::Timestamp | Logical::Time) => {
                let iso = ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss", "ISO8601", "date", "date-time"];
                if !iso.contains(&format) {
                    self.findings.unchecked(&format!("the format `{format}`"), at, "dates and times are read as ISO 8601 writes them");
                }
            }
            Some(_) => {}
        }
    }
}
