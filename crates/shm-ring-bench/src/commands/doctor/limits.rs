//! How much a process may have: memory that stays, descriptors, objects of System V and POSIX.

use super::{Finding, Kernel, Live, note, ok};

pub(super) fn all(kernel: &Kernel<'_>, live: Live) -> Vec<Finding> {
    vec![
        limit("locked memory", live.locked, LOCKED, "ulimit -l"),
        limit("open files", live.descriptors, FILES, "ulimit -n"),
        limit("msgqueue size", live.queued, QUEUED, "ulimit -q"),
        shm(live),
        segments(kernel),
        semaphores(kernel),
        messages(kernel),
        queues(kernel),
    ]
}

/// A ring of 1 MiB that is asked to lock its pages counts its data twice.
const LOCKED: u64 = 4 << 20;
/// Both directions, the control page, the pipes of both sides, and what a library opens besides.
const FILES: u64 = 64;
/// Two queues of ten messages of 8 KiB, with what the kernel counts for each message.
const QUEUED: u64 = 2 * 10 * (8192 + 128);
/// Rings of 1 MiB in both directions, several times.
const SHM_FREE: u64 = 16 << 20;
/// The largest segment that a transport makes.
const SEGMENT: u64 = 2 << 20;
/// Objects of a run, and some to spare.
const OBJECTS: u64 = 8;

fn limit(check: &'static str, limit: Option<u64>, needed: u64, raise: &str) -> Finding {
    match limit {
        None => ok(check, "unlimited"),
        Some(limit) if limit < needed => note(
            check,
            format!("{limit}, and {needed} may be needed"),
            format!("{raise}, to raise it"),
        ),
        Some(limit) => ok(check, limit.to_string()),
    }
}

fn shm(live: Live) -> Finding {
    let check = "/dev/shm";
    let mib = |bytes: u64| bytes >> 20;
    match live.shm {
        Err(_) => {
            note(check, "not there", "mount a tmpfs on it: names of POSIX objects stand there")
        }
        Ok([all, free]) => {
            let found = format!("{} MiB free of {}", mib(free), mib(all));
            match free < SHM_FREE {
                true => note(
                    check,
                    found,
                    "remove what is left over there, or mount -o remount,size=256m /dev/shm (docker: \
                     --shm-size)",
                ),
                false => ok(check, found),
            }
        }
    }
}

/// How many objects of a kind there are.
fn used(kernel: &Kernel<'_>, kind: &str) -> Option<u64> {
    let table = kernel.text(&format!("/proc/sysvipc/{kind}"))?;
    Some(table.lines().skip(1).count() as u64)
}

fn of_system_v(check: &'static str) -> Finding {
    note(check, "no System V objects in this kernel", "sysv transports cannot be compared here")
}

/// The findings about a kind of objects, of which there are so many and may be so many.
fn room(check: &'static str, found: String, used: u64, most: u64) -> Finding {
    match used.saturating_add(OBJECTS) > most {
        true => note(check, found, "remove what is left over: ipcs, ipcrm"),
        false => ok(check, found),
    }
}

fn segments(kernel: &Kernel<'_>) -> Finding {
    let check = "sysv segments";
    let limit = |name: &str| kernel.setting::<u64>(name);
    let (Some(used), Some(most), Some(longest)) =
        (used(kernel, "shm"), limit("shmmni"), limit("shmmax"))
    else {
        return of_system_v(check);
    };
    if longest < SEGMENT {
        let found = format!("of {longest} bytes at the most, and {SEGMENT} may be needed");
        return note(check, found, format!("sysctl kernel.shmmax={SEGMENT}"));
    }
    room(check, format!("{used} of {most} in use"), used, most)
}

fn semaphores(kernel: &Kernel<'_>) -> Finding {
    let check = "sysv semaphores";
    let text = kernel.text("/proc/sys/kernel/sem").unwrap_or_default();
    // Of a set, of all sets, operations of a call, sets.
    let limits: Vec<u64> = text.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    let (Some(used), &[_, _, _, most]) = (used(kernel, "sem"), limits.as_slice()) else {
        return of_system_v(check);
    };
    room(check, format!("{used} of {most} sets in use"), used, most)
}

fn messages(kernel: &Kernel<'_>) -> Finding {
    let check = "sysv queues";
    let limit = |name: &str| kernel.setting::<u64>(name);
    let (Some(used), Some(most), Some(longest), Some(holds)) =
        (used(kernel, "msg"), limit("msgmni"), limit("msgmax"), limit("msgmnb"))
    else {
        return of_system_v(check);
    };
    let found =
        format!("{used} of {most} in use, messages to {longest} bytes, {holds} bytes in a queue");
    room(check, found, used, most)
}

fn queues(kernel: &Kernel<'_>) -> Finding {
    let check = "posix queues";
    let limit = |name: &str| kernel.number::<u64>(&format!("/proc/sys/fs/mqueue/{name}"));
    let (Some(messages), Some(longest), Some(most)) =
        (limit("msg_max"), limit("msgsize_max"), limit("queues_max"))
    else {
        return ok(check, "not in this kernel");
    };
    let found = format!("{most} at the most, {messages} messages in each, to {longest} bytes");
    match messages < 10 || longest < 8192 || most < OBJECTS {
        true => note(
            check,
            found,
            "sysctl fs.mqueue.msg_max=10 fs.mqueue.msgsize_max=8192 fs.mqueue.queues_max=256, the \
             kernel's defaults",
        ),
        false => ok(check, found),
    }
}
