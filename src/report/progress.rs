//! A run as it happens: bars in a terminal, lines in a pipe, JSON lines for machines. All are readers of the same events.

use std::collections::HashSet;
use std::io::{self, Write};

use super::bars::Bars;
use super::look::{Look, Tone};
use super::{reason, units};
use crate::identity::Identity;
use crate::run::{Event, Summary};

/// More that is blocked than this is only counted.
const BLOCKED: usize = 10;

/// In a terminal, builds with more jobs than this have no lines for what went well.
const MANY: usize = 60;

/// Tells events as they come.
pub struct Progress<'a> {
    face: Face<'a>,
    look: Look,
    /// There are so many jobs that what went well is in the bar's count only.
    many: bool,
    /// How much was told to be blocked, and how much more there was.
    blocked: usize,
    hidden: usize,
    /// Those whose derivation was told.
    told: HashSet<Identity>,
}

enum Face<'a> {
    Bars(Bars),
    Lines(&'a mut dyn Write),
    Json(&'a mut dyn Write),
}

impl<'a> Progress<'a> {
    /// For a terminal on stdout: bars for what lasts, a line for what is done.
    pub fn bars(look: Look) -> Self {
        Self::new(Face::Bars(Bars::new(look.color)), look)
    }

    /// For a pipe or a file: a line when a job starts, a line when it is done.
    pub fn lines(out: &'a mut dyn Write, look: Look) -> Self {
        Self::new(Face::Lines(out), look)
    }

    /// One JSON object a line, `formake.events/1`; see `docs/json.md`.
    pub fn json(out: &'a mut dyn Write) -> Self {
        Self::new(Face::Json(out), Look::plain())
    }

    fn new(face: Face<'a>, look: Look) -> Self {
        Self { face, look, many: false, blocked: 0, hidden: 0, told: HashSet::new() }
    }

    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut lines = match event {
            // Its derivation was told before.
            Event::JobBlocked { outputs, .. } if outputs.iter().any(|output| self.told.contains(output)) => vec![],
            Event::Blocked { .. } | Event::JobBlocked { .. } if self.blocked == BLOCKED => {
                self.hidden += 1;
                vec![]
            }
            Event::Blocked { on } => {
                self.blocked += 1;
                self.told.insert(on.identity.clone());
                lines(event, &self.look)
            }
            Event::JobBlocked { .. } => {
                self.blocked += 1;
                lines(event, &self.look)
            }
            _ => lines(event, &self.look),
        };
        if let Event::Summary(_) = event
            && self.hidden > 0
        {
            lines.insert(0, format!("{:>9} {}", "", format_args!("{} more blocked", self.hidden)));
        }
        match &mut self.face {
            Face::Json(out) => json_line(event, *out)?,
            Face::Lines(out) => lines.iter().try_for_each(|line| writeln!(out, "{line}"))?,
            Face::Bars(bars) => {
                move_bars(bars, event)?;
                if let Event::Started { at_most, .. } = event {
                    self.many = *at_most > MANY;
                }
                let counted = match event {
                    // The line that says that a job has started is its bar.
                    Event::JobStarted { .. } => true,
                    Event::JobDone { .. } | Event::JobValid { .. } | Event::JobReused { .. } => self.many,
                    _ => false,
                };
                if !counted {
                    lines.iter().try_for_each(|line| bars.print(line))?;
                }
            }
        }
        Ok(())
    }
}

fn json_line(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let mut value = serde_json::to_value(event)?;
    if let (Event::Started { .. }, Some(object)) = (event, value.as_object_mut()) {
        object.insert("schema".into(), "formake.events/1".into());
    }
    writeln!(out, "{value}")?;
    out.flush()
}

fn move_bars(bars: &mut Bars, event: &Event) -> io::Result<()> {
    match event {
        Event::Started { at_most, .. } => bars.total(*at_most),
        Event::JobStarted { job, outputs, .. } => bars.start(*job, names(outputs)),
        Event::JobRetried { job, .. } => bars.pause(*job),
        Event::JobDone { job, .. } | Event::JobFailed { job, .. } | Event::JobValid { job, .. } | Event::JobReused { job, .. } => {
            bars.finish(*job);
        }
        Event::Blocked { .. } | Event::JobBlocked { .. } | Event::Warned { .. } | Event::Warning { .. } => {}
        Event::Summary(_) => bars.clear()?,
    }
    Ok(())
}

