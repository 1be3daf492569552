//! A program under a label with a base: formulas that name the label are used as they stand; the base's are used with the label in the place
//! of the base.
//!
//! What is true here: what is taken over stands behind everything that was written, and says from what it was taken ([`Formula::of`],
//! [`Source::of`]); so that who looks for the maker of an identity asks those that were written first.

use std::collections::BTreeSet;

use super::program::{Formula, PatternChoice, Program, Source};
use crate::identity::{Name, Pattern};

impl Program {
    /// Adds, for a label and for every label that its formulas read, what is taken over from their bases. Labels without a base add nothing.
    #[must_use]
    pub fn under<'n>(mut self, labels: impl IntoIterator<Item = &'n Name>) -> Self {
        let mut asked: Vec<Name> = labels.into_iter().cloned().collect();
        // A formula may name a label of another with a base.
        let inputs = self.formulas.iter().flat_map(|f| &f.inputs).flat_map(|i| &i.alternatives).flat_map(|a| a.pattern.all());
        asked.extend(inputs.map(|pattern| pattern.label.clone()));
        asked.sort();
        asked.dedup();
        for label in asked {
            self.take_over(&label);
        }
        self
    }

    fn take_over(&mut self, label: &Name) {
        let Some(base) = self.bases.of(label) else { return };
        if !self.taken.insert(label.clone()) {
            return;
        }
        // A base may have a base itself.
        self.take_over(&base);
        let formulas: Vec<Formula> = self.formulas.iter().filter(|f| f.label() == Some(&base)).cloned().collect();
        for mut formula in formulas {
            formula.of = Some(formula.id);
            formula.id = self.formulas.len();
            let inputs = formula.inputs.iter_mut().flat_map(|input| &mut input.alternatives).flat_map(|alternative| {
                let patterns: Vec<&mut Pattern> = match &mut alternative.pattern {
                    PatternChoice::One(pattern) => vec![pattern],
                    PatternChoice::ByEntry { patterns, .. } => patterns.values_mut().collect(),
                };
                patterns
            });
            for pattern in inputs.chain(formula.outputs.iter_mut().map(|output| &mut output.pattern)) {
                if pattern.label == base {
                    pattern.label = label.clone();
                }
            }
            let made: BTreeSet<Name> = formula.outputs.iter().map(|output| output.pattern.class.clone()).collect();
            let read = formula.inputs.iter().flat_map(|input| &input.alternatives).flat_map(|alternative| alternative.pattern.all());
            let read: BTreeSet<Name> = read.map(|pattern| pattern.class.clone()).collect();
            for (classes, at) in [(made, &mut self.makers), (read, &mut self.readers)] {
                classes.into_iter().for_each(|class| at.entry(class).or_default().push(formula.id));
            }
            self.formulas.push(formula);
        }
        let sources: Vec<Source> = self.sources.iter().filter(|s| s.pattern.label == base).cloned().collect();
        for mut source in sources {
            source.of = Some(source.id);
            source.id = self.sources.len();
            source.pattern.label = label.clone();
            self.source_of.entry(source.pattern.class.clone()).or_default().push(source.id);
            self.sources.push(source);
        }
    }
}

impl Program {
    /// Over how many bases a formula was taken over; 0 for one that was written.
    pub fn distance(&self, formula: usize) -> usize {
        std::iter::successors(self.formulas[formula].of, |of| self.formulas[*of].of).count()
    }

    /// The same of a source.
    pub fn source_distance(&self, source: usize) -> usize {
        std::iter::successors(self.sources[source].of, |of| self.sources[*of].of).count()
    }
}

impl Formula {
    /// The label of all its outputs; none, where they have several.
    pub fn label(&self) -> Option<&Name> {
        let first = &self.outputs.first()?.pattern.label;
        self.outputs.iter().all(|output| output.pattern.label == *first).then_some(first)
    }
}
