//! What plans and builds are for: targets, label, and how much of a range.

use crate::workspace::Request;

#[derive(clap::Args, Debug)]
pub struct Targets {
    /// What to make: `class`, `class@instance`, `class@2024-01-01..2024-01-31:label`; the project's `targets` where none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    /// Of ranges, take what can be provided instead of asking for all
    #[arg(long)]
    available: bool,
    /// Jobs at the same time; as many as there are processors where nothing is said
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

impl Targets {
    pub fn request(&self) -> Request {
        Request { targets: self.targets.clone(), label: self.label.clone(), available: self.available, jobs: self.jobs.map(usize::from) }
    }
}
