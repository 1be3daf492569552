//! `$FORMAKE_JOB`: what a job may know of itself, as JSON, `formake.job/1`.
//!
//! `{"schema", "class", "instance", "inputs": [{"name", "path", "class", "instance", "variables", "hash"}], "outputs": [{"name", "path", "class",
//! "instance", "variables"}], "params"}`. Class and instance are the first output's; inputs come in the order of the key; paths are relative to
//! the folder the job starts in; `variables` are the instance's components by name. Label, repository and attempt are not in it: a result may
//! serve any label.

use serde_json::{Map, Value as Json, json};

use super::job::{Job, JobOutput};
use super::names::component_name;
use crate::identity::Instance;

/// The document.
pub fn job_file(job: &Job) -> String {
    let inputs: Vec<_> = (job.inputs.iter())
        .flat_map(|input| input.parts.iter().map(move |part| (input, part)))
        .map(|(input, part)| {
            json!({
                "name": &*input.name,
                "path": part.link,
                "class": &*part.class,
                "instance": part.instance.to_string(),
                "variables": variables(&part.instance),
                "hash": part.content,
            })
        })
        .collect();
    let output = |o: &JobOutput| {
        json!({
            "name": &*o.name,
            "path": o.path,
            "class": &*o.class,
            "instance": o.instance.to_string(),
            "variables": variables(&o.instance),
        })
    };
    let first = job.outputs.first();
    let document = json!({
        "schema": "formake.job/1",
        "class": first.map(|o| &*o.class),
        "instance": first.map(|o| o.instance.to_string()),
        "inputs": inputs,
        "outputs": job.outputs.iter().map(output).collect::<Vec<_>>(),
        "params": job.params,
    });
    format!("{document:#}\n")
}

fn variables(instance: &Instance) -> Map<String, Json> {
    instance.0.iter().map(|c| (component_name(c.key.as_ref(), c.value.ty()).to_string(), json!(c.value))).collect()
}
