//! Promotion and rollback: what a label's results come down to in its base, and one commit that moves the pointers. Nothing is made, nothing
//! is copied, no bytes are touched.

use std::fs;

use jiff::tz::TimeZone;

use super::failure::Failure;
use super::lock::Lock;
use super::request::Request;
use super::{Mode, OWN, Workspace, clock, moment};
use crate::catalog::{Applied, Catalog, CatalogError, Change, Gate, NewPromotion, Promotion, PromotionId, PromotionKind, Reader};
use crate::diagnostic::Diagnostic;
use crate::formula::program::Program;
use crate::identity::Name;
use crate::plan::promotion::{Asked, Back, LeftOut, Moving, PromotionPlan, Refusal, RollbackPlan, Until, everything, promotion, rollback};
use crate::quality::{Contracts, Report};
use crate::run::disk::Disk;
use crate::run::look::Looks;

/// What is to be promoted.
#[derive(Clone, Debug, Default)]
pub struct PromoteRequest {
    /// As typed, under `from` where they name no label; none: all that the label has of its own.
    pub targets: Vec<String>,
    pub from: String,
    /// The label's base, which is the only one it can be.
    pub to: Option<String>,
    pub because: Option<String>,
    /// Only look.
    pub dry_run: bool,
}

/// What is to be taken back.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    pub label: String,
    /// A promotion's number, or a time; none: the last promotion.
    pub to: Option<String>,
    pub cascade: bool,
    pub because: Option<String>,
    /// Of a time without one.
    pub zone: TimeZone,
}

/// What a user hears while another build of the project has the word.
pub type Waiting<'a> = &'a mut dyn FnMut(&str);

