//! What came out when results were made again, aside: the same bytes, or others.

use serde_json::{Value, json};

use super::look::{Columns, Look, Tone, cell};
use super::{explain, reason, snapshots, units};
use crate::catalog::Snapshot;
use crate::identity::Identity;
use crate::plan::blessing::Blessed;
use crate::store::Content;
use crate::validity::Difference;

/// One job, made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub outputs: Vec<Output>,
    /// Why there is nothing to compare: the job failed.
    pub failed: Option<Failed>,
    /// The statement that makes them valid.
    pub blessed: Option<Blessed>,
    /// The same recipe, from the same inputs.
    pub same_key: bool,
    /// What of the key is not as it was.
    pub differences: Vec<Difference>,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub identity: Identity,
    /// What it stands for.
    pub was: Snapshot,
    /// What came out.
    pub made: Option<Content>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    pub message: String,
    /// Its log's last lines.
    pub tail: Vec<String>,
}

impl Output {
    pub fn is_same(&self) -> bool {
        self.made.is_some_and(|made| made.hash == self.was.content)
    }
}

impl Verified {
    pub fn is_same(&self) -> bool {
        self.outputs.iter().all(Output::is_same)
    }
}

/// `formake.verify/1`
pub fn json(all: &[Verified]) -> Value {
    let output = |output: &Output| {
        json!({
            "identity": output.identity,
            "same": output.is_same(),
            "was": snapshots::snapshot_json(&output.was),
            "made": output.made.map(|made| json!({ "content": made.hash, "kind": made.kind, "bytes": made.bytes, "files": made.files })),
        })
    };
    let one = |verified: &Verified| {
        json!({
            "same": verified.is_same(),
            "outputs": verified.outputs.iter().map(output).collect::<Vec<_>>(),
            "failed": verified.failed.as_ref().map(|failed| json!({ "message": failed.message, "tail": failed.tail })),
            "same_key": verified.same_key,
            "differences": verified.differences,
            "blessed": verified.blessed.as_ref().map(explain::blessed_json),
            "seconds": verified.seconds,
        })
    };
    json!({
        "schema": "formake.verify/1",
        "same": all.iter().all(Verified::is_same),
        "jobs": all.iter().map(one).collect::<Vec<_>>(),
    })
}

pub fn text(all: &[Verified], look: &Look) -> String {
    let mut columns = Columns::default();
    for output in all.iter().flat_map(|verified| &verified.outputs) {
        let (tone, verdict) = match output.made {
            None => (Tone::Bad, "failed"),
            Some(_) if output.is_same() => (Tone::Good, "same"),
            Some(_) => (Tone::Bad, "different"),
        };
        let size = |content: String, bytes: u64| format!("{content}, {}", units::bytes(bytes));
        let was = size(output.was.content.short(), output.was.bytes);
        let made = output.made.filter(|_| !output.is_same());
        let bytes = made.map_or(was.clone(), |made| format!("{was} -> {}", size(made.hash.short(), made.bytes)));
        columns.row([cell(tone, verdict), cell(Tone::Strong, output.identity.to_string()), cell(Tone::Plain, bytes)]);
    }
    let mut rows = columns.render(look, 0).into_iter();
    let mut lines = Vec::new();
    for verified in all {
        lines.extend(rows.by_ref().take(verified.outputs.len()));
        lines.extend(why(verified, look).into_iter().map(|line| format!("  {line}")));
    }
    let same = all.iter().flat_map(|verified| &verified.outputs).filter(|output| output.is_same()).count();
    let outputs: usize = all.iter().map(|verified| verified.outputs.len()).sum();
    lines.push(match (same, outputs) {
        (_, 0) => "Nothing was made again.".to_string(),
        (1, 1) => look.paint(Tone::Good, "Made again, with the same bytes."),
        (same, outputs) if same == outputs => look.paint(Tone::Good, &format!("All {outputs} were made again with the same bytes.")),
        (same, outputs) => look.paint(Tone::Bad, &format!("{same} of {outputs} came out with the same bytes.")),
    });
    // Not where one of them tells that the change means something.
    let could_be_said = |v: &&Verified| !v.same_key && v.blessed.is_none() && !v.differences.iter().any(Difference::is_input);
    if same == outputs
        && let Some(output) = all.iter().find(could_be_said).and_then(|verified| verified.outputs.first())
    {
        let bless = format!("formake bless {} --because \"…\"", units::shell(&output.identity.to_string()));
        lines.push(look.faint(&format!("Where the recipe has changed, `{bless}` says so, and nothing is made again.")));
    }
    lines.join("\n") + "\n"
}

/// What there is to say of a job beside its outputs: what failed, what a difference can come from, what was said about it.
fn why(verified: &Verified, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(failed) = &verified.failed {
        lines.push(look.paint(Tone::Bad, &failed.message));
        lines.extend(failed.tail.iter().map(|line| format!("| {line}")));
    } else if verified.is_same() {
        return lines;
    }
    let other_data = verified.differences.iter().any(Difference::is_input);
    match (&verified.blessed, verified.same_key) {
        _ if verified.failed.is_some() => {}
        (Some(blessed), _) => lines.push(format!("{} said that it would not: {}", blessed.blessing.user, blessed.blessing.because)),
        (None, true) => lines.push("the same recipe from the same inputs gave other bytes: it is not deterministic".into()),
        (None, false) if other_data => lines.push("it was made from other data than there is now:".into()),
        (None, false) => lines.push("it was made by another recipe than there is now:".into()),
    }
    lines.extend(verified.differences.iter().flat_map(|difference| reason::difference_lines(difference, look)));
    lines
}
