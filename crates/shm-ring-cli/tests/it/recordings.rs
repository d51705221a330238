//! What tests of recordings share: files of their own, what is in them, and signals. Owns: how a file is read. Knows nothing
//! of: what the commands do.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use shm_ring_recording::{Batch, Content, Header, Kind, ReadError, Reader, Reason};

use crate::house::Process;

/// A path that nobody else has, removed when dropped.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("shm-ring-cli-it-{}-{count}-{what}.rec", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What stands in a recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) header: Header,
    /// Positions and payloads.
    pub(crate) records: Vec<(u64, Vec<u8>)>,
    pub(crate) gaps: Vec<(u64, u64, u64)>,
    pub(crate) ends: Vec<(u64, Reason)>,
    pub(crate) error: Option<ReadError>,
}

pub(crate) fn recorded(bytes: &[u8]) -> Recorded {
    let mut reader = Reader::new(bytes).unwrap();
    let (records, gaps, ends) = (Vec::new(), Vec::new(), Vec::new());
    let header = reader.header().clone();
    let mut found = Recorded { header, records, gaps, ends, error: None };
    loop {
        let block = match reader.next() {
            Ok(Some(block)) => block,
            Ok(None) => return found,
            Err(error) => return Recorded { error: Some(error), ..found },
        };
        let head = block.head;
        match head.content {
            Content::Records => {}
            Content::Gap => found.gaps.push((head.position, head.end, head.count)),
            Content::End(reason) => found.ends.push((head.position, reason)),
        }
        found
            .records
            .extend(block.records().map(|record| (record.position, record.payload.to_vec())));
    }
}

/// Payloads alone.
pub(crate) fn payloads(records: &[(u64, Vec<u8>)]) -> Vec<&[u8]> {
    records.iter().map(|(_, payload)| &payload[..]).collect()
}

/// A block of these messages or values, at a position and a time.
pub(crate) fn block(header: &Header, position: u64, time: u64, payloads: &[&[u8]]) -> Vec<u8> {
    let mut batch = Batch::new(header);
    batch.begin(position);
    for payload in payloads {
        let room = match header.kind {
            Kind::Messages => batch.message(payload.len()).unwrap(),
            Kind::Values | Kind::Latest => batch.values(1).unwrap(),
        };
        room.copy_from_slice(payload);
    }
    batch.seal(time).to_vec()
}

/// Asks a process to end.
pub(crate) fn terminate(process: &mut Process) {
    let pid = Pid::from_raw(process.id() as i32).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
}
