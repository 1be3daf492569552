//! Saved plans: written with all that they were decided on, read back strictly, and held against today before anything is run.
//!
//! What is true here: a file says only what may be run, never what is run. `apply` decides anew, refuses where that decides otherwise, and
//! then runs no job besides; so that a file, whatever stands in it, never runs more than a build of its targets would.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::Failure;
use super::request::Request;
use crate::diagnostic::Diagnostic;
use crate::digest::of_bytes;
use crate::plan::moved::moved;
use crate::plan::witness::{SeenStep, Witness};
use crate::plan::{Draft, Judge, Plan, Verdict};
use crate::report;
use crate::report::look::Look;
use crate::report::units;
use crate::resolve::JobIx;

const SCHEMA: &str = "formake.saved-plan/";
const VERSION: u64 = 1;
/// What stands before the seal: the digest of all the text before this.
const SEAL: &str = ",\n  \"seal\": \"";

#[derive(Serialize)]
struct Written<'a> {
    schema: String,
    formake: &'static str,
    request: &'a Request,
    targets: &'a [String],
    plan: Value,
    witness: &'a Witness,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "schema")]
    _schema: String,
    #[serde(rename = "formake")]
    _formake: String,
    request: Request,
    targets: Vec<String>,
    plan: Steps,
    witness: Witness,
    seal: String,
}

/// Of a plan only what must hold; the rest is for people.
#[derive(Deserialize)]
struct Steps {
    steps: Vec<SeenStep>,
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
    formake: Option<String>,
}

/// A plan as it was read from a file.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its file, for messages.
    file: String,
    request: Request,
    /// All identities that the request stood for.
    targets: Vec<String>,
    steps: Vec<SeenStep>,
    witness: Witness,
}

/// Writes a plan with what it was decided on; all or nothing.
pub(super) fn write(file: &Path, request: &Request, targets: &[String], plan: &Plan, witness: &Witness) -> Result<(), Failure> {
    let written = Written {
        schema: format!("{SCHEMA}{VERSION}"),
        formake: env!("CARGO_PKG_VERSION"),
        request,
        targets,
        plan: report::plan::json(plan),
        witness,
    };
    let mut text = Vec::new();
    let unwritable = |error: &dyn std::fmt::Display| {
        Failure::from(Diagnostic::error("E0904", format!("`{}` cannot be written: {error}", file.display())))
    };
    written.serialize(&mut Serializer::with_formatter(&mut text, Shallow::default())).map_err(|e| unwritable(&e))?;
    // The seal goes before the last brace.
    text.truncate(text.len() - "\n}".len());
    let seal = of_bytes(&text);
    text.extend_from_slice(format!("{SEAL}{seal}\"\n}}\n").as_bytes());
    let mut beside = file.as_os_str().to_os_string();
    beside.push(format!(".{}", std::process::id()));
    let renamed = fs::write(&beside, &text).and_then(|()| fs::rename(&beside, file));
    renamed.map_err(|error| {
        let _ = fs::remove_file(&beside);
        unwritable(&error)
    })
}

/// Reads a plan back. `name`: the file as the user named it.
///
/// # Errors
/// It cannot be read, is no saved plan or one of a newer formake, or is not as it was written: says where.
pub fn read(file: &Path, name: &str) -> Result<Saved, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::from(Diagnostic::error("E0831", format!("`{name}` cannot be read: {error}"))))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        unreadable(name, line, "it is not text")
    })?;
    let wrong = |error: serde_json::Error| {
        let said = error.to_string();
        let what = said.rsplit_once(" at line ").map_or(&*said, |(what, _)| what);
        unreadable(name, error.line(), &format!("column {}: {what}", error.column()))
    };
    let head: Head = serde_json::from_str(&text).map_err(wrong)?;
    let schema = head.schema.unwrap_or_default();
    let Some(version) = schema.strip_prefix(SCHEMA).and_then(|version| version.parse::<u64>().ok()) else {
        let is = if schema.is_empty() { "it names no schema".into() } else { format!("it is a `{schema}`") };
        return Err(Diagnostic::error("E0831", format!("`{name}` is not a saved plan: {is}"))
            .help("save one with `formake plan -o FILE`")
            .into());
    };
    if version > VERSION {
        let by = head.formake.unwrap_or_else(|| "another version".into());
        let problem = Diagnostic::error("E0832", format!("`{name}` has the schema {schema}, and this formake knows {SCHEMA}{VERSION}"));
        return Err(problem.note(format!("formake {by} wrote it")).help("apply it with that version, or save the plan again").into());
    }
    let document: Document = serde_json::from_str(&text).map_err(wrong)?;
    let sealed = text.rfind(SEAL).unwrap_or_default();
    if of_bytes(&text.as_bytes()[..sealed]).to_hex() != document.seal || text[sealed..] != format!("{SEAL}{}\"\n}}\n", document.seal) {
        let line = 2 + text[..sealed].matches('\n').count();
        return Err(unreadable(name, line, "the seal is not that of the text above it: somebody changed the file"));
    }
    let Document { request, targets, plan, witness, .. } = document;
    Ok(Saved { file: name.to_string(), request, targets, steps: plan.steps, witness })
}

