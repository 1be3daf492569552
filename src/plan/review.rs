//! What a label's changes come down to, for who must judge them: which formulas changed and in what, what is made because of that, and what
//! is made or stale for other reasons.
//!
//! What is true here: nothing is decided. The plan says what happens; this says why, by formula. What a formula's own text says is told apart
//! from what reaches it through its inputs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::action::{Action, Owed, Plan, Step};
use super::breaks::Breaks;
use crate::catalog::Run;
use crate::digest::Fingerprint;
use crate::formula::program::{Formula, Program};
use crate::identity::{Identity, Name};
use crate::resolve::{Graph, JobIx, Origin};
use crate::validity::{Difference, Reason, Recipes, manifest};

/// The review of a plan under a label with a base.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Review {
    pub label: Name,
    pub base: Name,
    /// In the order in which they are made.
    pub formulas: Vec<ChangedFormula>,
    /// Changed, but by no formula's text: what the base has not made yet, what the label published or holds.
    pub others: Vec<Gathered>,
    /// Made though only sources moved, since something changed needs it as of today.
    pub owed_to_base: Vec<Gathered>,
    pub stale_in_base: Vec<Gathered>,
    /// Identities that are the base's as they are, and those that the label made before, which are still right.
    pub inherited: usize,
    pub valid: usize,
    /// Classes that are made from what changed, to the end.
    pub touched: Vec<Touched>,
    /// Classes that the base has never made.
    pub new_classes: Vec<Touched>,
    pub breaks: Breaks,
}

/// A formula that is not the one by which the base's results were made.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ChangedFormula {
    /// Of the program; `None` where it is gone.
    #[serde(skip)]
    pub id: Option<usize>,
    pub title: String,
    pub place: String,
    /// What it makes.
    pub classes: Vec<Name>,
    #[serde(flatten)]
    pub change: FormulaChange,
    /// Identities that are made, or were made, because of it, by class: its own first.
    pub because: Vec<Tally>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum FormulaChange {
    /// Parts of its recipe, what its templates read, or what its head asks for.
    Differs { differences: Vec<Difference> },
    /// The base has nothing that a formula made of what it makes.
    New,
    /// Nothing makes any more what it made.
    Gone { identities: usize },
}

/// Identities of one class by what happens to them.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Tally {
    pub class: Name,
    pub run: usize,
    pub may_run: usize,
    pub reuse: usize,
    /// Made already.
    pub valid: usize,
}

impl Tally {
    pub fn all(&self) -> usize {
        self.run + self.may_run + self.reuse + self.valid
    }
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Touched {
    pub class: Name,
    /// The plan has some of it.
    pub planned: bool,
}

/// What is done with some identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    Run,
    MayRun,
    Reuse,
    Valid,
    StaleInBase,
}

/// Identities of one class to which the same happens for the same reason.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Gathered {
    pub class: Name,
    pub repository: Name,
    pub action: Doing,
    pub count: usize,
    /// Of the first of them.
    pub why: Option<Reason>,
    #[serde(skip)]
    pub identities: Vec<Identity>,
}

/// What a review is made from.
pub struct Facts<'a> {
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub plan: &'a Plan,
    pub recipes: &'a Recipes,
    pub label: &'a Name,
    pub base: &'a Name,
    /// By job: whether the label changed it, in itself or above.
    pub changed: &'a [bool],
    /// The runs that made what the base stands for, of changed jobs.
    pub made: &'a HashMap<JobIx, Run>,
    /// Of the same jobs: variables and what templates read, as runs record them.
    pub values: &'a HashMap<JobIx, String>,
    /// Class and repository of all that runs made for the base.
    pub held: &'a BTreeSet<(Name, Name)>,
    /// What the base holds and nothing makes any more, with the formula that made it.
    pub unmade: &'a [(Identity, String, String)],
}

impl Facts<'_> {
    fn formula(&self, job: JobIx) -> &Formula {
        &self.program.formulas[self.graph.jobs[job.0 as usize].formula]
    }

    fn steps(&self) -> HashMap<&Identity, &Step> {
        self.plan.steps.iter().map(|step| (&step.identity, step)).collect()
    }
}

