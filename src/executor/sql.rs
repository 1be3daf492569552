//! SQL jobs: on the calling thread, in the embedded engine. No process is started.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::error::JobError;
use crate::recipe::{Job, JobOutput};
use crate::table::columns::in_words;
use crate::table::{self, Limits, TableInput, TablePart};

/// Runs a job's query over its inputs as tables, and leaves the result at the output's path below `work`.
pub fn run(query: &str, job: &Job, output: &JobOutput, work: &Path, scratch: &Path) -> Result<(), JobError> {
    let inputs = job.inputs.iter().filter(|input| !input.parts.is_empty()).map(|input| TableInput {
        name: input.name.to_string(),
        parts: input.parts.iter().map(part).collect(),
        dimensions: table::dimension_columns(&input.dimensions),
        columns: input.columns.as_ref().map(|columns| columns.as_ref().clone()),
    });
    let inputs: Vec<TableInput> = inputs.collect();
    let at = work.join(&output.path);
    if let Some(folder) = at.parent() {
        std::fs::create_dir_all(folder).map_err(JobError::Folder)?;
    }
    let limits = Limits { spill: Some(scratch.to_path_buf()), ..Limits::default() };
    // A mistake of the engine's ends this job, not the build.
    let ran = catch_unwind(AssertUnwindSafe(|| table::run(query, &inputs, &at, output.format, &limits)));
    match ran {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(JobError::Sql(error.to_string())),
        Err(panic) => Err(JobError::Sql(format!("the SQL engine failed on this query: {}", in_words(panic.as_ref())))),
    }
}

fn part(part: &crate::recipe::JobPart) -> TablePart {
    TablePart {
        at: part.at.clone(),
        files: part.files.clone(),
        values: part.instance.0.iter().map(|component| component.value.clone()).collect(),
    }
}
