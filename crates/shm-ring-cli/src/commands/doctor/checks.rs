//! The questions to the machine. Each leaves everything as it was.

use std::fs;

use rustix::fs::{Mode, OFlags};
use shm_ring::{Options, Region, Ring};
use shm_ring_console::doctor::{Finding, Kernel, Live, bad, note, ok};

use crate::finding::SHM;
use crate::units;

pub(super) fn all() -> Vec<Finding> {
    let live = Live::asked();
    let mut checks = vec![a_ring(), shared_memory(live), nameless_files(), memfd()];
    checks.extend([membarrier(live), futex_waitv(live), processors(), remove_ipc()]);
    checks.extend([locked_memory(live), descriptors(live), address_space(live), file_size(live)]);
    checks.push(system_v());
    checks
}

/// Creating, both roles, a record there and back.
fn a_ring() -> Finding {
    const WHAT: &str = "a ring";
    let through = || -> Result<bool, Box<dyn std::error::Error>> {
        let ring = Ring::<u64>::create(Region::memfd("shm-ring doctor"), &Options::new())?;
        let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
        tx.push(1)?;
        Ok(rx.pop()? == 1)
    };
    match through() {
        Ok(true) => ok(WHAT, "carries a record from one end to the other"),
        Ok(false) => bad(WHAT, "carries something else than was sent", "this is a bug: report it"),
        Err(error) => bad(WHAT, error.to_string(), "a sandbox, or /proc that is not mounted"),
    }
}

fn shared_memory(live: Live) -> Finding {
    const WHAT: &str = "/dev/shm";
    const LITTLE: u64 = 64 << 20;
    match live.shm {
        Ok([size, free]) => {
            let found = format!("{} free of {}", units::size(free), units::size(size));
            match free < LITTLE {
                true => note(WHAT, found, "`shm-ring gc`, or: mount -o remount,size=1G /dev/shm"),
                false => ok(WHAT, found),
            }
        }
        Err(errno) => {
            bad(WHAT, errno.to_string(), "mount a tmpfs there; files and memfds work without")
        }
    }
}

fn nameless_files() -> Finding {
    const WHAT: &str = "O_TMPFILE";
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(SHM, flags, Mode::RUSR | Mode::WUSR) {
        Ok(_) => ok(WHAT, "a ring gets its name when it is whole"),
        Err(errno) => note(
            WHAT,
            format!("not under {SHM}: {errno}"),
            "a creator that is killed may leave a temporary name: `shm-ring gc` removes it",
        ),
    }
}

fn memfd() -> Finding {
    const WHAT: &str = "memfd";
    let policy = Kernel::running().text("/proc/sys/vm/memfd_noexec");
    let policy = policy.unwrap_or_else(|| "none".to_owned());
    let made = Ring::<u64>::create(Region::memfd("shm-ring doctor"), &Options::new());
    match made {
        Ok(_) => ok(WHAT, format!("sealed, not executable (vm.memfd_noexec: {policy})")),
        Err(error) => note(
            WHAT,
            error.to_string(),
            "use names or files: this policy or sandbox refuses memfds",
        ),
    }
}

fn membarrier(live: Live) -> Finding {
    const WHAT: &str = "membarrier";
    match live.membarrier {
        true => ok(WHAT, "publishing needs no fence"),
        false => {
            note(WHAT, "not available", "each push and pop pays for a fence: Linux 4.16 has it")
        }
    }
}

fn futex_waitv(live: Live) -> Finding {
    const WHAT: &str = "futex_waitv";
    match live.futex_waitv {
        true => ok(WHAT, "a sleeper learns of a death at once"),
        false => note(
            WHAT,
            "not available",
            "a sleeper learns of a death after a tenth of a second: Linux 5.16 has it",
        ),
    }
}

fn processors() -> Finding {
    const WHAT: &str = "processors";
    let ours = std::thread::available_parallelism().map_or(1, usize::from);
    match ours {
        1 => note(WHAT, "one", "the two sides take turns: expect the speed of a pipe"),
        _ => ok(WHAT, format!("{ours} that we may use")),
    }
}