/// What is said of an event: a verb that ends in column 9, what it is about, and more.
pub fn lines(event: &Event, look: &Look) -> Vec<String> {
    let line = |tone: Tone, verb: &str, outputs: &[Identity], more: &str| {
        format!("{} {}  {more}", look.paint(tone, &format!("{verb:>9}")), names(outputs)).trim_end().to_string()
    };
    match event {
        Event::Started { at_most: 0, .. } => vec![],
        Event::Started { jobs, at_least, at_most, .. } if at_least == at_most => {
            vec![look.faint(&format!("Running {at_most} of {}.", units::count(*jobs, "job")))]
        }
        Event::Started { jobs, at_least, at_most, .. } => {
            vec![look.faint(&format!("Running at least {at_least}, at most {at_most} of {}.", units::count(*jobs, "job")))]
        }
        Event::Blocked { on } => reason::impossible(on, look),
        Event::JobStarted { outputs, why, attempt, .. } => {
            let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            vec![line(Tone::Faint, "run", outputs, &format!("{}{again}", reason::headline(why)))]
        }
        Event::JobDone { outputs, seconds, bytes, unchanged, .. } => {
            let same = if *unchanged { ", the same bytes as before" } else { "" };
            let more = look.faint(&format!("{}, {}{same}", units::duration(*seconds), units::bytes(*bytes)));
            vec![line(Tone::Good, "made", outputs, &more)]
        }
        Event::Warned { identity, verdicts } => {
            let mut lines = vec![line(Tone::Attention, "warning", std::slice::from_ref(identity), "its contract warns:")];
            lines.extend(super::verdicts::lines(verdicts, look).into_iter().map(|text| format!("{:>9} {text}", "")));
            lines
        }
        Event::JobRetried { outputs, attempt, delay, message, .. } => {
            let more = format!("attempt {attempt} failed, again in {}: {message}", units::duration(*delay));
            vec![line(Tone::Attention, "retry", outputs, &more)]
        }
        Event::JobFailed { outputs, seconds, message, tail, log, broken, .. } => {
            let mut lines = vec![line(Tone::Bad, "failed", outputs, &format!("after {}: {message}", units::duration(*seconds)))];
            lines.extend(tail.iter().map(|text| format!("{:>9} {} {text}", "", look.faint("|"))));
            for (_, verdicts) in broken {
                lines.extend(super::verdicts::lines(verdicts, look).into_iter().map(|text| format!("{:>9} {text}", "")));
            }
            if let Some((identity, _)) = broken.first() {
                let command = look.name(&format!("formake show {} --quarantined", units::shell(&identity.to_string())));
                lines.push(format!("{:>9} what it made is quarantined, and nobody reads it: {command}", ""));
                return lines;
            }
            if let Some(first) = outputs.first() {
                let command = look.name(&format!("formake log {}", units::shell(&first.to_string())));
                let place = if *log == first.to_string() { String::new() } else { look.faint(&format!(" ({log})")) };
                lines.push(format!("{:>9} whole log: {command}{place}", ""));
            }
            lines
        }
        Event::JobValid { outputs, .. } => {
            vec![line(Tone::Faint, "valid", outputs, &look.faint("what it is made from came out the same"))]
        }
        Event::JobReused { outputs, run, .. } => {
            vec![line(Tone::Good, "reused", outputs, &look.faint(&format!("made before by run {}", run.0)))]
        }
        Event::JobBlocked { outputs, because, .. } => vec![line(Tone::Bad, "blocked", outputs, because)],
        Event::Warning { message } => vec![format!("{} {message}", look.paint(Tone::Attention, "  warning"))],
        Event::Summary(summary) => vec![self::summary(summary, look)],
    }
}

/// Up to two names, and how many more.
fn names(outputs: &[Identity]) -> String {
    let mut text = outputs.iter().take(2).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if outputs.len() > 2 {
        text += &format!(" and {} more", outputs.len() - 2);
    }
    text
}

