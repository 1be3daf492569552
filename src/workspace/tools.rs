//! `tool "python3 --version"`: what the tools of the recipes print, each asked once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::formula::program::Program;

/// What every tool of the given formulas prints on either stream, without surrounding white space.
///
/// # Errors
/// A tool that cannot be run or fails: its jobs' keys could not be known.
pub fn ask(root: &Path, program: &Program, formulas: impl IntoIterator<Item = usize>) -> Result<BTreeMap<String, String>, Failure> {
    let tools: BTreeSet<&String> = formulas.into_iter().flat_map(|f| &program.formulas[f].recipe.tools).collect();
    let mut answers = BTreeMap::new();
    for tool in tools {
        let output = Command::new("bash").args(["-euo", "pipefail", "-c", tool]).current_dir(root).stdin(Stdio::null()).output();
        let problem = match output {
            Ok(output) if output.status.success() => {
                let printed = [output.stdout, output.stderr].concat();
                answers.insert(tool.clone(), String::from_utf8_lossy(&printed).trim().to_string());
                continue;
            }
            Ok(output) => format!("it ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => format!("it could not be started: {error}"),
        };
        return Err(Failure::from(
            Diagnostic::error("E0701", format!("the tool `{tool}` does not answer"))
                .note(problem)
                .note("what a `tool` prints is part of the recipe, so that nothing that uses it can be judged")
                .help("install it, or take the `tool` line out of the formula"),
        ));
    }
    Ok(answers)
}
