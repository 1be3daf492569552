//! Drafts to sources: the identity's pattern, and the path that is read both ways.

use std::sync::Arc;

use super::draft::narrowed;
use super::expand::template_error;
use super::lower::Lowering;
use super::properties::Properties;
use super::template;
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{self, Quoting, Span, Spanned, Text};
use crate::formula::program::{Life, Role, Source, Variable};
use crate::identity::Name;
use crate::identity::path::PathPattern;

impl Lowering<'_, '_> {
    pub fn source(mut self, written: &ast::Source) -> Option<Source> {
        let before = self.problems.count();
        let pattern = self.pattern(&self.draft.outputs[0], true);
        let from = written.from.as_ref().and_then(|from| self.path(from));
        let timed = self.timed();
        let mut all = Properties::new(self.draft, &self.draft.entries, self.problems);
        let ready = all.text("ready");
        let source = Source {
            of: None,
            id: 0,
            pattern: pattern?,
            from,
            life: narrowed(all.life(timed), if timed { self.draft.life } else { Life::default() }),
            copy: all.flag("copy"),
            ready: ready.as_ref().map(|(name, _)| name.clone()),
            min_age: all.duration("min_age").map(|seconds| seconds.ceil() as u64),
            columns: all.columns().map(Arc::new),
            doc: None,
            owner: None,
            tags: vec![],
            span: self.draft.span(),
            place: all.problems.line(self.draft.span()),
            variables: vec![],
        };
        let (doc, owner, tags) = all.doc();
        if let Some((name, span)) = ready.filter(|(name, _)| name.contains('/') || matches!(name.as_str(), "" | "." | "..")) {
            let help = "write the name of a file in the instance's folder: `ready \"_SUCCESS\"`";
            self.problems.error("E0404", format!("`{name}` is not a file's name"), span, "looked for in the instance's folder", help);
        }
        (self.problems.count() == before).then_some(())?;
        Some(Source { variables: self.variables, doc, owner, tags, ..source })
    }

    /// A source's path pattern. A variable that was fixed to a set entry is that entry's text in the path.
    fn path(&mut self, from: &Spanned<Text>) -> Option<PathPattern> {
        let mut text = if from.node.is_template() {
            template::render(&from.node.text, &self.draft.entries, &self.names.settings.sets)
                .map_err(|failure| template_error(self.problems, failure, from.span, &self.draft.entries))
                .ok()?
        } else {
            from.node.text.clone()
        };
        for (variable, entry) in &self.draft.fixed {
            text = text.replace(&format!("<{variable}>"), entry);
        }
        let names = self.names;
        let parsed = PathPattern::parse(&text, &mut |name| names.var(name).map(|var| (var, names.ty(var))));
        let path = match parsed {
            Ok(path) => path,
            Err(error) => {
                // The place within the text is known where the text is as in the file.
                let as_written = from.node.quoting == Quoting::Double && from.span.end - from.span.start == text.len() + 2;
                let span = if as_written && text == from.node.text && error.at < error.end {
                    Span { start: from.span.start + 1 + error.at, end: from.span.start + 1 + error.end, ..from.span }
                } else {
                    from.span
                };
                let kind = error.kind.to_string();
                let (reason, help) = kind.split_once("; ").unwrap_or((&kind, ""));
                self.problems.error("E0317", format!("the path `{text}` cannot be read: {reason}"), span, "here", help);
                return None;
            }
        };
        let bound = |v: &&Variable| matches!(v.role, Role::Bound { .. });
        let missing: Vec<&Name> = self
            .variables
            .iter()
            .filter(bound)
            .map(|v| &v.name)
            .filter(|name| names.var(name).is_some_and(|var| !path.variables().any(|v| v == var)))
            .collect();
        if let Some(name) = missing.first() {
            let error = Diagnostic::error("E0317", format!("the path does not tell `{name}`"))
                .at(self.problems.place(from.span), format!("`<{name}>` is missing"))
                .note("a source's path is read both ways: from an identity to its file, and from a file to its identity")
                .help(format!("put `<{name}>` into the path, or a literal in its place into the identity"));
            self.problems.report(error);
            return None;
        }
        Some(path)
    }
}