fn unreadable(name: &str, line: usize, what: &str) -> Failure {
    Diagnostic::error("E0831", format!("`{name}` is not a saved plan, or not whole"))
        .note(format!("line {line}, {what}"))
        .help("save the plan again, and apply it as it was written")
        .into()
}

impl Saved {
    /// What a fresh plan is made for: the same identities. Instances that came since are no part of it.
    pub fn request(&self, jobs: Option<usize>) -> Request {
        if self.targets.is_empty() {
            return Request { jobs, ..self.request.clone() };
        }
        Request { targets: self.targets.clone(), available: false, like: None, jobs, ..self.request.clone() }
    }

    /// The jobs that may run: those of which the saved plan and a fresh one both say so.
    ///
    /// # Errors
    /// Something moved: each thing, with what was and what is.
    pub(super) fn holds(&self, judge: &Judge<'_>, draft: &Draft) -> Result<BTreeSet<JobIx>, Failure> {
        let moved = moved((&self.witness, &self.steps), (&Witness::of(judge), &draft.plan));
        if !moved.is_empty() {
            return Err(self.refused(report::saved::moved(&moved, &Look::plain()), moved.len()));
        }
        let said: BTreeSet<&str> = self.steps.iter().filter(|step| step.may_run()).map(|step| &*step.identity).collect();
        let runs = |index: usize| matches!(draft.verdicts[index], Verdict::Run { .. } | Verdict::MayRun { .. });
        let all = (0..draft.verdicts.len()).filter(|index| runs(*index)).map(|index| JobIx(index as u32));
        Ok(all.filter(|job| judge.outputs(*job).iter().all(|output| said.contains(&*output.to_string()))).collect())
    }

    fn refused(&self, notes: Vec<String>, count: usize) -> Failure {
        let message = format!("the plan in `{}` no longer holds: {} since it was made", self.file, units::count(count, "thing") + " moved");
        let problem = notes.into_iter().fold(Diagnostic::error("E0830", message), Diagnostic::note);
        let label = self.request.label.iter().flat_map(|label| ["--label", label]);
        let fresh = self.request.fresh.then_some("--fresh");
        let words = self.request.targets.iter().map(String::as_str).chain(label).chain(fresh).chain(["-o", &self.file]);
        let words: String = words.map(|word| format!(" {}", units::shell(word))).collect();
        problem.help(format!("look at what is to be done now, and save that: `formake plan{words}`")).into()
    }

    /// Targets that cannot be resolved any more are something that moved, not a mistake in a command.
    pub(super) fn unresolved(&self, failure: Failure) -> Failure {
        let resolving = |diagnostic: &Diagnostic| diagnostic.code.starts_with("E06");
        if !failure.diagnostics.iter().all(resolving) {
            return failure;
        }
        let count = failure.diagnostics.len();
        let lines = |diagnostic: Diagnostic| {
            let Diagnostic { message, notes, help, .. } = diagnostic;
            std::iter::once(message).chain(notes).chain(help.into_iter().map(|help| format!("help: {help}"))).collect::<Vec<_>>().join("\n")
        };
        let mut refused = self.refused(failure.diagnostics.into_iter().map(lines).collect(), count);
        refused.diagnostics.iter_mut().for_each(|problem| problem.help.push("or was it saved in another project?".into()));
        refused
    }
}

/// A line for each job, node and step: short enough to be read and compared, and long lists stay small.
#[derive(Default)]
struct Shallow {
    depth: usize,
    filled: bool,
}

/// So deep things stand on lines of their own.
const DEEP: usize = 3;

impl Shallow {
    fn open<W: ?Sized + Write>(&mut self, out: &mut W, with: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(with)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, with: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled && self.depth < DEEP {
            self.line(out)?;
        }
        self.filled = true;
        out.write_all(with)
    }

    fn next<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= DEEP {
            return self.line(out);
        }
        if first { Ok(()) } else { out.write_all(b" ") }
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        write!(out, "\n{:1$}", "", 2 * self.depth)
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}
