//! Reading: the formula files of the settings, and what they include.

use std::collections::HashMap;

use super::problems::{Problems, list};
use crate::diagnostic::{Diagnostic, nearest};
use crate::formula::ast::{self, FileId, Item, Span};
use crate::formula::parse::parse;
use crate::formula::settings::{Files, Settings};

/// All files, parsed.
#[derive(Default)]
pub(super) struct Loaded {
    /// By [`FileId`]; `None` where it could not be read.
    pub files: Vec<Option<ast::File>>,
    /// The files that no `include` names, in order.
    pub roots: Vec<FileId>,
    /// What the `include` at a place stands for, in order of path.
    pub includes: HashMap<Span, Vec<FileId>>,
}

pub(super) fn load(files: &dyn Files, settings: &Settings, problems: &mut Problems) -> Loaded {
    let mut loader = Loader { files, problems, loaded: Loaded::default(), sites: HashMap::new(), open: Vec::new() };
    for pattern in &settings.formulas {
        let paths = loader.matching(pattern);
        if paths.is_empty() {
            let mut missing = Diagnostic::error("E0314", format!("no formula file matches `{pattern}`"))
                .note("`formulas:` of formake.yaml names the formula files; without it, that is `pipeline.formula`");
            missing = match loader.near(pattern, "*.formula") {
                Some(near) => missing.help(format!("did you mean `{near}`?")),
                None => missing.help(format!("write `{pattern}` at the project's root, or say `formulas: [...]`")),
            };
            loader.problems.report(missing);
        }
        for path in paths {
            if !loader.sites.contains_key(&path) {
                let id = loader.file(&path, None);
                loader.loaded.roots.push(id);
            }
        }
    }
    // A file of `formulas:` that another one includes is read where it is included.
    let included: Vec<FileId> = loader.loaded.includes.values().flatten().copied().collect();
    loader.loaded.roots.retain(|root| !included.contains(root));
    loader.loaded
}

struct Loader<'a> {
    files: &'a dyn Files,
    problems: &'a mut Problems,
    loaded: Loaded,
    /// Path to file, and where it is included.
    sites: HashMap<String, (FileId, Option<Span>)>,
    /// Files being read, outermost first.
    open: Vec<String>,
}

impl Loader<'_> {
    fn matching(&self, pattern: &str) -> Vec<String> {
        if pattern.contains(['*', '?', '[', '{']) {
            self.files.glob(pattern).unwrap_or_default()
        } else if self.files.exists(pattern) {
            vec![pattern.into()]
        } else {
            vec![]
        }
    }

    /// The file beside a missing one that is spelled most like it.
    fn near(&self, path: &str, files: &str) -> Option<String> {
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let there = self.files.glob(&format!("{folder}{files}")).ok()?;
        nearest(path, there.iter().map(String::as_str)).map(str::to_string)
    }

    fn file(&mut self, path: &str, site: Option<Span>) -> FileId {
        let id = FileId(self.problems.texts.len() as u32);
        self.sites.insert(path.into(), (id, site));
        let text = self.files.read(path);
        self.problems.texts.push((path.into(), text.as_deref().unwrap_or_default().into()));
        self.loaded.files.push(None);
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                self.problems.incomplete = true;
                self.problems.report(Diagnostic::error("E0403", format!("`{path}` cannot be read: {error}")));
                return id;
            }
        };
        let (file, errors) = parse(id, &text);
        self.problems.incomplete |= !errors.is_empty();
        for error in errors {
            self.problems.report(error.diagnostic(&path.into()));
        }
        self.open.push(path.into());
        self.includes(&file.items, path);
        self.open.pop();
        self.loaded.files[id.0 as usize] = Some(file);
        id
    }

    fn includes(&mut self, items: &[Item], path: &str) {
        for item in items {
            match item {
                Item::For(block) => self.includes(&block.items, path),
                Item::Include { pattern, span } => {
                    let ids = self.include(pattern, path);
                    self.loaded.includes.insert(*span, ids);
                }
                _ => {}
            }
        }
    }

    fn include(&mut self, pattern: &ast::Spanned<ast::Text>, from: &str) -> Vec<FileId> {
        let (text, span) = (pattern.node.text.as_str(), pattern.span);
        let mut paths = self.matching(text);
        if paths != [from] {
            // `include "*.formula"` does not mean the file it stands in.
            paths.retain(|path| path != from);
        }
        if paths.is_empty() {
            self.problems.incomplete = true;
            let mut missing = Diagnostic::error("E0314", format!("no file matches `{text}`"))
                .at(self.problems.place(span), "includes nothing")
                .note("paths are relative to the project's root");
            if let Some(near) = self.near(text, "*.formula") {
                missing = missing.help(format!("did you mean `{near}`?"));
            } else {
                let there = self.files.glob("**/*.formula").unwrap_or_default();
                let there: Vec<&String> = there.iter().filter(|path| *path != from).take(5).collect();
                if !there.is_empty() {
                    missing = missing.help(format!("there is {}", list(&there)));
                }
            }
            self.problems.report(missing);
        }
        let mut ids = Vec::new();
        for path in paths {
            if let Some(start) = self.open.iter().position(|open| *open == path) {
                let chain: Vec<&str> = self.open[start..].iter().map(String::as_str).chain([path.as_str()]).collect();
                let message = format!("`{path}` includes itself");
                let help = "take this include away; each file is read once";
                self.problems.error("E0315", message, span, format!("here: {}", chain.join(" → ")), help);
                continue;
            }
            match self.sites.get(&path) {
                Some((_, Some(first))) => {
                    let twice = Diagnostic::error("E0316", format!("`{path}` is included twice"))
                        .at(self.problems.place(span), "included again")
                        .at(self.problems.place(*first), "first included here")
                        .help("include each file once; its formulas are known to the whole project");
                    self.problems.report(twice);
                }
                Some((id, None)) => {
                    let id = *id;
                    self.sites.insert(path, (id, Some(span)));
                    ids.push(id);
                }
                None => ids.push(self.file(&path, Some(span))),
            }
        }
        ids
    }
}
