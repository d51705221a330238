//! How many system calls the ring makes while both sides are awake. It must not know how they are
//! forbidden.

use crate::goals::Measured;
use crate::plan::{Effort, Row};
use crate::run::{Failure, run};
use crate::spec::{Spec, Workload};

const MESSAGES: u64 = 500_000;
/// A side whose peer is kept from its processor for a tenth of a second asks whether it still lives,
/// which is a system call: then the two were not both awake.
const ATTEMPTS: u32 = 10;

/// Lets half a million messages go through the ring, both sides where any system call but `exit` would
/// kill them: coming to the end proves that there was none. `None` if the ring is not part of the
/// comparison.
pub(crate) fn count(rows: &[Row], effort: Effort) -> Option<Measured> {
    let ring =
        rows.iter().find(|row| row.entry.name == "shm-ring" && row.workload == Workload::Stream)?;
    let spec = Spec { no_system_calls: true, ..ring.spec(MESSAGES, effort) };
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match run(&spec, effort.limit) {
            Ok(_) => return Some(Ok(0.0)),
            Err(Failure::Interrupted) => return None,
            Err(failure) => last = failure.to_string(),
        }
    }
    Some(Err(format!("{ATTEMPTS} attempts, none without a call; the last {last}")))
}
