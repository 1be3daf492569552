//! What labels with a base are, on random branches, changes and accidents. After every step:
//!
//! - a build changes nothing but its own label, whatever fails or is killed;
//! - what a plan calls valid, inherited, stale in the base or reuse is not run, its bounds hold, and a plan after a build says that nothing is to do;
//! - what a build does not leave as stale in the base is what a build from nothing gives; a fresh one leaves nothing so;
//! - no mixture: what a label shows was made from the very contents that the label shows; what is stale in the base is read by nothing that the
//!   label made, and by its recipe is the label's;
//! - what is inherited has no row; a row of a label never says what shows through anyway.
//!
//! Jobs are functions, as in `property.rs`; the model is what these functions give, over the graph that the resolver gives.

mod laws;
mod moves;
mod project;
mod text;
mod world;

use std::collections::BTreeSet;

use formake::catalog::{Catalog, Change};
use formake::digest::of_bytes;
use formake::formula::program::Bases;
use formake::identity::{Component, Identity, Instance, Period, Precision, Value};
use formake::plan::promotion::Until;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use laws::{View, nothing_is_to_do, of_others, the_build_is_the_plan};
use project::{Ask, How, Project, actor, clock};
use text::{Branch, Class, DAYS, FILES, LABELS, Named, Place, Reads, SOURCES, file, name};
use world::Disk;

#[derive(Clone, Copy, Debug)]
enum Edit {
    Recipe(u8),
    Lossy,
    Longer,
    Named(Option<Named>),
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        source: usize,
        elsewhere: bool,
        day: i64,
        content: u8,
    },
    Remove {
        source: usize,
        elsewhere: bool,
        day: i64,
    },
    Edit {
        branch: usize,
        class: usize,
        edit: Edit,
    },
    Move {
        branch: usize,
        source: usize,
        place: Place,
    },
    /// Prod's branch gets what a label's has.
    Merge {
        branch: usize,
    },
    /// A label's branch gets what prod's has.
    Rebase {
        branch: usize,
    },
    LoseBytes {
        which: usize,
    },
    Publish {
        label: usize,
        class: usize,
        day: i64,
        content: u8,
        hold: bool,
    },
    Release {
        which: usize,
    },
    Promote {
        ask: Ask,
        whole: bool,
        and_back: bool,
    },
    RollBack {
        label: usize,
        cascade: bool,
    },
    Clean {
        last: usize,
    },
    Build {
        ask: Ask,
        how: How,
    },
}

fn run(project: &mut Project, step: &Step) {
    match step {
        Step::Write { source, elsewhere, day, content } => {
            project.disk.files.insert(file(*source, *elsewhere, &format!("2024-01-0{day}")), *content);
        }
        Step::Remove { source, elsewhere, day } => {
            project.disk.files.remove(&file(*source, *elsewhere, &format!("2024-01-0{day}")));
        }
        Step::Edit { branch, class, edit } => {
            let classes = &mut project.branches[*branch].classes;
            let at = class % classes.len();
            let class = &mut classes[at];
            match edit {
                Edit::Recipe(recipe) => class.recipe = *recipe,
                Edit::Lossy => class.lossy = !class.lossy,
                Edit::Named(named) => class.named = named.filter(|_| *branch > 0),
                Edit::Longer => {
                    for (_, reads) in &mut class.inputs {
                        if let Reads::Window(days) | Reads::Latest(days) = reads {
                            *days = 3 - *days;
                        }
                    }
                }
            }
        }
        Step::Move { branch, source, place } => project.branches[*branch].places[*source] = *place,
        Step::Merge { branch } => project.branches[0] = project.branches[*branch].merged(),
        Step::Rebase { branch } => project.branches[*branch] = project.branches[0].clone(),
        Step::LoseBytes { which } => {
            let mut bytes = project.disk.bytes.lock().expect("a lock");
            let lost = (!bytes.is_empty()).then(|| bytes.iter().nth(which % bytes.len()).expect("one").clone());
            lost.map(|lost| bytes.remove(&lost));
        }
        Step::Publish { label, class, day, content, hold } => {
            let at = class % (project.branches[0].classes.len() + 1);
            // What a formula makes is taken in only to be held.
            let (class, hold) = if at == 0 { (name(FILES), *hold) } else { (name(SOURCES + at - 1), true) };
            let twin = at > 0 && project.branches[0].classes[at - 1].twin;
            let identity = identity(&class, LABELS[*label], *day);
            if !twin {
                project.publish(&identity, of_bytes(&[*content]), hold);
            }
        }
        Step::Release { which } => {
            let held: Vec<Identity> = project.pointers().held.into_iter().collect();
            if !held.is_empty() {
                let change = Change::Release { identity: held[which % held.len()].clone() };
                project.catalog.commit(&actor(), clock(), &[change]).expect("released");
            }
        }
        Step::Promote { ask, whole, and_back } => {
            let built = project.built.filter(|built| built.label == ask.label && !built.fresh && (*whole || built.classes == ask.classes));
            moves::promote(project, ask, *whole, !*whole && built.is_some(), *and_back);
        }
        Step::RollBack { label, cascade } => {
            moves::roll_back(project, LABELS[*label], Until::Last, *cascade);
        }
        Step::Clean { last } => moves::clean(project, *last),
        Step::Build { ask, how } => project.built = build(project, ask, how).then_some(*ask),
    }
    if !matches!(step, Step::Build { .. }) {
        project.built = None;
    }
}

