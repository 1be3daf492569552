//! Where tags stand: a quoted value means itself only where the shell, or SQL, reads a word or a literal of its own.
//!
//! What is true here: between quotes, in comments, here-documents, backticks and arithmetic the quotes that a value brings along are text, or
//! end what was open, and the value is read as code. Glued to `$`, `\` or a letter they change their meaning. Such tags are found before
//! anything runs, along every branch of the template; `| raw` is let through, since it says that the author quotes.
//!
//! Reading order: [`walk`] (a template's branches), [`shell`] and [`sql`] (lexers that know just enough to tell these places apart).

mod walk;
mod shell;
mod sql;

pub(super) use shell::in_shell;
pub(super) use sql::in_sql;
pub(super) use walk::{Misplaced, Place};