/// Formulas that are others than those by which the base's results were made, apart for each way in which one differs.
pub fn formulas(facts: &Facts<'_>) -> Vec<ChangedFormula> {
    let mut found: Vec<(usize, FormulaChange, Vec<JobIx>)> = Vec::new();
    let mut recipes = HashMap::new();
    for index in (0..facts.graph.jobs.len()).filter(|index| facts.changed[*index]) {
        let job = JobIx(index as u32);
        let formula = facts.formula(job);
        let change = match facts.made.get(&job) {
            Some(run) => match differences(facts, job, run, &mut recipes) {
                same if same.is_empty() => continue,
                differences => FormulaChange::Differs { differences },
            },
            None if formula.outputs.iter().any(|o| facts.held.contains(&(o.pattern.class.clone(), o.pattern.repository.clone()))) => {
                continue;
            }
            None => FormulaChange::New,
        };
        match found.iter_mut().find(|(id, known, _)| *id == formula.id && *known == change) {
            Some((_, _, jobs)) => jobs.push(job),
            None => found.push((formula.id, change, vec![job])),
        }
    }
    let steps = facts.steps();
    let changed = found.into_iter().map(|(id, change, jobs)| {
        let formula = &facts.program.formulas[id];
        let (title, place, because) = (formula.title.clone(), formula.place.clone(), because(facts, &steps, &jobs));
        ChangedFormula { id: Some(id), title, place, classes: classes(formula), change, because }
    });
    changed.chain(gone(facts)).collect()
}

fn classes(formula: &Formula) -> Vec<Name> {
    let mut classes: Vec<Name> = formula.outputs.iter().map(|output| output.pattern.class.clone()).collect();
    classes.dedup();
    classes
}

/// Formulas that made what nothing makes any more.
fn gone(facts: &Facts<'_>) -> Vec<ChangedFormula> {
    let mut all: Vec<ChangedFormula> = Vec::new();
    for (identity, title, place) in facts.unmade {
        let at = all.iter().position(|known| known.title == *title && known.place == *place).unwrap_or_else(|| {
            let change = FormulaChange::Gone { identities: 0 };
            let (title, place, classes, because) = (title.clone(), place.clone(), Vec::new(), Vec::new());
            all.push(ChangedFormula { id: None, title, place, classes, change, because });
            all.len() - 1
        });
        let known = &mut all[at];
        if !known.classes.contains(&identity.class) {
            known.classes.push(identity.class.clone());
        }
        if let FormulaChange::Gone { identities } = &mut known.change {
            *identities += 1;
        }
    }
    all
}

/// What of a job's own is not as it was in a run. `recipes`: what differs in those that were looked at.
fn differences(facts: &Facts<'_>, job: JobIx, run: &Run, recipes: &mut HashMap<(usize, Fingerprint), Vec<Difference>>) -> Vec<Difference> {
    let id = facts.graph.jobs[job.0 as usize].formula;
    let recipe = &facts.recipes.0[id];
    let mut all = Vec::new();
    if recipe.fingerprint != run.fingerprint {
        let known = recipes.entry((id, run.fingerprint));
        all = known.or_insert_with(|| manifest::differences(&manifest::parts(&run.recipe), &recipe.parts)).clone();
    }
    if let Some(values) = facts.values.get(&job) {
        all.extend(manifest::differences(&manifest::parts(&run.variables), &manifest::parts(values)));
    }
    // A part that is empty is not there.
    let text = |side: &Option<String>| side.as_deref().unwrap_or_default().to_string();
    all.retain(|difference| text(&difference.old) != text(&difference.new));
    if run.shape.is_some_and(|shape| shape != recipe.shape) {
        let instance = &facts.graph.jobs[job.0 as usize];
        let named =
            facts.formula(job).inputs.iter().zip(&instance.inputs).flat_map(|(input, parts)| parts.iter().map(move |p| (&*input.name, p)));
        let now: Vec<(&str, &Identity)> = named.map(|(name, part)| (name, &facts.graph.nodes[part.node.0 as usize].identity)).collect();
        let then: Vec<(&str, &Identity)> = run.inputs.iter().map(|input| (&*input.name, &input.identity)).collect();
        let is = |a: &(&str, &Identity), b: &(&str, &Identity)| a.0 == b.0 && a.1.class == b.1.class && a.1.instance == b.1.instance;
        if now.len() != then.len() || !now.iter().zip(&then).all(|(a, b)| is(a, b)) {
            let counts = [counted(&then), counted(&now)];
            let [old, new] = if counts[0] == counts[1] { [ends(&then), ends(&now)] } else { counts };
            all.push(Difference { part: "inputs".into(), old: Some(old), new: Some(new) });
        }
    }
    all
}

