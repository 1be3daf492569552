//! Blessings: a person's statement that a change of the recipe leaves what an identity stands for as good as it was; and its end.

use std::collections::BTreeSet;

use super::request::Request;
use super::{Failure, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Blessing, Catalog, Change, Reader, SnapshotId};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::plan::blessing::{Objection, Statement, statements};
use crate::plan::{self, Draft, Judge};
use crate::report::bless::objection;
use crate::resolve::NodeIx;

/// What was said, and what is valid without that.
pub struct Said {
    pub statements: Vec<Statement>,
    pub valid: Vec<Identity>,
}

/// More than this say no more.
const TOLD: usize = 20;

impl Workspace {
    /// Says of all that the targets stand for that today's recipe would give the same; all of it, or nothing.
    ///
    /// # Errors
    /// Something differs in more than its recipe, or cannot be compared yet.
    pub fn bless(&self, request: &Request, because: &str) -> Result<Said, Failure> {
        let program = self.program_for(request)?;
        let catalog = self.catalog(Mode::Write)?;
        let (prepared, standings) = self.prepare(request, &program, &catalog)?;
        let (mut judge, mut draft) = self.draft(request, &program, &prepared, standings, &catalog)?;
        let mut said = Said { statements: Vec::new(), valid: Vec::new() };
        let mut open: Vec<NodeIx> = prepared.graph.targets.clone();
        loop {
            let before = open.len();
            let objections = said.say(&mut judge, &draft, &mut open)?;
            if open.is_empty() {
                break;
            }
            if open.len() == before {
                if said.statements.is_empty() || objections.iter().any(|(_, why)| !is_idle(why)) {
                    return Err(refused(&judge, objections).into());
                }
                let valid = objections.iter().filter(|(_, why)| *why == Objection::Valid);
                said.valid = valid.map(|(node, _)| judge.identity(*node).clone()).collect();
                break;
            }
            // What was said may have settled what others read.
            let options = plan::Options { jobs: 1, fresh: request.fresh };
            draft = plan::build::build(&mut judge, &prepared.observed(), &options)?;
        }
        let changes = said.statements.iter().map(|statement| Change::Bless {
            identity: statement.identity.clone(),
            snapshot: statement.snapshot.id,
            key: statement.key,
            because: because.to_string(),
        });
        catalog.commit(&clock::actor(), clock::now(), &changes.collect::<Vec<_>>())?;
        Ok(said)
    }

    /// Takes back all that was said of what the targets stand for.
    ///
    /// # Errors
    /// Nothing was said of one of them.
    pub fn revoke(&self, targets: &[String], label: Option<&str>) -> Result<Vec<Blessing>, Failure> {
        let catalog = self.catalog(Mode::Write)?;
        let blessings = catalog.blessings()?;
        let mut revoked: Vec<Blessing> = Vec::new();
        for text in targets {
            let readings = self.read(&catalog, text, label, None)?;
            // All outputs of a job are blessed together.
            let runs: Vec<_> = readings.iter().filter_map(|reading| reading.pointer.snapshot.origin.run()).collect();
            let runs = catalog.runs(&runs)?;
            let snapshots: BTreeSet<SnapshotId> = runs.iter().flat_map(|run| run.outputs.iter().filter_map(|(_, id)| *id)).collect();
            let said: Vec<&Blessing> = blessings.iter().filter(|blessing| snapshots.contains(&blessing.snapshot)).collect();
            if said.is_empty() {
                return Err(Diagnostic::error("E0851", format!("nothing that `{text}` stands for is blessed"))
                    .help(format!("`formake why {text}` tells why it is valid, or not"))
                    .into());
            }
            for blessing in said {
                if !revoked.contains(blessing) {
                    revoked.push(blessing.clone());
                }
            }
        }
        let changes = revoked.iter().map(|blessing| Change::Unbless {
            identity: blessing.identity.clone(),
            snapshot: blessing.snapshot,
            key: blessing.key,
        });
        catalog.commit(&clock::actor(), clock::now(), &changes.collect::<Vec<_>>())?;
        Ok(revoked)
    }
}

impl Said {
    /// Says what can be said of the targets that are open, and tells what stands against the others.
    fn say(&mut self, judge: &mut Judge<'_>, draft: &Draft, open: &mut Vec<NodeIx>) -> Result<Vec<(NodeIx, Objection)>, Failure> {
        let mut objections = Vec::new();
        for node in std::mem::take(open) {
            let answer = match judge.maker(node) {
                // Said together with another output of its job.
                Some(_) if self.statements.iter().any(|statement| statement.identity == *judge.identity(node)) => continue,
                Some(job) => statements(judge, &draft.verdicts[job.0 as usize], job)?,
                None => Err(Objection::NotMade),
            };
            match answer {
                Ok(statements) => {
                    statements.iter().for_each(|statement| judge.bless(statement.snapshot.id, statement.key));
                    self.statements.extend(statements);
                }
                Err(why) => {
                    open.push(node);
                    objections.push((node, why));
                }
            }
        }
        Ok(objections)
    }
}

/// There is nothing to say, and among many that is no mistake.
fn is_idle(objection: &Objection) -> bool {
    matches!(objection, Objection::Valid | Objection::Nothing)
}

/// A diagnostic for each that cannot be blessed.
fn refused(judge: &Judge<'_>, objections: Vec<(NodeIx, Objection)>) -> Vec<Diagnostic> {
    let all_idle = objections.iter().all(|(_, why)| is_idle(why));
    let told = objections.into_iter().filter(|(_, why)| all_idle || !is_idle(why));
    told.take(TOLD)
        .map(|(node, why)| {
            let identity = judge.identity(node);
            let (notes, help) = objection(identity, &why);
            let problem = Diagnostic::error("E0850", format!("{identity} cannot be blessed")).note(notes.join("\n"));
            if help.is_empty() { problem } else { problem.help(help) }
        })
        .collect()
}
