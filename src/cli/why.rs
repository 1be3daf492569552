//! `formake why` and `formake why-not`: reasons.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::plan::explain::Explanation;
use crate::report::explain;
use crate::report::look::Look;

/// Say why an identity is valid, stale, or what it is
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake why report@2024-01            what it was made from, and whether that still holds
  formake why report@2024-01 --json

Old and new values are shown of everything that counts.")]
pub struct Why {
    #[command(flatten)]
    question: Question,
}

/// Say why an identity cannot be provided, or why an earlier result was not taken
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake why-not report@2024-01        what is missing, or how earlier results differ
  formake why-not report@2024-01:pr-42  why it was run instead of taken from prod")]
pub struct WhyNot {
    #[command(flatten)]
    question: Question,
}

#[derive(clap::Args, Debug)]
struct Question {
    #[command(flatten)]
    subject: Subject,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn why(arguments: &Why, session: &Session) -> Outcome {
    answer(&arguments.question, explain::why, session)
}

pub fn why_not(arguments: &WhyNot, session: &Session) -> Outcome {
    answer(&arguments.question, explain::why_not, session)
}

fn answer(question: &Question, words: fn(&Explanation, &Look) -> String, session: &Session) -> Outcome {
    let explanations = session.workspace()?.why(&question.subject.target, question.subject.label())?;
    let terminal = &session.terminal;
    if question.json {
        terminal.print_json(&explain::json(&explanations))?;
    } else {
        let texts: Vec<String> = explanations.iter().map(|explanation| words(explanation, &terminal.look)).collect();
        terminal.print(&texts.join("\n"))?;
    }
    Ok(Exit::Done)
}
