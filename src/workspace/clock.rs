//! The one place that asks the clock, the machine and the environment who, where and when.

#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::catalog::policy::Groups;
use crate::catalog::{Actor, Timestamp};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now() -> Timestamp {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Where programs keep what is theirs and the user's from one time to the next, as the XDG Base Directory Specification says.
pub fn state_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?.join("formake"))
}

/// The acting user: as the environment says, else the number that the system knows.
fn user() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    user.unwrap_or_else(number)
}

fn number() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

/// The names of the groups that a user is in, as `id` tells them.
pub fn groups(user: &str) -> Groups {
    let mut id = Command::new("id");
    id.arg("-Gn").env("LC_ALL", "C").stdin(Stdio::null());
    // Without a name it answers for this process.
    if user != number() {
        id.args(["--", user]);
    }
    let answer = id.output().map_err(|error| format!("`id` cannot be asked: {error}"))?;
    let names: Vec<String> = String::from_utf8_lossy(&answer.stdout).split_whitespace().map(str::to_string).collect();
    // It fails, too, where one of many groups has a number only.
    if answer.status.success() || !names.is_empty() {
        return Ok(names);
    }
    let complaint = String::from_utf8_lossy(&answer.stderr);
    Err(complaint.lines().next().unwrap_or("`id` says nothing").to_string())
}

/// The acting user, machine and command line, for the record.
pub fn actor() -> Actor {
    let user = user();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_the_systems() {
        let own = groups(&number()).expect("this process has groups");
        assert!(!own.is_empty());
        assert!(groups("nobody-of-this-name").is_err());
        assert!(groups("--version").is_err() && groups("-u").is_err(), "a name is no option");
    }
}
