//! What measuring a snapshot costs, beside a scan of the same columns by the SQL engine; and what it costs for small files.
//!
//!     cargo bench --bench measure                  10 million rows of Parquet: time, ratio, peak memory
//!     cargo bench --bench measure -- 100000000     as many rows
//!     cargo bench --bench measure -- small         files of some kilobytes; with `--profile dev` as the README builds
//!
//! The file is made by our own engine. Every step runs in a process of its own, so that its peak memory is its own. Compare ratios of one run,
//! never seconds of two machines.

#![expect(clippy::disallowed_macros, reason = "it prints for whoever runs it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use formake::formula::program::Format;
use formake::table::measure::{Asked, AskedColumn, Bound, Logical, MeasureLimits, PathStep, Pattern, Scalar, Test, measure};
use formake::table::{Limits, TableInput, TablePart, run};
use futures::StreamExt;

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rows = words.first().and_then(|word| word.parse().ok()).unwrap_or(10_000_000);
    match words[..] {
        ["small"] => small(&["csv", "jsonl", "parquet"], &[30, 100, 600, 2000]),
        ["small", format, rows] => small(&[format], &[rows.parse()?]),
        ["make", path, rows] => make(Path::new(path), rows.parse()?),
        ["scan", path, threads] => told(threads, || scan(path, threads.parse()?)),
        ["measure", path, threads, what] => told(threads, || profile(path, threads.parse()?, what)),
        _ => all(rows),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// All steps in turn, five times; of each the best one counts, since what else the machine does only makes it slower.
fn all(rows: u64) -> Done {
    let path = folder().join(format!("measure-{rows}.parquet"));
    let path = path.to_str().ok_or("a path that is text")?;
    if !Path::new(path).exists() {
        step(&["make", path, &rows.to_string()])?;
    }
    println!("{rows} rows, {} MB of Parquet", std::fs::metadata(path)?.len() >> 20);
    println!("{:>8} {:>16} {:>9} {:>7} {:>11}", "threads", "step", "seconds", "ratio", "peak MB");
    for threads in ["1", "2"] {
        let mut steps = ["scan", "profile", "contract", "with a key", "with two keys"].map(|what| (what, f64::MAX, 0_u64));
        for _ in 0..5 {
            for (what, best, peak) in &mut steps {
                let words: Vec<&str> = if *what == "scan" { vec!["scan", path, threads] } else { vec!["measure", path, threads, what] };
                let said = step(&words)?;
                let mut said = said.split_whitespace();
                *best = best.min(said.next().ok_or("seconds")?.parse()?);
                *peak = (*peak).max(said.next().ok_or("a size")?.parse()?);
            }
        }
        let scan = steps[0].1;
        for (what, best, peak) in steps {
            println!("{threads:>8} {what:>16} {best:>9.3} {:>7.2} {peak:>11}", best / scan);
        }
    }
    Ok(())
}

fn step(words: &[&str]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let output = Command::new(std::env::current_exe()?).args(words).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs it, and prints its seconds and the process's peak of memory.
fn told(_: &str, work: impl FnOnce() -> Done) -> Done {
    let start = Instant::now();
    work()?;
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("a peak")?;
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    println!("{seconds} {}", peak >> 10);
    Ok(())
}

/// Numbers in order and not, few and many texts, dates, timestamps, nulls.
fn make(path: &Path, rows: u64) -> Done {
    let query = format!(
        "SELECT value AS id,
                (value * 7919) % 1000003 AS customer,
                CASE WHEN value % 50 = 0 THEN NULL ELSE CAST((value * 48271) % 100000 AS DOUBLE) / 100.0 END AS amount,
                CAST(CAST(value % 1000 AS INT) AS DATE) AS day,
                to_timestamp_micros(1700000000000000 + value * 1500000) AS at,
                CASE value % 7 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' WHEN 2 THEN 'IT' ELSE 'ES' END AS country,
                concat('P-', (value * 31) % 5000) AS product,
                concat('order-', value, '-', (value * 16807) % 2147483647) AS code,
                value % 3 = 0 AS flag
         FROM generate_series(1, {rows})"
    );
    run(&query, &[], path, Format::Parquet, &Limits::default())?;
    Ok(())
}

fn input(path: &Path) -> TableInput {
    let part = TablePart { at: path.to_path_buf(), files: vec![], values: vec![] };
    TableInput { name: "t".into(), parts: vec![part], dimensions: vec![], columns: None }
}

fn asked(what: &str) -> Asked {
    let text = |text: &str| Scalar::Text(text.into());
    let bound = |limit: i64| Bound { limit: Scalar::Number(limit.into()), exclusive: false };
    let column = |name: &str, logical, tests| AskedColumn { path: vec![PathStep::Field(name.into())], logical: Some(logical), tests };
    let columns = vec![
        column("id", Logical::Integer, vec![Test::Present, Test::Reads]),
        column("customer", Logical::Integer, vec![Test::Present, Test::AtLeast(bound(0)), Test::AtMost(bound(1_000_003))]),
        column("amount", Logical::Number, vec![Test::AtLeast(bound(0)), Test::AtMost(bound(1000))]),
        column("day", Logical::Date, vec![Test::AtLeast(Bound { limit: text("1970-01-01"), exclusive: false })]),
        column("country", Logical::Text, vec![Test::Present, Test::OneOf(["DE", "FR", "IT", "ES"].map(text).to_vec())]),
        column("product", Logical::Text, vec![Test::Matches(Pattern::new("^P-[0-9]+$").expect("a pattern"))]),
        column("code", Logical::Text, vec![Test::Present, Test::Length { least: Some(3), most: Some(40) }]),
        column("flag", Logical::Boolean, vec![Test::Present]),
    ];
    match what {
        "profile" => Asked::default(),
        "contract" => Asked { columns, keys: vec![] },
        "with a key" => Asked { columns, keys: vec![vec!["id".into()]] },
        _ => Asked { columns, keys: vec![vec!["id".into()], vec!["customer".into(), "at".into()]] },
    }
}

fn profile(path: &str, threads: usize, what: &str) -> Done {
    measure(&input(Path::new(path)), &asked(what), &MeasureLimits { threads, ..MeasureLimits::default() })?;
    Ok(())
}

/// Every value of every column, by DataFusion's own reader: a partition a thread.
fn scan(path: &str, threads: usize) -> Done {
    let runtime = || tokio::runtime::Builder::new_current_thread().build();
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    let plan =
        runtime()?.block_on(async { session.read_parquet(path, ParquetReadOptions::default()).await?.create_physical_plan().await })?;
    std::thread::scope(|scope| -> Done {
        let partition = |at: usize| {
            let (plan, context) = (plan.clone(), session.task_ctx());
            scope.spawn(move || -> Done {
                tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
                    let mut rows = plan.execute(at, context)?;
                    while let Some(batch) = rows.next().await {
                        std::hint::black_box(batch?);
                    }
                    Ok(())
                })
            })
        };
        let threads: Vec<_> = (0..plan.output_partitioning().partition_count()).map(partition).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread of the scan")?)
    })
}

