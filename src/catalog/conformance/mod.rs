//! What every catalog does, whatever it is kept in. Each law is told on an empty catalog in memory, and on one in a file that is closed and
//! opened again between any two steps.

mod labels;

use std::path::PathBuf;

use super::sqlite::{Mode, SqliteCatalog};
use super::*;
use crate::digest::{Fingerprint, Shape, of_bytes};
use crate::identity::{Component, Instance, Period, Type, Value};
use crate::store::{Kind, Stamp};

struct Bench {
    catalog: SqliteCatalog,
    path: Option<PathBuf>,
    now: Timestamp,
}

fn on_both(law: impl Fn(&mut Bench)) {
    law(&mut Bench { catalog: SqliteCatalog::open_in_memory().expect("opened"), path: None, now: 0 });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new/catalog.db");
    law(&mut Bench { catalog: SqliteCatalog::open(&path, Mode::Write).expect("opened"), path: Some(path), now: 0 });
}

fn actor() -> Actor {
    Actor { user: "alice".into(), host: "here".into(), command: "formake build".into() }
}

/// `sales@JFK,2024-01-31:prod` with a keyed text and a day.
fn sales(store: &str, day: &str, label: &str) -> Identity {
    let day = Value::Time(Period::parse_any(day).expect("a period"));
    let components = [(Some("storeId"), Value::Text(store.into())), (None, day)];
    let components = components.map(|(key, value)| Component { key: key.map(Into::into), value });
    Identity { class: "sales".into(), instance: Instance::new(components), label: label.into(), repository: "dl".into() }
}

fn a(label: &str) -> Identity {
    Identity { class: "a".into(), instance: Instance::new([]), label: label.into(), repository: "dl".into() }
}

fn new(identity: &Identity, bytes: &str) -> Box<NewSnapshot> {
    Box::new(NewSnapshot {
        identity: identity.clone(),
        content: of_bytes(bytes.as_bytes()),
        kind: Kind::File,
        bytes: bytes.len() as u64,
        files: 1,
        path: format!("{}/{bytes}", identity.class),
        stored: true,
        stamp: Stamp(u128::MAX - 1),
        looked: Looked::default(),
    })
}

fn run(key: &str, inputs: &[(&Identity, SnapshotId)], outputs: &[(&Identity, &str)]) -> Box<NewRun> {
    Box::new(NewRun {
        formula: "x -> y".into(),
        place: "pipeline.formula:3".into(),
        label: outputs[0].0.label.clone(),
        key: Key(of_bytes(key.as_bytes()).0),
        fixed: FixedHash(of_bytes(b"fixed").0),
        fingerprint: Fingerprint(of_bytes(b"recipe").0),
        shape: Shape(of_bytes(b"shape").0),
        recipe: "{\"sql\":\"select 1\"}".into(),
        variables: "{\"DATE\":\"2024-01-31\"}".into(),
        effect: false,
        inputs: inputs.iter().map(|(identity, snapshot)| ("in".into(), (*identity).clone(), *snapshot)).collect(),
        targets: outputs.iter().map(|(identity, _)| (*identity).clone()).collect(),
        outputs: outputs.iter().map(|(identity, bytes)| *new(identity, bytes)).collect(),
        started: 5,
        seconds: 2.5,
        outcome: Outcome::Succeeded,
        message: None,
        attempts: 1,
        folder: "5-1".into(),
    })
}

impl Bench {
    fn try_commit(&mut self, changes: &[Change]) -> Result<Vec<Applied>> {
        self.now += 1000;
        let applied = self.catalog.commit(&actor(), self.now, changes);
        if let Some(path) = &self.path {
            self.catalog = SqliteCatalog::open(path, Mode::Write).expect("opened again");
        }
        applied
    }

    fn commit(&mut self, change: Change) -> SnapshotId {
        match self.try_commit(&[change]).expect("committed").pop() {
            Some(Applied::Snapshot(id)) => id,
            Some(Applied::Run { outputs, .. }) => outputs.first().copied().unwrap_or(SnapshotId(0)),
            _ => SnapshotId(0),
        }
    }

    fn publish(&mut self, identity: &Identity, bytes: &str) -> SnapshotId {
        self.commit(Change::Publish { snapshot: new(identity, bytes), hold: None })
    }

