//! Moving pictures for a terminal: one bar for the whole run, one line per job that lasts.
//!
//! What is true here: nothing appears before [`PATIENCE`] has passed, so that a short run leaves no flicker; lines that must stay are
//! printed above the bars; when [`Bars`] goes, the bars are gone.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::units;

const PATIENCE: Duration = Duration::from_millis(400);
const TICK: Duration = Duration::from_millis(100);
/// Running jobs with a line of their own; the others are in the bar's count.
const SHOWN: usize = 8;

pub struct Bars {
    screen: Arc<Mutex<Screen>>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Screen {
    multi: MultiProgress,
    color: bool,
    started: Instant,
    total: u64,
    done: u64,
    overall: Option<ProgressBar>,
    running: BTreeMap<u32, Job>,
}

struct Job {
    title: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub fn new(color: bool) -> Self {
        let screen = Arc::new(Mutex::new(Screen {
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            color,
            started: Instant::now(),
            total: 0,
            done: 0,
            overall: None,
            running: BTreeMap::new(),
        }));
        let (stop, stopped) = channel::<()>();
        let shared = Arc::clone(&screen);
        let ticker = std::thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                lock(&shared).tick();
            }
        });
        Self { screen, ticker: Some((stop, ticker)) }
    }

    pub fn total(&self, jobs: usize) {
        lock(&self.screen).total = jobs as u64;
    }

    pub fn start(&self, job: u32, title: String) {
        lock(&self.screen).running.insert(job, Job { title, started: Instant::now(), bar: None });
    }

    /// A job is decided; `ran` or not.
    pub fn finish(&self, job: u32) {
        let mut screen = lock(&self.screen);
        screen.done += 1;
        screen.remove(job);
    }

    /// A job is not running for now: it waits to be tried again.
    pub fn pause(&self, job: u32) {
        lock(&self.screen).remove(job);
    }

    /// Prints a line that stays.
    pub fn print(&self, line: &str) -> io::Result<()> {
        lock(&self.screen).multi.println(line)
    }

    /// Takes the bars away.
    pub fn clear(&mut self) -> io::Result<()> {
        if let Some((stop, ticker)) = self.ticker.take() {
            drop(stop);
            // A ticker that panicked has nothing left to draw.
            let _ = ticker.join();
        }
        let mut screen = lock(&self.screen);
        let running: Vec<u32> = screen.running.keys().copied().collect();
        running.into_iter().for_each(|job| screen.remove(job));
        if let Some(overall) = screen.overall.take() {
            overall.finish_and_clear();
            screen.multi.remove(&overall);
        }
        screen.multi.clear()
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = self.clear();
    }
}

fn lock(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    fn tick(&mut self) {
        if self.overall.is_none() && self.total > 0 && self.started.elapsed() > PATIENCE {
            let template = if self.color { "{bar:30.green/238} {msg}" } else { "{bar:30} {msg}" };
            let bar = ProgressBar::new(self.total).with_style(style(template).progress_chars("━╸─"));
            self.overall = Some(self.multi.add(bar));
        }
        if let Some(overall) = &self.overall {
            overall.set_length(self.total.max(self.done));
            overall.set_position(self.done);
            overall.set_message(self.message());
        }
        let mut shown = self.running.values().filter(|job| job.bar.is_some()).count();
        for job in self.running.values_mut() {
            if job.bar.is_none() && shown < SHOWN && job.started.elapsed() > PATIENCE {
                let template = if self.color { "{spinner:.cyan} {prefix:>8.dim} {wide_msg}" } else { "{spinner} {prefix:>8} {wide_msg}" };
                let bar = ProgressBar::new_spinner().with_style(style(template)).with_message(job.title.clone());
                // Above the overall bar, which stays last.
                job.bar = Some(self.multi.insert_from_back(1, bar));
                shown += 1;
            }
            if let Some(bar) = &job.bar {
                bar.set_prefix(units::about(job.started.elapsed().as_secs_f64().floor()));
                bar.tick();
            }
        }
    }

    /// `12 of 41 jobs, 3 running, 1 min 5 s, about 2 min left`
    fn message(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let mut text = format!("{} of {} jobs, {} running, ", self.done, self.total, self.running.len());
        text += &units::about(elapsed);
        if self.done > 0 && self.total > self.done {
            let left = elapsed / self.done as f64 * (self.total - self.done) as f64;
            text += &format!(", about {} left", units::about(left));
        }
        text
    }

    fn remove(&mut self, job: u32) {
        if let Some(Job { bar: Some(bar), .. }) = self.running.remove(&job) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

/// A template of ours: always well formed, and a plain one should it ever not be.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