/// `clean, sales (7)`: inputs, with how many parts each has.
fn counted(inputs: &[(&str, &Identity)]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    inputs.iter().for_each(|(name, _)| *counts.entry(name).or_default() += 1);
    let one = |(name, count): (&str, usize)| if count == 1 { name.to_string() } else { format!("{name} ({count})") };
    counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `sales@2024-01-01 to sales@2024-01-07`: the first and the last part of each input.
fn ends(inputs: &[(&str, &Identity)]) -> String {
    let mut ends: BTreeMap<&str, (&Identity, &Identity)> = BTreeMap::new();
    for (name, identity) in inputs {
        ends.entry(name).or_insert((identity, identity)).1 = identity;
    }
    let one = |identity: &Identity| format!("{}@{}", identity.class, identity.instance);
    let both = |(first, last): (&Identity, &Identity)| if first == last { one(first) } else { format!("{} to {}", one(first), one(last)) };
    ends.into_values().map(both).collect::<Vec<_>>().join(", ")
}

/// Jobs that are changed because these are: they, and what is made from them.
fn reached(facts: &Facts<'_>, jobs: &[JobIx]) -> Vec<bool> {
    let mut reached = vec![false; facts.graph.jobs.len()];
    jobs.iter().for_each(|job| reached[job.0 as usize] = true);
    for (index, job) in facts.graph.jobs.iter().enumerate() {
        reached[index] |= facts.changed[index]
            && job.inputs.iter().flatten().any(|part| match facts.graph.nodes[part.node.0 as usize].origin {
                Origin::Job { job, .. } => reached[job.0 as usize],
                _ => false,
            });
    }
    reached
}

fn doing(action: &Action) -> Option<Doing> {
    match action {
        Action::Run { .. } => Some(Doing::Run),
        Action::MayRun { .. } => Some(Doing::MayRun),
        Action::Reuse { .. } => Some(Doing::Reuse),
        Action::Valid { .. } => Some(Doing::Valid),
        Action::StaleInBase { .. } => Some(Doing::StaleInBase),
        Action::Inherited { .. } | Action::Blocked { .. } | Action::Held { .. } | Action::Source { .. } | Action::Published { .. } => None,
    }
}

/// The identities of changed jobs that are made because of these, by class.
fn because(facts: &Facts<'_>, steps: &HashMap<&Identity, &Step>, jobs: &[JobIx]) -> Vec<Tally> {
    let reached = reached(facts, jobs);
    let own = jobs.iter().copied().chain((0..reached.len()).map(|index| JobIx(index as u32)));
    let mut seen = BTreeSet::new();
    let mut tallies: Vec<Tally> = Vec::new();
    for job in own.filter(|job| reached[job.0 as usize]) {
        for node in facts.graph.jobs[job.0 as usize].outputs.iter().filter(|node| seen.insert(node.0)) {
            let identity = &facts.graph.nodes[node.0 as usize].identity;
            let Some(doing) = steps.get(identity).and_then(|step| doing(&step.action)) else { continue };
            let at = tallies.iter().position(|tally| tally.class == identity.class).unwrap_or_else(|| {
                tallies.push(Tally { class: identity.class.clone(), run: 0, may_run: 0, reuse: 0, valid: 0 });
                tallies.len() - 1
            });
            *match doing {
                Doing::Run => &mut tallies[at].run,
                Doing::MayRun => &mut tallies[at].may_run,
                Doing::Reuse => &mut tallies[at].reuse,
                Doing::Valid => &mut tallies[at].valid,
                Doing::StaleInBase => continue,
            } += 1;
        }
    }
    tallies
}

/// The whole, from the formulas and from what was found of columns.
pub fn review(facts: &Facts<'_>, formulas: Vec<ChangedFormula>, breaks: Breaks) -> Review {
    let own = |job: JobIx| formulas.iter().any(|f| f.id == Some(facts.graph.jobs[job.0 as usize].formula));
    let roots: Vec<JobIx> =
        (0..facts.changed.len()).map(|index| JobIx(index as u32)).filter(|j| facts.changed[j.0 as usize] && own(*j)).collect();
    let covered = reached(facts, &roots);
    let (mut others, mut owed_to_base, mut stale_in_base) = (Gathering::default(), Gathering::default(), Gathering::default());
    let (mut inherited, mut valid) = (0, 0);
    for step in facts.plan.steps.iter().filter(|step| step.identity.label == *facts.label) {
        let changed = step.job.is_some_and(|job| facts.changed[job as usize] && !covered[job as usize]);
        match &step.action {
            Action::StaleInBase { .. } => stale_in_base.add(step),
            Action::Run { .. } | Action::MayRun { .. } | Action::Reuse { .. } if step.owed == Some(Owed::StaleBase) => {
                owed_to_base.add(step)
            }
            Action::Run { .. } | Action::MayRun { .. } | Action::Reuse { .. } | Action::Valid { .. } if changed => others.add(step),
            Action::Inherited { .. } => inherited += 1,
            _ => {}
        }
        valid += usize::from(matches!(step.action, Action::Valid { .. }));
    }
    Review {
        label: facts.label.clone(),
        base: facts.base.clone(),
        touched: touched(facts, &formulas),
        new_classes: new_classes(facts),
        formulas,
        others: others.0,
        owed_to_base: owed_to_base.0,
        stale_in_base: stale_in_base.0,
        inherited,
        valid,
        breaks,
    }
}

/// Groups by class, repository, action and what the reasons have in common, in the order of their first.
#[derive(Default)]
struct Gathering(Vec<Gathered>);

impl Gathering {
    fn add(&mut self, step: &Step) {
        let Some(action) = doing(&step.action) else { return };
        let why = match &step.action {
            Action::Run { why } | Action::Reuse { why, .. } | Action::StaleInBase { why, .. } => Some(why),
            _ => None,
        };
        let Identity { class, repository, .. } = &step.identity;
        let same = |g: &&mut Gathered| {
            g.class == *class && g.repository == *repository && g.action == action && g.why.as_ref().map(family) == why.map(family)
        };
        match self.0.iter_mut().find(same) {
            Some(group) => {
                group.count += 1;
                group.identities.push(step.identity.clone());
            }
            None => self.0.push(Gathered {
                class: class.clone(),
                repository: repository.clone(),
                action,
                count: 1,
                why: why.cloned(),
                identities: vec![step.identity.clone()],
            }),
        }
    }
}

/// A reason without what names a single instance.
fn family(reason: &Reason) -> String {
    match reason {
        Reason::Changed { differences } => {
            let parts: BTreeSet<&str> = differences.iter().map(|d| d.part.split_once('@').map_or(&*d.part, |(part, _)| part)).collect();
            parts.into_iter().collect::<Vec<_>>().join(", ")
        }
        Reason::Sibling { because, .. } => format!("sibling: {}", family(because)),
        Reason::Invalidated { because } => format!("invalidated: {because}"),
        Reason::Missing => "missing".into(),
        Reason::BytesGone => "bytes gone".into(),
        Reason::BytesDamaged => "bytes damaged".into(),
        Reason::Expired { .. } => "expired".into(),
    }
}

fn is_planned(facts: &Facts<'_>, class: &Name) -> bool {
    facts.graph.nodes.iter().any(|node| node.identity.class == *class && node.identity.label == *facts.label)
}

/// Classes that are made from what changed formulas make, straight or through others.
fn touched(facts: &Facts<'_>, formulas: &[ChangedFormula]) -> Vec<Touched> {
    let mut seen: BTreeSet<Name> = formulas.iter().flat_map(|formula| formula.classes.clone()).collect();
    let mut stack: Vec<Name> = seen.iter().cloned().collect();
    let mut touched = Vec::new();
    while let Some(class) = stack.pop() {
        for reader in facts.program.readers.get(&class).into_iter().flatten() {
            for made in classes(&facts.program.formulas[*reader]) {
                if seen.insert(made.clone()) {
                    touched.push(Touched { planned: is_planned(facts, &made), class: made.clone() });
                    stack.push(made);
                }
            }
        }
    }
    touched.sort_by(|a, b| a.class.cmp(&b.class));
    touched
}

fn new_classes(facts: &Facts<'_>) -> Vec<Touched> {
    let outputs = facts.program.formulas.iter().filter(|formula| formula.label() == Some(facts.label)).flat_map(|formula| &formula.outputs);
    let made = |class: &Name| facts.held.iter().any(|(held, _)| held == class);
    let new: BTreeSet<&Name> = outputs.map(|output| &output.pattern.class).filter(|class| !made(class)).collect();
    new.into_iter().map(|class| Touched { class: class.clone(), planned: is_planned(facts, class) }).collect()
}
