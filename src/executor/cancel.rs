//! One flag for a whole run, which sleeping threads can wait for.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Set once, by Ctrl-C, SIGTERM or a failing run; a descriptor becomes readable then, so that it can be polled.
pub struct Cancel {
    set: AtomicBool,
    wake: Option<OwnedFd>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    pub fn new() -> Self {
        Self { set: AtomicBool::new(false), wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok() }
    }

    pub fn cancel(&self) {
        self.set.store(true, Ordering::SeqCst);
        if let Some(wake) = &self.wake {
            // Never read, so that it stays readable for everybody.
            let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Readable once cancelled; `None` where the system gave no descriptor.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.wake.as_ref().map(AsFd::as_fd)
    }
}
