//! Who may write where: what `labels:` and `repositories:` of `formake.yaml` say, and whether a user may.
//!
//! What is true here: an identity is written by those whom its label and its repository both permit. Of a label one entry counts: that of its
//! name, else the one whose pattern says most of it; where there is none, everybody may. Nothing is asked of the machine: a user's groups come
//! in as a question, which is put only where a rule names a group.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::formula::program::entry_of;
use crate::identity::{Identity, Name};

/// All rules of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// By name, or by a pattern such as `pr-*`.
    pub labels: Vec<(Name, Rule)>,
    pub repositories: Vec<(Name, Rule)>,
}

/// What one entry says of writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Without writers, nobody may write.
    pub protected: bool,
    /// Where there are any, only they may write.
    pub writers: Vec<Writer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    User(String),
    Group(String),
}

/// The groups that a user is in; or why nobody knows them.
pub type Groups = Result<Vec<String>, String>;

/// What a rule guards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Guarded {
    Label(Name),
    Repository(Name),
}

/// A user may not write under a label, or into a repository.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Refusal {
    pub user: String,
    #[serde(flatten)]
    pub guarded: Guarded,
    /// Which entry of `labels:` or `repositories:` says so.
    pub entry: Name,
    /// Who may; empty: nobody.
    pub writers: Vec<Writer>,
    /// Why it is not known in which groups the user is, where that was asked.
    pub groups_unknown: Option<String>,
    /// What was to be written, each once, in the order asked.
    pub identities: Vec<Identity>,
}

impl Policy {
    /// Nothing is guarded.
    pub fn is_open(&self) -> bool {
        self.labels.iter().chain(&self.repositories).all(|(_, rule)| !rule.guards())
    }

    /// What `user` may not write of these; a refusal for each label and repository that forbids any of them.
    pub fn refusals<'i>(
        &self,
        user: &str,
        groups: &dyn Fn() -> Groups,
        identities: impl IntoIterator<Item = &'i Identity>,
    ) -> Vec<Refusal> {
        let known = OnceCell::new();
        let groups = || known.get_or_init(groups);
        let mut refusals: Vec<Refusal> = Vec::new();
        let mut verdicts: HashMap<Guarded, Option<usize>> = HashMap::new();
        let mut seen: HashSet<&Identity> = HashSet::new();
        for identity in identities.into_iter().filter(|identity| seen.insert(identity)) {
            for guarded in [Guarded::Label(identity.label.clone()), Guarded::Repository(identity.repository.clone())] {
                let verdict = verdicts.entry(guarded).or_insert_with_key(|guarded| {
                    let refusal = self.refusal(user, &groups, guarded)?;
                    refusals.push(refusal);
                    Some(refusals.len() - 1)
                });
                if let Some(refusal) = *verdict {
                    refusals[refusal].identities.push(identity.clone());
                }
            }
        }
        refusals
    }

    fn refusal<'g>(&self, user: &str, groups: &dyn Fn() -> &'g Groups, guarded: &Guarded) -> Option<Refusal> {
        let (entry, rule) = match guarded {
            Guarded::Label(label) => entry_of(&self.labels, label),
            Guarded::Repository(repository) => self.repositories.iter().find(|(name, _)| name == repository),
        }?;
        if rule.permits(user, groups) {
            return None;
        }
        let asked = rule.writers.iter().any(|writer| matches!(writer, Writer::Group(_)));
        Some(Refusal {
            user: user.to_string(),
            guarded: guarded.clone(),
            entry: entry.clone(),
            writers: rule.writers.clone(),
            groups_unknown: if asked { groups().as_ref().err().cloned() } else { None },
            identities: Vec::new(),
        })
    }
}

impl Rule {
    fn guards(&self) -> bool {
        self.protected || !self.writers.is_empty()
    }

    fn permits<'g>(&self, user: &str, groups: &dyn Fn() -> &'g Groups) -> bool {
        let named = |writer: &Writer| matches!(writer, Writer::User(name) if name == user);
        let member = |writer: &Writer| matches!(writer, Writer::Group(group) if groups().as_ref().is_ok_and(|all| all.contains(group)));
        !self.guards() || self.writers.iter().any(named) || self.writers.iter().any(member)
    }
}

impl Writer {
    /// As `writers:` of `formake.yaml` names one: `alice`, or `group:release`.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("group:") {
            Some(group) => Writer::Group(group.to_string()),
            None => Writer::User(text.to_string()),
        }
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Writer::User(user) => f.write_str(user),
            Writer::Group(group) => write!(f, "group:{group}"),
        }
    }
}