    fn point(&mut self, identity: &Identity, snapshot: SnapshotId, expect: Option<Option<SnapshotId>>) -> Result<Vec<Applied>> {
        self.try_commit(&[Change::Point { identity: identity.clone(), snapshot, expect, because: "promote".into() }])
    }

    fn standing(&self, identity: &Identity) -> Standing {
        self.catalog.standings(std::slice::from_ref(identity)).expect("read").remove(0)
    }

    fn current(&self, identity: &Identity) -> Option<SnapshotId> {
        self.standing(identity).current.map(|current| current.snapshot.id)
    }

    /// `snapshot from..to`, and `*` for the current one.
    fn history(&self, all: bool) -> Vec<String> {
        let listed = self.catalog.list(&Filter { all, ..Filter::default() }).expect("read");
        let to = |l: &Listed| l.to.map_or(String::new(), |to| to.to_string());
        listed.iter().map(|l| format!("{} {} {}..{}", l.identity, l.snapshot.id.0, l.from, to(l))).collect()
    }

    fn made(&self, key: &str) -> Vec<Vec<SnapshotId>> {
        let made = self.catalog.made_under(&[Key(of_bytes(key.as_bytes()).0)]).expect("read").remove(0);
        made.iter().map(|made| made.outputs.iter().map(|s| s.id).collect()).collect()
    }
}

#[test]
fn what_is_committed_is_read_back_whole() {
    on_both(|bench| {
        let (raw, clean) = (sales("JFK", "2024-01-31", "prod"), sales("United \"K\", é", "2024-02-01", "prod"));
        let source = NewSnapshot { stored: false, kind: Kind::Folder, path: "raw/*.csv".into(), stamp: Stamp(7), ..*new(&raw, "raw") };
        let input = bench.commit(Change::Source(Box::new(source)));
        let output = bench.commit(Change::Run(run("k", &[(&raw, input)], &[(&clean, "clean")])));
        let standing = bench.standing(&clean);
        let current = standing.current.expect("stands for something");
        assert_eq!(current.key, Some(Key(of_bytes(b"k").0)));
        assert_eq!(current.snapshot.identity, clean);
        assert_eq!(current.snapshot.identity.instance.0[1].value.ty(), Type::Time(crate::identity::Precision::Day));
        assert_eq!((current.snapshot.state, current.snapshot.stamp, current.snapshot.made), (State::Good, Stamp(u128::MAX - 1), 2000));
        let read = bench.standing(&raw).current.expect("stands for something").snapshot;
        assert_eq!(
            (read.kind, read.stored, read.origin, read.stamp, read.path.as_str()),
            (Kind::Folder, false, Origin::Source, Stamp(7), "raw/*.csv")
        );
        let Origin::Run(id) = current.snapshot.origin else { panic!("made by a run") };
        let made = bench.catalog.runs(&[id]).expect("read").remove(0);
        assert_eq!((made.user.as_str(), made.seconds, made.outcome, made.attempts), ("alice", 2.5, Outcome::Succeeded, 1));
        assert_eq!((made.recipe.as_str(), made.variables.as_str()), ("{\"sql\":\"select 1\"}", "{\"DATE\":\"2024-01-31\"}"));
        let parts: Vec<_> = made.inputs.iter().map(|i| (&*i.name, &i.identity, i.snapshot, i.content)).collect();
        assert_eq!(parts, [("in", &raw, input, of_bytes(b"raw"))]);
        assert_eq!(made.outputs, [(clean.clone(), Some(output))]);
        assert_eq!(bench.catalog.readers(&[input]).expect("read"), [id]);
        let made_with =
            |recipe: &[u8], label: &str| bench.catalog.made_with(Fingerprint(of_bytes(recipe).0), &[label.into()]).expect("read");
        assert!(made_with(b"recipe", "prod") && !made_with(b"recipe", "exp") && !made_with(b"another", "prod"));
        assert_eq!(bench.catalog.classes().expect("read"), ["sales"]);
        assert_eq!(bench.catalog.sourced("sales").expect("read"), [raw]);
        assert_eq!(bench.catalog.costs().expect("read"), [("x -> y".to_string(), Cost { seconds: 2.5, bytes: 5.0 })]);
        let hex = of_bytes(b"clean").to_hex();
        for (prefix, found) in
            [(hex.as_str(), 1), (&hex[..7], 1), (&hex[..7].to_uppercase(), 1), ("", 0), ("xyz", 0), (&format!("{hex}0"), 0)]
        {
            assert_eq!(bench.catalog.by_content(prefix).expect("read").len(), found, "{prefix}");
        }
    });
}

