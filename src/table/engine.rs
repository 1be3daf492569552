//! Running a query: its inputs are registered as tables, its rows go to one file.
//!
//! Each run has an engine of its own, with one partition, on the calling thread: many jobs run at once, each on its thread. Memory is bounded
//! by [`Limits`]; what does not fit is spilled where the query's plan can. The bound's default is the same on every machine, since rows
//! that nothing orders may come in another order where something spilled.

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use arrow::array::{Array, Float64Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Statistics, TableReference};
use datafusion::error::Result as EngineResult;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as EngineStatement;
use futures::{StreamExt, stream};

use super::{
    error::{TableError, When, from_engine},
    input::{Table, TableInput},
    ordered::InOrder,
    statement::{self, Asker, Parsed},
    write::TableWriter,
};
use crate::formula::program::Format;

/// What a query may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of memory, roughly, before it spills or fails.
    pub memory: usize,
    /// Where it spills to; the system's folder for temporary files where nothing is said.
    pub spill: Option<PathBuf>,
    /// Set by another thread, it ends the query.
    pub stop: Option<Arc<AtomicBool>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 4 << 30, spill: None, stop: None }
    }
}

/// What a query made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub columns: usize,
}

/// Runs one query over the inputs and writes its rows to `output`. The same inputs give the same bytes. Inputs without parts are no tables.
///
/// Must not be called from asynchronous code: it blocks the thread until the file is written.
///
/// # Errors
/// What is wrong with the query, its inputs or its output's columns; the disk's errors. What was written so far is left behind.
pub fn run(query: &str, inputs: &[TableInput], output: &Path, format: Format, limits: &Limits) -> Result<Written, TableError> {
    write(statement::parse(query)?, inputs, limits, None, |schema| TableWriter::create(output, format, schema))
}

/// Writes the rows of a query, or the first of them.
pub(crate) fn write(
    parsed: Parsed,
    inputs: &[TableInput],
    limits: &Limits,
    first: Option<usize>,
    writer: impl FnOnce(&SchemaRef) -> Result<TableWriter, TableError>,
) -> Result<Written, TableError> {
    on_this_thread(limits, async {
        let (schema, mut rows) = start(parsed, inputs, limits, first).await?;
        let mut writer = writer(&schema)?;
        while let Some(batch) = rows.next().await {
            writer.write(&batch.map_err(|e| from_engine(&e, When::Execution))?)?;
        }
        let columns = writer.columns();
        Ok(Written { rows: writer.finish()?, columns })
    })
}

/// The first rows of a query (all of them without `first`), in memory. At least one batch, so that the columns are known.
///
/// # Errors
/// As [`run`].
pub(crate) fn rows(query: &str, inputs: &[TableInput], limits: &Limits, first: Option<usize>) -> Result<Vec<RecordBatch>, TableError> {
    collect(statement::parse(query)?, inputs, limits, first)
}

/// The number in the first cell that a query over one table gives: none where that is null, or there is no row. Booleans are 0 and 1.
///
/// # Errors
/// As [`run`]; or the cell is no number.
pub fn number(query: &str, input: &TableInput, limits: &Limits) -> Result<Option<f64>, TableError> {
    let batches = rows(query, std::slice::from_ref(input), limits, Some(1))?;
    let Some(cell) = batches.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| batch.columns().first()) else { return Ok(None) };
    let planning = |why: String| TableError::Planning { why };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let numbers = cast_with_options(cell, &DataType::Float64, &options)
        .map_err(|_| planning(format!("it gives {}, and a rule's query gives one number", super::types::name(cell.data_type()))))?;
    let numbers = numbers.as_any().downcast_ref::<Float64Array>().ok_or_else(|| planning("it gives no number".into()))?;
    Ok(numbers.is_valid(0).then(|| numbers.value(0)))
}

/// The same, of a query that was read.
pub(crate) fn collect(
    parsed: Parsed,
    inputs: &[TableInput],
    limits: &Limits,
    first: Option<usize>,
) -> Result<Vec<RecordBatch>, TableError> {
    on_this_thread(limits, async {
        let (schema, mut rows) = start(parsed, inputs, limits, first).await?;
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            batches.push(batch.map_err(|e| from_engine(&e, When::Execution))?);
        }
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    })
}

/// The engine gives way between batches, also where it sorts, groups or joins: there it is asked whether to go on.
fn on_this_thread<T>(limits: &Limits, work: impl Future<Output = Result<T, TableError>>) -> Result<T, TableError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| TableError::Engine { why: e.to_string() })?;
    let mut work = pin!(work);
    let is_stopped = || limits.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
    runtime.block_on(poll_fn(|context| if is_stopped() { Poll::Ready(Err(TableError::Stopped)) } else { work.as_mut().poll(context) }))
}

async fn start(
    parsed: Parsed,
    inputs: &[TableInput],
    limits: &Limits,
    first: Option<usize>,
) -> Result<(SchemaRef, SendableRecordBatchStream), TableError> {
    let there: Vec<&TableInput> = inputs.iter().filter(|input| !input.parts.is_empty()).collect();
    all_there(&parsed, there.iter().map(|input| &input.name))?;
    let mut tables = Vec::new();
    for input in there.into_iter().filter(|input| parsed.tables.contains(&input.name)) {
        tables.push((input.name.as_str(), Table::open(input)?));
    }
    started(parsed, tables, limits, first).await
}

