//! The Open Data Contract Standard as tables: which keys each of its objects has, and what stands under them.
//!
//! Made from the JSON schema of version 3.2.0, which takes what 3.0 and 3.1 have too
//! (<https://github.com/bitol-io/open-data-contract-standard>). What a key means is said where it is read.

/// What stands under a key.
pub(super) enum Kind {
    Text,
    Flag,
    /// A whole number from 0.
    Count,
    Number,
    /// One value: a text, a number, a boolean or nothing.
    Plain,
    Any,
    Texts,
    /// Two numbers, the smaller first.
    Two,
    Word(&'static [&'static str]),
    One(&'static Shape),
    Many(&'static Shape),
    TextOrTexts,
    TextOrMap,
    /// A team, or its members as a list, which is older.
    Team,
    /// Any mapping.
    Map,
    /// Any list.
    List,
}

/// An object of the standard.
pub(super) struct Shape {
    /// As people call it: `a property`.
    pub what: &'static str,
    pub keys: &'static [(&'static str, Kind)],
    pub needs: &'static [&'static str],
    /// The standard's schema refuses other keys; where not, they are warned of.
    pub strict: bool,
}

use Kind::{Any, Count, Flag, List, Many, Map, Number, One, Plain, Team, Text, TextOrMap, TextOrTexts, Texts, Two, Word};

pub(super) static CONTRACT: Shape = Shape {
    what: "a contract",
    keys: &[
        ("apiVersion", Text),
        ("kind", Text),
        ("id", Text),
        ("name", Text),
        ("version", Text),
        ("status", Text),
        ("tenant", Text),
        ("domain", Text),
        ("dataProduct", Text),
        ("description", One(&DESCRIPTION)),
        ("context", Any),
        ("schema", Many(&OBJECT)),
        ("servers", List),
        ("slaDefaultElement", Text),
        ("slaProperties", Many(&SERVICE_LEVEL)),
        ("team", Team),
        ("roles", Many(&ROLE)),
        ("price", One(&PRICE)),
        ("support", Many(&SUPPORT)),
        ("tags", Texts),
        ("authoritativeDefinitions", Many(&DEFINITION)),
        ("customProperties", Many(&CUSTOM)),
        ("contractCreatedTs", Text),
    ],
    needs: &[],
    strict: true,
};

