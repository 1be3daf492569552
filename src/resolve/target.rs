//! What the user asked for, typed by the class's dimensions, as a list of identities.

use std::collections::HashSet;

use super::domain::{MOST, Unbounded};
use super::provide::Resolver;
use crate::diagnostic::{Diagnostic, nearest};
use crate::formula::program::{Class, Kind};
use crate::identity::target::{Choice, Target, TargetComponent};
use crate::identity::{Component, Dimension, Identity, Instance, Name, Pattern, Period, Type, Value};

/// The identities that a target stands for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub identities: Vec<Identity>,
    /// Found by looking for what can be provided (a bare class, `*`), rather than named.
    pub found: bool,
}

/// Why a target stands for nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ResolveError {
    #[error("no dataset class is called `{class}`")]
    UnknownClass { class: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{target}` does not have the dimensions of `{class}`, which are {dimensions}")]
    Dimensions { target: String, class: String, dimensions: String, reason: String },
    #[error("`{text}` is not {expected}, which `{dimension}` of `{class}` holds")]
    Value { class: String, dimension: String, text: String, expected: String },
    #[error("nothing makes `{class}` under the label `{label}`")]
    Label { class: String, label: String, known: Vec<String> },
    #[error("`{class}` is not kept in the repository `{repository}`")]
    Repository { class: String, repository: String, known: Vec<String> },
    #[error("`{target}` is made in several repositories: {}", known.join(", "))]
    AmbiguousRepository { target: String, known: Vec<String> },
    #[error("`{target}` stands for everything that can be provided, and nothing bounds `{}` of `{}`", unbounded.variable, unbounded.formula)]
    Unbounded { target: String, unbounded: Unbounded },
    #[error("`{target}` stands for more than {MOST} identities")]
    TooMany { target: String },
    #[error("nothing that `{target}` stands for can be provided")]
    Nothing { target: String },
}

impl ResolveError {
    pub fn diagnostic(&self) -> Diagnostic {
        let message = self.to_string();
        match self {
            ResolveError::UnknownClass { nearest, known, .. } => {
                let d = Diagnostic::error("E0601", message);
                match nearest {
                    Some(near) => d.help(format!("did you mean `{near}`?")),
                    None if known.is_empty() => d.help("this project has no formulas yet; `formake init` writes an example"),
                    None => d.help(format!("the classes are: {}", known.join(", "))),
                }
            }
            ResolveError::Dimensions { reason, .. } => Diagnostic::error("E0602", message).note(reason.clone()),
            ResolveError::Value { expected, .. } => Diagnostic::error("E0603", message).help(format!("write {expected}")),
            ResolveError::Label { known, .. } => {
                Diagnostic::error("E0604", message).help(format!("it is made under: {}", known.join(", ")))
            }
            ResolveError::Repository { known, .. } => {
                Diagnostic::error("E0605", message).help(format!("it is kept in: {}", known.join(", ")))
            }
            ResolveError::AmbiguousRepository { target, known } => Diagnostic::error("E0606", message)
                .help(format!("name one of them: `{target}/{}`", known.first().map_or("", |k| k.as_str()))),
            ResolveError::Unbounded { unbounded, .. } => Diagnostic::error("E0607", message)
                .note(format!(
                    "no source, publication or set says which values of `{}` there are ({})",
                    unbounded.variable, unbounded.place
                ))
                .help("name the instances you want, or give the formula `since` and `until`"),
            ResolveError::TooMany { .. } => Diagnostic::error("E0608", message).help("ask for fewer, or several times"),
            ResolveError::Nothing { .. } => Diagnostic::error("E0609", message)
                .note("no source file is there (or they lie outside `since` and `until`)")
                .help("`formake plan` with one instance named tells what is missing"),
        }
    }
}

/// What a component of a typed target admits.
#[derive(Clone, Debug)]
enum Wanted {
    Values(Vec<Value>),
    Any,
}

impl Resolver<'_> {
    /// The identities a target stands for. With `available`, only those that can be provided.
    pub fn select(&mut self, target: &Target, default_label: &Name, available: bool) -> Result<Selection, ResolveError> {
        let Some(class) = self.program.classes.get(&target.class) else {
            let known: Vec<String> = self.program.classes.keys().map(|k| k.to_string()).collect();
            let nearest = nearest(&target.class, known.iter().map(|k| k.as_str())).map(str::to_string);
            return Err(ResolveError::UnknownClass { class: target.class.to_string(), nearest, known });
        };
        let label = target.label.clone().unwrap_or_else(|| default_label.clone());
        let wanted = wanted(class, target)?;
        self.check_label(target, &label)?;
        let open = wanted.iter().any(|w| matches!(w, Wanted::Any));
        let mut selection = if open || (target.components.is_none() && !class.dimensions.is_empty()) {
            self.find_matching(target, &label, &wanted)?
        } else {
            self.name_all(target, class, &label, &wanted)?
        };
        if available && !selection.found {
            let mut identities = std::mem::take(&mut selection.identities);
            identities.retain(|identity| self.is_provided(identity));
            selection.identities = identities;
        }
        if selection.identities.is_empty() {
            return Err(ResolveError::Nothing { target: target.text.clone() });
        }
        Ok(selection)
    }

    /// Output and source patterns of a class, and whether a `copy` makes it. What is only read is published by hand: then those who read it tell.
    fn patterns(&self, class: &str) -> Vec<(&Pattern, bool)> {
        let makers = self.program.makers.get(class).into_iter().flatten().map(|id| &self.program.formulas[*id]);
        let outputs = makers.flat_map(|f| f.outputs.iter().map(move |o| (&o.pattern, matches!(f.recipe.kind, Kind::Copy))));
        let sources = self.program.source_of.get(class).into_iter().flatten().map(|id| (&self.program.sources[*id].pattern, false));
        let made: Vec<(&Pattern, bool)> = outputs.chain(sources).filter(|(p, _)| *p.class == *class).collect();
        if !made.is_empty() {
            return made;
        }
        let readers = self.program.readers.get(class).into_iter().flatten().map(|id| &self.program.formulas[*id]);
        let read = readers.flat_map(|f| &f.inputs).flat_map(|input| &input.alternatives).flat_map(|a| a.pattern.all());
        read.filter(|p| *p.class == *class).map(|p| (p, false)).collect()
    }

    /// The patterns of formulas and sources that name a label with a base themselves.
    fn written(&self, class: &Name, label: &Name) -> Option<Vec<(&Pattern, bool)>> {
        self.program.bases.of(label)?;
        let makers = self.program.makers.get(class).into_iter().flatten().map(|id| &self.program.formulas[*id]).filter(|f| f.of.is_none());
        let outputs = makers.flat_map(|f| f.outputs.iter().map(move |o| (&o.pattern, matches!(f.recipe.kind, Kind::Copy))));
        let sources = self.program.source_of.get(class).into_iter().flatten().map(|id| &self.program.sources[*id]);
        let sources = sources.filter(|source| source.of.is_none()).map(|source| (&source.pattern, false));
        Some(outputs.chain(sources).filter(|(pattern, _)| pattern.class == *class && pattern.label == *label).collect())
    }

    fn check_label(&self, target: &Target, label: &Name) -> Result<(), ResolveError> {
        let mut known: Vec<Name> = self.patterns(&target.class).iter().map(|(p, _)| p.label.clone()).collect();
        known.extend(self.world.published(&target.class).into_iter().map(|i| i.label));
        if known.contains(label) || !self.published(&target.class, label).is_empty() {
            return Ok(());
        }
        known.sort();
        known.dedup();
        let known = known.iter().map(|l| l.to_string()).collect();
        Err(ResolveError::Label { class: target.class.to_string(), label: label.to_string(), known })
    }

    fn find_matching(&mut self, target: &Target, label: &Name, wanted: &[Wanted]) -> Result<Selection, ResolveError> {
        let mut candidates = Vec::new();
        for shelf in self.shelves(&target.class, label) {
            if target.repository.as_ref().is_none_or(|r| *r == shelf.2) {
                let found =
                    self.candidates(&shelf).map_err(|unbounded| ResolveError::Unbounded { target: target.text.clone(), unbounded })?;
                candidates.extend(found.iter().cloned());
            }
        }
        let matches = |identity: &Identity| {
            wanted.iter().zip(identity.instance.0.iter()).all(|(w, c)| match w {
                Wanted::Any => true,
                Wanted::Values(values) => values.binary_search(&c.value).is_ok(),
            })
        };
        let mut identities: Vec<Identity> = candidates.into_iter().filter(matches).collect();
        if target.repository.is_none() {
            identities = self.without_copies(identities);
        }
        identities.retain(|identity| self.is_provided(identity));
        Ok(Selection { identities, found: true })
    }

    /// Of an instance that lies in several repositories, the one where no `copy` puts it, if there is one.
    fn without_copies(&self, identities: Vec<Identity>) -> Vec<Identity> {
        let Some(class) = identities.first().map(|i| i.class.clone()) else { return identities };
        let copies: Vec<&Pattern> = self.patterns(&class).into_iter().filter(|(_, copy)| *copy).map(|(pattern, _)| pattern).collect();
        let is_copy = |identity: &Identity| copies.iter().any(|p| p.unify(identity, &mut p.blank()).is_ok());
        let (copied, mut own): (Vec<Identity>, Vec<Identity>) = identities.into_iter().partition(is_copy);
        let there: HashSet<Instance> = own.iter().map(|identity| identity.instance.clone()).collect();
        own.extend(copied.into_iter().filter(|identity| !there.contains(&identity.instance)));
        own.sort();
        own
    }

    fn name_all(&mut self, target: &Target, class: &Class, label: &Name, wanted: &[Wanted]) -> Result<Selection, ResolveError> {
        let mut instances: Vec<Vec<Component>> = vec![vec![]];
        for (dimension, wanted) in class.dimensions.iter().zip(wanted) {
            let Wanted::Values(values) = wanted else { continue };
            if (instances.len() as i64).saturating_mul(values.len() as i64) > MOST {
                return Err(ResolveError::TooMany { target: target.text.clone() });
            }
            let with = |instance: &Vec<Component>, value: &Value| {
                let mut instance = instance.clone();
                instance.push(Component { key: dimension.key.clone(), value: value.clone() });
                instance
            };
            instances = instances.iter().flat_map(|i| values.iter().map(move |v| with(i, v))).collect();
        }
        let mut identities = Vec::with_capacity(instances.len());
        for instance in instances {
            let instance = Instance::new(instance);
            let repository = match &target.repository {
                Some(repository) => self.known_repository(target, repository)?,
                None => self.repository_of(target, label, &instance)?,
            };
            identities.push(Identity { class: class.name.clone(), instance, label: label.clone(), repository });
        }
        Ok(Selection { identities, found: false })
    }

    fn known_repository(&self, target: &Target, repository: &Name) -> Result<Name, ResolveError> {
        let mut known: Vec<Name> = self.patterns(&target.class).iter().map(|(p, _)| p.repository.clone()).collect();
        known.extend(self.world.published(&target.class).into_iter().map(|i| i.repository));
        if known.contains(repository) {
            return Ok(repository.clone());
        }
        known.sort();
        known.dedup();
        let known = known.iter().map(|r| r.to_string()).collect();
        Err(ResolveError::Repository { class: target.class.to_string(), repository: repository.to_string(), known })
    }

    /// Where one formula or source that is no `copy` makes it.
    fn repository_of(&self, target: &Target, label: &Name, instance: &Instance) -> Result<Name, ResolveError> {
        let all: Vec<(&Pattern, bool)> = self.patterns(&target.class).into_iter().filter(|(p, _)| p.label == *label).collect();
        let fitting = |(p, _): &&(&Pattern, bool)| p.unify_instance(instance, &mut p.blank()).is_ok();
        // Under a label with a base, who names the label says where.
        let all = match self.written(&target.class, label).filter(|written| written.iter().any(|one| fitting(&one))) {
            Some(written) => written,
            None => all,
        };
        let mut best: Vec<Name> = all.iter().filter(fitting).filter(|(_, copy)| !copy).map(|(p, _)| p.repository.clone()).collect();
        if best.is_empty() {
            best = all.iter().map(|(p, _)| p.repository.clone()).collect();
        }
        best.extend(self.published(&target.class, label).into_iter().filter(|i| i.instance == *instance).map(|i| i.repository));
        best.sort();
        best.dedup();
        match best.as_slice() {
            [one] => Ok(one.clone()),
            // The domains of sets tell the stores' repositories apart.
            several => {
                let allowed: Vec<Name> = several
                    .iter()
                    .filter(|repository| {
                        let identity = Identity {
                            class: target.class.clone(),
                            instance: instance.clone(),
                            label: label.clone(),
                            repository: (*repository).clone(),
                        };
                        !self.makers(&identity).0.is_empty()
                    })
                    .cloned()
                    .collect();
                match allowed.as_slice() {
                    [one] => Ok(one.clone()),
                    _ => Err(ResolveError::AmbiguousRepository {
                        target: target.text.clone(),
                        known: several.iter().map(|r| r.to_string()).collect(),
                    }),
                }
            }
        }
    }
}

/// A component for every dimension: those not named are open.
fn wanted(class: &Class, target: &Target) -> Result<Vec<Wanted>, ResolveError> {
    let given = target.components.as_deref().unwrap_or(&[]);
    let wrong = |reason: String| ResolveError::Dimensions {
        target: target.text.clone(),
        class: class.name.to_string(),
        dimensions: described(&class.dimensions),
        reason,
    };
    let mut all: Vec<Option<Wanted>> = vec![None; class.dimensions.len()];
    // All of them in their order: then keys may be left out.
    let in_place =
        given.len() == class.dimensions.len() && given.iter().zip(&class.dimensions).all(|(g, d)| g.key.is_none() || g.key == d.key);
    for (place, component) in given.iter().enumerate() {
        let by_key = || class.dimensions.iter().enumerate().position(|(i, d)| d.key == component.key && all[i].is_none());
        let slot = if in_place { Some(place) } else { by_key() };
        let Some(slot) = slot else {
            return Err(wrong(match &component.key {
                Some(key) => format!("there is no dimension `{key}`, or it is given twice"),
                None => "there are more components than dimensions, or a key is missing".into(),
            }));
        };
        all[slot] = Some(typed(class, &class.dimensions[slot], component, target)?);
    }
    if class.dimensions.is_empty() && !given.is_empty() {
        return Err(wrong("the class has one instance, without components".into()));
    }
    Ok(all.into_iter().map(|w| w.unwrap_or(Wanted::Any)).collect())
}

/// `storeId=<text>,<day>`
pub fn described(dimensions: &[Dimension]) -> String {
    if dimensions.is_empty() {
        return "none".into();
    }
    let one = |d: &Dimension| d.key.as_ref().map_or(format!("<{}>", d.ty), |k| format!("{k}=<{}>", d.ty));
    format!("`{}`", dimensions.iter().map(one).collect::<Vec<_>>().join(","))
}

fn typed(class: &Class, dimension: &Dimension, component: &TargetComponent, target: &Target) -> Result<Wanted, ResolveError> {
    let wrong = |text: &str| ResolveError::Value {
        class: class.name.to_string(),
        dimension: dimension.key.as_ref().map_or(dimension.ty.to_string(), |k| k.to_string()),
        text: text.to_string(),
        expected: example(dimension.ty),
    };
    // A coarser time stands for all its periods.
    let period_range = |text: &str, precision| {
        let period = Period::parse_any(text).filter(|p| p.precision >= precision)?;
        Some(period.range_of(precision))
    };
    let too_many = || ResolveError::TooMany { target: target.text.clone() };
    let one = |text: &str| -> Result<Vec<Value>, ResolveError> {
        match dimension.ty {
            Type::Time(precision) => {
                let (first, last) = period_range(text, precision).ok_or_else(|| wrong(text))?;
                Ok((first.index..=last.index).map(|i| Value::Time(Period::new(precision, i))).collect())
            }
            ty => ty.read(text).map(|v| vec![v]).ok_or_else(|| wrong(text)),
        }
    };
    let mut values = match &component.choice {
        Choice::Any => return Ok(Wanted::Any),
        Choice::One(text) => one(text)?,
        Choice::Set(texts) => texts.iter().map(|t| one(t)).collect::<Result<Vec<_>, _>>()?.concat(),
        Choice::Range(a, b) => match dimension.ty {
            Type::Time(precision) => {
                let first = period_range(a, precision).ok_or_else(|| wrong(a))?.0;
                let last = period_range(b, precision).ok_or_else(|| wrong(b))?.1;
                if last.index - first.index > MOST {
                    return Err(too_many());
                }
                (first.index..=last.index).map(|i| Value::Time(Period::new(precision, i))).collect()
            }
            Type::Int => match (Type::Int.read(a), Type::Int.read(b)) {
                (Some(Value::Int(a)), Some(Value::Int(b))) if b.saturating_sub(a) <= MOST => (a..=b).map(Value::Int).collect(),
                (Some(_), Some(_)) => return Err(too_many()),
                _ => return Err(wrong(&format!("{a}..{b}"))),
            },
            Type::Text => return Err(wrong(&format!("{a}..{b}"))),
        },
    };
    values.sort();
    values.dedup();
    Ok(Wanted::Values(values))
}

fn example(ty: Type) -> String {
    match ty {
        Type::Text => "a text".into(),
        Type::Int => "an integer (such as `7`)".into(),
        Type::Time(p) => {
            let example = Period::day(2024, 1, 31).truncate(p);
            format!("a {} (such as `{example}`)", p.word())
        }
    }
}
