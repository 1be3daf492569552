//! The columns of a schema and what it says of each: that it is there, its type, nulls, uniqueness and keys.

use super::contract::{Column, Limit, Unit, What};
use super::lower::{About, Lowering, Words};
use super::shape::{At, number, place, scalar, text};
use super::standard::LOGICAL_TYPES;
use crate::table::identifier;
use crate::table::measure::{Logical, PathStep, Scalar, Test};
use crate::yaml::{Key, Node};

/// None at all may fail.
pub(super) const NONE: Limit = Limit::Be(0.0);

impl Lowering<'_> {
    /// All columns and rules of a schema.
    pub fn object(&mut self, object: &Node) -> Vec<Column> {
        let about = About::default();
        let columns = self.properties(object, &about);
        self.primary_key(object);
        self.documented(object);
        self.quality(object, &about);
        columns
    }

    fn properties(&mut self, node: &Node, about: &About) -> Vec<Column> {
        let Some((key, list)) = node.entries().iter().find(|(key, _)| key.text == "properties") else { return Vec::new() };
        let mut columns: Vec<Column> = Vec::new();
        for property in list.items() {
            let Some(name) = ["physicalName", "name"].iter().find_map(|key| property.get(key).and_then(text)) else { continue };
            let at = name_place(property, key);
            if columns.iter().any(|column| column.name == name) {
                self.findings.error("E1011", format!("the property `{name}` stands twice"), at, "the second");
                continue;
            }
            let column = self.property(property, &about.field(name), name, at);
            columns.push(column);
        }
        columns
    }

    /// A property, or the items of a list, which are called `[]`.
    fn property(&mut self, node: &Node, about: &About, name: &str, at: At) -> Column {
        let item = about.path.last() == Some(&PathStep::Items);
        let words = Words::schema(at);
        let path = about.path.clone();
        if !item {
            self.rule(about, "present", &words, What::There { path: path.clone() });
        }
        let logical = self.logical(node, about);
        let physical = node.get("physicalType").and_then(text).map(str::to_string);
        if let Some(logical) = logical {
            self.rule(about, "type", &words, What::Type { path: path.clone(), logical, physical: physical.clone() });
        }
        let key = self.flag(node, "primaryKey");
        let required = self.flag(node, "required");
        if required || key {
            let what = if required { "required" } else { "primary key" };
            self.rule(about, what, &words, What::Cells { path, test: Test::Present, limit: NONE, unit: Unit::Rows });
        }
        if self.flag(node, "unique") {
            self.unique(about, "unique", &words, NONE, Unit::Rows);
        } else if key && about.top().is_none() {
            self.unique(about, "primary key unique", &words, NONE, Unit::Rows);
        }
        self.options(node, about, logical);
        self.allowed(node, about);
        self.documented(node);
        self.quality(node, about);
        let inside = self.properties(node, about);
        let items = node
            .entries()
            .iter()
            .find(|(key, _)| key.text == "items")
            .map(|(key, items)| Box::new(self.property(items, &about.items(), "[]", (key.start, key.end))));
        Column {
            name: name.into(),
            logical,
            physical,
            required: required || key,
            inside,
            items,
            description: node.get("description").and_then(text).map(str::to_string),
            at,
        }
    }

    /// The kind of a property: its logical type, else its physical one, else what stands inside.
    fn logical(&mut self, node: &Node, about: &About) -> Option<Logical> {
        let find = |name: &str| node.entries().iter().find(|(key, _)| key.text == name);
        if let Some((key, value)) = find("logicalType") {
            let word = text(value).unwrap_or_default();
            return match word {
                "string" => Some(Logical::Text),
                "date" => Some(Logical::Date),
                "timestamp" => Some(Logical::Timestamp),
                "time" => Some(Logical::Time),
                "number" => Some(Logical::Number),
                "integer" => Some(Logical::Integer),
                "boolean" => Some(Logical::Boolean),
                "object" => Some(Logical::Object),
                "array" | "vector" => Some(Logical::Array),
                "map" if find("map").is_none() => {
                    self.findings.error("E1004", "a map needs `map`, with its `key` and `value`", place(value, key), "");
                    None
                }
                word if word.contains("${") => {
                    self.findings.unchecked("a type from a variable of the environment", place(value, key), "");
                    None
                }
                _ => None,
            };
        }
        match find("physicalType") {
            Some((key, value)) => {
                let logical = physical(text(value).unwrap_or_default());
                if logical.is_none() {
                    let what = format!("the type `{}` of `{}`", text(value).unwrap_or_default(), about.label);
                    self.findings.unchecked(&what, place(value, key), &format!("add a `logicalType`: {}", LOGICAL_TYPES.join(", ")));
                }
                logical
            }
            None => match (find("properties"), find("items")) {
                (Some(_), None) => Some(Logical::Object),
                (None, Some(_)) => Some(Logical::Array),
                _ => None,
            },
        }
    }

    /// That values stand in one row only. Inside a list: in one item of each row.
    pub fn unique(&mut self, about: &About, what: &str, words: &Words, limit: Limit, unit: Unit) {
        if let Some(column) = about.top() {
            self.rule(about, what, words, What::Duplicates { columns: vec![column.into()], limit, unit });
            return;
        }
        match about.path.split_last() {
            Some((PathStep::Items, list)) if !list.contains(&PathStep::Items) => {
                self.rule(about, what, words, What::Cells { path: list.to_vec(), test: Test::UniqueItems, limit, unit });
            }
            _ if !about.below_list() && unit == Unit::Rows => {
                let value = inside(about);
                let sql = format!(
                    "SELECT count(*) FROM (SELECT {value} AS v, count(*) AS n FROM snapshot WHERE {value} IS NOT NULL GROUP BY {value} HAVING count(*) > 1)"
                );
                let description =
                    words.description.clone().or_else(|| Some(format!("values of `{}` that stand in more than one row", about.label)));
                self.rule(about, what, &Words { description, ..words.clone() }, What::Query { sql, limit, path: about.path.clone() });
            }
            _ => self.findings.unchecked(&format!("that `{}` is unique", about.label), words.at, "write a `type: sql` rule at the schema"),
        }
    }

    /// The primary key of a table, of one column or several in their order.
    fn primary_key(&mut self, object: &Node) {
        let Some((key, list)) = object.entries().iter().find(|(key, _)| key.text == "properties") else { return };
        let mut parts: Vec<(f64, &Node)> = Vec::new();
        for property in list.items().iter().filter(|property| self.flag(property, "primaryKey")) {
            parts.push((property.get("primaryKeyPosition").and_then(number).unwrap_or(0.0), property));
        }
        parts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let name = |property: &Node| {
            ["physicalName", "name"].iter().find_map(|key| property.get(key).and_then(text)).unwrap_or_default().to_string()
        };
        match &parts[..] {
            [] => {}
            [(_, only)] if self.flag(only, "unique") => {}
            [(_, only)] => {
                let about = About::default().field(&name(only));
                self.unique(&about, "primary key unique", &Words::schema(name_place(only, key)), NONE, Unit::Rows);
            }
            several => {
                let columns: Vec<String> = several.iter().map(|(_, property)| name(property)).collect();
                let words = Words::schema(name_place(several[0].1, key));
                let what = format!("primary key ({})", columns.join(", "));
                self.rule(&About::default(), &what, &words, What::Duplicates { columns, limit: NONE, unit: Unit::Rows });
            }
        }
    }

    /// The values that a property may have: the standard's `enum`, or one of its older places.
    fn allowed(&mut self, node: &Node, about: &About) {
        let mut values: Vec<(Scalar, At)> = Vec::new();
        let place_of;
        let standard = node.entries().iter().find(|(key, _)| key.text == "enum");
        if let Some((key, list)) = standard {
            place_of = (key.start, key.end);
            for entry in list.items() {
                let Some((key, value)) = entry.entries().iter().find(|(key, _)| key.text == "value") else { continue };
                values.extend(scalar(value).map(|plain| (plain, place(value, key))));
                self.old_boolean(value, key);
            }
        } else if let Some((key, list)) =
            node.get("logicalTypeOptions").and_then(|options| options.entries().iter().find(|(key, _)| key.text == "enum"))
        {
            place_of = (key.start, key.end);
            values = list.items().iter().filter_map(|item| Some((scalar(item)?, place(item, key)))).collect();
        } else {
            let custom = node.get("customProperties").map_or(&[][..], Node::items);
            let Some(entry) = custom.iter().find(|entry| entry.get("property").and_then(text) == Some("enum")) else { return };
            let Some((key, value)) = entry.entries().iter().find(|(key, _)| key.text == "value") else { return };
            place_of = (key.start, key.end);
            values = match text(value).map(serde_json::from_str::<Vec<Scalar>>) {
                Some(Ok(list)) => list.into_iter().map(|plain| (plain, place(value, key))).collect(),
                Some(Err(_)) => {
                    self.findings.unchecked("an `enum` that is no list", place(value, key), "write a list of values");
                    return;
                }
                None => value.items().iter().filter_map(|item| Some((scalar(item)?, place(item, key)))).collect(),
            };
        }
        if values.is_empty() {
            return;
        }
        let required = standard.is_some() && self.flag(node, "required");
        let mut seen: Vec<Scalar> = Vec::new();
        for (value, at) in values {
            if value == Scalar::Null {
                if required {
                    self.findings.error("E1010", format!("null is allowed, and `{}` is required", about.label), at, "");
                }
            } else if seen.contains(&value) {
                if standard.is_some() {
                    self.findings.error("E1010", "the value stands twice", at, "the second");
                }
            } else {
                seen.push(value);
            }
        }
        let what = What::Cells { path: about.path.clone(), test: Test::OneOf(seen), limit: NONE, unit: Unit::Rows };
        self.rule(about, "enum", &Words::schema(place_of), what);
    }

    /// Warns of a value that other readers take for a boolean.
    pub fn old_boolean(&mut self, node: &Node, key: &Key) {
        if let crate::yaml::Tree::Scalar { text, quoted: false } = &node.value
            && super::shape::old_boolean(text)
        {
            let message = format!("`{text}` without quotes is a boolean to other readers of YAML, and taken as text here");
            self.findings.warning("E1004", message, place(node, key), "").help.push(format!("write it in quotes: \"{text}\""));
        }
    }

    /// What a property has that is not looked at.
    fn documented(&mut self, node: &Node) {
        for (key, value) in node.entries() {
            let at = (key.start, key.end);
            match key.text.as_str() {
                "relationships" => {
                    self.findings.unchecked("a relationship", at, "write a formula that joins both classes, and a rule on its result");
                }
                "map" => self.findings.unchecked("the inside of a map", at, ""),
                "authoritativeDefinitions" => {
                    let links = ["definition", "semantics", "semantic", "businessDefinition"];
                    if value.items().iter().any(|link| link.get("type").and_then(text).is_some_and(|ty| links.contains(&ty))) {
                        self.findings.unchecked("what stands behind a link to a definition", at, "write what counts into this file");
                    }
                }
                _ => {}
            }
        }
    }
}

