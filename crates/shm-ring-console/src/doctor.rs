//! Owns: findings about a machine and how they are written, the kernel's files, and what only the running kernel can be
//! asked. Knows nothing of: what a finding is good or bad for; the doctors of the command and of the comparison say that.
//!
//! Asking changes nothing.

use std::fmt::Write;
use std::path::Path;
use std::{fs, str::FromStr};

use anstyle::Style;
use rustix::fs::statvfs;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{MembarrierQuery, futex, membarrier_query};
use rustix::time::ClockId;

use crate::terminal::{BAD, DOUBTFUL, GOOD};

/// Where objects with names stand.
const SHM: &str = "/dev/shm";

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a few words.
    pub check: &'static str,
    /// Whether it is as it should be.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Ok,
    /// It is worth knowing of.
    Note,
    /// Without it nothing goes.
    Bad,
}

/// It is as it should be.
pub fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    Finding { check, state: State::Ok, found: found.into(), advice: None }
}

/// It is worth knowing of, with what to do.
pub fn note(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Note, found: found.into(), advice: Some(advice.into()) }
}

/// Without it nothing goes, with what to do.
pub fn bad(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { state: State::Bad, ..note(check, found, advice) }
}

/// How a doctor writes its findings.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The word for [`State::Note`].
    pub note: &'static str,
    /// Columns of a check's name, in which its finding begins.
    pub width: usize,
    /// What an advice begins with.
    pub advice: &'static str,
}

impl Form {
    /// The word and the style of a state.
    #[must_use]
    pub fn word(&self, state: State) -> (&'static str, Style) {
        match state {
            State::Ok => ("ok", GOOD),
            State::Note => (self.note, DOUBTFUL),
            State::Bad => ("bad", BAD),
        }
    }

    /// A line for each finding, and one below it for what to do about it, with styles.
    #[must_use]
    pub fn text(&self, findings: &[Finding]) -> String {
        let (mut text, width) = (String::new(), self.width);
        for Finding { check, state, found, advice } in findings {
            let (word, style) = self.word(*state);
            let _ = writeln!(text, "{style}{word:<4}{style:#}  {check:<width$}{found}");
            if let Some(advice) = advice {
                let _ = writeln!(text, "{:indent$}{}{advice}", "", self.advice, indent = 6 + width);
            }
        }
        text
    }
}

/// The kernel's files below a root, which tests plant.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// `/` but for tests.
    pub root: &'a Path,
}

impl Kernel<'_> {
    /// Those of this machine.
    #[must_use]
    pub fn running() -> Self {
        Self { root: Path::new("/") }
    }

    /// What a file says, without white space around it.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()?;
        Some(text.trim().to_owned())
    }

    /// The number that a file says.
    #[must_use]
    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// A setting below `/proc/sys/kernel`.
    #[must_use]
    pub fn setting<T: FromStr>(&self, name: &str) -> Option<T> {
        self.number(&format!("/proc/sys/kernel/{name}"))
    }
}

/// What only the running kernel can be asked. A limit is `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Whether a waker can spare the sleeper's side its fences.
    pub membarrier: bool,
    /// Whether a sleeper can wait for several words.
    pub futex_waitv: bool,
    /// Bytes of /dev/shm: all, and those that are free.
    pub shm: Result<[u64; 2], Errno>,
    /// Bytes of locked memory.
    pub locked: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Bytes of POSIX message queues.
    pub queued: Option<u64>,
    /// Bytes of address space.
    pub address_space: Option<u64>,
    /// Bytes of a file.
    pub file_size: Option<u64>,
}

impl Live {
    /// Asks.
    #[must_use]
    pub fn asked() -> Self {
        let expedited =
            MembarrierQuery::GLOBAL_EXPEDITED | MembarrierQuery::REGISTER_GLOBAL_EXPEDITED;
        // No words at all is what a kernel refuses that has the call.
        let waitv = futex::waitv(&[], futex::WaitvFlags::empty(), None, ClockId::Monotonic);
        let limit = |resource| getrlimit(resource).current;
        Self {
            membarrier: membarrier_query().contains(expedited),
            futex_waitv: waitv == Err(Errno::INVAL),
            shm: statvfs(SHM)
                .map(|shm| [shm.f_blocks, shm.f_bavail].map(|n| n.saturating_mul(shm.f_frsize))),
            locked: limit(Resource::Memlock),
            descriptors: limit(Resource::Nofile),
            queued: limit(Resource::Msgqueue),
            address_space: limit(Resource::As),
            file_size: limit(Resource::Fsize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_a_line_and_what_to_do_about_it_another() {
        let findings =
            [ok("one", "fine"), note("two", "slow", "mend it"), bad("three", "none", "get one")];
        let form = Form { note: "warn", width: 7, advice: "to do: " };
        let plain = anstream::adapter::strip_str(&form.text(&findings)).to_string();
        assert_eq!(
            plain.lines().collect::<Vec<_>>(),
            [
                "ok    one    fine",
                "warn  two    slow",
                "             to do: mend it",
                "bad   three  none",
                "             to do: get one",
            ]
        );
    }
}
