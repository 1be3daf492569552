//! Two tables side by side: what differs in their columns, in what these hold, and row by row.
//!
//! What is true here: rows are paired by a key where one is given and unique on both sides; otherwise whole rows are counted, whatever their
//! order. A column of two types is compared as the type that holds both. Everything is asked of the engine by grouping, which spills what does
//! not fit into memory; of the rows that differ, only samples are kept, the first by key.

pub mod values;
mod kept;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{and, not};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::util::display::ArrayFormatter;

use self::kept::Kept;
pub use self::values::{AskedRows, ColumnDiff, Compared, Kind, RowDiff, SampleCell, SampleRow, SchemaChange, Statistics};
use super::{
    engine::{self, Limits},
    error::TableError,
    file,
    input::{Table, TableInput},
    question::caught,
    quote::identifier,
    types,
    write::as_text,
};

/// From so many rows on, distinct values are estimated.
const EXACT: u64 = 100_000;

/// A column of both tables.
struct Common {
    name: String,
    /// As both are read: `CAST("x" AS double)`.
    expression: String,
    is_number: bool,
    is_key: bool,
    /// Its values can be grouped, and have a smallest one.
    is_plain: bool,
}

/// Compares what two inputs hold.
///
/// # Errors
/// One of them is no table, or a broken one; the key names a column that is not in both; more memory is needed than there may be.
pub fn diff_rows(was: &TableInput, now: &TableInput, asked: &AskedRows, limits: &Limits) -> Result<RowDiff, TableError> {
    caught(|| {
        let (was, now) = (Table::open(was)?, Table::open(now)?);
        let tables = [("a", typed_as(&was, &now)), ("b", typed_as(&now, &was))];
        let (schema, common) = columns(&tables[0].1.schema, &tables[1].1.schema, &asked.key)?;
        let comparing = Comparing { tables, common, limits };
        let mut diff = RowDiff { schema, ..RowDiff::default() };
        let (before, after) = (comparing.statistics(0)?, comparing.statistics(1)?);
        diff.rows = (before.0, after.0);
        let mut differing = None;
        if !asked.key.is_empty() {
            match (comparing.repeated(0)?, comparing.repeated(1)?) {
                (0, 0) => {
                    diff.key.clone_from(&asked.key);
                    differing = Some(comparing.by_key(&mut diff, asked.samples)?);
                }
                repeated => diff.repeated = Some(repeated),
            }
        }
        if differing.is_none() {
            comparing.by_row(&mut diff, asked.samples)?;
        }
        for (at, column) in comparing.common.iter().enumerate() {
            let changed = differing.as_ref().map(|differing| differing[at]);
            let (was, now) = (before.1[at].clone(), after.1[at].clone());
            // The same values in another order give sums that differ in their last digits.
            let is_same = diff.added + diff.removed == 0 && changed.unwrap_or(diff.changed) == 0;
            if !is_same && (!was.is_like(&now) || changed.is_some_and(|changed| changed > 0)) {
                diff.columns.push(ColumnDiff { column: column.name.clone(), changed, was, now });
            }
        }
        Ok(diff)
    })
}

/// CSV and JSON without rows have no types of their own: the other's do.
fn typed_as(table: &Table, other: &Table) -> Table {
    let has_types = table.rows != Some(0) || table.files.iter().any(|there| there.file.kind == file::Kind::Parquet);
    if has_types {
        return table.clone();
    }
    let typed = |field: &Arc<Field>| match other.schema.field_with_name(field.name()) {
        Ok(known) => known.clone(),
        Err(_) => field.as_ref().clone(),
    };
    Table { schema: Arc::new(Schema::new(table.schema.fields().iter().map(typed).collect::<Vec<_>>())), ..table.clone() }
}

