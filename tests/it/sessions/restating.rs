//! `invalidate` says what depends on something under every label, with owners and consumers, before it acts.

use insta::assert_snapshot;

use super::shop;
use crate::support::Project;

/// The shop with owners; `staging` and `pr-1` lie over prod, and `pr-1` makes the report in its own way.
fn labelled() -> Project {
    let project = shop();
    let labels = "labels: { prod: { writers: [alice] }, staging: { base: prod }, \"pr-*\": { base: staging } }\n";
    project.write("formake.yaml", &format!("targets: [report@2024-01]\n{labels}"));
    project.edit("pipeline.formula", "    doc    \"the day by store\"", "    doc    \"the day by store\"\n    owner  \"shops\"");
    project.edit(
        "pipeline.formula",
        "    param  lines = 10",
        "    param  lines = 10\n    owner  \"finance\"\n    doc    \"for the board\"",
    );
    let formulas = project.read("pipeline.formula");
    let own = "(daily, <any DATE in MONTH>, pr-1, dl) -> (report, <MONTH: month>, pr-1, dl) { run \"cat {{ inputs.daily }} > {{ output }}\" owner \"carol\" }\n";
    // The review of the whole needs goals, which nobody has published here.
    let (formulas, _) = formulas.split_at(formulas.find("(report, <MONTH>").expect("the review"));
    project.write("pipeline.formula", &format!("{formulas}{}", own.replace("\" owner", "\"\n owner")));
    project.shell("USER=alice formake build -j 1").ended(0);
    project.edit("pipeline.formula", "lines = 10", "lines = 9");
    project.shell("USER=alice formake build -j 1").ended(0);
    project.shell("USER=alice formake build -j 1 --label pr-1").ended(0);
    project
}

