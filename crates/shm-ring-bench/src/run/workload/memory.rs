//! `memory`: what a side holds once it is attached and has passed messages, against what it held
//! before. It must not know what the transport keeps, only what the kernel says about the process.

use std::fs;

use super::{PASSED_STAGE, STARTED_STAGE};
use crate::run::control::{Control, Measure};
use crate::run::spec::{Spec, Workload};
use crate::run::transport::Fault;

/// Anonymous memory of this process and its part of what it shares, in bytes.
fn held() -> Result<[u64; 2], Fault> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")
        .map_err(|error| Fault::new("reading /proc/self/smaps_rollup", error))?;
    let field = |name: &str| parse(&text, name).ok_or_else(|| Fault::new(name, "not in smaps"));
    Ok([field("Pss_Anon:")?, field("Pss_Shmem:")?])
}

fn parse(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Notes what this side holds before it attaches, when that is what is measured.
pub(crate) fn before_attaching(spec: &Spec, control: &Control) -> Result<(), Fault> {
    if spec.workload != Workload::Memory {
        return Ok(());
    }
    // Reading takes memory too: the first time so that it is not counted.
    held()?;
    // What both map counts half for each, so the other must have mapped it.
    control.meet(spec.side, STARTED_STAGE);
    let [private, shared] = held()?;
    control.record(spec.side, Measure::PrivateBytes, private);
    control.record(spec.side, Measure::SharedBytes, shared);
    Ok(())
}

/// Replaces what was noted by the growth since, once all messages have passed.
pub(super) fn after_passing(spec: &Spec, control: &Control) -> Result<(), Fault> {
    control.meet(spec.side, PASSED_STAGE);
    let [private, shared] = held()?;
    for (measure, now) in [(Measure::PrivateBytes, private), (Measure::SharedBytes, shared)] {
        let before = control.measured(spec.side, measure);
        control.record(spec.side, measure, now.saturating_sub(before));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name_and_read_in_bytes() {
        let text = "Pss:     12 kB\nPss_Anon:      3 kB\nPss_Shmem:   0 kB\n";
        assert_eq!(parse(text, "Pss_Anon:"), Some(3072));
        assert_eq!(parse(text, "Pss_Shmem:"), Some(0));
        assert_eq!(parse(text, "Pss_File:"), None);
    }

    #[test]
    fn memory_that_was_touched_is_held() {
        // So much that what other tests of this process take and give back meanwhile does not matter.
        let before = held().unwrap()[0];
        let touched = std::hint::black_box(vec![1_u8; 256 << 20]);
        let (grown, len) = (held().unwrap()[0].saturating_sub(before), touched.len());
        assert!(
            (200 << 20..320 << 20).contains(&grown),
            "{grown} bytes more for {len} that were touched"
        );
    }
}
