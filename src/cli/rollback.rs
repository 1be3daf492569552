//! `formake rollback`: a label goes back to before a promotion.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::Diagnostic;
use crate::plan::promotion::RollbackPlan;
use crate::report::rollback;
use crate::workspace::promote::RollbackRequest;

/// Take promotions back: what they moved stands for what it stood for before
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake rollback prod                        the last promotion
  formake rollback prod --dry-run              show what would move
  formake rollback prod --list                 the promotions that there were
  formake rollback prod --to 7                 promotion 7, and all after it
  formake rollback prod --to 2024-03-01        all promotions since that day ended

What goes back is held: no build makes it again until `formake release`. What stood for nothing before is held empty, and what needs
it is blocked. Sources neither go back nor are held.")]
pub struct Arguments {
    /// The label that goes back
    label: String,
    /// The promotion to take back, with all after it, by its number; or the time to go back to
    #[arg(long, value_name = "ID|TIME")]
    to: Option<String>,
    /// Take back what was made since from what goes, too
    #[arg(long)]
    cascade: bool,
    /// Why; it is kept in the record
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Show what would move, and stop
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Show the promotions and rollbacks of the label, and stop
    #[arg(long, conflicts_with_all = ["to", "cascade", "because", "dry_run", "yes"])]
    list: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    if arguments.list {
        return list(arguments, session);
    }
    let workspace = session.workspace()?;
    let terminal = &session.terminal;
    let request = RollbackRequest {
        label: arguments.label.clone(),
        to: arguments.to.clone(),
        cascade: arguments.cascade,
        because: arguments.because.clone(),
        zone: terminal.look.zone.clone(),
    };
    let back = workspace.back(&request)?;
    let plan = workspace.look_back(&back)?;
    let problems = rollback::problems(&plan);
    if !arguments.dry_run && !plan.moves.is_empty() {
        workspace.may_roll_back(&back, &plan)?;
    }
    if arguments.dry_run || !problems.is_empty() || plan.moves.is_empty() {
        show(arguments, &plan, None, session)?;
        session.show(&problems);
        let refused = (!plan.not_permitted.is_empty()).then_some(Exit::NotPermitted);
        return Ok(Exit::first(refused.into_iter().chain([Exit::of(&problems)])));
    }
    if !arguments.yes {
        terminal.complain(&rollback::text(&plan, false, &terminal.error_look));
        if !terminal.interactive {
            let problem = Diagnostic::error("E0829", "rolling back asks first, and nobody is there to answer");
            return Err(problem.help("add `--yes`").into());
        }
        if !terminal.confirm("Roll back?")? {
            terminal.print("Nothing was changed.\n")?;
            return Ok(Exit::Done);
        }
    }
    let id = workspace.roll_back(&back, &plan, &mut |holder| session.waits_for(holder))?;
    show(arguments, &plan, Some(id), session)?;
    Ok(Exit::Done)
}

fn show(arguments: &Arguments, plan: &RollbackPlan, id: Option<crate::catalog::PromotionId>, session: &Session) -> std::io::Result<()> {
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&rollback::json(plan, id))
    } else if plan.stuck.is_empty() {
        terminal.print(&rollback::text(plan, id.is_some(), &terminal.look))
    } else {
        Ok(())
    }
}

fn list(arguments: &Arguments, session: &Session) -> Outcome {
    let promotions = session.workspace()?.promotions(&arguments.label)?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&rollback::list_json(&promotions))?;
    } else {
        terminal.print(&rollback::list(&promotions, &terminal.look))?;
    }
    Ok(Exit::Done)
}
