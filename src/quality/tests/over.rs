//! Rules over time, and numbers of a JSON output.

use super::*;

/// A profile of one column `x` of numbers that lie evenly, or of categories.
fn past(rows: u64, nulls: u64, spread: Option<(f64, f64)>, values: &[(&str, u64)]) -> Profile {
    let numbers = spread.map(|(least, most)| Numbers {
        mean: f64::midpoint(least, most),
        deviation: 1.0,
        quantiles: (0..=100).map(|n| least + (most - least) * f64::from(n) / 100.0).collect(),
    });
    let top = values.iter().map(|(value, times)| ((*value).to_string(), *times)).collect();
    let column = ColumnProfile {
        name: "x".into(),
        ty: "date".into(),
        nulls,
        numbers,
        top,
        complete: !values.is_empty(),
        max: Some("m".into()),
        ..ColumnProfile::default()
    };
    Profile { rows, columns: vec![column] }
}

#[test]
fn rules_over_time_look_at_profiles() {
    let over = |metric: &str, more: &str| {
        format!("    - {{ name: {metric}, type: custom, engine: formake, implementation: {{ metric: {metric}, column: x, {more} }} }}\n")
    };
    let rules = [
        over("nullShare", "mustBeLessThan: 5, unit: percent"),
        over("mean", "mustBeBetween: [-0.1, 0.1]"),
        over("psi", "mustBeLessThan: 0.2"),
        over("ks", "mustBeLessThan: 0.2"),
        over("newValues", "mustBe: 0"),
        over("vanishedValues", "mustBeLessOrEqualTo: 1"),
        over("freshness", "mustBeLessThan: 24"),
    ];
    let contract = good(&format!(
        "schema:\n- name: t\n  quality:\n    - {{ type: custom, engine: formake, implementation: {{ metric: rowCount, mustBeBetween: [-10, 10], unit: percent, window: 2, minimumHistory: 2 }} }}\n{}",
        rules.concat()
    ));
    assert_eq!(contract.window(), 10);
    let told = |now: &Profile, history: &[Profile], end: Option<f64>| {
        let table = Measured { profile: now.clone(), columns: vec![], documents: false, tests: vec![], keys: vec![] };
        let report = judge(&contract, &Evidence { history, end, ..evidence(&table) });
        lines(&report)
            .lines()
            .map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest).trim_start().to_string() + "\n")
            .collect::<String>()
            + &report
                .verdicts
                .iter()
                .map(|verdict| {
                    if verdict.outcome == Outcome::Failed {
                        'F'
                    } else if verdict.outcome == Outcome::Passed {
                        'p'
                    } else {
                        's'
                    }
                })
                .collect::<String>()
    };
    let even = past(1000, 0, Some((0.0, 100.0)), &[]);
    insta::assert_snapshot!(told(&past(1100, 110, Some((50.0, 150.0)), &[]), &[even.clone(), past(900, 0, Some((0.0, 100.0)), &[])], Some(86_400.0)), @r"
row count over time | 1,100 rows, 950 before: +15.79 %; wanted: from -10 % to 10 %
nullShare | 10 % of cells are null, 0 % before: +10 %; wanted: less than 5 %
mean | the mean is 100, 50 before: +1; wanted: from -0.1 to 0.1
psi | population stability index 4.346; wanted: less than 0.2
ks | Kolmogorov-Smirnov statistic 0.5; wanted: less than 0.2
newValues | `x` has too many different values to know all of them
vanishedValues | `x` has too many different values to know all of them
freshness | the newest value is m, 23.96 hours before the period's end; wanted: less than 24 hours
FFFFFssp
");
    insta::assert_snapshot!(told(&past(5, 0, None, &[("a", 4), ("d", 1)]), &[past(4, 0, None, &[("a", 2), ("b", 1), ("c", 1)])], None), @r"
row count over time | 1 earlier instance is known, and 2 are needed
nullShare | 0 % of cells are null, 0 % before: 0 %; wanted: less than 5 %
mean | `x` has no numbers to compare
psi | population stability index 5.571; wanted: less than 0.2
ks | `x` has no numbers, dates or timestamps to compare
newValues | 1 value is new, `d`; wanted: 0
vanishedValues | 2 values are gone, `b`, `c`; wanted: at most 1
freshness | the instance has no period whose end it could be measured against
spsFsFFs
");
    insta::assert_snapshot!(told(&even, &[], Some(86_400.0 + 100.0)), @r"
row count over time | no earlier instance is known, and 2 are needed
nullShare | no earlier instance is known, and 1 is needed
mean | no earlier instance is known, and 1 is needed
psi | no earlier instance is known, and 1 is needed
ks | no earlier instance is known, and 1 is needed
newValues | no earlier instance is known, and 1 is needed
vanishedValues | no earlier instance is known, and 1 is needed
freshness | the newest value is m, 24 hours before the period's end; wanted: less than 24 hours
sssssssF
");
}

#[test]
fn distances_of_distributions_are_what_they_should_be() {
    let of = |spreads: &[(u64, f64, f64)]| {
        let profiles: Vec<Profile> = spreads.iter().map(|(rows, least, most)| past(*rows, 0, Some((*least, *most)), &[])).collect();
        let columns: Vec<(u64, &ColumnProfile)> = profiles.iter().map(|profile| (profile.rows, &profile.columns[0])).collect();
        drift::Distribution::of(&columns).unwrap()
    };
    let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    near(of(&[(10, 0.0, 1.0)]).furthest(&of(&[(10, 0.0, 1.0)])), 0.0);
    near(of(&[(10, 0.0, 1.0)]).furthest(&of(&[(10, 0.5, 1.5)])), 0.5);
    near(of(&[(10, 0.0, 1.0)]).furthest(&of(&[(10, 2.0, 2.0)])), 1.0);
    // One half of the past lies apart.
    near(of(&[(10, 0.0, 1.0)]).furthest(&of(&[(10, 0.0, 1.0), (10, 5.0, 6.0)])), 0.5);
    let cuts = of(&[(10, 0.0, 1.0)]).deciles();
    near(cuts[0].0, 0.1);
    near(cuts[8].0, 0.9);
    // A value that holds all is parted from both sides.
    assert_eq!(of(&[(10, 7.0, 7.0)]).deciles(), [(7.0, false), (7.0, true)]);
}

#[test]
fn numbers_of_a_document_are_compared() {
    let rule = |more: &str| format!("  - {{ type: custom, engine: formake, implementation: {{ metric: number, {more} }} }}\n");
    let contract = good(
        &("schema:\n- name: t\n  quality:\n".to_string()
            + &rule("pointer: /auc, mustBeGreaterOrEqualTo: 0.8")
            + &rule("pointer: /auc, against: previous, mustBeGreaterThan: -0.01")
            + &rule("pointer: /auc, against: { label: prod }, mustBeGreaterThan: -5, unit: percent")
            + &rule("pointer: /auc, against: { label: dev }, mustBe: 0")
            + &rule("pointer: /name, mustBe: 1")
            + &rule("pointer: /m/1, mustBe: 2")),
    );
    assert!(contract.needs_document() && !contract.needs_table());
    assert_eq!(contract.compared_with(), [None, Some("prod".into()), Some("dev".into())]);
    let error = crate::table::TableError::NotATable { path: "x.json".into() };
    let document = serde_json::json!({ "auc": 0.81, "name": "x", "m": [1, 2] });
    let documents = BTreeMap::from([(None, serde_json::json!({ "auc": 0.83 })), (Some("prod".into()), serde_json::json!({ "auc": 0.8 }))]);
    let report = judge(
        &contract,
        &Evidence { measured: Err(&error), answers: BTreeMap::new(), history: &[], document: Some(&document), documents, end: None },
    );
    insta::assert_snapshot!(lines(&report), @r"
passed  /auc | 0.81; wanted: at least 0.8
FAILED  /auc against the previous instance | 0.81, and the previous instance has 0.83: a change of -0.02; wanted: more than -0.01
passed  /auc against prod | 0.81, and `prod` has 0.8: a change of +1.25 %; wanted: more than -5 %
skipped /auc against dev | `dev` has nothing to compare with
FAILED  /name | `/name` is a text, no number
passed  /m/1 | 2; wanted: 2
");
}