/// Milliseconds for small files of each format, the best of many times: what a build pays for every output.
fn small(formats: &[&str], rows: &[u64]) -> Done {
    println!("{:>14} {:>8} {:>9} {:>10} {:>10}", "file", "bytes", "rows", "profile ms", "contract ms");
    for rows in rows {
        let kinds = [("csv", Format::Csv), ("jsonl", Format::Jsonl), ("parquet", Format::Parquet)];
        for (name, format) in kinds.into_iter().filter(|(name, _)| formats.contains(name)) {
            let path = folder().join(format!("small-{rows}.{name}"));
            let _ = std::fs::remove_file(&path);
            let query = format!(
                "SELECT value AS id, (value * 31) % 97 AS n, CAST((value * 48271) % 100000 AS DOUBLE) / 100.0 AS amount,
                        CAST(CAST(value % 1000 AS INT) AS DATE) AS day, concat('P-', (value * 31) % 5000) AS product,
                        CASE value % 3 WHEN 0 THEN 'DE' ELSE 'FR' END AS country
                 FROM generate_series(1, {rows})"
            );
            run(&query, &[], &path, format, &Limits::default())?;
            let text = |text: &str| Scalar::Text(text.into());
            let column =
                |name: &str, logical, tests| AskedColumn { path: vec![PathStep::Field(name.into())], logical: Some(logical), tests };
            let asked = Asked {
                columns: vec![
                    column("id", Logical::Integer, vec![Test::Present, Test::Reads]),
                    column("day", Logical::Date, vec![Test::Present, Test::Reads]),
                    column(
                        "amount",
                        Logical::Number,
                        vec![Test::Reads, Test::AtLeast(Bound { limit: Scalar::Number(0.into()), exclusive: false })],
                    ),
                    column("country", Logical::Text, vec![Test::Present, Test::OneOf(vec![text("DE"), text("FR")])]),
                ],
                keys: vec![vec!["id".into()]],
            };
            let time = |asked: &Asked| -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
                let mut times = Vec::new();
                let begin = Instant::now();
                while times.len() < 5 || begin.elapsed() < Duration::from_millis(300) {
                    let start = Instant::now();
                    measure(&input(&path), asked, &MeasureLimits::default())?;
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
                times.sort_by(f64::total_cmp);
                Ok(times[0])
            };
            let bytes = std::fs::metadata(&path)?.len();
            println!("{name:>14} {bytes:>8} {rows:>9} {:>10.2} {:>10.2}", time(&Asked::default())?, time(&asked)?);
        }
    }
    Ok(())
}