#[test]
fn a_failed_run_is_remembered_and_moves_nothing() {
    on_both(|bench| {
        let failed =
            NewRun { outcome: Outcome::Failed, message: Some("exit 1".into()), outputs: vec![], ..*run("k", &[], &[(&a("prod"), "x")]) };
        bench.commit(Change::Run(Box::new(failed)));
        assert_eq!(bench.current(&a("prod")), None);
        let id = bench.catalog.last_run(&a("prod")).expect("read").expect("tried");
        let run = bench.catalog.runs(&[id]).expect("read").remove(0);
        assert_eq!((run.message.as_deref(), run.outputs), (Some("exit 1"), vec![(a("prod"), None)]));
        assert!(bench.made("k").is_empty());
        assert_eq!(bench.catalog.fixed_known(&[FixedHash(of_bytes(b"fixed").0)]).expect("read"), [false]);
        assert_eq!(bench.catalog.costs().expect("read"), []);
    });
}

#[test]
fn what_is_refused_is_kept_and_given_to_nobody() {
    on_both(|bench| {
        let earlier = bench.publish(&a("prod"), "good");
        let refused = |because: &str| Looked {
            profile: Some("{\"rows\":0}".into()),
            report: Some((of_bytes(b"contract"), "[]".into())),
            refused: Some(because.into()),
        };
        // A job with two outputs, one of which breaks its contract.
        let mut failed = run("k", &[(&a("raw"), earlier)], &[(&a("prod"), "bad"), (&a("exp"), "beside")]);
        failed.outcome = Outcome::Failed;
        failed.outputs[0].looked = refused("no rows");
        let Applied::Run { outputs, .. } = bench.try_commit(&[Change::Run(failed)]).expect("committed").remove(0) else { panic!("a run") };
        assert_eq!((bench.current(&a("prod")), bench.current(&a("exp"))), (Some(earlier), None), "no pointer moved");
        assert!(bench.made("k").is_empty(), "it is never reused");
        let quarantined = bench.catalog.quarantined(None).expect("read");
        let told: Vec<_> = quarantined.iter().map(|q| (q.snapshot.id, q.snapshot.state, q.contract, q.because.as_str())).collect();
        let beside = "another output of its job breaks its contract";
        assert_eq!(
            told,
            [(outputs[0], State::Quarantined, Some(of_bytes(b"contract")), "no rows"), (outputs[1], State::Quarantined, None, beside),]
        );
        assert_eq!(bench.catalog.looked(&outputs[..1]).expect("read"), [refused("no rows")]);
        assert!(bench.point(&a("prod"), outputs[0], None).is_err(), "nothing may stand for it");
        // A source keeps what it stood for.
        let raw = a("raw");
        let first = bench.commit(Change::Source(new(&raw, "first")));
        let second = NewSnapshot { looked: refused("ragged"), ..*new(&raw, "second") };
        bench.commit(Change::Source(Box::new(second)));
        assert_eq!(bench.current(&raw), Some(first));
        assert_eq!(bench.catalog.quarantined(Some("a")).expect("read").len(), 3);
        // Looking again tells the latest.
        let looked = Looked { profile: None, report: Some((of_bytes(b"other"), "[1]".into())), refused: None };
        bench.try_commit(&[Change::Look { snapshot: first, looked: looked.clone() }]).expect("committed");
        assert_eq!(bench.catalog.looked(&[first]).expect("read"), [looked]);
    });
}

