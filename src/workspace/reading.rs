//! What the identities of a target stand for: now or earlier, under a label and, where that has none of its own, under its bases.
//!
//! What is true here: what only reads asks [`Workspace::read`], which falls through; what will change something asks [`Workspace::pick`],
//! which does not, since writing never does.

use super::request::parse;
use super::{Failure, Workspace};
use crate::catalog::reading::read;
use crate::catalog::sqlite::Mode;
use crate::catalog::{Filter, Listed, Reader, Reading, Timestamp};
use crate::diagnostic::{Diagnostic, nearest};
use crate::identity::target::Target;

impl Workspace {
    /// What stands in the catalog: all of it, or what a pattern picks. A label that neither the pattern nor `label` says means every label,
    /// each with what is its own.
    pub fn list(&self, pattern: Option<&str>, label: Option<&str>, all: bool, as_of: Option<Timestamp>) -> Result<Vec<Reading>, Failure> {
        let target = pattern.map(parse).transpose()?;
        let of_target = target.as_ref().map(|target| self.filter(target)).unwrap_or_default();
        let filter = Filter { label: of_target.label.or(label.map(str::to_string)), all, as_of, ..of_target };
        let mut readings = self.through(&self.catalog(Mode::Read)?, &filter)?;
        readings.retain(|r| target.as_ref().is_none_or(|t| t.matches(&r.identity)));
        Ok(readings)
    }

    /// What a filter picks, read through the bases of the label that it names.
    pub(super) fn through(&self, reader: &dyn Reader, filter: &Filter) -> Result<Vec<Reading>, Failure> {
        let bases = filter.label.as_ref().map(|label| self.config.settings.bases.chain(label)).unwrap_or_default();
        Ok(read(reader, filter, &bases)?)
    }

    /// What a target stands for, read through the bases of its label.
    ///
    /// # Errors
    /// It stands for nothing.
    pub(super) fn read(
        &self,
        reader: &dyn Reader,
        text: &str,
        label: Option<&str>,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<Reading>, Failure> {
        let readings = self.read_any(reader, text, label, as_of)?;
        if readings.is_empty() { Err(self.nothing(reader, &self.labelled(text, label)?, as_of)?.into()) } else { Ok(readings) }
    }

    /// The same; that it stands for nothing is no error.
    pub(super) fn read_any(
        &self,
        reader: &dyn Reader,
        text: &str,
        label: Option<&str>,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<Reading>, Failure> {
        let target = self.labelled(text, label)?;
        let mut readings = self.through(reader, &Filter { as_of, ..self.filter(&target) })?;
        readings.retain(|r| target.matches(&r.identity));
        Ok(readings)
    }

    /// What a target stands for under its label itself, now.
    ///
    /// # Errors
    /// It stands for nothing, or only a base has it.
    pub(super) fn pick(&self, reader: &dyn Reader, text: &str, label: Option<&str>) -> Result<Vec<Listed>, Failure> {
        let target = self.labelled(text, label)?;
        let mut listed = reader.list(&self.filter(&target))?;
        listed.retain(|l| target.matches(&l.identity));
        if !listed.is_empty() {
            return Ok(listed);
        }
        let mut problem = self.nothing(reader, &target, None)?;
        let mut theirs = self.through(reader, &self.filter(&target))?;
        theirs.retain(|r| target.matches(&r.identity));
        if let Some(base) = theirs.first().and_then(Reading::inherited_from) {
            problem = problem.note(format!("what is read there is that of its base: {base}"));
        }
        Err(problem.into())
    }

    /// A target with the label that it leaves out.
    fn labelled(&self, text: &str, label: Option<&str>) -> Result<Target, Failure> {
        let mut target = parse(text)?;
        target.label = target.label.or_else(|| Some(self.label(label)));
        Ok(target)
    }

    /// What a target picks at most; [`Target::matches`] looks closer.
    fn filter(&self, target: &Target) -> Filter {
        Filter {
            class: Some(target.class.to_string()),
            label: target.label.as_ref().map(|label| label.to_string()),
            repository: target.repository.as_ref().map(|repository| repository.to_string()),
            ..Filter::default()
        }
    }

    fn nothing(&self, reader: &dyn Reader, target: &Target, as_of: Option<Timestamp>) -> Result<Diagnostic, Failure> {
        let (text, label) = (&target.text, target.label.as_deref().unwrap_or_default());
        let mut problem = Diagnostic::error(
            "E0616",
            match as_of {
                None => format!("`{text}` has no snapshot under the label {label}"),
                Some(_) => format!("`{text}` had no snapshot under the label {label} at that time"),
            },
        );
        let classes = reader.classes()?;
        if !classes.contains(&target.class.to_string())
            && let Some(near) = nearest(&target.class, classes.iter().map(String::as_str))
        {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        Ok(problem.help(match as_of {
            None => format!("`formake why-not {text}` tells what it waits for; `formake ls` shows what there is"),
            Some(_) => format!("`formake ls {text} --all` shows all that it ever stood for, and when"),
        }))
    }
}
