//! Laws of what labels need: promotions, what a base was seen as, withdrawing, moments of the past, blessings, cleaning.

use super::*;

fn b(label: &str) -> Identity {
    Identity { class: "b".into(), ..a(label) }
}

#[test]
fn a_promotion_moves_many_pointers_at_once_or_none() {
    on_both(|bench| {
        let (first, second) = (bench.publish(&a("prod"), "x"), bench.publish(&a("exp"), "y"));
        let other = bench.publish(&b("exp"), "z");
        let one =
            |identity: Identity, expect, snapshot, hold: Option<&str>| NewMove { identity, expect, snapshot, hold: hold.map(Into::into) };
        let new = |kind, undoes: &[PromotionId], moves: &[NewMove]| {
            let from = (kind == PromotionKind::Promotion).then(|| "exp".into());
            let (undoes, moves) = (undoes.to_vec(), moves.to_vec());
            Change::Promote(Box::new(NewPromotion { kind, from, to: "prod".into(), undoes, because: Some("release".into()), moves }))
        };
        let (promotion, rollback) = (PromotionKind::Promotion, PromotionKind::Rollback);
        let good = one(b("prod"), None, Some(other), None);
        for wrong in [one(a("prod"), None, Some(second), None), one(a("prod"), Some(second), Some(second), None)] {
            let error = bench.try_commit(&[new(promotion, &[], &[good.clone(), wrong])]).expect_err("it stands for another one");
            assert!(matches!(error, CatalogError::Moved { identity } if identity == a("prod")));
        }
        assert_eq!((bench.current(&b("prod")), bench.catalog.promotions(None).expect("read")), (None, vec![]));
        bench.commit(Change::Saw { identity: a("prod"), base: None });
        let both = [good, one(a("prod"), Some(first), Some(second), Some("kept"))];
        let applied = bench.try_commit(&[new(promotion, &[], &both)]).expect("promoted");
        let id = PromotionId(1);
        assert_eq!(applied, [Applied::Promotion(id)]);
        let standing = bench.standing(&a("prod"));
        assert_eq!(standing.hold.map(|hold| hold.because).as_deref(), Some("kept"));
        assert_eq!(standing.current.map(|c| (c.snapshot.id, c.saw)), Some((second, None)), "another snapshot: nobody has compared it");
        let back = [one(b("prod"), Some(other), None, Some("rolled back")), one(a("prod"), Some(second), Some(first), None)];
        bench.try_commit(&[new(rollback, &[id], &back)]).expect("rolled back");
        assert_eq!((bench.current(&a("prod")), bench.current(&b("prod"))), (Some(first), None));
        let told = bench.catalog.promotions(Some("prod")).expect("read");
        let moves = |at: usize| told[at].moves.iter().map(|m| (m.identity.clone(), m.was, m.now)).collect::<Vec<_>>();
        assert_eq!(moves(0), [(b("prod"), None, Some(other)), (a("prod"), Some(first), Some(second))]);
        assert_eq!(moves(1), [(b("prod"), Some(other), None), (a("prod"), Some(second), Some(first))]);
        assert_eq!((told[0].from.as_deref(), told[0].kind, &told[0].undoes), (Some("exp"), promotion, &vec![]));
        assert_eq!((told[1].from.as_deref(), told[1].kind, &told[1].undoes), (None, rollback, &vec![id]));
        assert!(bench.catalog.promotions(Some("exp")).expect("read").is_empty());
        let log = bench.catalog.log(Some(&b("prod"))).expect("read");
        assert_eq!(log.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["promote", "rollback", "hold"]);
        bench.commit(Change::Invalidate { snapshot: second, because: "wrong".into() });
        let error = bench.try_commit(&[new(promotion, &[], &[one(a("prod"), Some(first), Some(second), None)])]).expect_err("refused");
        assert!(matches!(error, CatalogError::Moved { .. }));
    });
}