#[test]
fn earlier_instances_are_found_the_latest_first() {
    on_both(|bench| {
        for day in ["2024-01-10", "2024-01-31", "2024-02", "2024-02-01", "2023-12-31", "2024-02-02"] {
            for (store, label) in [("JFK", "prod"), ("LGA", "prod"), ("JFK", "pr-1")] {
                bench.publish(&sales(store, day, label), &format!("{store} {day} {label}"));
            }
        }
        let earlier = |day, most| {
            let found = bench.catalog.earlier(&sales("JFK", day, "prod"), most).expect("read");
            found.into_iter().map(|(then, snapshot)| (snapshot.identity == then).then(|| then.instance.to_string())).collect::<Vec<_>>()
        };
        let days = |days: &[&str]| days.iter().map(|day| Some(format!("storeId=JFK,{day}"))).collect::<Vec<_>>();
        assert_eq!(earlier("2024-02-01", 9), days(&["2024-01-31", "2024-01-10", "2023-12-31"]), "no month, no other store, no other label");
        assert_eq!(earlier("2024-03-01", 2), days(&["2024-02-02", "2024-02-01"]));
        assert_eq!(earlier("2023-12-31", 2), days(&[]));
        assert_eq!(bench.catalog.earlier(&a("prod"), 9).expect("read"), []);
    });
}

#[test]
fn a_transaction_is_all_or_nothing() {
    on_both(|bench| {
        let before = bench.publish(&a("prod"), "x");
        let publish = Change::Publish { snapshot: new(&a("exp"), "y"), hold: None };
        let point = Change::Point { identity: a("prod"), snapshot: before, expect: Some(None), because: String::new() };
        let error = bench.try_commit(&[publish, point]).expect_err("refused");
        assert!(matches!(error, CatalogError::Moved { identity } if identity == a("prod")));
        assert_eq!(bench.current(&a("exp")), None);
        assert_eq!(bench.catalog.by_content(&of_bytes(b"y").to_hex()).expect("read"), []);
        assert_eq!(bench.catalog.log(None).expect("read").len(), 1);
    });
}

#[test]
fn history_says_from_when_to_when() {
    on_both(|bench| {
        let first = bench.publish(&a("prod"), "x");
        let same = bench.publish(&a("prod"), "x");
        assert_ne!(first, same, "the same bytes again are a snapshot of their own");
        bench.commit(Change::Hold { identity: a("prod"), because: "audit".into() });
        bench.point(&a("exp"), first, Some(None)).expect("pointed");
        bench.point(&a("exp"), same, Some(Some(first))).expect("pointed");
        bench.point(&a("exp"), first, None).expect("pointed");
        bench.point(&a("exp"), first, None).expect("pointed again: nothing moves");
        assert_eq!(bench.history(false), ["a:exp/dl 1 6000..", "a:prod/dl 2 2000.."]);
        assert_eq!(
            bench.history(true),
            ["a:exp/dl 1 4000..5000", "a:exp/dl 2 5000..6000", "a:exp/dl 1 6000..", "a:prod/dl 1 1000..2000", "a:prod/dl 2 2000.."]
        );
        let only = Filter { label: Some("exp".into()), ..Filter::default() };
        assert_eq!(bench.catalog.list(&only).expect("read").len(), 1);
        let log = bench.catalog.log(Some(&a("exp"))).expect("read");
        assert_eq!(
            (log[1].from, log[1].to, log[1].because.as_deref(), log[1].what.as_str()),
            (Some(first), Some(same), Some("promote"), "point")
        );
    });
}

#[test]
fn a_hold_lasts_until_it_is_released() {
    on_both(|bench| {
        bench.commit(Change::Publish { snapshot: new(&a("prod"), "x"), hold: Some("audit".into()) });
        bench.commit(Change::Hold { identity: a("exp"), because: "rolled back".into() });
        let hold = bench.standing(&a("prod")).hold.expect("held");
        assert_eq!((hold.because.as_str(), hold.user.as_str(), hold.at), ("audit", "alice", 1000));
        let holds = bench.catalog.holds().expect("read");
        assert_eq!(holds.iter().map(|(i, _, s)| (i.clone(), *s)).collect::<Vec<_>>(), [(a("prod"), Some(SnapshotId(1))), (a("exp"), None)]);
        assert_eq!(bench.catalog.published("a").expect("read"), [a("prod")], "held empty is not published");
        let listed = bench.catalog.list(&Filter::default()).expect("read");
        assert!(matches!(listed.as_slice(), [row] if row.current && row.hold.is_some()));
        for _ in 0..2 {
            bench.commit(Change::Release { identity: a("prod") });
        }
        assert_eq!(bench.standing(&a("prod")).hold, None);
        assert_eq!(bench.history(false), ["a:prod/dl 1 1000.."]);
        let log = bench.catalog.log(Some(&a("prod"))).expect("read");
        assert_eq!(log.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["publish", "hold", "release"]);
    });
}

