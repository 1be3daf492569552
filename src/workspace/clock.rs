//! The one place that asks the clock, the machine and the environment who, where and when.

#![allow(clippy::disallowed_methods)]

use std::time::{SystemTime, UNIX_EPOCH};

use crate::catalog::{Actor, Timestamp};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now() -> Timestamp {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// The acting user, machine and command line, for the record.
pub fn actor() -> Actor {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let words: Vec<String> =
        std::env::args().skip(1).map(|word| shlex::try_quote(&word).map_or(word.clone(), |w| w.into_owned())).collect();
    Actor { user, host, command: format!("formake {}", words.join(" ")).trim_end().to_string() }
}

/// Parallel jobs where nobody says: the machine's processors.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// The machine's memory in bytes.
pub fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram as u64 * u64::from(info.mem_unit.max(1))
}