#[test]
fn what_a_base_was_seen_as_lasts_as_long_as_the_pointer() {
    on_both(|bench| {
        let (base, own) = (bench.publish(&a("prod"), "x"), bench.publish(&a("pr-1"), "y"));
        let saw = |bench: &Bench| bench.standing(&a("pr-1")).current.expect("there").saw;
        assert_eq!(saw(bench), None);
        bench.commit(Change::Saw { identity: a("pr-1"), base: Some(base) });
        bench.point(&a("pr-1"), own, None).expect("pointed");
        assert_eq!(saw(bench), Some(Some(base)), "it did not move");
        bench.commit(Change::Saw { identity: a("pr-1"), base: None });
        assert_eq!(saw(bench), Some(None), "seen, and nothing was there");
        bench.point(&a("pr-1"), base, None).expect("pointed");
        assert_eq!(saw(bench), None);
        bench.commit(Change::Saw { identity: a("pr-2"), base: Some(base) });
        assert_eq!(bench.standing(&a("pr-2")), Standing::default(), "without a pointer nothing is kept");
    });
}

#[test]
fn what_was_withdrawn_is_missing_and_not_invalidated() {
    on_both(|bench| {
        let (x, y) = (bench.publish(&a("prod"), "x"), bench.publish(&a("prod"), "y"));
        let withdraw = || Change::Withdraw { identity: a("prod"), because: "inherited".into() };
        let invalidated = |bench: &Bench| {
            let both = bench.catalog.standings(&[a("prod"), a("prod")]).expect("read");
            let standing = bench.standing(&a("prod"));
            assert_eq!(both, [standing.clone(), standing.clone()]);
            standing.invalidated
        };
        bench.commit(Change::Invalidate { snapshot: x, because: "old".into() });
        assert_eq!((bench.current(&a("prod")), invalidated(bench)), (Some(y), None), "it had moved on");
        bench.commit(withdraw());
        bench.commit(withdraw());
        assert_eq!((bench.current(&a("prod")), invalidated(bench)), (None, None));
        bench.commit(Change::Invalidate { snapshot: y, because: "late".into() });
        assert_eq!(invalidated(bench), None, "it did not stand for it any more");
        let z = bench.publish(&a("prod"), "z");
        bench.commit(Change::Invalidate { snapshot: z, because: "wrong".into() });
        bench.commit(Change::Refuse { identity: Some(a("prod")), because: "bob may not".into() });
        assert_eq!(invalidated(bench).as_deref(), Some("wrong"));
        bench.publish(&a("prod"), "w");
        bench.commit(withdraw());
        assert_eq!(invalidated(bench), None);
        let log = bench.catalog.log(Some(&a("prod"))).expect("read");
        assert_eq!(log.iter().filter(|l| l.what == "withdraw").count(), 2, "what moved nothing is not told");
        assert_eq!(
            bench.history(true),
            ["a:prod/dl 1 1000..2000", "a:prod/dl 2 2000..4000", "a:prod/dl 3 7000..8000", "a:prod/dl 4 10000..11000"]
        );
    });
}

#[test]
fn every_moment_can_be_asked_for() {
    on_both(|bench| {
        let x = bench.publish(&a("prod"), "x");
        bench.commit(Change::Hold { identity: a("prod"), because: "audit".into() });
        let y = bench.publish(&a("prod"), "y");
        bench.commit(Change::Release { identity: a("prod") });
        bench.point(&a("exp"), x, None).expect("pointed");
        bench.commit(Change::Withdraw { identity: a("exp"), because: String::new() });
        bench.commit(Change::Invalidate { snapshot: x, because: "wrong".into() });
        bench.commit(Change::Bless { identity: a("prod"), snapshot: y, key: Key([7; 32]), because: "same".into() });
        let at = |bench: &Bench, moment: Timestamp| {
            let listed = bench.catalog.list(&Filter { as_of: Some(moment), ..Filter::default() }).expect("read");
            let row = |l: &Listed| (l.identity.label.to_string(), l.snapshot.id, l.hold.is_some(), l.current, l.from, l.to);
            listed.iter().map(row).collect::<Vec<_>>()
        };
        let row = |label: &str, snapshot, held, current, from, to| (label.to_string(), snapshot, held, current, from, to);
        assert_eq!(at(bench, 999), []);
        assert_eq!(at(bench, 1000), [row("prod", x, false, false, 1000, Some(3000))]);
        assert_eq!(at(bench, 2999), [row("prod", x, true, false, 1000, Some(3000))]);
        assert_eq!(at(bench, 3000), [row("prod", y, true, true, 3000, None)]);
        assert_eq!(at(bench, 5500), [row("exp", x, false, false, 5000, Some(6000)), row("prod", y, false, true, 3000, None)]);
        assert_eq!(at(bench, Timestamp::MAX), [row("prod", y, false, true, 3000, None)]);
        let only = Filter { as_of: Some(5500), label: Some("exp".into()), all: true, ..Filter::default() };
        assert_eq!(bench.catalog.list(&only).expect("read").len(), 1);
    });
}

