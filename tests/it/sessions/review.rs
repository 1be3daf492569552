//! The review of a label's changes: what a pull request is told.

use insta::assert_snapshot;

use crate::support::Project;

const FORMULAS: &str = r#"source (sales, <DATE>, prod, dl) from "raw/<DATE>.csv" { columns (store text, region text, amount int) }

(sales, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) { sql "jobs/daily.sql" }

(daily, <any DATE in MONTH>, prod, dl) -> (report, <MONTH: month>, prod, dl) {
    sql    """select region, sum(amount) as amount from daily group by region order by region"""
    format csv
}

(daily, <DATE>, prod, dl) -> (model, <DATE>, prod, dl) {
    run   "awk -f jobs/train.awk {{ inputs.daily }} > {{ output }}"
    param k = 1
}
"#;

const DAILY: &str =
    "-- One row per store.\nselect store, region, sum(amount) as amount\nfrom sales\ngroup by store, region\norder by store\n";

/// `prod` is built; the model of one day is never made for it.
fn shop() -> Project {
    let project = Project::new(&[
        ("formake.yaml", "targets: [report]\nrepositories: { dl: { root: lake } }\nlabels: { prod: {}, \"pr-*\": { base: prod } }\n"),
        ("pipeline.formula", FORMULAS),
        ("jobs/daily.sql", DAILY),
        ("jobs/train.awk", "# reads region\nEND { print NR > 0 }\n"),
        ("raw/2024-01-01.csv", "store,region,amount\nnyc,us,3\nlon,uk,4\n"),
        ("raw/2024-01-02.csv", "store,region,amount\nlon,uk,6\n"),
    ]);
    project.formake("build -j 1 report@2024-01 model@2024-01-01").ended(0);
    project
}