impl serde::Serialize for Writer {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Refusal {
    /// `alice and group:release may`.
    pub fn who_may(&self) -> String {
        match self.writers.as_slice() {
            [] => "nobody may".to_string(),
            [one] => format!("{one} may"),
            [first @ .., last] => format!("{} and {last} may", first.iter().map(Writer::to_string).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Where `formake.yaml` says so: `labels: pr-*`.
    pub fn place(&self) -> String {
        let key = if matches!(self.guarded, Guarded::Label(_)) { "labels" } else { "repositories" };
        format!("{key}: {}", self.entry)
    }
}

/// `bob may not write under the label prod`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.guarded {
            Guarded::Label(label) => write!(f, "{} may not write under the label {label}", self.user),
            Guarded::Repository(repository) => write!(f, "{} may not write into the repository {repository}", self.user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Instance;

    fn identity(label: &str, repository: &str) -> Identity {
        Identity { class: "a".into(), instance: Instance::new([]), label: label.into(), repository: repository.into() }
    }

    fn rule(protected: bool, writers: &[&str]) -> Rule {
        Rule { protected, writers: writers.iter().map(|writer| Writer::parse(writer)).collect() }
    }

    fn policy() -> Policy {
        Policy {
            labels: vec![
                ("prod".into(), rule(true, &["alice", "group:release"])),
                ("pr-*".into(), rule(false, &[])),
                ("pr-old-*".into(), rule(true, &[])),
                ("pr-old-7".into(), rule(false, &["bob"])),
            ],
            repositories: vec![("dl".into(), rule(false, &[])), ("pii".into(), rule(false, &["alice"]))],
        }
    }

    /// Who is refused what, for a user who is in these groups; no groups: nobody may ask for them.
    fn refused(user: &str, groups: Option<&[&str]>, label: &str, repository: &str) -> Vec<String> {
        let ask = || Ok(groups.expect("groups are asked for only where a rule names one").iter().map(ToString::to_string).collect());
        let refusals = policy().refusals(user, &ask, [&identity(label, repository)]);
        refusals.iter().map(|r| format!("{r} ({}): {}", r.place(), r.who_may())).collect()
    }

    #[test]
    fn label_and_repository_must_both_permit() {
        let nothing: [&str; 0] = [];
        assert_eq!(refused("alice", None, "prod", "pii"), nothing);
        assert_eq!(
            refused("bob", Some(&["users"]), "prod", "pii"),
            [
                "bob may not write under the label prod (labels: prod): alice and group:release may",
                "bob may not write into the repository pii (repositories: pii): alice may"
            ]
        );
        assert_eq!(refused("bob", Some(&["users", "release"]), "prod", "dl"), nothing);
        assert_eq!(refused("release", Some(&["users"]), "prod", "dl").len(), 1, "a user's name is no group's");
        assert_eq!(refused("group:release", Some(&[]), "prod", "dl").len(), 1, "nor is a group's entry a user's");
        assert_eq!(refused("bob", None, "elsewhere", "other"), nothing, "where nothing is said, everybody may");
    }

    #[test]
    fn the_entry_that_says_most_of_a_label_counts() {
        let nothing: [&str; 0] = [];
        assert_eq!(refused("carol", None, "pr-7", "dl"), nothing);
        assert_eq!(
            refused("bob", None, "pr-old-8", "dl"),
            ["bob may not write under the label pr-old-8 (labels: pr-old-*): nobody may"],
            "a protected label without writers"
        );
        assert_eq!(refused("bob", None, "pr-old-7", "dl"), nothing, "its own name comes before patterns, though they are protected");
        assert_eq!(refused("alice", None, "pr-old-7", "dl").len(), 1, "writers alone guard too");
    }

    #[test]
    fn one_refusal_for_a_label_however_much_is_written() {
        let all = [identity("prod", "dl"), identity("pr-1", "dl"), identity("prod", "dl"), identity("prod", "pii")];
        let asked = std::cell::Cell::new(0);
        let groups = || {
            asked.set(asked.get() + 1);
            Err("no such user".to_string())
        };
        let refusals = policy().refusals("bob", &groups, &all);
        assert_eq!(asked.get(), 1);
        let found: Vec<_> = refusals.iter().map(|r| (r.identities.len(), r.groups_unknown.as_deref())).collect();
        assert_eq!(found, [(2, Some("no such user")), (1, None)]);
        assert_eq!(
            serde_json::to_value(&refusals[1]).expect("written"),
            serde_json::json!({ "user": "bob", "kind": "repository", "name": "pii", "entry": "pii", "writers": ["alice"],
                                "groups_unknown": null, "identities": ["a:prod/pii"] })
        );
        assert!(!policy().is_open() && Policy { labels: vec![("pr-*".into(), rule(false, &[]))], repositories: vec![] }.is_open());
    }
}