impl Workspace {
    /// Moves a label's results to its base, all of what was asked for or nothing.
    ///
    /// # Errors
    /// The label has no base, or another one. What else forbids it stands in the plan, and then nothing moved: there is no number of it.
    pub fn promote(&self, request: &PromoteRequest, waiting: Waiting<'_>) -> Result<(PromotionPlan, Option<PromotionId>), Failure> {
        let (from, to) = self.way(request)?;
        let _lock = if request.dry_run { None } else { Some(self.alone(waiting)?) };
        let catalog = self.catalog(if request.dry_run { Mode::Read } else { Mode::Write })?;
        let plan = self.promotion(request, &from, &to, &catalog)?;
        if request.dry_run {
            return Ok((plan, None));
        }
        // Before anything else is told of it.
        catalog.ask_for(&clock::actor(), clock::now(), &[forward(request, &plan)])?;
        if !plan.refused.is_empty() || plan.moves.is_empty() {
            return Ok((plan, None));
        }
        match commit(&catalog, forward(request, &plan)) {
            Ok(id) => Ok((plan, Some(id))),
            // Somebody was faster: the same question, asked again, says what moved.
            Err(CatalogError::Moved { identity }) => match self.promotion(request, &from, &to, &catalog)? {
                plan if plan.refused.is_empty() => Err(CatalogError::Moved { identity }.into()),
                plan => Ok((plan, None)),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn promotion(&self, asked: &PromoteRequest, from: &Name, to: &Name, reader: &Gate) -> Result<PromotionPlan, Failure> {
        let mut request = Request { targets: asked.targets.clone(), label: Some(from.to_string()), ..Request::default() };
        let program: Program = self.program_for(&request)?;
        let mut nobodys = Vec::new();
        if asked.targets.is_empty() {
            let (there, gone) = everything(&program, reader, from)?;
            request.targets = there.iter().map(ToString::to_string).collect();
            nobodys = gone.into_iter().map(|identity| (identity, LeftOut::NoMaker)).collect();
        }
        let mut plan = PromotionPlan { from: from.clone(), to: to.clone(), ..PromotionPlan::default() };
        if !request.targets.is_empty() {
            let (prepared, standings) = self.prepare(&request, &program, reader)?;
            let others = prepared.graph.targets.iter().map(|target| &prepared.graph.nodes[target.0 as usize].identity);
            if let Some(other) = others.into_iter().find(|identity| identity.label != *from) {
                return Err(Diagnostic::error("E0821", format!("{other} is not under {from}, from which is promoted"))
                    .help(format!("name it as it is under {from}, or without a label"))
                    .into());
            }
            let (_, draft) = self.draft(&request, &program, &prepared, standings, reader)?;
            let whole = asked.targets.is_empty();
            let planned = Asked { from, to, whole, program: &program, graph: &prepared.graph, plan: &draft.plan };
            plan = promotion(&planned, reader, &self.bytes)?;
            let broken = self.broken(&program, &prepared.contracts, reader, &plan)?;
            plan.refused.extend(broken);
        }
        plan.left_out.extend(nobodys);
        plan.not_permitted = reader.refusals_of(&clock::actor().user, &[forward(asked, &plan)])?;
        Ok(plan)
    }

    /// What of it breaks a contract under the base. Nothing is read again that was checked under the contract as it is now, unless that
    /// compares with what stands there.
    fn broken(&self, program: &Program, contracts: &Contracts, reader: &Gate, plan: &PromotionPlan) -> Result<Vec<Refusal>, Failure> {
        let own = self.root.join(OWN);
        let looks = Looks { program, contracts, spill: &own, threads: clock::processors() };
        let mut broken = Vec::new();
        for moving in &plan.moves {
            let (Some(snapshot), Some(contract)) = (&moving.now, contracts.of(&moving.identity.class)) else { continue };
            let known = reader.looked(&[snapshot.id])?.pop().and_then(|looked| looked.report);
            let known =
                known.filter(|(meaning, _)| *meaning == contract.meaning && contract.window() == 0 && contract.compared_with().is_empty());
            let report = match known.and_then(|(_, text)| serde_json::from_str::<Report>(&text).ok()) {
                Some(report) => report,
                None => {
                    let against = looks.against(reader, &self.bytes, &moving.identity)?;
                    let (at, files) = self.bytes.data(snapshot);
                    looks.look(&moving.identity, &at, &files, &against).report
                }
            };
            if report.blocks() {
                let verdicts = report.errors().cloned().collect();
                broken.push(Refusal::Contract { identity: moving.identity.under(&plan.from), file: contract.file.clone(), verdicts });
            }
        }
        Ok(broken)
    }

    /// From where to where.
    fn way(&self, request: &PromoteRequest) -> Result<(Name, Name), Failure> {
        let from: Name = request.from.as_str().into();
        let Some(base) = self.config.settings.bases.of(&from) else {
            return Err(Diagnostic::error("E0821", format!("the label {from} has no base to promote to"))
                .help(format!("say it in formake.yaml: `labels: {{ \"{from}\": {{ base: prod }} }}`"))
                .into());
        };
        match &request.to {
            Some(to) if **to != *base => Err(Diagnostic::error("E0821", format!("the base of {from} is {base}, not {to}"))
                .note("a label is promoted to what it was planned and built against")
                .help(format!("promote to {base}, and from there on; or give {from} another base in formake.yaml"))
                .into()),
            _ => Ok((from, base)),
        }
    }

    /// What a user means by a rollback.
    ///
    /// # Errors
    /// What it is to go back to is neither a number nor a time.
    pub fn back(&self, request: &RollbackRequest) -> Result<Back, Failure> {
        let until = match request.to.as_deref() {
            None => Until::Last,
            Some(text) => match text.parse() {
                Ok(number) => Until::Promotion(PromotionId(number)),
                Err(_) => Until::Time(moment::read(text, &request.zone)?),
            },
        };
        let (label, because) = (request.label.as_str().into(), request.because.clone());
        Ok(Back { label, until, cascade: request.cascade, because })
    }

    /// What taking promotions back comes down to. Changes nothing.
    pub fn look_back(&self, back: &Back) -> Result<RollbackPlan, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let mut plan = rollback(back, &self.config.settings.bases, &catalog, &self.bytes)?;
        plan.not_permitted = catalog.refusals_of(&clock::actor().user, &[backward(back, &plan)])?;
        Ok(plan)
    }

    /// Whether the acting user may take that back, asked before the user is.
    pub fn may_roll_back(&self, back: &Back, shown: &RollbackPlan) -> Result<(), Failure> {
        Ok(self.catalog(Mode::Write)?.ask_for(&clock::actor(), clock::now(), &[backward(back, shown)])?)
    }

    /// Takes promotions back as `shown`, all of it or nothing.
    ///
    /// # Errors
    /// Something moved since it was shown.
    pub fn roll_back(&self, back: &Back, shown: &RollbackPlan, waiting: Waiting<'_>) -> Result<PromotionId, Failure> {
        let _lock = self.alone(waiting)?;
        let catalog = self.catalog(Mode::Write)?;
        let now = rollback(back, &self.config.settings.bases, &catalog, &self.bytes)?;
        if !now.stuck.is_empty() || backward(back, &now) != backward(back, shown) {
            return Err(Diagnostic::error("E0805", format!("{} moved since this was looked at", back.label))
                .help("look at what a rollback would do now: `--dry-run`")
                .into());
        }
        Ok(commit(&catalog, backward(back, &now))?)
    }

    /// Promotions and rollbacks of a label, oldest first.
    pub fn promotions(&self, label: &str) -> Result<Vec<Promotion>, Failure> {
        Ok(self.catalog(Mode::Read)?.promotions(Some(label))?)
    }

    /// No build decides or writes meanwhile: it would not see the pointers move under it.
    fn alone(&self, waiting: Waiting<'_>) -> Result<Lock, Failure> {
        let own = self.root.join(OWN);
        let lock = own.join("lock");
        let taken = fs::create_dir_all(&own).and_then(|()| Lock::take(&lock, waiting));
        taken.map_err(|error| Diagnostic::error("E0810", format!("`{}` cannot be written: {error}", lock.display())).into())
    }
}

fn forward(request: &PromoteRequest, plan: &PromotionPlan) -> Change {
    Change::Promote(Box::new(NewPromotion {
        kind: PromotionKind::Promotion,
        from: Some(plan.from.clone()),
        to: plan.to.clone(),
        undoes: Vec::new(),
        because: request.because.clone(),
        moves: plan.moves.iter().map(Moving::change).collect(),
    }))
}

fn backward(back: &Back, plan: &RollbackPlan) -> Change {
    Change::Promote(Box::new(NewPromotion {
        kind: PromotionKind::Rollback,
        from: None,
        to: back.label.clone(),
        undoes: plan.undoes.iter().map(|promotion| promotion.id).collect(),
        because: back.because.clone(),
        moves: plan.moves.iter().map(Moving::change).collect(),
    }))
}

fn commit(catalog: &dyn Catalog, change: Change) -> Result<PromotionId, CatalogError> {
    let applied = catalog.commit(&clock::actor(), clock::now(), &[change])?;
    Ok(applied.into_iter().find_map(|applied| if let Applied::Promotion(id) = applied { Some(id) } else { None }).unwrap_or(PromotionId(0)))
}
