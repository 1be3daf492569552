//! A job: everything an executor needs, and nothing that it must decide.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::digest::ContentHash;
use crate::formula::program::{Column, Format};
use crate::identity::{Dimension, Instance, Name};

/// One try to run a job happens in a fresh folder; all relative paths below are relative to it.
#[derive(Clone, Debug)]
pub struct Job {
    /// For people and events: its outputs' identities.
    pub title: String,
    pub action: Action,
    pub inputs: Vec<JobInput>,
    pub outputs: Vec<JobOutput>,
    /// Project path and the file's absolute path.
    pub uses: Vec<(String, PathBuf)>,
    /// The whole environment but for PATH and HOME, which the executor adds; `FORMAKE_JOB` and `FORMAKE_OUTPUT` too.
    pub env: BTreeMap<String, String>,
    /// Names of variables passed on from formake's own environment.
    pub secrets: Vec<String>,
    pub params: BTreeMap<String, serde_json::Value>,
    pub timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub enum Action {
    /// A script for `bash -euo pipefail`.
    Shell { script: String },
    /// One query over the inputs as tables.
    Sql { query: String },
    /// The one input's bytes become the output: nothing runs.
    Copy,
}

/// One named input: a single part, or the parts of a fan-in in order.
#[derive(Clone, Debug)]
pub struct JobInput {
    pub name: Name,
    /// Its formula expands a variable here (or has a wildcard), however many parts there are.
    pub fan_in: bool,
    pub parts: Vec<JobPart>,
    /// Of its class.
    pub dimensions: Arc<Vec<Dimension>>,
    /// Types of CSV and JSON columns, where the source declares them.
    pub columns: Option<Arc<Vec<Column>>>,
}

#[derive(Clone, Debug)]
pub struct JobPart {
    pub class: Name,
    pub instance: Instance,
    pub content: ContentHash,
    /// Where the bytes are: a file, a folder, or (a glob source) several files.
    pub at: PathBuf,
    /// A glob's files, relative to `at`; empty otherwise.
    pub files: Vec<String>,
    /// The link in the job's folder: `in/name.csv`, `in/name/2024-01-01.csv`.
    pub link: String,
}

#[derive(Clone, Debug)]
pub struct JobOutput {
    pub name: Name,
    pub class: Name,
    pub instance: Instance,
    /// Where the job leaves it: `out/name.parquet`.
    pub path: String,
    /// It must be a folder (else: whatever is found).
    pub folder: bool,
    /// Of SQL's output.
    pub format: Format,
}