#[test]
fn invalidating_takes_the_pointers_away_under_every_label() {
    on_both(|bench| {
        let (other, output) = (Identity { class: "b".into(), ..a("prod") }, a("prod"));
        let first = bench.commit(Change::Run(run("k", &[], &[(&output, "x"), (&other, "y")])));
        let second = bench.commit(Change::Run(run("k", &[], &[(&output, "x"), (&other, "y")])));
        bench.point(&a("exp"), first, None).expect("pointed");
        bench.point(&a("pr-1"), first, None).expect("pointed");
        assert_eq!(bench.made("k"), [[first, SnapshotId(2)], [second, SnapshotId(4)]], "earliest first");
        bench.commit(Change::Invalidate { snapshot: first, because: "wrong".into() });
        for label in ["exp", "pr-1"] {
            let standing = bench.standing(&a(label));
            assert_eq!((standing.current, standing.invalidated.as_deref()), (None, Some("wrong")));
        }
        assert_eq!(bench.current(&output), Some(second), "it had moved on");
        assert_eq!(bench.made("k"), [[second, SnapshotId(4)]]);
        assert_eq!(bench.catalog.snapshots(&[first]).expect("read")[0].state, State::Invalidated);
        assert!(bench.standing(&a("exp")).condemned.is_empty(), "what a job made is not condemned, only not reused");
        let error = bench.point(&a("exp"), first, None).expect_err("refused");
        assert!(matches!(error, CatalogError::Moved { .. }));
        bench.commit(Change::Invalidate { snapshot: second, because: "wrong".into() });
        assert!(bench.made("k").is_empty());
        assert_eq!(bench.catalog.fixed_known(&[FixedHash(of_bytes(b"fixed").0)]).expect("read"), [false]);
        assert_eq!(bench.history(true)[..2], ["a:exp/dl 1 3000..5000", "a:pr-1/dl 1 4000..5000"]);
        let fourth = SnapshotId(4);
        bench.publish(&other, "z");
        bench.commit(Change::Invalidate { snapshot: fourth, because: "old".into() });
        assert_eq!(bench.catalog.log(Some(&other)).expect("read").last().map(|l| l.what.clone()).as_deref(), Some("invalidate"));
        assert!(bench.current(&other).is_some(), "it had moved on");
    });
}

#[test]
fn condemned_source_bytes_stay_so_until_they_are_published() {
    on_both(|bench| {
        let (prod, exp, elsewhere) = (a("prod"), a("exp"), Identity { repository: "dw".into(), ..a("prod") });
        let bad = bench.commit(Change::Source(new(&prod, "bad")));
        bench.commit(Change::Invalidate { snapshot: bad, because: "wrong".into() });
        assert_eq!(bench.standing(&prod).condemned, [of_bytes(b"bad")]);
        assert_eq!(bench.standing(&exp).condemned, [of_bytes(b"bad")], "whatever the label, and though nothing was ever made there");
        assert_eq!(bench.standing(&elsewhere).condemned, []);
        assert_eq!(bench.catalog.condemned().expect("read"), [(prod.clone(), of_bytes(b"bad"))]);
        bench.publish(&prod, "good");
        assert_eq!(bench.standing(&prod).condemned, [of_bytes(b"bad")]);
        bench.publish(&prod, "bad");
        assert_eq!(bench.standing(&prod).condemned, []);
    });
}

#[test]
fn a_source_seen_again_is_no_new_snapshot() {
    on_both(|bench| {
        let prod = a("prod");
        let first = bench.commit(Change::Source(new(&prod, "x")));
        let again = NewSnapshot { stamp: Stamp(9), ..*new(&prod, "x") };
        assert_eq!(bench.commit(Change::Source(Box::new(again))), first);
        assert_eq!(bench.standing(&prod).current.expect("there").snapshot.stamp, Stamp(9));
        bench.commit(Change::Restamp { snapshot: first, stamp: Stamp(10) });
        assert_eq!(bench.standing(&prod).current.expect("there").snapshot.stamp, Stamp(10));
        assert_ne!(bench.commit(Change::Source(new(&prod, "y"))), first);
        assert_eq!(bench.catalog.log(None).expect("read").len(), 2);
    });
}

