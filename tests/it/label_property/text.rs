//! Branches: what stands in the formulas of each label's checkout.

use std::fmt::Write as _;
use std::io;

use formake::digest::ContentHash;
use formake::formula::Files;

pub const DAYS: i64 = 4;
/// Classes that are read from files; one more is published by hand.
pub const FILES: usize = 2;
pub const SOURCES: usize = FILES + 1;
/// Labels, each with a branch of the same number.
pub const LABELS: [&str; 3] = ["prod", "pr-1", "pr-2"];

/// How a class reads an earlier one. Numbers are days before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reads {
    SameDay,
    DayBefore,
    Window(u8),
    Latest(u8),
    AllDays,
}

/// A formula that names the label, beside the one that all labels share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named {
    pub recipe: u8,
    /// Its inputs are the base's, as they stand there.
    pub reads_base: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub inputs: Vec<(usize, Reads)>,
    pub recipe: u8,
    pub lossy: bool,
    /// Reads its own day before.
    pub rolling: bool,
    /// Its job makes a second class, too.
    pub twin: bool,
    /// Its recipe writes `{{ label }}`.
    pub writes_label: bool,
    pub effect: bool,
    pub named: Option<Named>,
}

/// Where a branch reads a source's files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Usual,
    Elsewhere,
    /// A source that names the label, beside the one that all share.
    Named,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub classes: Vec<Class>,
    pub places: [Place; FILES],
}

pub fn name(at: usize) -> String {
    match at {
        at if at < FILES => format!("s{at}"),
        FILES => "p".into(),
        at => format!("c{}", at - SOURCES),
    }
}

pub fn file(source: usize, elsewhere: bool, day: &str) -> String {
    format!("{}{source}/{day}", if elsewhere { "else" } else { "s" })
}

impl Branch {
    /// The formulas, as a label's checkout has them; `base`: the label's.
    pub fn text(&self, label: &str, base: &str) -> String {
        let mut all = String::from("source (p, <DATE>, prod, dl)\n");
        for (source, place) in self.places.iter().enumerate() {
            let path = |elsewhere| file(source, elsewhere, "<DATE>");
            let shared = path(*place == Place::Elsewhere);
            let _ = writeln!(all, "source (s{source}, <DATE>, prod, dl) from \"{shared}\"");
            if *place == Place::Named && label != "prod" {
                let _ = writeln!(all, "source (s{source}, <DATE>, {label}, dl) from \"{}\"", path(true));
            }
        }
        for (at, class) in self.classes.iter().enumerate() {
            all.push_str(&class.formula(at, class.recipe, "prod", "prod"));
            if let Some(named) = class.named.filter(|_| label != "prod") {
                all.push_str(&class.formula(at, named.recipe, if named.reads_base { base } else { label }, label));
            }
        }
        all
    }

    /// What a merge takes over: what names the label stays behind.
    pub fn merged(&self) -> Self {
        let mut merged = self.clone();
        merged.classes.iter_mut().for_each(|class| class.named = None);
        merged.places.iter_mut().filter(|place| **place == Place::Named).for_each(|place| *place = Place::Usual);
        merged
    }
}

impl Class {
    fn formula(&self, at: usize, recipe: u8, from: &str, to: &str) -> String {
        let own = name(SOURCES + at);
        let mut inputs: Vec<String> = Vec::new();
        if self.rolling {
            inputs.push(format!("({own}, <DATE-1d>, {to}, dl)?"));
        }
        for (slot, (class, reads)) in self.inputs.iter().enumerate() {
            let class = name(*class);
            inputs.push(match reads {
                Reads::SameDay => format!("({class}, <DATE>, {from}, dl) as i{slot}"),
                Reads::DayBefore => format!("({class}, <DATE-1d>, {from}, dl)? as i{slot}"),
                Reads::Window(days) => format!("({class}, <any W{slot} in DATE-{days}d..DATE>, {from}, dl) as i{slot}"),
                Reads::Latest(days) => format!("({class}, <latest L{slot} in DATE-{days}d..DATE>, {from}, dl) as i{slot}"),
                Reads::AllDays => format!("({class}, <any A{slot} in 2024-01-01..2024-01-0{DAYS}>, {from}, dl) as i{slot}"),
            });
        }
        let twin = if self.twin { format!(" + ({own}b, <DATE>, {to}, dl)") } else { String::new() };
        let what = if self.lossy { "lossy" } else { "all" };
        let says = if self.writes_label { " {{ label }}" } else { "" };
        let since = if self.rolling { "\n since 2024-01-01" } else { "" };
        let effect = if self.effect { "\n effect" } else { "" };
        format!("{}\n -> ({own}, <DATE>, {to}, dl){twin} {{\n run \"{recipe} {what}{says}\"{since}{effect}\n}}\n", inputs.join(" + "))
    }
}

/// One formula file.
pub struct OneFile(pub String);

impl Files for OneFile {
    fn read(&self, _: &str) -> io::Result<String> {
        Ok(self.0.clone())
    }
    fn hash(&self, _: &str) -> io::Result<ContentHash> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula"
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_string()])
    }
}
