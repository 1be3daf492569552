//! The part of a plan that a label's changes reach, a box per class: what changed, runs, may run, is reused, breaks; and one level above it what
//! that reads as it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arrow, Kind, Node, Picture};
use crate::identity::Name;
use crate::plan::{Action, Effect, Plan, Review};
use crate::report::look::clip;
use crate::resolve::Graph;

/// More boxes than this are counted only.
const BOXES: usize = 40;
/// More arrows than this make no picture.
const ARROWS: usize = 160;
/// Longer names are cut.
const WIDTH: usize = 60;

/// What happens to the identities of a class.
#[derive(Default)]
struct Counts {
    run: usize,
    may_run: usize,
    reuse: usize,
    blocked: usize,
    valid: usize,
    kept: usize,
    source: bool,
}

/// The picture; without boxes where nothing is affected.
pub fn of_review(plan: &Plan, graph: &Graph, review: &Review) -> Picture {
    let mut counts: BTreeMap<&Name, Counts> = BTreeMap::new();
    let mut order: Vec<&Name> = Vec::new();
    for step in &plan.steps {
        let count = counts.entry(&step.identity.class).or_insert_with(|| {
            order.push(&step.identity.class);
            Counts::default()
        });
        match &step.action {
            Action::Run { .. } => count.run += 1,
            Action::MayRun { .. } => count.may_run += 1,
            Action::Reuse { .. } => count.reuse += 1,
            Action::Blocked { .. } => count.blocked += 1,
            Action::Valid { .. } => count.valid += 1,
            Action::Source { .. } => count.source = true,
            Action::Inherited { .. } | Action::StaleInBase { .. } | Action::Held { .. } | Action::Published { .. } => count.kept += 1,
        }
    }
    let mut broken: BTreeMap<&Name, String> = BTreeMap::new();
    // Readers that the plan has nothing of hang on what they read.
    let mut outside: Vec<(&Name, &Name)> = Vec::new();
    for consumer in &review.breaks.consumers {
        for class in &consumer.classes {
            match &consumer.effect {
                Effect::WouldBreak { column, .. } => {
                    let text = column.as_ref().map_or("would break".to_string(), |column| format!("would break: `{column}`"));
                    broken.entry(class).or_insert(text);
                }
                Effect::MayBreak { column, .. } => {
                    broken.entry(class).or_insert(format!("may break: `{column}`"));
                }
            }
            if let (false, Some(reads)) = (counts.contains_key(class), &consumer.reads) {
                outside.push((reads, class));
            }
        }
    }
    let changed: BTreeSet<&Name> = review.formulas.iter().flat_map(|formula| &formula.classes).collect();
    let mut arrows: BTreeSet<(&Name, &Name)> = BTreeSet::new();
    for job in &graph.jobs {
        for part in job.inputs.iter().flatten() {
            let from = &graph.nodes[part.node.0 as usize].identity.class;
            arrows.extend(job.outputs.iter().map(|output| (from, &graph.nodes[output.0 as usize].identity.class)));
        }
    }
    arrows.retain(|(from, to)| from != to);
    let affected = |class: &Name| {
        let moves = counts.get(class).is_some_and(|count| count.run + count.may_run + count.reuse + count.blocked > 0);
        moves || broken.contains_key(class) || (changed.contains(class) && counts.contains_key(class))
    };
    let mut shown: Vec<&Name> = order.iter().copied().filter(|class| affected(class)).collect();
    shown.extend(outside.iter().map(|(_, class)| *class).filter(|class| !counts.contains_key(*class)));
    dedup(&mut shown);
    let cut = shown.len().saturating_sub(BOXES);
    shown.truncate(BOXES);
    let inputs: Vec<&Name> = order.iter().copied().filter(|class| !affected(class)).collect();
    let read = |class: &&&Name| arrows.iter().any(|(from, to)| *from == **class && shown.contains(to));
    let inputs: Vec<&Name> = inputs.iter().filter(read).copied().take(BOXES - shown.len()).collect();
    let mut picture = Picture::default();
    let mut at = BTreeMap::new();
    for class in inputs.iter().chain(&shown) {
        at.insert(*class, picture.boxes.len());
        let count = counts.get(*class);
        let kind = kind(count, broken.get(*class).is_some_and(|text| text.starts_with("would")), changed.contains(*class), affected(class));
        let mut lines: Vec<String> = count.map(in_words).unwrap_or_default();
        lines.extend(changed.contains(*class).then(|| "changed".to_string()));
        lines.extend(broken.get(*class).map(|text| clip(text, WIDTH)));
        picture.boxes.push(Node { title: clip(class, WIDTH), lines, kind });
    }
    if cut > 0 {
        picture.boxes.push(Node { title: format!("{cut} more"), lines: vec![], kind: Kind::Made });
    }
    let drawn = arrows.into_iter().map(|arrow| (arrow, false)).chain(outside.into_iter().map(|arrow| (arrow, true)));
    let drawn: BTreeMap<(usize, usize), bool> =
        drawn.filter_map(|((from, to), optional)| Some(((*at.get(from)?, *at.get(to)?), optional))).collect();
    if drawn.len() <= ARROWS {
        picture.arrows = drawn.into_iter().map(|((from, to), optional)| Arrow { from, to, optional }).collect();
    }
    picture
}