#[test]
fn everything_that_depends_on_it_is_shown_under_every_label() {
    let project = labelled();
    assert_snapshot!(project.session(
        "USER=alice formake invalidate sales@2024-01-02 --dry-run
        USER=bob formake invalidate daily --dry-run
        USER=bob formake invalidate report:pr-1 --dry-run
        USER=bob formake invalidate report:staging --dry-run
        formake invalidate report
        formake invalidate report --because x --json
        echo '(' >> pipeline.formula; USER=alice formake invalidate report --dry-run"
    ), @r"
    $ USER=alice formake invalidate sales@2024-01-02 --dry-run
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv

    under prod
      loses it      sales@2024-01-02:prod/dl
      made from it  daily@2024-01-02:prod/dl         shops    the day by store
      made from it  report@2024-01:prod/dl    final  finance  for the board
      1 snapshot made from it earlier, for which nothing stands now

    under staging, over prod
      reads 3 of these as prod's

    under pr-1, over staging
      made from it  report@2024-01:pr-1/dl  final  carol
      reads 2 of these as prod's

    1 snapshot to invalidate; 3 identities under 2 labels stand for what was made from it, 2 of a final class, which no formula reads.
    Owners: carol, finance, shops.
    $ USER=bob formake invalidate daily --dry-run
    daily@2024-01-01:prod/dl  23c94ba5803b  run 1
    daily@2024-01-02:prod/dl  4736d13e9e72  run 2

    under prod
      loses it      2  daily@2024-01-01..2024-01-02:prod/dl         shops    the day by store
      made from it     report@2024-01:prod/dl                final  finance  for the board
      1 snapshot made from it earlier, for which nothing stands now

    under staging, over prod
      reads 3 of these as prod's

    under pr-1, over staging
      made from it  report@2024-01:pr-1/dl  final  carol
      reads 2 of these as prod's

    2 snapshots to invalidate; 2 identities under 2 labels stand for what was made from them, 2 of a final class, which no formula reads.
    Owners: carol, finance, shops.

    bob may not write under the label prod (alice may):
      2  daily@2024-01-01..2024-01-02:prod/dl
    [exit 4]
    $ USER=bob formake invalidate report:pr-1 --dry-run
    report@2024-01:pr-1/dl  8406b6b1dab7  run 5

    under pr-1, over staging
      loses it  report@2024-01:pr-1/dl  final  carol

    1 snapshot to invalidate; nothing stands for what was made from it.
    Owners: carol.
    $ USER=bob formake invalidate report:staging --dry-run
    error[E0616]: `report:staging` has no snapshot under the label staging
     |
     = note: what is read there is that of its base: report@2024-01:prod/dl
     = help: `formake why-not report:staging` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake invalidate report
    error: the following required arguments were not provided:
      --because <TEXT>

    Usage: formake invalidate --because <TEXT> <TARGET>

    For more information, try '--help'.
    [exit 2]
    $ formake invalidate report --because x --json
    error: the following required arguments were not provided:
      --dry-run

    Usage: formake invalidate --dry-run --because <TEXT> --json <TARGET>

    For more information, try '--help'.
    [exit 2]
    $ echo '(' >> pipeline.formula; USER=alice formake invalidate report --dry-run
    report@2024-01:prod/dl  8406b6b1dab7  run 4

    under prod
      loses it  report@2024-01:prod/dl

    under staging, over prod
      reads 1 of these as prod's

    1 snapshot to invalidate; nothing stands for what was made from it.
    Owners and final classes are not known: the formulas have mistakes, see `formake check`.
    ");
}

#[test]
fn it_is_told_as_json() {
    let project = labelled();
    let mut told = project.shell("USER=bob formake invalidate daily@2024-01-02 --dry-run --json").ended(4).json();
    told["snapshots"][0]["snapshot"] = "(a snapshot)".into();
    assert_snapshot!(project.normal(&format!("{told:#}")), @r#"
    {
      "schema": "formake.invalidate/1",
      "snapshots": [
        {
          "identity": "daily@2024-01-02:prod/dl",
          "snapshot": "(a snapshot)"
        }
      ],
      "labels": [
        {
          "label": "prod",
          "base": null,
          "loses": [
            {
              "identities": [
                "daily@2024-01-02:prod/dl"
              ],
              "owner": "shops",
              "doc": "the day by store",
              "final": false,
              "held": false
            }
          ],
          "made_from_it": [
            {
              "identities": [
                "report@2024-01:prod/dl"
              ],
              "owner": "finance",
              "doc": "for the board",
              "final": true,
              "held": false
            }
          ],
          "inherited": [],
          "earlier": 1
        },
        {
          "label": "staging",
          "base": "prod",
          "loses": [],
          "made_from_it": [],
          "inherited": [
            {
              "identity": "daily@2024-01-02:staging/dl",
              "from": "daily@2024-01-02:prod/dl"
            },
            {
              "identity": "report@2024-01:staging/dl",
              "from": "report@2024-01:prod/dl"
            }
          ],
          "earlier": 0
        },
        {
          "label": "pr-1",
          "base": "staging",
          "loses": [],
          "made_from_it": [
            {
              "identities": [
                "report@2024-01:pr-1/dl"
              ],
              "owner": "carol",
              "doc": null,
              "final": true,
              "held": false
            }
          ],
          "inherited": [
            {
              "identity": "daily@2024-01-02:pr-1/dl",
              "from": "daily@2024-01-02:prod/dl"
            }
          ],
          "earlier": 0
        }
      ],
      "owners": [
        "carol",
        "finance",
        "shops"
      ],
      "formulas_read": true,
      "not_permitted": [
        {
          "user": "bob",
          "kind": "label",
          "name": "prod",
          "entry": "prod",
          "writers": [
            "alice"
          ],
          "groups_unknown": null,
          "identities": [
            "daily@2024-01-02:prod/dl"
          ]
        }
      ]
    }
    "#);
    // What is held says so; what was published in its place was not made from it.
    project.write("audited.csv", "audited\n");
    project.shell("USER=bob formake publish report@2024-01:pr-1 audited.csv --hold --because audited").ended(0);
    let told = project.shell("USER=bob formake invalidate report:pr-1 --dry-run --json").ended(0).json();
    assert_eq!(told["labels"][0]["loses"][0]["held"], true);
    let told = project.shell("USER=alice formake invalidate daily@2024-01-02 --dry-run --json").ended(0).json();
    let own = told["labels"].as_array().expect("labels").iter().find(|label| label["label"] == "pr-1").expect("it reads prod's");
    assert_eq!((&own["earlier"], &own["made_from_it"]), (&1.into(), &serde_json::json!([])), "nothing stands for what was made");
}