/// Does something that changes nothing of what is right.
fn harmless(project: &mut Project, step: &Step) {
    let gone = match step {
        Step::Remove { source, elsewhere, day } => Some(file(*source, *elsewhere, &format!("2024-01-0{day}"))),
        _ => None,
    };
    let plans = |project: &Project| -> Vec<_> {
        let ask = |label| Ask { label, branch: label, classes: 0, fresh: false };
        (0..LABELS.len()).map(|label| project.plan(&ask(label))).collect()
    };
    let before = plans(project);
    let counts: Vec<bool> =
        before.iter().map(|planned| gone.as_ref().is_none_or(|path| laws::is_recorded(project, planned, path))).collect();
    let there = project.disk.bytes.lock().expect("a lock").clone();
    run(project, step);
    let lost: BTreeSet<String> = there.difference(&project.disk.bytes.lock().expect("a lock")).cloned().collect();
    for ((before, after), _) in before.iter().zip(&plans(project)).zip(counts).filter(|(_, counts)| *counts) {
        laws::stays_as_it_was(
            project,
            before,
            after,
            if matches!(step, Step::LoseBytes { .. }) { &lost } else { const { &BTreeSet::new() } },
        );
    }
}

/// Whether it was right.
fn build(project: &Project, ask: &Ask, how: &How) -> bool {
    let label = LABELS[ask.label];
    let before = of_others(&project.pointers(), label);
    let built = project.build(ask, how);
    assert_eq!(of_others(&project.pointers(), label), before, "a build of {label} moved something of another label");
    the_build_is_the_plan(&built);
    let right = built.outcome.as_ref().is_ok_and(|summary| summary.failed == 0);
    if !right {
        return false;
    }
    for fresh in [ask.fresh, false] {
        let mut after = project.plan(&Ask { fresh, ..*ask });
        nothing_is_to_do(&built, &after);
        if after.based.today != built.planned.based.today {
            // The base's lost bytes came back through it: the next build finds that, and makes nothing.
            let again = project.build(&after.ask, &How { fail: None, keep_going: false, killed: None });
            assert!(again.ran.is_empty());
            after = project.plan(&after.ask);
            nothing_is_to_do(&again, &after);
        }
        let view = View::new(project, &after);
        view.equals_a_build_from_nothing();
        view.is_no_mixture();
        view.has_no_row_that_pretends();
        if !ask.fresh {
            break;
        }
    }
    true
}

fn identity(class: &str, label: &str, day: i64) -> Identity {
    let day = Period::parse(&format!("2024-01-0{day}"), Precision::Day).expect("a day");
    let instance = Instance::new([Component { key: None, value: Value::Time(day) }]);
    Identity { class: class.into(), instance, label: label.into(), repository: "dl".into() }
}

fn check(classes: Vec<Class>, started: bool, chained: bool, apart: bool, steps: Vec<Step>) {
    let branch = Branch { classes, places: [Place::Usual; FILES] };
    let base = |label: &str, base: &str| (label.into(), Some(base.into()));
    let mut project = Project {
        disk: Disk { apart, ..Disk::default() },
        catalog: formake::catalog::sqlite::SqliteCatalog::open_in_memory().expect("a catalog"),
        branches: vec![branch; LABELS.len()],
        compiled: Default::default(),
        built: None,
        bases: Bases(vec![base("pr-1", "prod"), base("pr-2", if chained { "pr-1" } else { "prod" })]),
    };
    for (source, day) in (0..FILES).flat_map(|source| (1..=DAYS).map(move |day| (source, day))).filter(|_| started) {
        project.disk.files.insert(file(source, false, &format!("2024-01-0{day}")), 0);
        project.publish(&identity("p", "prod", day), of_bytes(&[9]), false);
    }
    if started {
        let how = How { fail: None, keep_going: false, killed: None };
        build(&project, &Ask { label: 0, branch: 0, classes: 0, fresh: false }, &how);
    }
    for step in &steps {
        match step {
            Step::Remove { .. } | Step::LoseBytes { .. } | Step::Clean { .. } => harmless(&mut project, step),
            _ => run(&mut project, step),
        }
    }
}

