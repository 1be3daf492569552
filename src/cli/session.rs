//! What every command gets: where it was started, and the terminal. And how a command stops early.

use std::io;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::terminal::Terminal;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::render::render;
use crate::workspace::{Failure, Workspace};

/// A file of either name marks a project's root.
pub const ROOT_FILES: [&str; 2] = ["formake.yaml", "pipeline.formula"];

pub struct Session {
    /// The current folder, or that of `-C`.
    pub dir: PathBuf,
    pub terminal: Terminal,
}

/// A command's end: how it went, or what stopped it.
pub type Outcome = Result<Exit, Stop>;

#[derive(Debug)]
pub enum Stop {
    /// To be shown; the exit code follows from them.
    Problems(Vec<Diagnostic>),
    /// The reader of our output went away: not a problem.
    PipeClosed,
}

impl From<Vec<Diagnostic>> for Stop {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Stop::Problems(problems)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Problems(failure.diagnostics)
    }
}

impl From<Diagnostic> for Stop {
    fn from(problem: Diagnostic) -> Self {
        Stop::Problems(vec![problem])
    }
}

/// Only for writing to stdout; errors of files say which file, see [`file_problem`].
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Stop::PipeClosed
        } else {
            Diagnostic::error("E0903", format!("the output cannot be written: {error}")).into()
        }
    }
}

/// A file or folder that could not be read or written.
pub fn file_problem(what: &str, path: &Path, error: &io::Error) -> Stop {
    Diagnostic::error("E0904", format!("{} cannot be {what}: {error}", path.display())).into()
}

impl Session {
    /// Draws problems and warnings on stderr, with excerpts of the project's files.
    pub fn show(&self, problems: &[Diagnostic]) {
        let root = self.root().ok();
        let texts = |file: &str| std::fs::read_to_string(root.as_ref()?.join(file)).ok();
        self.terminal.complain(&render(problems, &texts, self.terminal.error_look.color));
    }

    /// The same, with one text more that places point into: its name, and it.
    pub fn show_with(&self, problems: &[Diagnostic], (name, text): (&str, &str)) {
        let root = self.root().ok();
        let texts = |file: &str| match file == name {
            true => Some(text.to_string()),
            false => std::fs::read_to_string(root.as_ref()?.join(file)).ok(),
        };
        self.terminal.complain(&render(problems, &texts, self.terminal.error_look.color));
    }

    /// Says that another process has the word, and that this one waits.
    pub fn waits_for(&self, holder: &str) {
        self.terminal.complain(&format!("another build of this project is running ({holder}); waiting for it to end\n"));
    }

    /// The project, its settings read; warnings about them are shown.
    pub fn workspace(&self) -> Result<Workspace, Stop> {
        let workspace = Workspace::open(&self.root()?)?;
        self.show(&workspace.warnings);
        Ok(workspace)
    }

    /// The project's root: the nearest folder, from here upwards, with one of [`ROOT_FILES`].
    pub fn root(&self) -> Result<PathBuf, Stop> {
        let start = std::path::absolute(&self.dir).map_err(|error| file_problem("found", &self.dir, &error))?;
        if !start.is_dir() {
            return Err(Diagnostic::error("E0902", format!("{} is not a folder", start.display())).into());
        }
        let root = start.ancestors().find(|dir| ROOT_FILES.iter().any(|name| dir.join(name).is_file()));
        root.map(Path::to_path_buf).ok_or_else(|| {
            Diagnostic::error(
                "E0901",
                format!("no project here: neither {} nor any folder above has a formake.yaml or a pipeline.formula", start.display()),
            )
            .help("start one with `formake init`, or name its folder with `-C DIR`")
            .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::terminal::Color;

    #[test]
    fn the_nearest_project_upwards_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("a folder");
        let session = |dir: &Path| Session { dir: dir.into(), terminal: Terminal::new(Color::Never) };
        std::fs::write(folder.path().join("pipeline.formula"), "").expect("a file");
        assert_eq!(session(&deep).root().expect("found"), folder.path());
        std::fs::write(folder.path().join("a/formake.yaml"), "").expect("a file");
        assert_eq!(session(&deep).root().expect("found"), folder.path().join("a"));
    }
}