#[test]
fn what_changes_nothing_is_nothing_to_do() {
    let project = shop();
    project.write(
        "jobs/daily.sql",
        "/* The same. */ select store,\n region, sum( amount ) as amount\nfrom sales group by store, region order by store",
    );
    let before = project.contents();
    assert_snapshot!(project.session(
        "formake plan --label pr-1 --exit-code
        formake plan --label pr-1 --format markdown
        formake plan --label pr-1 --format mermaid
        formake build --label pr-1"
    ), @r"
    $ formake plan --label pr-1 --exit-code
    Nothing to do: all 4 inherited.
    $ formake plan --label pr-1 --format markdown
    ### Formake: `pr-1` against `prod`

    Nothing to do: all 4 inherited.

    $ formake plan --label pr-1 --format mermaid
    flowchart LR
    $ formake build --label pr-1
    Nothing to do: all 4 inherited.
    ");
    let review = project.formake("plan --label pr-1 --json").ended(0).json()["review"].clone();
    assert_eq!((&review["formulas"], &review["base"], &review["inherited"]), (&serde_json::json!([]), &"prod".into(), &4.into()));
    assert_eq!(project.formake("plan report@2024-01 --json").ended(0).json().get("review"), None, "prod has no base");
    assert_eq!(project.contents(), before);
    // What moved in the base without the label's doing stands apart.
    project.edit("raw/2024-01-02.csv", "6", "7");
    assert_snapshot!(project.session("formake plan --label pr-1 --exit-code --format markdown"), @r"
    $ formake plan --label pr-1 --exit-code --format markdown
    ### Formake: `pr-1` against `prod`

    Nothing to do: 2 inherited, 2 stale in base.

    <details><summary>Identities, by class</summary>

    ```text
    source  1  sales@2024-01-02:pr-1/dl  changed
    ```

    </details>

    <details><summary>2 stale in the base for other reasons</summary>

    ```text
    stale in base  1  daily@2024-01-02:pr-1/dl  input sales@2024-01-02: a3251f0eccab -> 1f683997d246
    stale in base  1  report@2024-01:pr-1/dl    what it is made from changed
    ```

    </details>
    ");
}

#[test]
fn a_change_is_told_by_formula() {
    let project = shop();
    // Two columns from now on; one day's sales came in meanwhile.
    project.edit("jobs/daily.sql", "sum(amount) as amount", "sum(amount) as amount, count(*) as sales");
    project.edit("pipeline.formula", "k = 1", "k = 2");
    project.edit("raw/2024-01-02.csv", "6", "7");
    let before = project.contents();
    assert_snapshot!(project.session(
        "formake plan --label pr-1 report@2024-01 | sed '1,/^$/d'
        formake plan --label pr-1 --exit-code --format markdown"
    ), @r#"
    $ formake plan --label pr-1 report@2024-01 | sed '1,/^$/d'
    pr-1 changes against prod:
      sales -> daily (pipeline.formula:3): sql changed
        2 daily to run, 1 report may run

    Columns:
      daily  sales (bigint) is new

    Made from it, and not in this plan:
      model

    2 to run, 1 may run. Runs at least 2, at most 3 jobs. Writes about 1.5 kB.
    $ formake plan --label pr-1 --exit-code --format markdown
    ### Formake: `pr-1` against `prod`

    3 to run, 1 may run. Runs at least 3, at most 4 jobs. Writes about 1.5 kB.

    - **Changed:** `sales -> daily` (`sql changed`)
    - **Changed:** `daily -> model` (`param k: 1 -> 2`)

    <details><summary>2 changed formulas</summary>

    **`sales -> daily`** at `pipeline.formula:3`<br>`2 daily to run, 1 model to run, 1 report may run`

    ```diff
    @@ sql changed, from line 3 @@
      region,
    - sum (amount) as amount
    + sum (amount) as amount,
    + count (*) as sales
      from sales
    ```

    **`daily -> model`** at `pipeline.formula:10`<br>`1 model to run`

    ```diff
    @@ param k @@
    - 1
    + 2
    ```

    </details>

    <details><summary>What it reaches</summary>

    ```mermaid
    flowchart LR
      n0[("sales")]
      n1["daily<br/>2 to run<br/>changed"]
      n2["model<br/>1 to run<br/>changed"]
      n3["report<br/>1 may run"]
      n0 --> n1
      n1 --> n2
      n1 --> n3
      classDef source fill:#e8f1fb,stroke:#4a7fc1
      class n0 source
      classDef changed fill:#fef08a,stroke:#a16207
      class n1,n2 changed
      classDef mayrun fill:#fefce8,stroke:#eab308
      class n3 mayrun
    ```

    </details>

    <details><summary>Identities, by class</summary>

    ```text
    run      1  daily@2024-01-01:pr-1/dl  sql changed
    source   1  sales@2024-01-02:pr-1/dl  changed
    run      1  daily@2024-01-02:pr-1/dl  sql and input sales@2024-01-02 changed
    run      1  model@2024-01-01:pr-1/dl  param k: 1 -> 2
    may run  1  report@2024-01:pr-1/dl    after daily@2024-01-01:pr-1/dl and 1 more
    ```

    </details>

    <details><summary>Columns</summary>

    - `daily`: `sales (bigint) is new`

    </details>

    [exit 3]
    "#);
    // What the plan said is made, and then there is nothing to do, and still the same to tell.
    let planned = project.formake("plan --label pr-1 --json").ended(0).planned(&["run", "may_run"]);
    let made = project.formake("build -j 1 --label pr-1 --json").ended(0).outputs_of("job_done");
    assert!(made.is_subset(&planned) && !made.is_empty(), "{made:?} {planned:?}");
    assert_snapshot!(project.session("formake plan --label pr-1 --exit-code"), @r"
    $ formake plan --label pr-1 --exit-code
    pr-1 changes against prod:
      sales -> daily (pipeline.formula:3): sql changed
        sql changed, from line 3:
            region,
          - sum (amount) as amount
          + sum (amount) as amount,
          + count (*) as sales
            from sales
        2 daily made already, 1 model made already, 1 report made already
      daily -> model (pipeline.formula:10): param k: 1 -> 2
        1 model made already

    Columns:
      daily  sales (bigint) is new

    Nothing to do: all 4 are valid.
    ");
    let after = project.contents();
    assert!(before.iter().all(|(identity, content)| after.get(identity) == Some(content)), "prod stays as it is");
}

#[test]
fn what_would_break_a_reader_is_told_before_it_does() {
    let project = shop();
    project.write("jobs/daily.sql", "select store, sum(amount) as amount from sales group by store order by store");
    assert_snapshot!(project.session(
        "formake plan --label pr-1 | sed '1,/^$/d'
        formake plan --label pr-1 --class daily --format markdown
        formake plan --label pr-1 --format mermaid"
    ), @r#"
    $ formake plan --label pr-1 | sed '1,/^$/d'
    pr-1 changes against prod:
      sales -> daily (pipeline.formula:3): sql changed
        2 daily to run, 1 model may run, 1 report may run

    Columns:
      daily  region (text) is gone

    Would break:
      daily -> report (pipeline.formula:5), which reads daily
        there is no column `region`; there are `store`, `amount`, `date`

    May break:
      daily -> model (pipeline.formula:10), which reads daily: mentions `region` (jobs/train.awk:1)

    2 to run, 2 may run. Runs at least 2, at most 4 jobs. Writes about 1.5 kB.
    $ formake plan --label pr-1 --class daily --format markdown
    ### Formake: `pr-1` against `prod`

    2 to run. Runs 2 jobs. Writes about 1.5 kB.

    - **Would break:** `daily -> report` at `pipeline.formula:5`, which reads `daily`: `` there is no column `region`; there are `store`, `amount`, `date` ``
    - **May break:** `daily -> model` at `pipeline.formula:10`, which reads `daily`: `` mentions `region` (jobs/train.awk:1) ``
    - **Changed:** `sales -> daily` (`sql changed`)
    - **Made from it, and not in this plan:** `model, report`

    <details><summary>1 changed formula</summary>

    **`sales -> daily`** at `pipeline.formula:3`<br>`2 daily to run`

    ```diff
    @@ sql changed, from line 2 @@
      select store,
    - region,
      sum (amount) as amount
      from sales
    - group by store,
    - region
    + group by store
      order by store
    ```

    </details>

    <details><summary>What it reaches</summary>

    ```mermaid
    flowchart LR
      n0[("sales")]
      n1["daily<br/>2 to run<br/>changed"]
      n2["report<br/>would break: #96;region#96;"]
      n3["model<br/>may break: #96;region#96;"]
      n0 --> n1
      n1 -.-> n2
      n1 -.-> n3
      classDef source fill:#e8f1fb,stroke:#4a7fc1
      class n0 source
      classDef changed fill:#fef08a,stroke:#a16207
      class n1 changed
      classDef breaks fill:#fecaca,stroke:#b91c1c
      class n2 breaks
    ```

    </details>

    <details><summary>Identities, by class</summary>

    ```text
    run  2  daily@2024-01-01..2024-01-02:pr-1/dl  sql changed
    ```

    </details>

    <details><summary>Columns</summary>

    - `daily`: `region (text) is gone`

    </details>

    [exit 6]
    $ formake plan --label pr-1 --format mermaid
    flowchart LR
      n0[("sales")]
      n1["daily<br/>2 to run<br/>changed"]
      n2["model<br/>1 may run<br/>may break: #96;region#96;"]
      n3["report<br/>1 may run<br/>would break: #96;region#96;"]
      n0 --> n1
      n1 --> n2
      n1 --> n3
      classDef source fill:#e8f1fb,stroke:#4a7fc1
      class n0 source
      classDef changed fill:#fef08a,stroke:#a16207
      class n1 changed
      classDef mayrun fill:#fefce8,stroke:#eab308
      class n2 mayrun
      classDef breaks fill:#fecaca,stroke:#b91c1c
      class n3 breaks
    [exit 6]
    "#);
    let breaks = project.formake("plan --label pr-1 --class daily --json").ended(6).json()["review"]["breaks"].clone();
    assert_eq!(breaks["tables"][0]["columns"], serde_json::json!([{ "kind": "gone", "column": "region", "was": "text" }]));
    let consumers = breaks["consumers"].as_array().expect("consumers");
    let kinds: Vec<_> = consumers.iter().map(|consumer| (&consumer["classes"][0], &consumer["kind"], &consumer["planned"])).collect();
    assert_eq!(kinds, [(&"report".into(), &"would_break".into(), &false.into()), (&"model".into(), &"may_break".into(), &false.into())]);
    // The readers are changed with it: nothing is in the way.
    project.edit(
        "pipeline.formula",
        "select region, sum(amount) as amount from daily group by region order by region",
        "select sum(amount) as amount from daily",
    );
    project.formake("plan --label pr-1 --exit-code").ended(3);
    // A query that does not fit by itself.
    project.edit("pipeline.formula", "select sum(amount) as amount from daily", "select sum(amounts) as amount from daily");
    let broken = project.formake("plan --label pr-1").ended(6);
    assert!(broken.stdout.contains("there is no column `amounts`; did you mean `amount`?"), "{}", broken.stdout);
}
