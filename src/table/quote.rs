//! Values to SQL text. Whatever a value holds, its text is one literal (or one identifier) of the engine's dialect, and means that value.
//!
//! In this dialect a quote in a string is doubled, and a backslash is only a backslash.

/// A JSON value as an SQL expression: `NULL`, `TRUE`, numbers, strings, arrays (`[1, 2]`) and objects (structs).
pub fn literal(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "NULL".into(),
        serde_json::Value::Bool(true) => "TRUE".into(),
        serde_json::Value::Bool(false) => "FALSE".into(),
        // In parentheses, since `1 -` before `-1` would open a comment.
        serde_json::Value::Number(number) if number.to_string().starts_with('-') => format!("({number})"),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) => string(text),
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{}, {}", string(name), literal(value))).collect();
            format!("named_struct({})", fields.join(", "))
        }
    }
}

/// A text as an SQL string.
pub fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as a quoted identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::engine::{Limits, rows};

    #[test]
    fn numbers_keep_their_sign_and_stay_one_operand() {
        assert_eq!(literal(&serde_json::json!(-1)), "(-1)");
        assert_eq!(literal(&serde_json::json!([1.5, null, true, "a'b"])), "[1.5, NULL, TRUE, 'a''b']");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn hostile_values_come_back(text in r#"['"\\\n\r\t\x00;%{}$/*é漢 a-z-]{0,12}"#, name in r#"['"\\\n;${}/*é a-zA-Z-]{1,8}"#) {
            let query = format!("SELECT {} AS {}", literal(&serde_json::Value::from(text.as_str())), identifier(&name));
            let batches = rows(&query, &[], &Limits::default(), None).unwrap();
            let schema = batches[0].schema();
            prop_assert_eq!(schema.field(0).name(), &name);
            let column = batches[0].column(0);
            let strings = column.as_any().downcast_ref::<arrow::array::StringArray>().unwrap();
            prop_assert_eq!(strings.value(0), text.as_str());
        }
    }
}
