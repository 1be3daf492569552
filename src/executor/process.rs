//! A process and its group: started, waited for without spinning, and ended whole.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::cancel::Cancel;

/// Between asking a group to end (SIGTERM) and ending it (SIGKILL).
const GRACE: Duration = Duration::from_secs(5);

/// How a process ended.
#[derive(Debug)]
pub enum End {
    Exited(ExitStatus),
    Timeout,
    Cancelled,
}

/// Starts a command that leads its own process group, and waits for its end, a timeout or a cancellation. Whatever of the group is
/// left then is killed.
pub fn run(command: &mut Command, timeout: Option<Duration>, cancel: &Cancel) -> std::io::Result<End> {
    use std::os::unix::process::CommandExt;
    let child = command.process_group(0).spawn()?;
    let group = Group { pid: Pid::from_child(&child), child };
    // A deadline that no clock reaches is none.
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    match group.wait_until(deadline, Some(cancel)) {
        Ok(Woken::Ended) => Ok(End::Exited(group.reap()?)),
        Ok(Woken::Deadline) => group.end().map(|_| End::Timeout),
        Ok(Woken::Cancelled) => group.end().map(|_| End::Cancelled),
        Err(error) => {
            group.reap()?;
            Err(error)
        }
    }
}

enum Woken {
    Ended,
    Deadline,
    Cancelled,
}

struct Group {
    pid: Pid,
    child: Child,
}

impl Group {
    fn wait_until(&self, deadline: Option<Instant>, cancel: Option<&Cancel>) -> std::io::Result<Woken> {
        let pidfd = pidfd_open(self.pid, PidfdFlags::empty())?;
        let wake = cancel.and_then(Cancel::descriptor);
        loop {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let timespec = left.map(|d| Timespec { tv_sec: d.as_secs() as i64, tv_nsec: i64::from(d.subsec_nanos()) });
            let mut fds = vec![PollFd::new(&pidfd, PollFlags::IN)];
            if let Some(wake) = &wake {
                fds.push(PollFd::new(wake, PollFlags::IN));
            }
            match poll(&mut fds, timespec.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if fds[0].revents().contains(PollFlags::IN) {
                return Ok(Woken::Ended);
            }
            if cancel.is_some_and(Cancel::is_cancelled) {
                return Ok(Woken::Cancelled);
            }
            if deadline.is_some_and(|d| Instant::now() >= d) {
                return Ok(Woken::Deadline);
            }
        }
    }

    /// The leader has ended and is not reaped yet, so that its group's number is still its own: what is left of the group is killed first.
    fn reap(mut self) -> std::io::Result<ExitStatus> {
        let _ = kill_process_group(self.pid, Signal::KILL);
        self.child.wait()
    }

    fn end(self) -> std::io::Result<ExitStatus> {
        let _ = kill_process_group(self.pid, Signal::TERM);
        let _ = self.wait_until(Some(Instant::now() + GRACE), None);
        self.reap()
    }
}

/// An end in words: `exit status 2`, `SIGKILL (perhaps out of memory)`. A shell reports a killed command as 128 and the signal's number.
pub fn in_words(status: ExitStatus) -> String {
    let signal = |number: i32| {
        let name = match number {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL (perhaps out of memory)",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            15 => "SIGTERM",
            24 => "SIGXCPU",
            25 => "SIGXFSZ",
            _ => return format!("signal {number}"),
        };
        name.to_string()
    };
    match (status.code(), status.signal()) {
        (Some(code), _) if (129..=159).contains(&code) => {
            format!("exit status {code}: a command in it was ended by {}", signal(code - 128))
        }
        (Some(127), _) => "exit status 127: a command in it was not found".into(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(number)) => signal(number),
        (None, None) => status.to_string(),
    }
}
