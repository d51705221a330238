//! How many system calls the ring makes while both sides are awake, and how many each row makes for a
//! message. It must not know how they are forbidden or counted.

use std::time::{Duration, Instant};

use crate::plan::goals::Measured;
use crate::plan::{Effort, Row};
use crate::run::spec::{Spec, Workload};
use crate::run::workload::COUNTING;
use crate::run::{Failure, run};

const MESSAGES: u64 = 500_000;
/// A side whose peer is kept from its processor for a tenth of a second asks whether it still lives,
/// which is a system call: then the two were not both awake.
const ATTEMPTS: u32 = 10;

/// Lets half a million messages go through the ring, both sides where any system call but `exit` would
/// kill them: coming to the end proves that there was none. `None` if the ring is not part of the
/// comparison.
pub(crate) fn count(rows: &[Row], effort: Effort) -> Option<Measured> {
    let ring = rows
        .iter()
        .find(|row| row.entry.name == "shm-ring-spin" && row.workload == Workload::Stream)?;
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

/// Messages of a run in which calls are counted, of a stream and of others: each call is told to another
/// thread, which takes long, but a stream has to fill several times what there is to fill.
const COUNTED: (u64, u64) = (4096, 512);
/// Such a run that takes longer is given up.
const COUNTED_LIMIT: Duration = Duration::from_secs(2);
/// And after so long no other begins: a comparison is not there for this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts the system calls of each row that has runs, in a run of its own that is not timed. Returns the
/// reason if this machine does not let them be counted. `done` is called after each row.
pub(crate) fn per_message(
    rows: &mut [Row],
    effort: Effort,
    mut done: impl FnMut(&Row),
) -> Result<(), String> {
    let ran = |row: &&mut Row| !row.samples.is_empty() && row.failures.is_empty();
    let counted = |row: &&mut Row| !row.workload.is_steady() && row.workload != Workload::Lines;
    let start = Instant::now();
    for row in rows.iter_mut().filter(ran).filter(counted) {
        if start.elapsed() > PATIENCE {
            let (name, doing) = (row.entry.name, row.doing());
            return Err(format!("no time was left from {name} {doing} on"));
        }
        let enough = if row.workload.is_stream() { COUNTED.0 } else { COUNTED.1 };
        let spec = row.spec(row.messages.min(enough), effort);
        let spec = Spec { counts_system_calls: true, ..spec };
        match run(&spec, effort.limit.min(COUNTED_LIMIT)) {
            Ok(sample) => {
                let each = |calls: u64| calls as f64 / sample.verified as f64;
                row.system_calls = sample.system_calls.map(each);
            }
            Err(Failure::Interrupted) => return Ok(()),
            Err(Failure::Side(why)) if why.contains(COUNTING) => return Err(why),
            // One that cannot be counted, such as one that is stuck where calls take long.
            Err(_) => {}
        }
        done(row);
    }
    Ok(())
}
