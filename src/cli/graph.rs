//! `formake graph`: formulas or identities as a picture.

use std::fs;
use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, Session, file_problem};
use crate::diagnostic::Diagnostic;
use crate::report::picture::{self, dot, mermaid, svg};
use crate::workspace::{Request, request};

/// Draw what is made from what
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake graph                                         all formulas, as Mermaid
  formake graph report --format svg -o report.svg       what `report` needs
  formake graph report@2024-01 --of identities          each identity of a target; many are drawn as one
  formake graph --format dot | dot -Tpdf > graph.pdf    by Graphviz")]
pub struct Arguments {
    /// Only what these need
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// With `--of identities`: the label of targets that name none
    #[arg(long)]
    label: Option<String>,
    #[arg(long, default_value = "mermaid")]
    format: Format,
    /// Boxes are dataset classes, or single identities
    #[arg(long, default_value = "formulas")]
    of: Of,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Mermaid,
    Dot,
    Svg,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Of {
    Formulas,
    Identities,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let picture = if arguments.of == Of::Identities {
        let request = Request { targets: arguments.targets.clone(), label: arguments.label.clone(), ..Request::default() };
        picture::of_graph(&workspace.plan(&request)?.graph)
    } else {
        let program = workspace.program()?;
        let mut classes = Vec::new();
        for target in &arguments.targets {
            let class = request::parse(target)?.class;
            if !program.classes.contains_key(&class) {
                return Err(Diagnostic::error("E0601", format!("no dataset class is called `{class}`")).into());
            }
            classes.push(class);
        }
        picture::of_program(&program, &classes.iter().map(|class| &**class).collect::<Vec<_>>())
    };
    let text = match arguments.format {
        Format::Mermaid => mermaid::render(&picture),
        Format::Dot => dot::render(&picture),
        Format::Svg => svg::render(&picture).map_err(|error| {
            Diagnostic::error("E0907", error.to_string()).help("name a target that needs less, or draw it with `--format dot` and Graphviz")
        })?,
    };
    match &arguments.output {
        None => session.terminal.print(&text)?,
        Some(file) => {
            let file = session.dir.join(file);
            fs::write(&file, text).map_err(|error| file_problem("written", &file, &error))?;
        }
    }
    Ok(Exit::Done)
}
