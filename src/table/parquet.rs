//! Parquet files: their schema and their rows, in the types that queries see (texts as plain text, dictionaries as their values).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;

use super::{error::TableError, file::DataFile};

fn fail(path: &Path, why: impl ToString) -> TableError {
    let text = why.to_string();
    let text = text.strip_prefix("Parquet error: ").unwrap_or(&text);
    TableError::Parquet { path: path.to_path_buf(), why: format!("not a Parquet file that can be read ({text})") }
}

/// A file whose footer was read.
#[derive(Clone)]
pub(crate) struct Opened {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl Opened {
    pub fn open(file: &DataFile) -> Result<Self, TableError> {
        let (path, reader) = (file.path.clone(), File::open(&file.path).map_err(|e| TableError::read(&file.path, e))?);
        let metadata = ArrowReaderMetadata::load(&reader, ArrowReaderOptions::new()).map_err(|e| fail(&path, e))?;
        Ok(Self { path, metadata })
    }

    /// The file's columns as queries see them.
    pub fn fields(&self) -> Result<Vec<Field>, TableError> {
        let (mut fields, mut names): (Vec<Field>, HashSet<&str>) = Default::default();
        for field in self.metadata.schema().fields() {
            if !names.insert(field.name()) {
                let why = format!("two columns are called `{}`; name each apart", field.name());
                return Err(TableError::Header { path: self.path.clone(), why });
            }
            fields.push(Field::new(field.name(), plain(field.data_type()), true));
        }
        Ok(fields)
    }

    pub fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0) as u64
    }

    /// Rows of each row group.
    pub fn groups(&self) -> impl Iterator<Item = u64> {
        self.metadata.metadata().row_groups().iter().map(|group| group.num_rows().max(0) as u64)
    }

    /// Columns of texts that all come as numbers of a dictionary.
    pub fn numbered(&self) -> HashSet<String> {
        let mut numbered: HashSet<String> = HashSet::new();
        for field in self.metadata.schema().fields().iter().filter(|field| is_text(field.data_type())) {
            numbered.insert(field.name().clone());
        }
        for column in self.metadata.metadata().row_groups().iter().flat_map(|group| group.columns()) {
            let only = |encoding| column.page_encoding_stats_mask().is_some_and(|pages| pages.is_only(encoding));
            if let [name] = column.column_descr().path().parts()
                && !only(Encoding::RLE_DICTIONARY)
                && !only(Encoding::PLAIN_DICTIONARY)
            {
                numbered.remove(name);
            }
        }
        numbered
    }

    /// To be read in the way that costs least: the given columns of texts as numbers of a dictionary, others as views.
    pub fn cheapest(self, numbered: &HashSet<String>) -> Result<Self, TableError> {
        let field = |field: &FieldRef| match field.data_type() {
            ty if is_text(ty) && numbered.contains(field.name()) => {
                let ty = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                FieldRef::new(field.as_ref().clone().with_data_type(ty))
            }
            ty if is_text(ty) => FieldRef::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
            _ => field.clone(),
        };
        let schema = Arc::new(Schema::new(self.metadata.schema().fields().iter().map(field).collect::<Vec<_>>()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let metadata = ArrowReaderMetadata::try_new(self.metadata.metadata().clone(), options).map_err(|e| fail(&self.path, e))?;
        Ok(Self { metadata, ..self })
    }

    fn reader(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
        let file = File::open(&self.path).map_err(|e| TableError::read(&self.path, e))?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()))
    }

    /// Batches of some row groups: all columns, or those of these names.
    pub fn batches(
        &self,
        groups: Vec<usize>,
        names: Option<&HashSet<&str>>,
        batch_size: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, TableError>> + use<>, TableError> {
        let fields = self.metadata.schema().fields();
        let wanted = (0..fields.len()).filter(|at| names.is_none_or(|names| names.contains(fields[*at].name().as_str())));
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), wanted);
        let reader = self.reader()?.with_row_groups(groups).with_projection(mask).with_batch_size(batch_size).build();
        let (reader, path) = (reader.map_err(|e| fail(&self.path, e))?, self.path.clone());
        Ok(reader.map(move |batch| batch.map_err(|e| fail(&path, e))))
    }
}

fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Dictionary(_, value) => is_text(value),
        ty => ty.is_string(),
    }
}

/// Columns that have a null somewhere, or of which the file does not say.
pub(crate) fn with_nulls(file: &DataFile) -> Result<BTreeSet<String>, TableError> {
    let opened = Opened::open(file)?;
    let mut nulls = BTreeSet::new();
    for column in opened.metadata.metadata().row_groups().iter().flat_map(|group| group.columns()) {
        let plain = column.column_descr().max_rep_level() == 0 && column.column_descr().path().parts().len() == 1;
        let count = column.statistics().and_then(|statistics| statistics.null_count_opt());
        if !plain || count != Some(0) {
            nulls.extend(column.column_descr().path().parts().first().cloned());
        }
    }
    Ok(nulls)
}

/// A type without its encoding: views, large and dictionary types become the plain ones that every tool reads.
pub(crate) fn plain(ty: &DataType) -> DataType {
    let item = |field: &FieldRef| FieldRef::new(field.as_ref().clone().with_data_type(plain(field.data_type())));
    match ty {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, value) => plain(value.data_type()),
        DataType::List(field) | DataType::LargeList(field) | DataType::ListView(field) | DataType::LargeListView(field) => {
            DataType::List(item(field))
        }
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(item(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(item).collect()),
        DataType::Map(field, sorted) => DataType::Map(item(field), *sorted),
        other => other.clone(),
    }
}

/// Batches of a file's rows, in the given columns.
pub(crate) struct Reader {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// For each column of the schema, its place in what is read.
    places: Vec<Option<usize>>,
}

impl Reader {
    /// Columns of the schema that the file hasn't are null.
    pub fn open(file: &DataFile, schema: SchemaRef, batch_size: usize) -> Result<Self, TableError> {
        let builder = Opened::open(file)?.reader()?;
        let asked: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let own = builder.schema().fields();
        let wanted: Vec<usize> = (0..own.len()).filter(|at| asked.contains(own[*at].name().as_str())).collect();
        let read: HashMap<&str, usize> = wanted.iter().enumerate().map(|(place, at)| (own[*at].name().as_str(), place)).collect();
        let places = schema.fields().iter().map(|field| read.get(field.name().as_str()).copied()).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let reader = builder.with_projection(mask).with_batch_size(batch_size).build().map_err(|e| fail(&file.path, e))?;
        Ok(Self { path: file.path.clone(), reader, schema, places })
    }

    fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch, TableError> {
        let column = |(field, place): (&FieldRef, &Option<usize>)| -> Result<ArrayRef, TableError> {
            match place.map(|place| batch.column(place)) {
                Some(array) if array.data_type() == field.data_type() => Ok(array.clone()),
                Some(array) => cast(array, field.data_type()).map_err(|e| fail(&self.path, e)),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        };
        let arrays = self.schema.fields().iter().zip(&self.places).map(column).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(|e| fail(&self.path, e))
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?.map_err(|e| fail(&self.path, e));
        Some(batch.and_then(|batch| self.shaped(&batch)))
    }
}

/// Whether two arrays are the same values at the same place in memory: a dictionary that batches share.
pub fn is_same(a: &ArrayRef, b: &ArrayRef) -> bool {
    Arc::ptr_eq(a, b) || a.to_data().ptr_eq(&b.to_data())
}
