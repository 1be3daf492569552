//! `formake diff`: what two words mean, and what stands for both.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::inspect::is_hash;
use super::{Failure, Workspace};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Filter, Listed, Reader, Reading, Snapshot, Timestamp};
use crate::diagnostic::{Diagnostic, nearest};
use crate::identity::{Identity, Name};
use crate::plan::compare::{self, Comparison, Pair, Side, Subject};

/// What is to be compared, as typed.
pub struct Sides<'a> {
    pub a: &'a str,
    /// `None`: with what it was before, or with its base.
    pub b: Option<&'a str>,
    /// Of targets that name none.
    pub label: Option<&'a str>,
    pub as_of: Option<Timestamp>,
    pub class: Option<&'a str>,
}

impl Workspace {
    /// Two labels, targets or snapshots; one of them then and now; a label and its base; a target and its predecessors.
    ///
    /// # Errors
    /// A side stands for nothing, or the two cannot be compared.
    pub fn compare(&self, sides: &Sides<'_>) -> Result<Comparison, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        check_class(&catalog, sides.class)?;
        let first = self.subject(&catalog, sides.a)?;
        let second = sides.b.map(|text| self.subject(&catalog, text)).transpose()?;
        let (a, b) = self.sides(first, second, sides.as_of)?;
        let pairs = match (&a.what, &b.what) {
            (Subject::Predecessor, Subject::Target { target }) => {
                let readings = self.read(&catalog, target, sides.label, None)?;
                predecessors(&catalog, readings)?
            }
            (Subject::Predecessor, _) => predecessors(&catalog, self.stands(&catalog, &b, sides)?)?,
            (Subject::Snapshot { content }, _) | (_, Subject::Snapshot { content }) => {
                // Which of several with these bytes, the other side may tell.
                let found = catalog.by_content(content)?;
                let is_first = matches!(a.what, Subject::Snapshot { .. });
                let theirs = match if is_first { &b.what } else { &a.what } {
                    Subject::Snapshot { content } => {
                        let others = catalog.by_content(content)?;
                        vec![one_of(content, others, &found)?]
                    }
                    _ => self.stands(&catalog, if is_first { &b } else { &a }, sides)?,
                };
                let known: Vec<Snapshot> = theirs.iter().map(|r| r.pointer.snapshot.clone()).collect();
                let own = vec![one_of(content, found, &known)?];
                if is_first { compare::pair(own, theirs) } else { compare::pair(theirs, own) }
            }
            _ => {
                let (mine, theirs) = (self.stands(&catalog, &a, sides)?, self.stands(&catalog, &b, sides)?);
                // A label may have nothing; of a target, one moment may.
                for (side, readings, other) in [(&a, &mine, &theirs), (&b, &theirs, &mine)] {
                    if let Subject::Target { target } = &side.what
                        && readings.is_empty()
                        && (a.what != b.what || other.is_empty())
                    {
                        // Fails, and says why.
                        self.read(&catalog, target, sides.label, side.as_of)?;
                    }
                }
                compare::pair(mine, theirs)
            }
        };
        let runs = catalog.runs(&compare::runs_of(&pairs))?;
        Ok(compare::compare(a, b, pairs, runs))
    }

    /// What a word means: a label, the first digits of a content hash, or a target.
    fn subject(&self, reader: &dyn Reader, text: &str) -> Result<Subject, Failure> {
        let label = || Subject::Label { label: text.into() };
        let target = || Subject::Target { target: text.into() };
        if text.contains(['@', ':', '(']) {
            return Ok(target());
        }
        let settings = &self.config.settings;
        let labels = self.all_labels(reader)?;
        if labels.contains(text) {
            return Ok(label());
        }
        if is_hash(text) && !reader.by_content(text)?.is_empty() {
            return Ok(Subject::Snapshot { content: text.to_lowercase() });
        }
        let classes = reader.classes()?;
        if classes.iter().any(|class| class == text) {
            return Ok(target());
        }
        if settings.labels.is_some() && settings.knows_label(text) {
            return Ok(label());
        }
        let known = labels.iter().map(|label| &**label).chain(classes.iter().map(String::as_str));
        let mut problem = Diagnostic::error("E0913", format!("`{text}` is no label, no dataset class and no content hash here"));
        if let Some(near) = nearest(text, known) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        Err(problem.help("`formake ls` shows what there is").into())
    }

    /// Labels that have something of their own, or that the project names.
    fn all_labels(&self, reader: &dyn Reader) -> Result<BTreeSet<Name>, Failure> {
        let settings = &self.config.settings;
        let patterns = settings.labels.iter().flatten();
        let mut labels: BTreeSet<Name> = reader.labels()?.into_iter().map(|summary| summary.label).collect();
        labels.extend(patterns.filter(|pattern| !pattern.contains('*')).cloned());
        labels.extend(["prod".into(), settings.default_label.clone()]);
        Ok(labels)
    }

    /// The same, for who types; none where the catalog cannot be read.
    pub fn known_labels(&self) -> BTreeSet<Name> {
        self.catalog(Mode::Read).and_then(|catalog| self.all_labels(&catalog)).unwrap_or_default()
    }