/// What differs in the columns, and those that are on both sides, in the order of the second.
fn columns(was: &SchemaRef, now: &SchemaRef, key: &[String]) -> Result<(Vec<SchemaChange>, Vec<Common>), TableError> {
    for column in key {
        if let Some(side) = [was, now].into_iter().find(|side| side.field_with_name(column).is_err()) {
            let there = side.fields().iter().map(|field| field.name().clone()).collect();
            return Err(TableError::UnknownColumn { column: column.clone(), there });
        }
    }
    let (mut changes, mut common) = (Vec::new(), Vec::new());
    for field in now.fields() {
        let (name, ty) = (field.name(), field.data_type());
        let Ok(before) = was.field_with_name(name) else {
            changes.push(SchemaChange::Added { column: name.clone(), now: types::name(ty) });
            continue;
        };
        let quoted = identifier(name);
        let (expression, is_plain) = if before.data_type() == ty {
            (quoted, !ty.is_nested())
        } else {
            changes.push(SchemaChange::Retyped { column: name.clone(), was: types::name(before.data_type()), now: types::name(ty) });
            match shared(before.data_type(), ty) {
                Some(shared) => (format!("CAST({quoted} AS {shared})"), true),
                // No type holds both: the types are all that is said.
                None => continue,
            }
        };
        let is_number = before.data_type().is_numeric() && ty.is_numeric();
        common.push(Common { name: name.clone(), expression, is_number, is_key: key.contains(name), is_plain });
    }
    for field in was.fields().iter().filter(|field| now.field_with_name(field.name()).is_err()) {
        changes.push(SchemaChange::Removed { column: field.name().clone(), was: types::name(field.data_type()) });
    }
    Ok((changes, common))
}

/// The type as which columns of two types are compared.
fn shared(a: &DataType, b: &DataType) -> Option<&'static str> {
    let is_time = |ty: &DataType| matches!(ty, DataType::Date32 | DataType::Timestamp(_, None));
    match (a, b) {
        _ if a.is_nested() || b.is_nested() => None,
        _ if a.is_integer() && b.is_integer() => Some("bigint"),
        _ if a.is_numeric() && b.is_numeric() => Some("double"),
        _ if is_time(a) && is_time(b) => Some("timestamp"),
        _ => Some("text"),
    }
}

