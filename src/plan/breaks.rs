//! What a label's changes do to columns, and whom that breaks: the values, and the small decisions on which they rest.

use std::collections::BTreeMap;

use crate::formula::program::Format;
use crate::identity::{Identity, Name};
use crate::table::{Known, TableError};

/// Lines of one file that are named where a script mentions a column.
const MENTIONS: usize = 5;

/// What the check of columns found.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Breaks {
    /// Classes whose columns change, upstream first.
    pub tables: Vec<TableChange>,
    /// Who reads what changed, and would or may break; those that would come first.
    pub consumers: Vec<Consumer>,
    /// What cannot be told before jobs run.
    pub unchecked: Vec<Unchecked>,
}

impl Breaks {
    pub fn would_break(&self) -> bool {
        self.consumers.iter().any(|consumer| matches!(consumer.effect, Effect::WouldBreak { .. }))
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.consumers.is_empty() && self.unchecked.is_empty()
    }
}

/// A class whose tables get other columns than those that the base holds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TableChange {
    pub class: Name,
    pub repository: Name,
    /// Who makes it.
    pub title: String,
    pub place: String,
    /// The instance by which it was judged; `None` where the plan has none of the class.
    pub instance: Option<Identity>,
    pub columns: Vec<ColumnChange>,
}

/// Types are in SQL's words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnChange {
    Gone {
        column: String,
        was: String,
    },
    Type {
        column: String,
        was: String,
        now: String,
    },
    /// The query could not give nulls here, and now it can.
    Nullable {
        column: String,
    },
    Added {
        column: String,
        now: String,
    },
}

impl ColumnChange {
    pub fn column(&self) -> &str {
        match self {
            ColumnChange::Gone { column, .. }
            | ColumnChange::Type { column, .. }
            | ColumnChange::Nullable { column }
            | ColumnChange::Added { column, .. } => column,
        }
    }

    /// What was there is no longer what it was.
    pub fn takes(&self) -> bool {
        !matches!(self, ColumnChange::Added { .. })
    }
}

/// A formula that reads what changed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Consumer {
    pub title: String,
    pub place: String,
    /// What it makes.
    pub classes: Vec<Name>,
    /// The class whose columns changed; `None` where its own query is at fault.
    pub reads: Option<Name>,
    /// The plan has jobs of it.
    pub planned: bool,
    #[serde(flatten)]
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Its query cannot be planned.
    WouldBreak { column: Option<String>, why: String },
    /// It is a command, and its text or code mentions the column.
    MayBreak { column: String, mentions: Vec<Mention> },
}

/// Where a text mentions a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Mention {
    pub file: String,
    pub line: usize,
}

/// A formula whose columns are not known.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Unchecked {
    pub title: String,
    pub place: String,
    pub class: Name,
    pub because: NotKnown,
}

/// Why the columns of something cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NotKnown {
    /// The base has none of it, or what stands for it is blocked.
    Nothing,
    BytesGone,
    /// Its bytes are no table.
    NoTable {
        why: String,
    },
    Unreadable {
        why: String,
    },
    /// A command's columns are known when it ran.
    Command,
    /// Its template cannot be rendered before it runs.
    Template {
        why: String,
    },
    /// It reads its own past, of which nothing is known.
    Recursive,
    /// An input's columns are not known.
    Input {
        name: Name,
        because: Box<NotKnown>,
    },
    /// Its query does not even fit what the base holds, as far as that is known.
    NeverFitted {
        why: String,
    },
    /// Its query does not fit types that can only be guessed: CSV and JSON show them in their values alone.
    Guessed {
        why: String,
    },
}

impl NotKnown {
    /// Why a look at bytes gave no columns.
    pub fn of(error: &TableError) -> Self {
        let why = error.to_string();
        match error {
            TableError::NotATable { .. } | TableError::NoFiles { .. } | TableError::MixedFormats { .. } => NotKnown::NoTable { why },
            _ => NotKnown::Unreadable { why },
        }
    }
}

/// The columns that a table had and has, in the order of both: what is new comes last.
///
/// `was` are those that the base's bytes show. `planned` are those that the recipe of the base's bytes gives when it is planned: types that
/// a format does not keep, and nulls, are compared with these or not at all.
pub fn compare(was: &[Known], planned: Option<&[Known]>, now: &[Known], format: Option<Format>) -> Vec<ColumnChange> {
    let find = |columns: &'_ [Known], name: &str| columns.iter().position(|column| column.name == name);
    let mut changes = Vec::new();
    for old in was {
        let column = old.name.clone();
        let Some(new) = find(now, &old.name).map(|at| &now[at]) else {
            changes.push(ColumnChange::Gone { column, was: old.type_name() });
            continue;
        };
        let asked = planned.and_then(|planned| find(planned, &old.name).map(|at| &planned[at]));
        let kept = matches!(format, None | Some(Format::Parquet));
        let before = if kept { Some(old) } else { asked };
        match before {
            Some(before) if before.ty != new.ty && before.type_name() != new.type_name() => {
                changes.push(ColumnChange::Type { column, was: before.type_name(), now: new.type_name() });
            }
            _ if asked.is_some_and(|asked| !asked.nullable && new.nullable) => changes.push(ColumnChange::Nullable { column }),
            _ => {}
        }
    }
    for new in now.iter().filter(|new| find(was, &new.name).is_none()) {
        changes.push(ColumnChange::Added { column: new.name.clone(), now: new.type_name() });
    }
    changes
}

