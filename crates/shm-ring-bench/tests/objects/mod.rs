//! What a comparison may leave behind on the machine. It must not know what was compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Identifiers of all System V segments, semaphore sets and queues; names of ours where segments, POSIX
/// queues and temporary files have theirs; sockets that listen on loopback.
pub(crate) fn objects() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["shm", "sem", "msg"] {
        let text = fs::read_to_string(format!("/proc/sysvipc/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let id = line.split_whitespace().nth(1).unwrap_or_default();
            found.insert(format!("{table} {id}"));
        }
    }
    let temporary = std::env::temp_dir();
    for place in [Path::new("/dev/shm"), Path::new("/dev/mqueue"), &temporary] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains("shm-ring-bench") {
                found.insert(name);
            }
        }
    }
    for line in fs::read_to_string("/proc/net/tcp").unwrap_or_default().lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        // 127.0.0.1 as the table has it, and the state of a socket that listens.
        if let [_, address, _, "0A", ..] = fields[..]
            && address.starts_with("0100007F:")
        {
            found.insert(format!("tcp {address}"));
        }
    }
    found
}

/// What stands in the way of `objects` being as it was `before`, once everyone had time to clean up.
/// What others make on this machine meanwhile comes and goes; what we leave behind stays.
pub(crate) fn left_behind(before: &BTreeSet<String>) -> BTreeSet<String> {
    let mut suspects = &objects() - before;
    let start = Instant::now();
    while !suspects.is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
        suspects = &suspects & &objects();
    }
    suspects
}