/// A value inside objects, in SQL.
pub(super) fn inside(about: &About) -> String {
    let steps = about.path.iter().filter_map(|step| if let PathStep::Field(name) = step { Some(name) } else { None });
    steps.enumerate().map(|(at, name)| if at == 0 { identifier(name) } else { format!("['{}']", name.replace('\'', "''")) }).collect()
}

fn name_place(property: &Node, or: &Key) -> At {
    let named = property.entries().iter().find(|(key, _)| key.text == "name").or_else(|| property.entries().first());
    named.map_or((or.start, or.end), |(key, value)| place(value, key))
}

/// The kind of a type's name in some database.
fn physical(name: &str) -> Option<Logical> {
    let base = name.split(['(', '<']).next().unwrap_or_default().trim().to_lowercase();
    Some(match base.as_str() {
        "varchar" | "varchar2" | "char" | "character" | "character varying" | "nvarchar" | "nvarchar2" | "nchar" | "text" | "string"
        | "str" | "clob" | "nclob" | "uuid" | "enum" => Logical::Text,
        "int" | "integer" | "bigint" | "smallint" | "tinyint" | "long" | "short" | "int2" | "int4" | "int8" | "serial" | "bigserial"
        | "smallserial" | "int64" | "int32" | "int16" | "byteint" => Logical::Integer,
        "decimal" | "numeric" | "dec" | "float" | "double" | "double precision" | "real" | "float4" | "float8" | "float32" | "float64"
        | "binary_float" | "binary_double" | "number" => Logical::Number,
        "bool" | "boolean" | "bit" | "logical" => Logical::Boolean,
        "timestamp"
        | "timestamptz"
        | "timestamp without time zone"
        | "timestamp with time zone"
        | "timestamp_tz"
        | "timestamp_ntz"
        | "timestamp_ltz"
        | "datetime"
        | "datetime2"
        | "smalldatetime" => Logical::Timestamp,
        "date" => Logical::Date,
        "time" | "time without time zone" | "time with time zone" => Logical::Time,
        "struct" | "record" | "object" | "row" | "json" | "jsonb" | "variant" => Logical::Object,
        "array" | "list" | "vector" | "halfvec" => Logical::Array,
        _ => return None,
    })
}
