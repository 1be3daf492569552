//! Which of some identities a target's text picks, without a program: for what the catalog holds already.

use super::target::{Choice, Target, TargetComponent};
use super::{Component, Identity, Period, Type, Value};

impl Target {
    /// Whether an identity is among those meant; parts that the target leaves out match everything, a coarser time all its periods.
    pub fn matches(&self, identity: &Identity) -> bool {
        self.class == identity.class
            && self.label.as_ref().is_none_or(|l| *l == identity.label)
            && self.repository.as_ref().is_none_or(|r| *r == identity.repository)
            && self.components.as_deref().is_none_or(|wanted| components_match(wanted, &identity.instance.0))
    }
}

fn components_match(wanted: &[TargetComponent], components: &[Component]) -> bool {
    let in_place = wanted.len() == components.len() && wanted.iter().zip(components).all(|(w, c)| w.key.is_none() || w.key == c.key);
    if in_place {
        return wanted.iter().zip(components).all(|(w, c)| chosen(&w.choice, &c.value));
    }
    let mut taken = vec![false; components.len()];
    wanted.iter().all(|w| {
        let Some(at) = components.iter().enumerate().position(|(i, c)| c.key == w.key && !taken[i]) else { return false };
        taken[at] = true;
        chosen(&w.choice, &components[at].value)
    })
}

fn chosen(choice: &Choice, value: &Value) -> bool {
    match choice {
        Choice::Any => true,
        Choice::One(text) => within(text, text, value),
        Choice::Set(texts) => texts.iter().any(|text| within(text, text, value)),
        Choice::Range(first, last) => within(first, last, value),
    }
}

fn within(first: &str, last: &str, value: &Value) -> bool {
    match value {
        Value::Time(period) => {
            let bound =
                |text: &str| Period::parse_any(text).filter(|p| p.precision >= period.precision).map(|p| p.range_of(period.precision));
            matches!((bound(first), bound(last)), (Some((low, _)), Some((_, high))) if low <= *period && *period <= high)
        }
        Value::Int(n) => {
            matches!((Type::Int.read(first), Type::Int.read(last)), (Some(Value::Int(a)), Some(Value::Int(b))) if a <= *n && *n <= b)
        }
        Value::Text(text) => first == last && **text == *first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Instance, Precision};

    #[test]
    fn targets_pick_from_what_there_is() {
        let time = Period::parse("2024-01-31", Precision::Day).expect("a day");
        let components = [("storeId", Value::Text("007".into())), ("", Value::Time(time))];
        let components = components.map(|(key, value)| Component { key: (!key.is_empty()).then(|| key.into()), value });
        let identity =
            Identity { class: "sales".into(), instance: Instance::new(components), label: "prod".into(), repository: "dl".into() };
        for (text, expected) in [
            ("sales", true),
            ("Sales", false),
            ("sales@storeId=007,2024-01-31", true),
            ("sales@007,2024-01-31", true),
            ("sales@storeId=7", false),
            ("sales@2024-01", true),
            ("sales@2024", true),
            ("sales@storeId={1,007},2024-01-01..2024-01-31:prod/dl", true),
            ("sales@storeId=*,2024-02", false),
            ("sales@2024-01-31T05", false),
            ("sales:exp", false),
        ] {
            assert_eq!(Target::parse(text).expect("a target").matches(&identity), expected, "{text}");
        }
    }
}