fn classes() -> impl Strategy<Value = Vec<Class>> {
    let reads = prop_oneof![
        3 => Just(Reads::SameDay),
        1 => Just(Reads::DayBefore),
        1 => (1..3u8).prop_map(Reads::Window),
        1 => (1..3u8).prop_map(Reads::Latest),
        1 => Just(Reads::AllDays)
    ];
    let rarely = || prop::bool::weighted(0.15);
    let kinds = (0..3u8, any::<bool>(), rarely(), rarely(), prop::bool::weighted(0.05), prop::bool::weighted(0.05));
    let class = (prop::collection::vec((any::<prop::sample::Index>(), reads), 1..3), kinds);
    prop::collection::vec(class, 1..5).prop_map(|classes| {
        type Drawn = (Vec<(prop::sample::Index, Reads)>, (u8, bool, bool, bool, bool, bool));
        let class = |(at, (inputs, (recipe, lossy, rolling, twin, writes_label, effect))): (usize, Drawn)| {
            let mut inputs: Vec<(usize, Reads)> = inputs.into_iter().map(|(from, reads)| (from.index(SOURCES + at), reads)).collect();
            // Something must tell which days there are.
            if inputs.iter().all(|(_, reads)| matches!(reads, Reads::DayBefore | Reads::AllDays)) {
                inputs[0].1 = Reads::SameDay;
            }
            Class { inputs, recipe, lossy, rolling, twin, writes_label, effect, named: None }
        };
        classes.into_iter().enumerate().map(class).collect()
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let named = (0..3u8, any::<bool>()).prop_map(|(recipe, reads_base)| Named { recipe, reads_base });
    prop_oneof![
        4 => (0..3u8).prop_map(Edit::Recipe),
        1 => Just(Edit::Lossy),
        1 => Just(Edit::Longer),
        1 => prop::option::weighted(0.6, named).prop_map(Edit::Named),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = prop_oneof![2 => Just(Place::Usual), 1 => Just(Place::Elsewhere), 1 => Just(Place::Named)];
    let elsewhere = || prop::bool::weighted(0.2);
    let label = || prop_oneof![3 => Just(0usize), 4 => Just(1), 2 => Just(2)];
    let ask = (label(), prop_oneof![Just(0), any::<u8>()], prop::bool::weighted(0.3)).prop_map(|(label, classes, fresh)| Ask {
        label,
        branch: label,
        classes,
        fresh,
    });
    let how = (prop::option::weighted(0.15, 0..5usize), any::<bool>(), prop::option::weighted(0.15, 0..6usize));
    let how = how.prop_map(|(fail, keep_going, killed)| How { fail, keep_going, killed });
    let promotion = (1..LABELS.len(), prop_oneof![Just(0), any::<u8>()], any::<bool>(), any::<bool>());
    let promotion = promotion.prop_map(|(label, classes, whole, and_back)| Step::Promote {
        ask: Ask { label, branch: label, classes, fresh: false },
        whole,
        and_back,
    });
    let step = prop_oneof![
        8 => (0..FILES, elsewhere(), 1..=DAYS, 0..3u8).prop_map(|(source, elsewhere, day, content)| Step::Write { source, elsewhere, day, content }),
        1 => (0..FILES, elsewhere(), 1..=DAYS).prop_map(|(source, elsewhere, day)| Step::Remove { source, elsewhere, day }),
        4 => (label(), any::<usize>(), edit()).prop_map(|(branch, class, edit)| Step::Edit { branch, class, edit }),
        1 => (label(), 0..FILES, place).prop_map(|(branch, source, place)| Step::Move { branch, source, place }),
        1 => (1..LABELS.len()).prop_map(|branch| Step::Merge { branch }),
        1 => (1..LABELS.len()).prop_map(|branch| Step::Rebase { branch }),
        2 => any::<usize>().prop_map(|which| Step::LoseBytes { which }),
        2 => (label(), any::<usize>(), 1..=DAYS, 0..3u8, any::<bool>()).prop_map(|(label, class, day, content, hold)| Step::Publish { label, class, day, content, hold }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        3 => promotion,
        1 => (0..2usize, any::<bool>()).prop_map(|(label, cascade)| Step::RollBack { label, cascade }),
        1 => (0..2usize).prop_map(|last| Step::Clean { last }),
        10 => (ask, how).prop_map(|(ask, how)| Step::Build { ask, how }),
    ];
    prop::collection::vec(step, 6..40)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        max_shrink_iters: 4000,
        failure_persistence: None,
        // The same cases each time; another seed, or more cases, looks further.
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]
    #[test]
    fn a_label_is_right(classes in classes(), started in prop::bool::weighted(0.8), chained in any::<bool>(), apart in any::<bool>(), steps in steps()) {
        check(classes, started, chained, apart, steps);
    }
}