#[test]
fn many_are_read_as_each_is() {
    on_both(|bench| {
        let labels = ["prod", "exp", "new"];
        let identities: Vec<Identity> =
            (1..=9).flat_map(|day| labels.map(|label| sales("JFK", &format!("2024-01-0{day}"), label))).collect();
        let changes: Vec<Change> = identities.iter().map(|identity| Change::Source(new(identity, &identity.to_string()))).collect();
        bench.try_commit(&changes[..24]).expect("committed");
        bench.commit(Change::Hold { identity: identities[1].clone(), because: "audit".into() });
        bench.commit(Change::Hold { identity: identities[25].clone(), because: "empty".into() });
        bench.commit(Change::Invalidate { snapshot: SnapshotId(3), because: "wrong".into() });
        let mut asked = identities.clone();
        asked.extend_from_slice(&identities[..4]);
        let together = bench.catalog.standings(&asked).expect("read");
        let each: Vec<Standing> = asked.iter().map(|identity| bench.standing(identity)).collect();
        assert_eq!(together, each);
        assert_eq!(bench.catalog.standings(&[]).expect("read"), []);
        for i in 0..8 {
            bench.commit(Change::Run(run(&format!("k{}", i % 6), &[], &[(&a("prod"), "x"), (&a("exp"), "y")])));
        }
        let keys: Vec<Key> = [5, 0, 9, 1, 0, 2, 3].iter().map(|i| Key(of_bytes(format!("k{i}").as_bytes()).0)).collect();
        let together = bench.catalog.made_under(&keys).expect("read");
        let each: Vec<Vec<Made>> = keys.iter().map(|key| bench.catalog.made_under(&[*key]).expect("read").remove(0)).collect();
        assert_eq!(together, each);
        assert_eq!(together.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 0, 2, 2, 1, 1]);
    });
}

#[test]
fn a_hold_does_not_make_a_verdict_forgotten() {
    on_both(|bench| {
        let bad = bench.publish(&a("prod"), "x");
        bench.commit(Change::Invalidate { snapshot: bad, because: "upside down".into() });
        bench.commit(Change::Hold { identity: a("prod"), because: "until it is known why".into() });
        assert_eq!(bench.standing(&a("prod")).invalidated.as_deref(), Some("upside down"));
        bench.publish(&a("prod"), "y");
        assert_eq!(bench.standing(&a("prod")).invalidated, None);
    });
}

#[test]
fn the_executable_bit_of_a_source_is_content() {
    on_both(|bench| {
        let plain = bench.commit(Change::Source(new(&a("prod"), "x")));
        assert_eq!(bench.commit(Change::Source(Box::new(NewSnapshot { stamp: Stamp(3), ..*new(&a("prod"), "x") }))), plain);
        bench.commit(Change::Source(Box::new(NewSnapshot { kind: Kind::Executable, ..*new(&a("prod"), "x") })));
        let now = bench.standing(&a("prod")).current.expect("stands for something").snapshot;
        assert_eq!((now.kind, now.id != plain), (Kind::Executable, true));
    });
}