static DESCRIPTION: Shape = Shape {
    what: "a description",
    keys: &[
        ("purpose", Text),
        ("usage", Text),
        ("limitations", Text),
        ("authoritativeDefinitions", Many(&DEFINITION)),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &[],
    strict: false,
};

pub(super) static OBJECT: Shape = Shape {
    what: "a schema",
    keys: &[
        ("id", Text),
        ("name", Text),
        ("physicalName", Text),
        ("physicalType", Text),
        ("logicalType", Word(&["object", "blob"])),
        ("description", Text),
        ("businessName", Text),
        ("deprecated", Flag),
        ("synonyms", List),
        ("tags", Texts),
        ("dataGranularityDescription", Text),
        ("properties", Many(&PROPERTY)),
        ("relationships", Many(&RELATIONSHIP)),
        ("quality", Many(&QUALITY)),
        ("context", Any),
        ("authoritativeDefinitions", Many(&DEFINITION)),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &["name"],
    strict: false,
};

pub(super) const LOGICAL_TYPES: &[&str] =
    &["string", "date", "timestamp", "time", "number", "integer", "boolean", "object", "array", "map", "vector"];

pub(super) static PROPERTY: Shape = Shape { what: "a property", keys: &PROPERTY_KEYS, needs: &["name"], strict: false };

/// The items of a list, the keys or values of a map: a property that needs no name.
pub(super) static ITEM: Shape = Shape { what: "an item", keys: &PROPERTY_KEYS, needs: &[], strict: false };

static PROPERTY_KEYS: [(&str, Kind); 33] = [
    ("id", Text),
    ("name", Text),
    ("physicalName", Text),
    ("physicalType", Text),
    ("logicalType", Word(LOGICAL_TYPES)),
    ("logicalTypeOptions", Map),
    ("description", Text),
    ("businessName", Text),
    ("deprecated", Flag),
    ("synonyms", List),
    ("required", Flag),
    ("unique", Flag),
    ("primaryKey", Flag),
    ("primaryKeyPosition", Number),
    ("partitioned", Flag),
    ("partitionKeyPosition", Number),
    ("semanticType", Word(&["column", "measure", "dimension"])),
    ("classification", Text),
    ("encryptedName", Text),
    ("criticalDataElement", Flag),
    ("transformSourceObjects", Texts),
    ("transformLogic", Text),
    ("transformDescription", Text),
    ("examples", List),
    ("enum", Many(&ENUM)),
    ("relationships", Many(&RELATIONSHIP)),
    ("quality", Many(&QUALITY)),
    ("properties", Many(&PROPERTY)),
    ("items", One(&ITEM)),
    ("map", One(&MAP)),
    ("tags", Texts),
    ("authoritativeDefinitions", Many(&DEFINITION)),
    ("customProperties", Many(&CUSTOM)),
];

static MAP: Shape = Shape { what: "a map", keys: &[("key", One(&ITEM)), ("value", One(&ITEM))], needs: &["key", "value"], strict: true };

static ENUM: Shape = Shape {
    what: "an allowed value",
    keys: &[
        ("id", Text),
        ("value", Plain),
        ("label", Text),
        ("description", Text),
        ("tags", Texts),
        ("authoritativeDefinitions", Many(&DEFINITION)),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &["value"],
    strict: true,
};

/// The options of each logical type. Of a property without one, all together.
pub(super) fn options(logical: Option<&str>) -> Vec<(&'static str, Kind)> {
    let string = [("minLength", Count), ("maxLength", Count), ("pattern", Text), ("format", Text)];
    let ends = |kind: fn() -> Kind| ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].map(|name| (name, kind()));
    match logical {
        Some("string") => string.into(),
        Some("date") => [("format", Text)].into_iter().chain(ends(|| Text)).collect(),
        Some("timestamp" | "time") => {
            [("format", Text), ("timezone", Flag), ("defaultTimezone", Text)].into_iter().chain(ends(|| Text)).collect()
        }
        Some("integer") => {
            let format = Word(&["i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"]);
            [("multipleOf", Number), ("format", format)].into_iter().chain(ends(|| Number)).collect()
        }
        Some("number") => [("multipleOf", Number), ("format", Word(&["f32", "f64"]))].into_iter().chain(ends(|| Number)).collect(),
        Some("object") => vec![("minProperties", Count), ("maxProperties", Count), ("required", Texts)],
        Some("array") => vec![("minItems", Count), ("maxItems", Count), ("uniqueItems", Flag)],
        Some("vector") => vec![
            ("dimensions", Count),
            ("elementType", Word(&["bfloat16", "binary", "float16", "float32", "float64", "int8", "uint8"])),
            ("distanceMetric", Word(&["cosine", "dotProduct", "euclidean", "hamming", "manhattan"])),
            ("embeddingModel", Text),
            ("embeddingModelVersion", Text),
            ("normalized", Flag),
        ],
        Some(_) => vec![],
        None => string
            .into_iter()
            .chain(ends(|| Plain))
            .chain([("multipleOf", Number), ("minItems", Count), ("maxItems", Count), ("uniqueItems", Flag), ("required", Texts)])
            .chain([("timezone", Flag), ("defaultTimezone", Text), ("minProperties", Count), ("maxProperties", Count)])
            .collect(),
    }
}

pub(super) const OPERATORS: &[&str] = &[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

pub(super) const METRICS: &[&str] = &["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"];

pub(super) static QUALITY: Shape = Shape {
    what: "a quality rule",
    keys: &[
        ("id", Text),
        ("name", Text),
        ("description", Text),
        ("type", Word(&["text", "library", "sql", "custom"])),
        ("metric", Text),
        ("rule", Text),
        ("arguments", Map),
        ("query", Text),
        ("engine", Text),
        ("implementation", TextOrMap),
        ("mustBe", Plain),
        ("mustNotBe", Plain),
        ("mustBeGreaterThan", Number),
        ("mustBeGreaterOrEqualTo", Number),
        ("mustBeLessThan", Number),
        ("mustBeLessOrEqualTo", Number),
        ("mustBeBetween", Two),
        ("mustNotBeBetween", Two),
        ("unit", Text),
        ("severity", Text),
        ("dimension", Word(&["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"])),
        ("method", Text),
        ("businessImpact", Text),
        ("schedule", Text),
        ("scheduler", Text),
        ("tags", Texts),
        ("authoritativeDefinitions", Many(&DEFINITION)),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &[],
    strict: false,
};

static RELATIONSHIP: Shape = Shape {
    what: "a relationship",
    keys: &[("id", Text), ("type", Word(&["foreignKey"])), ("from", TextOrTexts), ("to", TextOrTexts), ("customProperties", Many(&CUSTOM))],
    needs: &["to"],
    strict: false,
};

static SERVICE_LEVEL: Shape = Shape {
    what: "a service level",
    keys: &[
        ("id", Text),
        ("property", Text),
        ("value", Plain),
        ("valueExt", Plain),
        ("unit", Text),
        ("element", Text),
        ("driver", Text),
        ("description", Text),
        ("scheduler", Text),
        ("schedule", Text),
        ("customProperties", Many(&CUSTOM)),
        ("authoritativeDefinitions", Many(&DEFINITION)),
    ],
    needs: &["property", "value"],
    strict: false,
};

static DEFINITION: Shape = Shape {
    what: "a link to a definition",
    keys: &[("id", Text), ("url", Text), ("type", Text), ("description", Text)],
    needs: &["url", "type"],
    strict: false,
};

static CUSTOM: Shape = Shape {
    what: "a custom property",
    keys: &[("id", Text), ("property", Text), ("value", Any), ("description", Text), ("vendor", Text)],
    needs: &["property", "value"],
    strict: false,
};

static ROLE: Shape = Shape {
    what: "a role",
    keys: &[
        ("id", Text),
        ("role", Text),
        ("description", Text),
        ("access", Text),
        ("firstLevelApprovers", Text),
        ("secondLevelApprovers", Text),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &["role"],
    strict: false,
};

static PRICE: Shape = Shape {
    what: "a price",
    keys: &[("id", Text), ("priceAmount", Number), ("priceCurrency", Text), ("priceUnit", Text)],
    needs: &[],
    strict: false,
};

static SUPPORT: Shape = Shape {
    what: "a support channel",
    keys: &[
        ("id", Text),
        ("channel", Text),
        ("url", Text),
        ("description", Text),
        ("tool", Text),
        ("scope", Text),
        ("invitationUrl", Text),
        ("customProperties", Many(&CUSTOM)),
    ],
    needs: &["channel"],
    strict: false,
};

pub(super) static TEAM: Shape = Shape {
    what: "a team",
    keys: &[
        ("id", Text),
        ("name", Text),
        ("description", Text),
        ("members", Many(&MEMBER)),
        ("tags", Texts),
        ("customProperties", Many(&CUSTOM)),
        ("authoritativeDefinitions", Many(&DEFINITION)),
    ],
    needs: &[],
    strict: false,
};

pub(super) static MEMBER: Shape = Shape {
    what: "a member of a team",
    keys: &[
        ("id", Text),
        ("username", Text),
        ("name", Text),
        ("description", Text),
        ("role", Text),
        ("dateIn", Text),
        ("dateOut", Text),
        ("replacedByUsername", Text),
        ("tags", Texts),
        ("customProperties", Many(&CUSTOM)),
        ("authoritativeDefinitions", Many(&DEFINITION)),
    ],
    needs: &["username"],
    strict: false,
};
