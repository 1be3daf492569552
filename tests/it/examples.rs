//! The examples, built by the program and checked by their own `check.py`; and what a change makes anew, identity by identity.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Project, Ran, texts};

fn check(project: &Project, arguments: &str) {
    let ran = project.shell(&format!("python3 check.py {arguments}")).ended(0);
    assert!(ran.stdout.contains("all equal") && !ran.stdout.contains("no longer"), "{}", ran.stdout);
}

/// A plan of `targets` says that nothing is to do.
#[track_caller]
fn settled(project: &Project, targets: &str) {
    let ran = project.formake(&format!("plan --exit-code {targets}")).ended(0);
    assert!(ran.stdout.starts_with("Nothing to do: all "), "{}", ran.stdout);
}

fn set<S: Into<String>>(identities: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    identities.into_iter().map(Into::into).collect()
}

/// Days from the first to the last, both of one month and of 2013.
fn days(month: u32, days: std::ops::RangeInclusive<u32>) -> impl Iterator<Item = String> {
    days.map(move |day| format!("2013-{month:02}-{day:02}"))
}

#[test]
fn flights() {
    let project = Project::example("flights");
    let built = project.formake("build --json").ended(0);
    assert_eq!(built.outputs_of("job_done").len(), 332);
    check(&project, "");
    settled(&project, "");

    project.shell("touch data/flights/JFK/2013-01-20.csv").ended(0);
    settled(&project, "");
    project.edit("jobs/clean_flights.sql", "-- Numbers are numbers", "-- Edited: numbers are numbers");
    settled(&project, "");

    // One day at one airport, and all that is made from it.
    project.shell("sed -i '$ d' data/flights/JFK/2013-01-20.csv").ended(0);
    let clean = set(["clean_flights@airport=JFK,2013-01-20:prod/dl"]);
    let mut cone = clean.clone();
    cone.extend(days(1, 20..=26).map(|day| format!("delay_features@airport=JFK,{day}:prod/dl")));
    cone.extend(["network_report@2013-01-20:prod/dl", "monthly_summary@2013-01:prod/dl", "delay_model@2013-01:prod/dl"].map(String::from));
    cone.extend(days(1, 20..=31).chain(days(2, 1..=9)).map(|day| format!("carrier_totals@{day}:prod/dl")));
    cone.extend(days(2, 1..=9).map(|day| format!("delay_scores@{day}:prod/dl")));
    let planned = project.formake("plan --json").ended(0);
    assert_eq!(planned.planned(&["run"]), clean);
    assert_eq!(planned.planned(&["run", "may_run"]), cone);
    let built = project.formake("build --json").ended(0);
    assert_eq!(built.outputs_of("job_done"), cone);
    // The numbers of `expected.json` are of other data now, so the raw files alone are compared with.
    let checked = project.shell("python3 check.py").ended(0).stdout;
    assert!(checked.contains("all equal"), "{checked}");
    settled(&project, "");

    // Weather that comes late: features of three airports, and the day's scores by the model that stays.
    project.shell("cp -r late/* data/").ended(0);
    let built = project.formake("build --json").ended(0);
    let mut late = set(["EWR", "JFK", "LGA"].map(|airport| format!("delay_features@airport={airport},2013-02-09:prod/dl")));
    late.insert("delay_scores@2013-02-09:prod/dl".into());
    assert_eq!(built.outputs_of("job_done"), late);
}

