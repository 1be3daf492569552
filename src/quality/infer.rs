//! A first contract from what one snapshot holds.
//!
//! What is true here: the snapshot passes it. What is only likely (a range, a key that nothing calls one) stands in a comment.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field};

use super::judge::logical_of;
use super::words::{count, number};
use crate::table::measure::{Asked, ColumnProfile, Failing, Logical, Measured, Profile};
use crate::table::types;

/// A column with so many different values may be one of categories; of numbers, with fewer.
const CATEGORIES: u64 = 20;
const NUMBERS: u64 = 10;
/// Each value of a category stands in so many rows on average.
const TIMES: u64 = 5;

/// What is to be counted before a contract is inferred: the columns that may be keys, since a profile only estimates how many values there
/// are.
pub fn asked_to_infer(profile: &Profile) -> Asked {
    let near = |column: &&ColumnProfile| {
        let distinct = column.distinct as f64;
        profile.rows > 1 && column.nulls == 0 && (distinct / profile.rows as f64 - 1.0).abs() < 0.1
    };
    Asked { columns: Vec::new(), keys: profile.columns.iter().filter(near).map(|column| vec![column.name.clone()]).collect() }
}

/// A contract in YAML, with comments, that a snapshot passes. `measured` is what was counted for `asked`, which [`asked_to_infer`] gave.
pub fn infer(class: &str, measured: &Measured, asked: &Asked) -> String {
    let rows = measured.profile.rows;
    let unique: Vec<&str> = asked
        .keys
        .iter()
        .zip(&measured.keys)
        .filter(|(_, found)| matches!(found, Some(Failing { count: 0, of, .. }) if *of > 1))
        .filter_map(|(key, _)| key.first().map(String::as_str))
        .collect();
    let key = primary_key(measured, &unique);
    let name = text(class);
    let mut out = format!(
        "# What one snapshot of {class} was, with {} rows. Keep what shall hold of all to come, and take the rest away.\n\
         apiVersion: v3.1.0\nkind: DataContract\nid: {name}\nname: {name}\nversion: 0.1.0\nstatus: draft\n\
         description:\n  purpose: What {} is for, in a sentence.\n\
         schema:\n  - name: {name}\n    physicalType: table\n",
        count(rows),
        class.replace(": ", " ").replace(" #", " "),
    );
    if !measured.columns.is_empty() {
        out += "    properties:\n";
    }
    for column in &measured.columns {
        let profile = measured.profile.column(&column.name);
        let all_null = profile.is_some_and(|profile| profile.nulls == rows);
        let _ = writeln!(
            out,
            "      - name: {}{}",
            text(&column.name),
            profile.map_or_else(String::new, |profile| seen(profile, rows, &unique))
        );
        let logical = if all_null { None } else { logical_of(&column.ty) };
        typed(&mut out, 8, &column.ty, logical, all_null && rows > 0);
        let Some(profile) = profile else { continue };
        if rows > 0 && profile.nulls == 0 {
            let _ = writeln!(out, "        required: true{}", if key == Some(column.name.as_str()) { "" } else { "  # no nulls" });
        }
        let once = unique.contains(&column.name.as_str());
        if key == Some(column.name.as_str()) {
            out += "        primaryKey: true  # every value stands once\n";
        } else if once && may_be_key(&column.ty) {
            out += "        # every value stands once, which `unique: true` would ask for\n";
        }
        if !categories(&mut out, profile, logical, rows) {
            limits(&mut out, profile, logical);
        }
    }
    if rows > 0 {
        out += "    quality:\n      - metric: rowCount\n        mustBeGreaterThan: 0\n";
        out += "      # Against earlier instances, once there are some:\n";
        out += "      # - type: custom\n      #   engine: formake\n      #   severity: warning\n";
        out += "      #   implementation: { metric: rowCount, mustBeBetween: [-50, 50], unit: percent }\n";
    }
    out
}

/// What was seen of a column, as a comment.
fn seen(profile: &ColumnProfile, rows: u64, unique: &[&str]) -> String {
    let mut parts = Vec::new();
    if profile.nulls > 0 {
        parts.push(if profile.nulls == rows { "no values".into() } else { format!("{} nulls", count(profile.nulls)) });
    }
    if profile.distinct > 0 && !unique.contains(&profile.name.as_str()) {
        let about = if profile.complete { "" } else { "about " };
        let noun = if profile.distinct == 1 { "value" } else { "different values" };
        parts.push(format!("{about}{} {noun}", count(profile.distinct)));
    }
    let ordered = matches!(profile.ty.as_str(), "date" | "timestamp" | "timestamptz" | "time") || profile.numbers.is_some();
    if let (true, Some(min), Some(max)) = (ordered, &profile.min, &profile.max) {
        parts.push(format!("from {} to {}", line(min), line(max)));
    }
    if let (Some(numbers), true) = (&profile.numbers, logical_is_number(&profile.ty)) {
        parts.push(format!("{} on average", number(numbers.mean)));
    }
    if parts.is_empty() { String::new() } else { format!("  # {}", parts.join(", ")) }
}

