//! What most questions are about: one target, and the label where it names none.

#[derive(clap::Args, Debug)]
pub struct Subject {
    /// An identity, or a target that stands for several
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// The label of a target that names none
    #[arg(long)]
    label: Option<String>,
}

impl Subject {
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}