    /// What is compared with what.
    fn sides(&self, first: Subject, second: Option<Subject>, as_of: Option<Timestamp>) -> Result<(Side, Side), Failure> {
        let now = |what: Subject| Side { what, as_of: None };
        if as_of.is_some() && [Some(&first), second.as_ref()].into_iter().flatten().any(|s| matches!(s, Subject::Snapshot { .. })) {
            return Err(Diagnostic::error("E0913", "a snapshot is the same at any time")
                .help("leave `--as-of` away, or name an identity instead of a content hash")
                .into());
        }
        Ok(match (first, second) {
            (a, Some(b)) => {
                let labels = [&a, &b].iter().filter(|s| matches!(s, Subject::Label { .. })).count();
                if labels == 1 {
                    let message = "a label is compared with another label, a target or a snapshot with another target or snapshot";
                    return Err(Diagnostic::error("E0913", message)
                        .help("`formake diff prod pr-42`, `formake diff report@2024-01:prod report@2024-01:pr-42`")
                        .into());
                }
                (Side { what: a, as_of }, Side { what: b, as_of })
            }
            (one, None) if as_of.is_some() => (Side { what: one.clone(), as_of }, now(one)),
            (Subject::Label { label }, None) => match self.config.settings.bases.of(&label) {
                Some(base) => (now(Subject::Label { label: base }), now(Subject::Label { label })),
                None => {
                    return Err(Diagnostic::error("E0913", format!("the label {label} has no base to be compared with"))
                        .help(format!("name another label, `formake diff {label} pr-42`, or a time, `formake diff {label} --as-of 1d`"))
                        .into());
                }
            },
            (one, None) => (now(Subject::Predecessor), now(one)),
        })
    }

    /// What a side stands for; nothing is no error here.
    fn stands(&self, reader: &dyn Reader, side: &Side, sides: &Sides<'_>) -> Result<Vec<Reading>, Failure> {
        let mut readings = match &side.what {
            Subject::Label { label } => {
                let class = sides.class.map(str::to_string);
                self.through(reader, &Filter { class, label: Some(label.to_string()), as_of: side.as_of, ..Filter::default() })?
            }
            Subject::Target { target } => self.read_any(reader, target, sides.label, side.as_of)?,
            Subject::Snapshot { content } => vec![one_of(content, reader.by_content(content)?, &[])?],
            Subject::Predecessor => Vec::new(),
        };
        readings.retain(|reading| sides.class.is_none_or(|class| *reading.identity.class == *class));
        Ok(readings)
    }
}

fn check_class(reader: &dyn Reader, class: Option<&str>) -> Result<(), Failure> {
    let Some(class) = class else { return Ok(()) };
    let classes = reader.classes()?;
    if classes.iter().any(|known| known == class) {
        return Ok(());
    }
    let problem = Diagnostic::error("E0601", format!("nothing of a dataset class called `{class}` was ever made, read or published"));
    Err(match nearest(class, classes.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("`formake ls` shows what there is"),
    }
    .into())
}

/// The snapshot that the first digits of a hash mean, where several things have these bytes: that of an identity that the other side has.
fn one_of(content: &str, found: Vec<Snapshot>, others: &[Snapshot]) -> Result<Reading, Failure> {
    let is_alike = |a: &Identity, b: &Identity| a.class == b.class && a.instance == b.instance;
    let is_single =
        |found: &[Snapshot]| found.windows(2).all(|two| two[0].content == two[1].content && is_alike(&two[0].identity, &two[1].identity));
    let mut meant = found.clone();
    if !is_single(&meant) {
        meant.retain(|snapshot| others.iter().any(|other| is_alike(&snapshot.identity, &other.identity)));
    }
    match meant.last() {
        Some(last) if is_single(&meant) => {
            let (identity, from) = (last.identity.clone(), last.made);
            Ok(Listed { identity, snapshot: last.clone(), current: false, hold: None, from, to: None }.into())
        }
        _ => {
            let mut problem = Diagnostic::error("E0912", format!("`{content}` are the first digits of several snapshots"));
            for snapshot in found.iter().take(5) {
                problem = problem.note(format!("{}  {}", snapshot.content.short(), snapshot.identity));
            }
            Err(problem.help("write more digits, or name the identity").into())
        }
    }
}

/// Each with what its identity stood for before.
fn predecessors(reader: &dyn Reader, readings: Vec<Reading>) -> Result<Vec<Pair>, Failure> {
    let mut shelves: BTreeMap<(Name, Name, Name), HashMap<Identity, Vec<Listed>>> = BTreeMap::new();
    let mut pairs = Vec::with_capacity(readings.len());
    for reading in readings {
        let owner = &reading.pointer.identity;
        let key = (owner.class.clone(), owner.label.clone(), owner.repository.clone());
        if !shelves.contains_key(&key) {
            let (class, label, repository) = (Some(key.0.to_string()), Some(key.1.to_string()), Some(key.2.to_string()));
            let mut stays: HashMap<Identity, Vec<Listed>> = HashMap::new();
            for stay in reader.list(&Filter { class, label, repository, all: true, as_of: None })? {
                stays.entry(stay.identity.clone()).or_default().push(stay);
            }
            shelves.insert(key.clone(), stays);
        }
        let stays = shelves.get(&key).and_then(|stays| stays.get(owner)).map_or(&[][..], Vec::as_slice);
        let snapshot = reading.pointer.snapshot.id;
        let last = stays.iter().rposition(|stay| stay.snapshot.id == snapshot).unwrap_or_default();
        let before = stays[..last].iter().rev().find(|stay| stay.snapshot.id != snapshot).cloned();
        pairs.push(Pair { a: before.map(Reading::from), b: Some(reading) });
    }
    Ok(pairs)
}
