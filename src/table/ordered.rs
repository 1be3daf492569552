//! Plans whose rows come in a defined order.
//!
//! The engine runs the branches of a union beside each other and takes their batches as they arrive. Here they follow one another: a rule
//! replaces every such node of a plan by [`Concat`], before the engine's own rules see it, and once more after them. So every node has one
//! partition, and nothing depends on timing.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

/// All partitions of all inputs, one after the other, in one partition.
#[derive(Debug)]
pub(crate) struct Concat {
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
}

impl Concat {
    /// `schema` is that of `like`: of the node that this one replaces.
    fn of(inputs: Vec<Arc<dyn ExecutionPlan>>, like: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(like.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Arc::new(Self { inputs, properties: Arc::new(properties) })
    }
}

impl DisplayAs for Concat {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Concat")
    }
}

impl ExecutionPlan for Concat {
    fn name(&self) -> &str {
        "Concat"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { inputs: children, properties: self.properties.clone() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { inputs: children, properties: self.properties.clone() }))
    }

    /// Each partition is started when the one before it is done.
    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions: Vec<_> =
            self.inputs.iter().flat_map(|input| (0..input.output_partitioning().partition_count()).map(|at| (input.clone(), at))).collect();
        let schema = self.schema();
        let rows = stream::iter(partitions)
            .map(move |(input, at)| input.execute(at, context.clone()))
            .try_flatten()
            // Branches differ in what they call their columns.
            .map(move |batch| batch.and_then(|batch| Ok(batch.with_schema(schema.clone())?)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

impl InOrder {
    /// The plan with one partition, its partitions' rows in order.
    pub fn single(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        if plan.output_partitioning().partition_count() == 1 { plan } else { Concat::of(vec![plan.clone()], &plan) }
    }
}

/// Replaces what merges partitions by arrival.
#[derive(Debug)]
pub(crate) struct InOrder;

impl PhysicalOptimizerRule for InOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| {
            let arrives = node.downcast_ref::<UnionExec>().is_some()
                || node.downcast_ref::<InterleaveExec>().is_some()
                || node.downcast_ref::<CoalescePartitionsExec>().is_some_and(|merge| merge.fetch().is_none());
            if !arrives {
                return Ok(Transformed::no(node));
            }
            let inputs = node.children().into_iter().cloned().collect();
            Ok(Transformed::yes(Concat::of(inputs, &node)))
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
