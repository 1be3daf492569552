//! Many identities of one class as one line, in the way that a target is written: `clean@storeId={JFK,LGA},2024-01-01..2024-01-31:prod/dl`.

use std::collections::{BTreeSet, HashMap};

use crate::identity::instance::quoted;
use crate::identity::{Identity, Value};

/// How many values of a text are named.
const NAMED: usize = 4;

/// One line for identities of one class, label and repository. The first of the pair says whether the line stands for exactly these
/// identities; where it does not, some of the ranges' members are missing.
pub fn gathered(identities: &[&Identity]) -> (bool, String) {
    let Some(first) = identities.first() else { return (true, String::new()) };
    let distinct: BTreeSet<_> = identities.iter().map(|identity| &identity.instance).collect();
    let mut text = first.class.to_string();
    let mut members = 1;
    for (i, component) in first.instance.0.iter().enumerate() {
        text.push(if i == 0 { '@' } else { ',' });
        if let Some(key) = &component.key {
            text.push_str(key);
            text.push('=');
        }
        let values: BTreeSet<&Value> = identities.iter().filter_map(|identity| identity.instance.0.get(i)).map(|c| &c.value).collect();
        let (size, range) = range(&values);
        members *= size;
        text.push_str(&range);
    }
    text.push_str(&format!(":{}/{}", first.label, first.repository));
    (members == distinct.len(), text)
}

/// Identities of one class, label and repository as one line.
pub struct Line<'i> {
    pub identities: Vec<&'i Identity>,
    /// The text stands for exactly these.
    pub exact: bool,
    pub text: String,
}

impl Line<'_> {
    /// How many they are, where there are several: `2 of` for those that do not fill their ranges.
    pub fn count(&self) -> String {
        match self.identities.iter().collect::<BTreeSet<_>>().len() {
            1 => String::new(),
            some if self.exact => some.to_string(),
            some => format!("{some} of"),
        }
    }
}

/// A line for each class, label and repository, in the order of their first.
pub fn lines<'i>(identities: impl IntoIterator<Item = &'i Identity>) -> Vec<Line<'i>> {
    shelves(identities.into_iter().map(|identity| (identity, ()))).into_iter().map(|(line, _)| line).collect()
}

/// The same for things of identities: each line with its things.
pub fn shelves<'i, T>(things: impl IntoIterator<Item = (&'i Identity, T)>) -> Vec<(Line<'i>, Vec<T>)> {
    let mut shelves: Vec<(Vec<&Identity>, Vec<T>)> = Vec::new();
    let mut places = HashMap::new();
    for (identity, thing) in things {
        let place = *places.entry((&identity.class, &identity.label, &identity.repository)).or_insert_with(|| {
            shelves.push((Vec::new(), Vec::new()));
            shelves.len() - 1
        });
        shelves[place].0.push(identity);
        shelves[place].1.push(thing);
    }
    let line = |identities: Vec<&'i Identity>| {
        let (exact, text) = gathered(&identities);
        Line { identities, exact, text }
    };
    shelves.into_iter().map(|(identities, things)| (line(identities), things)).collect()
}

/// For a sentence: the first lines, and how many identities the others stand for.
pub fn in_short(identities: &[Identity]) -> String {
    let lines = lines(identities);
    let (shown, rest) = lines.split_at(lines.len().min(3));
    let shown: Vec<String> =
        shown.iter().map(|line| if line.exact { line.text.clone() } else { format!("{} {}", line.count(), line.text) }).collect();
    match rest.iter().map(|line| line.identities.len()).sum::<usize>() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A component's values as a target would ask for them, and how many it would ask for.
fn range(values: &BTreeSet<&Value>) -> (usize, String) {
    let write = |value: &Value| if let Value::Text(text) = value { quoted(text) } else { value.to_string() };
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return (0, String::new()) };
    let length = match (first, last) {
        (Value::Time(a), Value::Time(b)) if a.precision == b.precision => Some(b.index - a.index + 1),
        (Value::Int(a), Value::Int(b)) => b.checked_sub(*a).map(|n| n + 1),
        _ => None,
    };
    match (values.len(), length) {
        (1, _) => (1, write(first)),
        (n, Some(length)) if n > 2 || n as i64 == length => (length as usize, format!("{}..{}", write(first), write(last))),
        (n, _) if n <= NAMED => (n, format!("{{{}}}", values.iter().map(|v| write(v)).collect::<Vec<_>>().join(","))),
        (n, _) => (n, format!("{{{},{},… {} more}}", write(first), values.iter().nth(1).map_or(String::new(), |v| write(v)), n - 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Component, Instance, Period};

    fn identity(store: &str, day: &str) -> Identity {
        let time = Period::parse_any(day).map(Value::Time);
        Identity {
            class: "clean".into(),
            instance: Instance::new([
                Component { key: Some("storeId".into()), value: Value::Text(store.into()) },
                Component { key: None, value: time.expect("a day") },
            ]),
            label: "prod".into(),
            repository: "dl".into(),
        }
    }

    fn line(pairs: &[(&str, &str)]) -> (bool, String) {
        let identities: Vec<_> = pairs.iter().map(|(store, day)| identity(store, day)).collect();
        gathered(&identities.iter().collect::<Vec<_>>())
    }

    #[test]
    fn ranges_are_written_as_targets() {
        assert_eq!(line(&[("a b", "2024-01-01")]), (true, "clean@storeId=\"a b\",2024-01-01:prod/dl".into()));
        let all = [("a", "2024-01-31"), ("a", "2024-02-01"), ("b", "2024-01-31"), ("b", "2024-02-01")];
        assert_eq!(line(&all), (true, "clean@storeId={a,b},2024-01-31..2024-02-01:prod/dl".into()));
        assert!(!line(&all[..3]).0, "one is missing");
        let gap = [("a", "2024-01-01"), ("a", "2024-01-02"), ("a", "2024-01-05")];
        assert_eq!(line(&gap), (false, "clean@storeId=a,2024-01-01..2024-01-05:prod/dl".into()));
        assert_eq!(line(&[("a", "2024-01-01"), ("a", "2024-01-05")]).1, "clean@storeId=a,{2024-01-01,2024-01-05}:prod/dl");
        let mixed = [identity("a", "2024-01-01"), identity("b", "2024-01-02"), identity("c", "2024-01-01")];
        let mixed: Vec<Identity> = ["x", "y", "x", "z", "w"]
            .iter()
            .zip(mixed.iter().cycle())
            .map(|(class, i)| Identity { class: (*class).into(), ..i.clone() })
            .collect();
        assert_eq!(
            in_short(&mixed),
            "x@storeId={a,c},2024-01-01:prod/dl, y@storeId=b,2024-01-02:prod/dl, z@storeId=a,2024-01-01:prod/dl and 1 more"
        );
        let many: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|s| (s, "2024")).into();
        assert_eq!(line(&many), (true, "clean@storeId={a,b,… 4 more},2024:prod/dl".into()));
    }
}