fn logical_is_number(ty: &str) -> bool {
    !matches!(ty, "date" | "timestamp" | "timestamptz" | "time")
}

/// A type, and what stands inside of it.
fn typed(out: &mut String, indent: usize, ty: &DataType, logical: Option<Logical>, empty: bool) {
    let space = " ".repeat(indent);
    let Some(logical) = logical else {
        let why = if empty {
            "without a value, nothing says its type".to_string()
        } else {
            format!("the standard has no word for {}", types::name(ty))
        };
        let _ = writeln!(out, "{space}# {}", line(&why));
        return;
    };
    let word = match logical {
        Logical::Text => "string",
        Logical::Integer => "integer",
        Logical::Number => "number",
        Logical::Boolean => "boolean",
        Logical::Date => "date",
        Logical::Timestamp => "timestamp",
        Logical::Time => "time",
        Logical::Object => "object",
        Logical::Array => "array",
    };
    let _ = writeln!(out, "{space}logicalType: {word}");
    let inside = |field: &Field| logical_of(field.data_type());
    match ty {
        DataType::Struct(fields) if !fields.is_empty() => {
            let _ = writeln!(out, "{space}properties:");
            for field in fields {
                let _ = writeln!(out, "{space}  - name: {}", text(field.name()));
                typed(out, indent + 4, field.data_type(), inside(field), false);
            }
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) if inside(item).is_some() => {
            let _ = writeln!(out, "{space}items:");
            typed(out, indent + 2, item.data_type(), inside(item), false);
        }
        _ => {}
    }
}

/// Of numbers that are never below 0, that they are not.
fn limits(out: &mut String, profile: &ColumnProfile, logical: Option<Logical>) {
    let Some(least) = profile.numbers.as_ref().and_then(|numbers| numbers.quantiles.first()) else { return };
    if matches!(logical, Some(Logical::Integer | Logical::Number)) && *least >= 0.0 {
        out.push_str("        logicalTypeOptions:\n          minimum: 0  # nothing was below\n");
    }
}

/// The values of a category; whether it is one.
fn categories(out: &mut String, profile: &ColumnProfile, logical: Option<Logical>, rows: u64) -> bool {
    let most = match logical {
        Some(Logical::Text) => CATEGORIES,
        Some(Logical::Integer) => NUMBERS,
        _ => return false,
    };
    let values = profile.top.len() as u64;
    if !profile.complete || values < 2 || values > most || rows.saturating_sub(profile.nulls) / values < TIMES {
        return false;
    }
    let mut values: Vec<&String> = profile.top.iter().map(|(value, _)| value).collect();
    match logical {
        Some(Logical::Integer) => values.sort_by_key(|value| value.parse::<i128>().unwrap_or_default()),
        _ => values.sort(),
    }
    let written: Vec<String> =
        values.into_iter().map(|value| if logical == Some(Logical::Integer) { value.clone() } else { text(value) }).collect();
    out.push_str("        quality:\n          - metric: invalidValues\n            arguments:\n");
    let _ = writeln!(out, "              validValues: [{}]  # all that there were", written.join(", "));
    out.push_str("            mustBe: 0\n");
    true
}

/// The column that is most likely meant as key: one that nothing stands twice in, and that is called so.
fn primary_key<'a>(measured: &Measured, unique: &[&'a str]) -> Option<&'a str> {
    let called = |name: &&&str| {
        let lower = name.to_lowercase();
        let parts: Vec<&str> = lower.split(['_', '-', ' ', '.']).collect();
        let camel = ["Id", "ID", "Key", "Code", "No", "Uuid"].iter().any(|end| name.ends_with(end));
        camel || parts.iter().any(|part| ["id", "key", "code", "uuid", "guid", "no", "number"].contains(part))
    };
    let fits = |name: &&&str| measured.columns.iter().any(|column| column.name == **name && may_be_key(&column.ty));
    unique.iter().filter(fits).find(called).copied()
}

fn may_be_key(ty: &DataType) -> bool {
    matches!(logical_of(ty), Some(Logical::Text | Logical::Integer))
}

/// A text on one line, for a comment.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text as YAML: in quotes where other readers may take it for something else. JSON's quotes are YAML's.
fn text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '(' | ')' | '/'))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if plain { text.into() } else { serde_json::Value::from(text).to_string() }
}