async fn started(
    parsed: Parsed,
    tables: Vec<(&str, Table)>,
    limits: &Limits,
    first: Option<usize>,
) -> Result<(SchemaRef, SendableRecordBatchStream), TableError> {
    let session = session(limits, parsed.asker)?;
    let mut plan = planned(&session, parsed, tables, first).await?;
    if limits.stop.is_some() {
        plan = giving_way(plan)?;
    }
    let rows = plan.execute(0, session.task_ctx()).map_err(|e| from_engine(&e, When::Execution))?;
    Ok((plan.schema(), rows))
}

/// Hands the rows of a query over tables that are open to `each`, some at a time.
pub(crate) fn each(
    query: &str,
    tables: &[(&str, Table)],
    limits: &Limits,
    mut each: impl FnMut(&RecordBatch) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let parsed = statement::parse(query)?;
    on_this_thread(limits, async {
        let (_, mut rows) = started(parsed, tables.to_vec(), limits, None).await?;
        while let Some(batch) = rows.next().await {
            each(&batch.map_err(|e| from_engine(&e, When::Execution))?)?;
        }
        Ok(())
    })
}

/// What reads gives way by itself; what joins makes many batches of a few.
fn giving_way(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, TableError> {
    let wrapped = plan.transform_up(|node| match node.children().len() {
        0 | 1 => Ok(Transformed::no(node)),
        _ => Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)),
    });
    Ok(wrapped.map_err(|e| from_engine(&e, When::Planning))?.data)
}

/// The columns that a query's rows would have, read from no file: the tables' files are not looked at.
///
/// # Errors
/// What is wrong with the query, or does not fit between it and its tables.
pub(crate) fn columns(query: &str, tables: Vec<(&str, Table)>) -> Result<SchemaRef, TableError> {
    let parsed = statement::parse(query)?;
    let names: Vec<String> = tables.iter().map(|(name, _)| name.to_string()).collect();
    all_there(&parsed, names.iter())?;
    let tables = tables.into_iter().filter(|(name, _)| parsed.tables.iter().any(|table| table == name)).collect();
    let limits = Limits::default();
    on_this_thread(&limits, async { Ok(planned(&session(&limits, Asker::Recipe)?, parsed, tables, None).await?.schema()) })
}

fn all_there<'a>(parsed: &Parsed, there: impl Iterator<Item = &'a String> + Clone) -> Result<(), TableError> {
    match parsed.tables.iter().find(|table| !there.clone().any(|name| name == *table)) {
        Some(table) => Err(TableError::UnknownTable { table: table.clone(), inputs: there.cloned().collect() }),
        None => Ok(()),
    }
}

async fn planned(
    session: &SessionContext,
    parsed: Parsed,
    tables: Vec<(&str, Table)>,
    first: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>, TableError> {
    let planning = |e| from_engine(&e, When::Planning);
    for (name, table) in tables {
        session.register_table(TableReference::bare(name), Arc::new(Scannable(Arc::new(table)))).map_err(planning)?;
    }
    let plan = session.state().statement_to_plan(EngineStatement::Statement(Box::new(parsed.statement))).await.map_err(planning)?;
    let plan = match first {
        Some(_) => LogicalPlanBuilder::from(plan).limit(0, first).and_then(LogicalPlanBuilder::build).map_err(planning)?,
        None => plan,
    };
    let plan = session.state().create_physical_plan(&plan).await.map_err(planning)?;
    Ok(InOrder::single(plan))
}

/// An engine that gives the same rows each time, and that sees nothing by itself.
pub(crate) fn session(limits: &Limits, asker: Asker) -> Result<SessionContext, TableError> {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.optimizer.enable_round_robin_repartition = false;
    let mut runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)));
    if let Some(spill) = &limits.spill {
        runtime = runtime.with_temp_file_path(spill);
    }
    let runtime = runtime.build_arc().map_err(|e| TableError::Engine { why: e.strip_backtrace() })?;
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![Arc::new(InOrder)];
    rules.extend(PhysicalOptimizer::new().rules);
    rules.push(Arc::new(InOrder));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let session = SessionContext::new_with_state(state);
    for function in asker.refused() {
        session.deregister_udf(function);
    }
    Ok(session)
}

/// A [`Table`] as the engine wants it.
#[derive(Debug)]
struct Scannable(Arc<Table>);

#[async_trait]
impl TableProvider for Scannable {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.0.schema.fields().len()).collect());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(self.0.schema.project(&projection)?)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let batch_size = session.config().batch_size();
        Ok(Arc::new(Scan { table: self.0.clone(), projection, batch_size, properties: Arc::new(properties) }))
    }
}

/// Reads a table's files, one after the other.
#[derive(Debug)]
struct Scan {
    table: Arc<Table>,
    projection: Vec<usize>,
    batch_size: usize,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let batches = self.table.batches(&self.projection, self.batch_size)?;
        let rows = stream::iter(batches.map(|batch| batch.map_err(Into::into)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    /// How many rows there are decides which side of a join is kept in memory.
    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> EngineResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(rows) = self.table.rows.and_then(|rows| usize::try_from(rows).ok()) {
            statistics.num_rows = Precision::Exact(rows);
        }
        Ok(Arc::new(statistics))
    }
}
