//! What on this machine will spoil numbers, and what to do about it. It reads and asks, and changes
//! nothing. It must not know what is measured.
//!
//! Each finding comes from files of the kernel below a root that tests plant, or from what [`Live`] was
//! answered; the command's doctor asks the same of them.

mod kernel;
mod limits;
mod processors;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;
use shm_ring_console::doctor::{Finding, Form, Kernel, Live, State, note, ok};

use crate::cli;
use crate::complaint::Complaint;
use crate::plan::cpus;

/// How findings are written.
const FORM: Form = Form { note: "warn", width: 17, advice: "to do: " };

/// What was found, as JSON carries it.
#[derive(Serialize)]
struct Findings {
    schema: u32,
    /// The processors that a comparison would be pinned to.
    pinned: [usize; 2],
    findings: Vec<Said>,
}

/// A finding of them.
#[derive(Serialize)]
struct Said {
    check: &'static str,
    state: &'static str,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// Looks at everything and says what was found.
pub(crate) fn examine(asked: &cli::Doctor) -> Result<String, Complaint> {
    let pinned = cpus::pinned(asked.cpus)?;
    let findings = all(&Kernel::running(), Live::asked(), pinned);
    if asked.output.json {
        let said = |Finding { check, state, found, advice }| Said {
            check,
            state: FORM.word(state).0,
            found,
            advice,
        };
        let findings = findings.into_iter().map(said).collect();
        return serde_json::to_string_pretty(&Findings { schema: 1, pinned, findings })
            .map_err(|error| Complaint::unwritten(format!("findings as JSON: {error}")));
    }
    Ok(text(&findings))
}

/// What to tell somebody who is about to measure while other work runs. The load is no measure: the build of
/// this program is in it yet.
pub(crate) fn other_work() -> Option<String> {
    let kernel = Kernel::running();
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
    let warnings = findings.iter().filter(|finding| finding.state != State::Ok).count();
    format!("{}\n{warnings} of {} may spoil numbers.\n", FORM.text(findings), findings.len())
}
