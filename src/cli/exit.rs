//! The exit codes, once: what each means, which one counts where several hold, and which one a diagnostic gives.

use std::process::ExitCode;

use crate::diagnostic::codes::{CODES, Kind};
use crate::diagnostic::{Diagnostic, Severity};

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    WorkNeeded,
    NotPermitted,
    Blocked,
    WouldBreak,
    Interrupted,
}

/// By precedence: the first that holds is the exit code.
pub const EXITS: [(Exit, u8, &str); 8] = [
    (Exit::Interrupted, 130, "interrupted"),
    (Exit::Usage, 2, "usage, formula or configuration error"),
    (Exit::NotPermitted, 4, "not permitted (protected label, repository)"),
    (Exit::Blocked, 5, "blocked: something needed cannot be provided"),
    (Exit::WouldBreak, 6, "would break a consumer (schema)"),
    (Exit::Failed, 1, "a job or a check failed"),
    (Exit::WorkNeeded, 3, "work is needed (--exit-code with a plan), or bytes differ (with a diff)"),
    (Exit::Done, 0, "done or up to date"),
];

impl Exit {
    pub fn code(self) -> u8 {
        EXITS.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, code, _)| *code)
    }

    /// The one that counts.
    pub fn first(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let rank = |exit: &Exit| EXITS.iter().position(|(e, ..)| e == exit);
        exits.into_iter().min_by_key(rank).unwrap_or(Exit::Done)
    }

    /// What these diagnostics end a command with; warnings with nothing.
    pub fn of(diagnostics: &[Diagnostic]) -> Exit {
        Self::first(diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| Self::of_code(d.code)))
    }

    pub fn of_code(code: &str) -> Exit {
        match CODES.iter().find(|(known, ..)| *known == code).map(|(_, kind, _)| kind) {
            Some(Kind::Usage) => Exit::Usage,
            Some(Kind::Permission) => Exit::NotPermitted,
            Some(Kind::Blocked) => Exit::Blocked,
            Some(Kind::Failed | Kind::World | Kind::Bug) | None => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// The list for `--help`, in the order of the numbers.
pub fn help() -> String {
    let mut list: Vec<_> = EXITS.iter().map(|(_, code, text)| (*code, *text)).collect();
    list.sort_unstable();
    list.iter().map(|(code, text)| format!("  {code:<4} {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_as_documented() {
        let codes: Vec<u8> = EXITS.iter().map(|(_, code, _)| *code).collect();
        assert_eq!(codes, [130, 2, 4, 5, 6, 1, 3, 0]);
        assert_eq!(Exit::first([Exit::Done, Exit::Failed, Exit::Blocked]), Exit::Blocked);
        assert_eq!(Exit::first([]), Exit::Done);
    }

    #[test]
    fn every_code_of_the_list_has_an_exit() {
        for (code, kind, _) in CODES {
            assert_ne!(Exit::of_code(code), Exit::Done, "{code} is {kind:?}");
        }
        let warning = Diagnostic::warning("E0901", "x");
        assert_eq!(Exit::of(&[warning]), Exit::Done);
    }
}