/// `Done: 3 made, 1 reused, 8 valid, in 4.2 s.`
pub fn summary(summary: &Summary, look: &Look) -> String {
    let Summary { ran, reused, valid, inherited, failed, blocked, warnings, skipped, interrupted, seconds } = summary;
    let (tone, head) = match () {
        () if *interrupted => (Tone::Bad, "Interrupted"),
        () if *failed > 0 => (Tone::Bad, "Failed"),
        () if *blocked > 0 => (Tone::Bad, "Blocked"),
        () if ran + reused == 0 => {
            let text = if *inherited > 0 {
                super::plan::nothing_to_do(*valid, *inherited, 0)
            } else if *valid == 1 {
                "Nothing to do: it is valid.".into()
            } else {
                format!("Nothing to do: all {valid} are valid.")
            };
            return look.paint(Tone::Good, &text);
        }
        () => (Tone::Good, "Done"),
    };
    let named = [
        (failed, "failed"),
        (blocked, "blocked"),
        (skipped, "not started"),
        (ran, "made"),
        (reused, "reused"),
        (valid, "valid"),
        (inherited, "inherited"),
    ];
    let named: Vec<String> = named.iter().filter(|(n, _)| **n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let warned = if *warnings > 0 { format!(", {}", units::count(*warnings, "warning")) } else { String::new() };
    let counts = if named.is_empty() { "nothing made".into() } else { named.join(", ") };
    format!("{} {counts}{warned}, in {}.", look.paint(tone, &format!("{head}:")), units::duration(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RunId;
    use crate::identity::Instance;
    use crate::validity::Reason;

    fn story() -> Vec<Event> {
        let outputs = |class: &str| {
            vec![Identity { class: class.into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() }]
        };
        vec![
            Event::Started { jobs: 4, valid: 0, at_least: 2, at_most: 3, blocked: 0 },
            Event::JobStarted { job: 0, outputs: outputs("a"), formula: "-> a".into(), why: Reason::Missing, attempt: 1 },
            Event::JobDone { job: 0, outputs: outputs("a"), run: RunId(1), seconds: 1.2, bytes: 3400, unchanged: true },
            Event::JobValid { job: 1, outputs: outputs("b") },
            Event::JobFailed {
                job: 2,
                outputs: outputs("c"),
                run: Some(RunId(2)),
                seconds: 0.5,
                message: "exit status 1".into(),
                tail: vec!["no such column".into()],
                log: ".formake/jobs/2/log".into(),
                broken: vec![],
            },
            Event::JobBlocked { job: 3, outputs: outputs("d"), because: "c:prod/dl failed".into() },
            Event::Summary(Summary { ran: 1, valid: 1, failed: 1, blocked: 1, seconds: 2.0, ..Summary::default() }),
        ]
    }

    #[test]
    fn lines_tell_the_story() {
        let mut out = Vec::new();
        let mut progress = Progress::lines(&mut out, Look::plain());
        story().iter().for_each(|event| progress.event(event).expect("a vector can be written to"));
        let expected = "\
Running at least 2, at most 3 of 4 jobs.
      run a:prod/dl  not made yet
     made a:prod/dl  1.2 s, 3.4 kB, the same bytes as before
    valid b:prod/dl  what it is made from came out the same
   failed c:prod/dl  after 0.5 s: exit status 1
          | no such column
          whole log: formake log c:prod/dl (.formake/jobs/2/log)
  blocked d:prod/dl  c:prod/dl failed
Failed: 1 failed, 1 blocked, 1 made, 1 valid, in 2.0 s.
";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn json_is_one_object_a_line_and_the_last_is_the_summary() {
        let mut out = Vec::new();
        let mut progress = Progress::json(&mut out);
        story().iter().for_each(|event| progress.event(event).expect("a vector can be written to"));
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        let lines: Vec<_> = String::from_utf8_lossy(&out).lines().map(read).collect();
        assert_eq!((lines.len(), &lines[0]["schema"], &lines[6]["failed"]), (7, &"formake.events/1".into(), &1.into()));
        assert_eq!(lines[6]["event"], "summary");
    }
}