/// systemd's logind removes what a user has in /dev/shm when the last session ends.
fn remove_ipc() -> Finding {
    const WHAT: &str = "RemoveIPC";
    const SYSTEM_USERS: u32 = 1000;
    if fs::metadata("/run/systemd/seats").is_err() {
        return ok(WHAT, "no logind runs here");
    }
    let mut files = vec!["/etc/systemd/logind.conf".to_owned()];
    for entry in fs::read_dir("/etc/systemd/logind.conf.d").into_iter().flatten().flatten() {
        files.push(entry.path().display().to_string());
    }
    files[1..].sort();
    let texts: Vec<_> = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let on = removes(texts.iter().map(String::as_str));
    let user = rustix::process::geteuid().as_raw();
    match (on, user < SYSTEM_USERS) {
        (false, _) => ok(WHAT, "off"),
        (true, true) => ok(WHAT, format!("on, and user {user} is a system user: not concerned")),
        (true, false) => note(
            WHAT,
            "on: your rings go when your last session ends",
            "RemoveIPC=no in /etc/systemd/logind.conf, or a system user for services",
        ),
    }
}

/// What the settings come to: the last one counts, and without any it is on.
fn removes<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let lines = texts.flat_map(str::lines);
    let settings =
        lines.filter_map(|line| line.trim().strip_prefix("RemoveIPC")?.trim().strip_prefix('='));
    settings.last().is_none_or(|value| matches!(value.trim(), "yes" | "true" | "1" | "on"))
}

fn locked_memory(live: Live) -> Finding {
    const WHAT: &str = "locked memory";
    match live.locked {
        None => ok(WHAT, "as much as there is"),
        Some(limit) => {
            ok(WHAT, format!("{} (Options::lock counts the data twice)", units::size(limit)))
        }
    }
}

fn descriptors(live: Live) -> Finding {
    const WHAT: &str = "descriptors";
    const FEW: u64 = 256;
    match live.descriptors {
        Some(limit) if limit < FEW => {
            note(WHAT, limit.to_string(), "an end of a ring takes two: ulimit -n")
        }
        Some(limit) => ok(WHAT, format!("{limit}, and an end of a ring takes two")),
        None => ok(WHAT, "as many as there are"),
    }
}

fn address_space(live: Live) -> Finding {
    const WHAT: &str = "address space";
    match live.address_space {
        None => ok(WHAT, "as much as there is"),
        Some(limit) => {
            note(WHAT, units::size(limit), "an end of a ring takes twice its capacity: ulimit -v")
        }
    }
}

fn file_size(live: Live) -> Finding {
    const WHAT: &str = "file size";
    match live.file_size {
        None => ok(WHAT, "as large as the file system allows"),
        Some(limit) => note(WHAT, units::size(limit), "no named ring can be larger: ulimit -f"),
    }
}

/// Rings do not use it: for those who come from there.
fn system_v() -> Finding {
    let limit =
        |name: &str| Kernel::running().setting::<String>(name).unwrap_or_else(|| "?".to_owned());
    let found = format!(
        "not used by rings (shmmax {}, shmall {}, shmmni {}, msgmnb {}, sem {})",
        limit("shmmax"),
        limit("shmall"),
        limit("shmmni"),
        limit("msgmnb"),
        limit("sem").replace('\t', " "),
    );
    ok("System V", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_counts_and_without_one_it_is_on() {
        for (texts, on) in [
            (&["", "#RemoveIPC=no\n"][..], true),
            (&["[Login]\nRemoveIPC=no\n"], false),
            (&["RemoveIPC = no\n", "RemoveIPC=yes\n"], true),
            (&["RemoveIPC=yes\nRemoveIPC=0"], false),
        ] {
            assert_eq!(removes(texts.iter().copied()), on, "{texts:?}");
        }
    }
}
