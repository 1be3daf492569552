//! Lines as a person types them: edited, completed, remembered.

use std::borrow::Cow;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::complete::{Names, complete};
use crate::report::look::Look;
use crate::table::statements;

/// What was typed.
pub enum Typed {
    Text(String),
    /// Ctrl-C: what was begun is given up.
    GivenUp,
    /// Ctrl-D.
    End,
}

pub struct Lines<'a> {
    editor: Editor<Help<'a>, FileHistory>,
    history: Option<PathBuf>,
}

struct Help<'a> {
    look: Look,
    names: Option<Box<dyn Names + 'a>>,
}

impl<'a> Lines<'a> {
    /// `history`: where lines are remembered from one time to the next.
    pub fn new(look: &Look, history: Option<PathBuf>) -> Result<Self, ReadlineError> {
        let colors = if look.color { ColorMode::Enabled } else { ColorMode::Disabled };
        let config = Config::builder().completion_type(CompletionType::List).color_mode(colors).max_history_size(1000)?.build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Help { look: look.clone(), names: None }));
        if let Some(history) = &history {
            // There is none yet, or none that can be read: then nothing is remembered.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    /// The next statements or command, all of them up to their end.
    pub fn next(&mut self, prompt: &str, names: Box<dyn Names + 'a>) -> Result<Typed, ReadlineError> {
        if let Some(help) = self.editor.helper_mut() {
            help.names = Some(names);
        }
        match self.editor.readline(prompt) {
            Ok(text) => {
                if !text.trim().is_empty() && self.editor.add_history_entry(text.trim())? {
                    self.remember();
                }
                Ok(Typed::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::GivenUp),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(error),
        }
    }

    /// Kept at once, so that nothing is lost where the shell is killed.
    fn remember(&mut self) {
        let Some(history) = &self.history else { return };
        let made = history.parent().map_or(Ok(()), std::fs::create_dir_all);
        if made.is_ok() {
            let _ = self.editor.append_history(history);
        }
    }
}

/// Whether a text is a command, or ends where a statement does.
fn is_whole(text: &str) -> bool {
    text.trim_start().starts_with('.') || statements(text).1.trim().is_empty()
}

impl Helper for Help<'_> {}

impl Hinter for Help<'_> {
    type Hint = String;
}

impl Completer for Help<'_> {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.names.as_ref().map_or((at, Vec::new()), |names| complete(line, at, names.as_ref())))
    }
}

impl Highlighter for Help<'_> {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(self.look.name(prompt))
    }
}

impl Validator for Help<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}
