//! Samples of rows: of many, the first.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::row::{OwnedRow, RowConverter, SortField};

use super::fault;
use super::values::{Kind, SampleRow};
use crate::table::TableError;

/// The first rows of each kind, by key.
pub(super) struct Kept {
    most: usize,
    converter: Option<RowConverter>,
    rows: BTreeMap<Kind, BTreeMap<OwnedRow, SampleRow>>,
}

impl Kept {
    pub fn new(most: usize) -> Self {
        Self { most, converter: None, rows: BTreeMap::new() }
    }

    /// Takes the rows under the mask that are among the first.
    pub fn offer(
        &mut self,
        kind: Kind,
        mask: &BooleanArray,
        key: &[ArrayRef],
        sample: impl Fn(usize) -> Result<SampleRow, TableError>,
    ) -> Result<(), TableError> {
        if self.most == 0 || mask.true_count() == 0 {
            return Ok(());
        }
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => {
                let fields = key.iter().map(|array| SortField::new(array.data_type().clone())).collect();
                none.insert(RowConverter::new(fields).map_err(|e| fault(&e))?)
            }
        };
        let keys = converter.convert_columns(key).map_err(|e| fault(&e))?;
        let kept = self.rows.entry(kind).or_default();
        for row in mask.values().set_indices() {
            let is_full = kept.len() >= self.most;
            if is_full && kept.last_key_value().is_some_and(|(last, _)| last.row() <= keys.row(row)) {
                continue;
            }
            kept.insert(keys.row(row).owned(), sample(row)?);
            if is_full {
                kept.pop_last();
            }
        }
        Ok(())
    }

    pub fn all(self) -> Vec<SampleRow> {
        self.rows.into_values().flat_map(BTreeMap::into_values).collect()
    }
}