/// `docs/catalog.md` names every table and view with all its columns, and each of its queries finds something.
#[test]
fn the_manual_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog.db");
    let mut bench = Bench { catalog: SqliteCatalog::open(&path, Mode::Write).expect("opened"), path: Some(path.clone()), now: 0 };
    let raw = sales("JFK", "2024-01-31", "prod");
    let clean = Identity { class: "clean".into(), ..raw.clone() };
    let input = bench.commit(Change::Source(new(&raw, "raw")));
    bench.commit(Change::Run(run("k", &[(&raw, input)], &[(&clean, "clean")])));
    bench.commit(Change::Hold { identity: clean, because: "audit".into() });
    let bad = bench.commit(Change::Source(new(&raw, "bad")));
    let refused = *new(&a("prod"), "refused");
    bench.commit(Change::Invalidate { snapshot: bad, because: "wrong".into() });
    let one = NewMove { identity: a("prod"), expect: None, snapshot: Some(input), hold: None };
    let new = |kind, undoes| NewPromotion { kind, from: None, to: "prod".into(), undoes, because: None, moves: vec![one.clone()] };
    bench.commit(Change::Promote(Box::new(new(PromotionKind::Promotion, vec![]))));
    bench.commit(Change::Bless { identity: a("prod"), snapshot: input, key: Key([7; 32]), because: "same".into() });
    bench.commit(Change::Withdraw { identity: a("prod"), because: "taken away".into() });
    bench.commit(Change::Promote(Box::new(new(PromotionKind::Rollback, vec![PromotionId(1)]))));
    bench.commit(Change::Withdraw { identity: a("prod"), because: "taken away".into() });
    bench.commit(Change::Refuse { identity: None, because: "not permitted".into() });
    let looked = Looked { refused: Some("no rows".into()), ..Looked::default() };
    bench.commit(Change::Source(Box::new(NewSnapshot { looked, ..refused })));

    let sqlite = rusqlite::Connection::open(&path).expect("opened");
    let names = |sql: &str| -> Vec<String> {
        let mut statement = sqlite.prepare(sql).expect(sql);
        statement.query_map([], |row| row.get(0)).expect(sql).collect::<Result<_, _>>().expect(sql)
    };
    let manual = include_str!("../../../docs/catalog.md");
    let sections: Vec<(&str, &str)> = manual.split("\n### `").skip(1).filter_map(|section| section.split_once("`\n")).collect();
    let mut tables = names("select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite_%'");
    let mut told: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    tables.sort();
    told.sort_unstable();
    assert_eq!(told, tables);
    for (table, section) in sections {
        let columns: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(columns, names(&format!("select name from pragma_table_info('{table}')")), "{table}");
    }
    let queries: Vec<&str> = manual.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 8);
    for query in queries {
        let mut statement = sqlite.prepare(query).unwrap_or_else(|error| panic!("{error}: {query}"));
        assert!(statement.query([]).expect(query).next().expect(query).is_some(), "it finds nothing: {query}");
    }
}

/// What a commit of many small changes costs, and reading them back: `cargo test --release --lib catalog::conformance -- --ignored --nocapture`.
#[test]
#[ignore = "it takes a while, and says how long"]
fn timing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), Mode::Write).expect("opened");
    let identities: Vec<Identity> = (0..100_000)
        .map(|i| sales(&format!("store{}", i % 300), &Period::new(crate::identity::Precision::Day, 15_000 + i / 300).to_string(), "prod"))
        .collect();
    let clock = std::time::Instant::now();
    let mut last = None;
    for some in identities.chunks(1000) {
        let run = |identity: &Identity| {
            let inputs: Vec<(&Identity, SnapshotId)> = last.iter().map(|id| (identity, *id)).collect();
            Change::Run(run(&identity.to_string(), &inputs, &[(identity, &identity.to_string())]))
        };
        let changes: Vec<Change> = some.iter().map(run).collect();
        let applied = catalog.commit(&actor(), 1, &changes).expect("committed");
        last = applied.last().and_then(|a| if let Applied::Run { outputs, .. } = a { outputs.last().copied() } else { None });
    }
    eprintln!("{} runs committed, 1000 at once: {:.2?}", identities.len(), clock.elapsed());
    catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), Mode::Read).expect("opened");
    for (what, asked) in [("all", identities.len()), ("all again", identities.len()), ("1 %", identities.len() / 100)] {
        let clock = std::time::Instant::now();
        let standings = catalog.standings(&identities[..asked]).expect("read");
        assert!(standings.iter().all(|s| s.current.is_some()));
        eprintln!("{asked} standings ({what}): {:.2?}", clock.elapsed());
    }
    let keys: Vec<Key> = identities.iter().map(|i| Key(of_bytes(i.to_string().as_bytes()).0)).collect();
    let clock = std::time::Instant::now();
    assert!(catalog.made_under(&keys).expect("read").iter().all(|made| made.len() == 1));
    eprintln!("{} keys looked up: {:.2?}", keys.len(), clock.elapsed());
}