#[test]
fn a_blessing_lasts_until_it_is_taken_back() {
    on_both(|bench| {
        let x = bench.publish(&a("prod"), "x");
        let bless =
            |key: u8, because: &str| Change::Bless { identity: a("exp"), snapshot: x, key: Key([key; 32]), because: because.into() };
        let unbless = || Change::Unbless { identity: a("exp"), snapshot: x, key: Key([7; 32]) };
        for change in [bless(7, "comments"), bless(7, "names"), bless(9, "layout")] {
            bench.commit(change);
        }
        let told = bench.catalog.blessings().expect("read");
        let all: Vec<_> = told.iter().map(|b| (&b.identity, b.snapshot, b.key.0[0], b.because.as_str(), b.user.as_str(), b.at)).collect();
        assert_eq!(all, [(&a("exp"), x, 7, "names", "alice", 3000), (&a("exp"), x, 9, "layout", "alice", 4000)]);
        for _ in 0..2 {
            bench.commit(unbless());
        }
        assert_eq!(bench.catalog.blessings().expect("read").iter().map(|b| b.key.0[0]).collect::<Vec<_>>(), [9]);
        let log = bench.catalog.log(Some(&a("exp"))).expect("read");
        assert_eq!(log.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["bless", "bless", "bless", "unbless"]);
        assert_eq!((bench.current(&a("exp")), bench.standing(&a("exp")).invalidated), (None, None), "nothing moved");
    });
}

#[test]
fn only_what_nothing_stands_for_is_cleaned() {
    on_both(|bench| {
        let (x, y) = (bench.publish(&a("prod"), "x"), bench.publish(&a("prod"), "y"));
        bench.commit(Change::Source(Box::new(NewSnapshot { stored: false, ..*new(&b("prod"), "raw") })));
        let error = bench.try_commit(&[Change::Clean { snapshot: x }, Change::Clean { snapshot: y }]).expect_err("it is needed");
        assert!(matches!(error, CatalogError::Moved { identity } if identity == a("prod")));
        let stored = |bench: &Bench| bench.catalog.stored().expect("read").into_iter().map(|(s, gone)| (s.id, gone)).collect::<Vec<_>>();
        assert_eq!(stored(bench), [(x, false), (y, false)]);
        for _ in 0..2 {
            bench.commit(Change::Clean { snapshot: x });
        }
        assert_eq!(stored(bench), [(x, true), (y, false)]);
        assert_eq!(bench.history(true)[..2], ["a:prod/dl 1 1000..2000", "a:prod/dl 2 2000.."], "the history stays");
    });
}

#[test]
fn a_label_has_what_its_own_pointers_stand_for() {
    on_both(|bench| {
        let x = bench.publish(&a("prod"), "four");
        bench.point(&a("pr-1"), x, None).expect("pointed");
        bench.publish(&b("pr-1"), "seventh");
        bench.commit(Change::Source(Box::new(NewSnapshot { stored: false, ..*new(&sales("JFK", "2024-01-01", "pr-1"), "elsewhere") })));
        bench.commit(Change::Hold { identity: a("pr-2"), because: "empty".into() });
        bench.commit(Change::Refuse { identity: Some(a("pr-3")), because: "not permitted".into() });
        let old = bench.publish(&a("prod"), "news");
        bench.publish(&a("prod"), "newer");
        bench.commit(Change::Clean { snapshot: old });
        let told = bench.catalog.labels().expect("read");
        let told: Vec<_> = told.iter().map(|l| (&*l.label, l.identities, l.bytes, l.holds, l.first, l.last)).collect();
        assert_eq!(told, [("pr-1", 3, 7, 0, 2000, 4000), ("pr-2", 0, 0, 1, 5000, 5000), ("prod", 1, 5, 0, 1000, 8000)]);
        let refused = bench.catalog.log(Some(&a("pr-3"))).expect("read");
        assert_eq!(
            refused.iter().map(|l| (l.what.as_str(), l.because.as_deref())).collect::<Vec<_>>(),
            [("refuse", Some("not permitted"))]
        );
        bench.commit(Change::Refuse { identity: None, because: "not permitted".into() });
        assert_eq!(bench.catalog.log(None).expect("read").last().map(|l| l.identity.clone()), Some(None));
    });
}