#[test]
fn churn() {
    const DAYS: [&str; 3] = ["2024-01-01", "2024-01-02", "2024-01-03"];
    let of = |class: &str, label: &str| set(DAYS.map(|day| format!("{class}@{day}:{label}/dl")));
    let project = Project::example("churn");
    let built = project.formake("build --json").ended(0);
    let mut all = of("churn_features", "prod");
    let mut trained = of("churn_model", "prod");
    trained.append(&mut of("churn_metrics", "prod"));
    trained.append(&mut of("churn_scores", "prod"));
    all.extend(trained.clone());
    assert_eq!(built.outputs_of("job_done"), all);
    check(&project, "");
    settled(&project, "");

    // The experiment reads what `prod` made, and leaves it as it is.
    let before = project.contents();
    let built = project.formake("build churn_scores:churn-exp --json").ended(0);
    let mut experiment = of("churn_model", "churn-exp");
    experiment.append(&mut of("churn_metrics", "churn-exp"));
    experiment.append(&mut of("churn_scores", "churn-exp"));
    assert_eq!(built.outputs_of("job_done"), experiment);
    check(&project, "--label churn-exp");
    settled(&project, "churn_scores:churn-exp");
    settled(&project, "");
    let after = project.contents();
    assert!(before.iter().all(|(identity, content)| after.get(identity) == Some(content)));

    project.write("jobs/churn_features.sql", &format!("-- A comment.\n{}\n", project.read("jobs/churn_features.sql")));
    settled(&project, "");
    settled(&project, "churn_scores:churn-exp");

    // Training reads the features and not this column of them: it runs, and what it makes is the same.
    project.edit("jobs/churn_features.sql", "as senior", "as is_senior");
    // Its contract wants the column, and says so before anything runs.
    assert!(project.formake("check").ended(2).stderr.contains("`senior`"));
    project.edit("contracts/churn_features.odcs.yaml", "senior", "is_senior");
    project.formake("check").ended(0);
    let built = project.formake("build --json").ended(0);
    assert_eq!(built.outputs_of("job_done"), all);
    let same = project.contents();
    assert!(trained.iter().all(|identity| same[identity] == before[identity]));
    assert!(of("churn_features", "prod").iter().all(|identity| same[identity] != before[identity]));

    // A column that training does want: what has another name does not get so far.
    project.edit("jobs/churn_features.sql", "Customers.tenure,", "Customers.tenure as months,");
    let failed = project.formake("build churn_model@2024-01-01").ended(1);
    assert!(failed.stdout.contains("there is no column `tenure`"), "{}", failed.stdout);
    assert_eq!(project.contents()["churn_model@2024-01-01:prod/dl"], same["churn_model@2024-01-01:prod/dl"]);
}

#[test]
fn stores() {
    let project = Project::example("stores");
    assert_eq!(project.formake("build --json").ended(0).outputs_of("job_done").len(), 19);
    check(&project, "");
    settled(&project, "");
    assert!(project.root.join("lake/uk/sales_eur").is_dir(), "each store's data is in its own repository");

    project.edit("formake.yaml", "# - { id: tyo", "- { id: tyo");
    let days = ["2024-03-05", "2024-03-06", "2024-03-07"];
    let tokyo = set(days.map(|day| format!("sales_eur@storeId=tyo,{day}:prod/jp")));
    let reports = set(days.map(|day| format!("report@{day}:prod/dl")));
    let planned = project.formake("plan --json").ended(0);
    assert_eq!(planned.planned(&["run"]), tokyo);
    assert_eq!(planned.planned(&["may_run"]), reports);
    let built = project.formake("build --json").ended(0);
    assert_eq!(built.outputs_of("job_done"), tokyo.union(&reports).cloned().collect());
    check(&project, "--with tyo");
    settled(&project, "");
}

/// The script checks every number itself, and ends with the first that is another.
#[test]
fn pull_request() {
    let project = Project::new(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pull-request/run");
    let ran: Ran = project.command(script).arg("story").output().expect("bash runs").into();
    let told = ran.ended(0).stdout;
    assert!(told.ends_with(" jobs ran in all.\n"), "{told}");
}

/// What is given away for other people's machines is YAML, and no text that somebody else wrote gets into a shell.
#[test]
fn workflows() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pull-request");
    let read = |path: &str| -> Value {
        let text = std::fs::read_to_string(format!("{folder}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let github = read(".github/workflows/formake.yml");
    let types = texts(&github["on"]["pull_request"]["types"]);
    assert!(["opened", "synchronize", "labeled", "closed"].iter().all(|wanted| types.contains(&(*wanted).to_string())), "{types:?}");
    let jobs = github["jobs"].as_object().expect("jobs");
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["check", "build", "promote", "drop"]);
    for (name, job) in jobs {
        for step in job["steps"].as_array().expect("steps") {
            let scripts = [&step["run"], &step["with"]["script"]].into_iter().filter_map(Value::as_str);
            scripts.for_each(|script| assert!(!script.contains("${{"), "{name}: {script}"));
            assert!(step["run"].is_string() != step["uses"].is_string(), "{name}: {step}");
        }
    }
    let gitlab = read("gitlab-ci.yml");
    let stages = texts(&gitlab["stages"]);
    for job in ["formake check", "formake build", "formake promote"] {
        let stage = gitlab[job]["stage"].as_str().expect("a stage");
        assert!(stages.iter().any(|known| known == stage), "{job}: {stage}");
        assert!(!texts(&gitlab[job]["script"]).is_empty(), "{job}");
    }
}
