//! What on this machine will spoil numbers, and what to do about it. It reads and asks, and changes
//! nothing. It must not know what is measured.
//!
//! Each finding comes from files of the kernel below a root that tests plant, or from what [`Live`]
//! was answered.

mod kernel;
mod limits;
mod processors;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::thread::{MembarrierCommand, futex, membarrier_query};
use rustix::time::ClockId;
use serde::Serialize;

use crate::terminal::{Complaint, GOOD, LOOK};
use crate::{cli, cpus};

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Ok,
    Warn,
}

fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    Finding { check, state: State::Ok, found: found.into(), advice: None }
}

fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Warn, found: found.into(), advice: Some(advice.into()) }
}

/// The kernel's files below a root.
struct Kernel<'a> {
    root: &'a Path,
}

impl Kernel<'_> {
    fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()?;
        Some(text.trim().to_owned())
    }

    fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    fn about_processor(&self, cpu: usize, file: &str) -> Option<String> {
        self.text(&format!("/sys/devices/system/cpu/cpu{cpu}/{file}"))
    }

    /// What the processors of this machine can do.
    fn flags(&self) -> Vec<String> {
        let text = self.text("/proc/cpuinfo").unwrap_or_default();
        let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
        flags.split_whitespace().skip(2).map(str::to_owned).collect()
    }
}

/// What only the running kernel can be asked.
#[derive(Clone, Copy, Debug)]
struct Live {
    membarrier: bool,
    futex_waitv: bool,
    /// Bytes of /dev/shm: all, and those that are free.
    shm: Option<[u64; 2]>,
}

impl Live {
    fn asked() -> Self {
        let expedited = MembarrierCommand::GlobalExpedited;
        // No words at all is what a kernel refuses that has the call.
        let waitv = futex::waitv(&[], futex::WaitvFlags::empty(), None, ClockId::Monotonic);
        let shm = rustix::fs::statvfs("/dev/shm").ok();
        Self {
            membarrier: membarrier_query().contains_command(expedited),
            futex_waitv: waitv == Err(rustix::io::Errno::INVAL),
            shm: shm
                .map(|shm| [shm.f_blocks, shm.f_bavail].map(|n| n.saturating_mul(shm.f_frsize))),
        }
    }
}

/// What was found, as JSON carries it.
#[derive(Serialize)]
struct Findings {
    schema: u32,
    /// The processors that a comparison would be pinned to.
    pinned: [usize; 2],
    findings: Vec<Finding>,
}

/// Looks at everything and says what was found.
pub(crate) fn examine(asked: &cli::Doctor) -> Result<String, Complaint> {
    let pinned = cpus::pinned(asked.cpus)?;
    let findings = all(&Kernel { root: Path::new("/") }, Live::asked(), pinned);
    if asked.output.json {
        return serde_json::to_string_pretty(&Findings { schema: 1, pinned, findings })
            .map_err(|error| Complaint::unwritten(format!("findings as JSON: {error}")));
    }
    Ok(text(&findings))
}

/// What to tell somebody who is about to measure while other work runs. The load is no measure: the build of
/// this program is in it yet.
pub(crate) fn other_work() -> Option<String> {
    let kernel = Kernel { root: Path::new("/") };
    let before = processors::Time::read(&kernel)?;
    std::thread::sleep(Duration::from_millis(300));
    let busy = processors::Time::read(&kernel)?.busy_since(before)?;
    (busy > 0.1).then(|| {
        format!(
            "{:.0} % of the processors' time goes to other work: runs that it disturbs are discarded; stop \
             it for numbers that mean something",
            100.0 * busy
        )
    })
}

fn all(kernel: &Kernel<'_>, live: Live, pinned: [usize; 2]) -> Vec<Finding> {
    let mut findings = processors::all(kernel, pinned);
    findings.extend(kernel::all(kernel, live));
    findings.extend(limits::all(kernel, live));
    findings
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { check, state, found, advice } in findings {
        let (style, word) = match state {
            State::Ok => (GOOD, "ok"),
            State::Warn => (LOOK, "warn"),
        };
        let _ = writeln!(text, "{style}{word:<4}{style:#}  {check:<15}  {found}");
        if let Some(advice) = advice {
            let _ = writeln!(text, "{:23}to do: {advice}", "");
        }
    }
    let warnings = findings.iter().filter(|finding| finding.state == State::Warn).count();
    let _ = writeln!(text, "\n{warnings} of {} may spoil numbers.", findings.len());
    text
}