/// The column that a planning error is about: the one that is not there, else one of those that changed which the query names.
pub fn blamed(error: &TableError, query: &str, changes: &[ColumnChange]) -> Option<String> {
    if let TableError::UnknownColumn { column, .. } = error {
        let own = changes.iter().map(ColumnChange::column).find(|name| column == name || column.ends_with(&format!(".{name}")));
        return Some(own.map_or_else(|| column.rsplit('.').next().unwrap_or(column).to_string(), str::to_string));
    }
    let named = changes.iter().filter(|change| change.takes()).map(ColumnChange::column);
    named.into_iter().find(|column| lines_with(query, column).next().is_some()).map(str::to_string)
}

/// The lines, from 1, in which a word stands by itself.
pub fn lines_with<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let alone = move |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            !line[..at].chars().next_back().is_some_and(part_of_word) && !line[at + word.len()..].chars().next().is_some_and(part_of_word)
        })
    };
    text.lines().enumerate().filter(move |(_, line)| !word.is_empty() && alone(line)).map(|(at, _)| at + 1)
}

/// Where texts mention a column: `(file, the line at which the text begins, text)`.
pub fn mentions(texts: &[(String, usize, String)], column: &str) -> Vec<Mention> {
    let mut found = BTreeMap::new();
    for (file, first, text) in texts {
        for line in lines_with(text, column).take(MENTIONS) {
            found.insert(Mention { file: file.clone(), line: first + line - 1 }, ());
        }
    }
    found.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::program::Column;
    use crate::table::columns::declared;

    fn known(columns: &[(&str, &str)]) -> Vec<Known> {
        declared(&columns.iter().map(|(name, ty)| Column { name: name.to_string(), ty: ty.to_string() }).collect::<Vec<_>>())
            .expect("types")
    }

    #[test]
    fn what_went_what_changed_and_what_came() {
        let was = known(&[("id", "int"), ("n", "bigint"), ("d", "double")]);
        let mut planned = known(&[("id", "int"), ("n", "decimal(12, 2)"), ("d", "double")]);
        planned[0].nullable = false;
        let now = known(&[("id", "int"), ("n", "text"), ("x", "date")]);
        let own = |text: &str| text.to_string();
        let nullable = ColumnChange::Nullable { column: own("id") };
        let gone = ColumnChange::Gone { column: own("d"), was: own("double") };
        let added = ColumnChange::Added { column: own("x"), now: own("date") };
        let ty = |was: &str| ColumnChange::Type { column: own("n"), was: own(was), now: own("text") };
        let all = |ty| vec![nullable.clone(), ty, gone.clone(), added.clone()];
        assert_eq!(compare(&was, Some(&planned), &now, Some(Format::Parquet)), all(ty("bigint")));
        // CSV keeps no types: only the two queries can be compared.
        assert_eq!(compare(&was, Some(&planned), &now, Some(Format::Csv)), all(ty("decimal(12, 2)")));
        assert_eq!(compare(&was, None, &now, Some(Format::Csv)), [gone.clone(), added.clone()]);
    }

    #[test]
    fn a_column_is_mentioned_as_a_word() {
        let script = "print(row['mean'])\nmeans = 1\n\nx = t.mean + 1 # mean\nä_mean".to_string();
        let texts = [("jobs/x.py".to_string(), 1, script), ("p.formula".to_string(), 12, "cut -d, -f mean".to_string())];
        let found: Vec<String> = mentions(&texts, "mean").into_iter().map(|m| format!("{}:{}", m.file, m.line)).collect();
        assert_eq!(found, ["jobs/x.py:1", "jobs/x.py:4", "p.formula:12"]);
        assert!(mentions(&texts, "").is_empty());
    }

    #[test]
    fn the_column_at_fault_is_named() {
        let changes = [
            ColumnChange::Gone { column: "a.b".into(), was: "int".into() },
            ColumnChange::Type { column: "n".into(), was: "int".into(), now: "text".into() },
        ];
        let unknown = |column: &str| TableError::UnknownColumn { column: column.into(), there: vec![] };
        assert_eq!(blamed(&unknown("t.a.b"), "", &changes).as_deref(), Some("a.b"));
        assert_eq!(blamed(&unknown("t.c"), "", &changes).as_deref(), Some("c"));
        let other = TableError::Planning { why: "cannot add".into() };
        assert_eq!(blamed(&other, "select n + 1 from t", &changes).as_deref(), Some("n"));
        assert_eq!(blamed(&other, "select name from t", &changes), None);
    }
}