struct Comparing<'a> {
    tables: [(&'static str, Table); 2],
    common: Vec<Common>,
    limits: &'a Limits,
}

impl Comparing<'_> {
    fn each(&self, sql: &str, each: impl FnMut(&RecordBatch) -> Result<(), TableError>) -> Result<(), TableError> {
        engine::each(sql, &self.tables, self.limits, each)
    }

    /// `SELECT … AS c0, … AS c1 FROM a`, with what else is asked for before it.
    fn side(&self, side: usize, more: &str) -> String {
        let columns = self.common.iter().enumerate().map(|(i, column)| format!("{} AS c{i}", column.expression));
        let columns: Vec<String> = Some(more.to_string()).filter(|more| !more.is_empty()).into_iter().chain(columns).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.tables[side].0)
    }

    fn keys(&self) -> impl Iterator<Item = usize> {
        self.common.iter().enumerate().filter(|(_, column)| column.is_key).map(|(i, _)| i)
    }

    /// How many rows a side has, and what its columns hold.
    fn statistics(&self, side: usize) -> Result<(u64, Vec<Statistics>), TableError> {
        let rows = match self.tables[side].1.rows {
            Some(rows) => rows,
            None => self.number(&format!("SELECT count(*) AS n FROM {}", self.tables[side].0))?,
        };
        let estimated = rows > EXACT;
        let mut asked = vec!["count(*) AS n".to_string()];
        for (i, column) in self.common.iter().enumerate() {
            asked.push(format!("count(c{i}) AS n{i}"));
            if column.is_plain {
                let distinct = if estimated { format!("approx_distinct(CAST(c{i} AS text))") } else { format!("count(DISTINCT c{i})") };
                asked.push(format!("{distinct} AS d{i}, min(c{i}) AS l{i}, max(c{i}) AS h{i}"));
            }
            if column.is_number {
                asked.push(format!("avg(CAST(c{i} AS double)) AS m{i}"));
            }
        }
        let (mut count, mut found) = (0, Vec::new());
        self.each(&format!("SELECT {} FROM ({})", asked.join(", "), self.side(side, "1 AS one")), |batch| {
            let number = |name: &str| batch.column_by_name(name).map_or(0, |array| unsigned(array, 0));
            count = number("n");
            for (i, column) in self.common.iter().enumerate() {
                let text = |name: &str| batch.column_by_name(&format!("{name}{i}")).map_or(Ok(None), |array| text(array, 0));
                let mean = batch.column_by_name(&format!("m{i}")).and_then(|array| array.as_primitive_opt::<Float64Type>());
                found.push(Statistics {
                    nulls: count - number(&format!("n{i}")),
                    distinct: number(&format!("d{i}")),
                    estimated: estimated && column.is_plain,
                    mean: mean.filter(|mean| mean.is_valid(0)).map(|mean| mean.value(0)),
                    min: text("l")?,
                    max: text("h")?,
                });
            }
            Ok(())
        })?;
        Ok((count, found))
    }

    fn number(&self, sql: &str) -> Result<u64, TableError> {
        let mut number = 0;
        self.each(sql, |batch| {
            number = unsigned(batch.column(0), 0);
            Ok(())
        })?;
        Ok(number)
    }

    /// How many values of the key stand in several rows.
    fn repeated(&self, side: usize) -> Result<u64, TableError> {
        let keys: Vec<String> = self.keys().map(|i| format!("c{i}")).collect();
        let keys = keys.join(", ");
        let several = format!("SELECT {keys} FROM ({}) GROUP BY {keys} HAVING count(*) > 1", self.side(side, ""));
        self.number(&format!("SELECT count(*) AS n FROM ({several})"))
    }

    /// Rows that one side has more often than the other: `more` is how much more often the second has it.
    fn differing(&self) -> String {
        let all: Vec<String> = (0..self.common.len()).map(|i| format!("c{i}")).collect();
        let all = all.join(", ");
        let (was, now) = (self.side(0, "-1 AS n"), self.side(1, "1 AS n"));
        format!("SELECT {all}, sum(n) AS more FROM ({was} UNION ALL {now}) GROUP BY {all} HAVING sum(n) <> 0")
    }

    /// Pairs rows that differ by the key, which is unique; in how many pairs each column differs.
    fn by_key(&self, diff: &mut RowDiff, samples: usize) -> Result<Vec<u64>, TableError> {
        let count = self.common.len();
        let list = |what: &dyn Fn(usize) -> String| (0..count).map(what).collect::<Vec<_>>().join(", ");
        let of = |i: usize, side: &str| match self.common[i].is_key {
            true => format!("c{i}"),
            false => format!("first_value(c{i}) FILTER (WHERE more {side} 0)"),
        };
        let keys: Vec<String> = self.keys().map(|i| format!("c{i}")).collect();
        let paired = format!(
            "SELECT count(*) FILTER (WHERE more < 0) > 0 AS a, count(*) FILTER (WHERE more > 0) > 0 AS b, {}, {} FROM ({}) GROUP BY {}",
            list(&|i| format!("{} AS a{i}", of(i, "<"))),
            list(&|i| format!("{} AS b{i}", of(i, ">"))),
            self.differing(),
            keys.join(", "),
        );
        let sql = format!("SELECT *, {} FROM ({paired})", list(&|i| format!("(a{i} IS DISTINCT FROM b{i}) AS d{i}")));
        let mut differing = vec![0; count];
        let mut kept = Kept::new(samples);
        self.each(&sql, |batch| {
            let (was, now) = (batch.column(0).as_boolean(), batch.column(1).as_boolean());
            let only = |one: &BooleanArray, other: &BooleanArray| -> Result<BooleanArray, TableError> {
                and(one, &not(other).map_err(|e| fault(&e))?).map_err(|e| fault(&e))
            };
            let (added, removed, changed) = (only(now, was)?, only(was, now)?, and(was, now).map_err(|e| fault(&e))?);
            let rows = |mask: &BooleanArray| mask.true_count() as u64;
            diff.added += rows(&added);
            diff.removed += rows(&removed);
            diff.changed += rows(&changed);
            let columns = &batch.columns()[2..];
            for (i, differing) in differing.iter_mut().enumerate() {
                *differing += rows(&and(columns[2 * count + i].as_boolean(), &changed).map_err(|e| fault(&e))?);
            }
            let (was, now) = (&columns[..count], &columns[count..2 * count]);
            let key: Vec<ArrayRef> = self.keys().map(|i| was[i].clone()).collect();
            for (kind, mask) in [(Kind::Changed, &changed), (Kind::Added, &added), (Kind::Removed, &removed)] {
                kept.offer(kind, mask, &key, |row| self.sample(kind, 1, was, now, row))?;
            }
            Ok(())
        })?;
        diff.same = diff.rows.0.saturating_sub(diff.removed + diff.changed);
        diff.samples = kept.all();
        Ok(differing)
    }

    /// Counts whole rows.
    fn by_row(&self, diff: &mut RowDiff, samples: usize) -> Result<(), TableError> {
        let count = self.common.len();
        if count == 0 {
            (diff.removed, diff.added) = diff.rows;
            return Ok(());
        }
        let mut kept = Kept::new(samples);
        self.each(&self.differing(), |batch| {
            let columns = &batch.columns()[..count];
            let more = batch.column(count).as_primitive::<Int64Type>();
            let added: BooleanArray = more.values().iter().map(|more| Some(*more > 0)).collect();
            let removed = not(&added).map_err(|e| fault(&e))?;
            for more in more.values() {
                *(if *more > 0 { &mut diff.added } else { &mut diff.removed }) += more.unsigned_abs();
            }
            for (kind, mask) in [(Kind::Added, &added), (Kind::Removed, &removed)] {
                let number = |row: usize| more.value(row).unsigned_abs();
                kept.offer(kind, mask, columns, |row| self.sample(kind, number(row), columns, columns, row))?;
            }
            Ok(())
        })?;
        diff.same = diff.rows.0.saturating_sub(diff.removed);
        diff.samples = kept.all();
        Ok(())
    }

    fn sample(&self, change: Kind, count: u64, was: &[ArrayRef], now: &[ArrayRef], row: usize) -> Result<SampleRow, TableError> {
        let mut sample = SampleRow { change, count, key: Vec::new(), cells: Vec::new() };
        for (i, column) in self.common.iter().enumerate() {
            let was = if change == Kind::Added { None } else { text(&was[i], row)? };
            let now = if change == Kind::Removed { None } else { text(&now[i], row)? };
            if column.is_key {
                sample.key.push((column.name.clone(), now.or(was)));
            } else if change != Kind::Changed || was != now {
                sample.cells.push(SampleCell { column: column.name.clone(), was, now });
            }
        }
        Ok(sample)
    }
}

fn fault(error: &arrow::error::ArrowError) -> TableError {
    TableError::Execution { why: error.to_string() }
}

/// A count, whichever type it came in.
fn unsigned(array: &ArrayRef, row: usize) -> u64 {
    let signed = array.as_primitive_opt::<Int64Type>().map(|array| array.value(row).max(0).unsigned_abs());
    signed.or_else(|| array.as_primitive_opt::<UInt64Type>().map(|array| array.value(row))).unwrap_or_default()
}

fn text(array: &ArrayRef, row: usize) -> Result<Option<String>, TableError> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Ok(None);
    }
    let options = as_text();
    let formatter = ArrayFormatter::try_new(array, &options).map_err(|e| fault(&e))?;
    formatter.value(row).try_to_string().map(Some).map_err(|e| fault(&e))
}

#[cfg(test)]
mod tests;