fn dedup(classes: &mut Vec<&Name>) {
    let mut seen = BTreeSet::new();
    classes.retain(|class| seen.insert(*class));
}

fn kind(count: Option<&Counts>, breaks: bool, changed: bool, affected: bool) -> Kind {
    match count {
        _ if breaks => Kind::Breaks,
        Some(count) if !affected => {
            if count.source {
                Kind::Source
            } else {
                Kind::Inherited
            }
        }
        Some(_) if changed => Kind::Changed,
        Some(count) if count.run > 0 => Kind::Runs,
        Some(count) if count.may_run > 0 => Kind::MayRun,
        Some(count) if count.reuse > 0 => Kind::Reused,
        Some(count) if count.blocked > 0 => Kind::Blocked,
        _ => Kind::Made,
    }
}

fn in_words(count: &Counts) -> Vec<String> {
    let named = [
        (count.run, "to run"),
        (count.may_run, "may run"),
        (count.reuse, "to reuse"),
        (count.blocked, "blocked"),
        (count.valid, "made already"),
        (count.kept, "as in the base"),
    ];
    named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::plan::Owed;
    use crate::plan::tests::review::reviewed;
    use crate::report::picture::mermaid;

    #[test]
    fn what_changes_reach_is_drawn_with_what_it_reads() {
        let (case, plan, review) = reviewed();
        assert_snapshot!(mermaid::render(&of_review(&plan, &case.graph, &review)), @r#"
        flowchart LR
          n0[("raw<br/>1 as in the base")]
          n1["clean<br/>2 to run<br/>changed"]
          n2["model<br/>2 may run<br/>changed<br/>may break: #96;amount#96;"]
          n3["week<br/>1 to run<br/>changed"]
          n4["fresh<br/>1 to run<br/>changed"]
          n5["far<br/>would break: #96;amount#96;"]
          n0 --> n1
          n0 --> n3
          n0 --> n4
          n1 --> n2
          n1 -.-> n5
          classDef source fill:#e8f1fb,stroke:#4a7fc1
          class n0 source
          classDef changed fill:#fef08a,stroke:#a16207
          class n1,n2,n3,n4 changed
          classDef breaks fill:#fecaca,stroke:#b91c1c
          class n5 breaks
        "#);
        let plan = case.plan(&[]);
        let review = Review { formulas: vec![], breaks: Default::default(), ..review };
        assert_eq!(of_review(&plan, &case.graph, &review), Picture::default());
    }

    #[test]
    fn a_picture_has_room_for_so_many() {
        let (case, mut plan, review) = reviewed();
        let step = plan.steps.iter().find(|step| step.owed == Some(Owed::Change)).cloned().expect("one");
        for number in 0..100 {
            let mut step = step.clone();
            step.identity.class = format!("c{number}").into();
            plan.steps.push(step);
        }
        let picture = of_review(&plan, &case.graph, &review);
        assert_eq!(picture.boxes.len(), BOXES + 1);
        assert!(picture.boxes[BOXES].title.ends_with(" more"));
    }
}
