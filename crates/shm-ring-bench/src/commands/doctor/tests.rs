//! Machines planted as files: a sound one, and the same with one thing wrong at a time.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::processors::Time;
use super::*;

/// A directory of planted files that goes away with the value.
struct Planted(PathBuf);

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Planted {
    /// A machine that spoils nothing.
    fn sound(name: &str) -> Self {
        let name = format!("shm-ring-bench-doctor-{}-{name}", std::process::id());
        let planted = Self(std::env::temp_dir().join(name));
        for cpu in [0, 1] {
            let directory = format!("/sys/devices/system/cpu/cpu{cpu}");
            planted.file(&format!("{directory}/cpufreq/scaling_governor"), "performance\n");
            let siblings = format!("{cpu},{}\n", cpu + 2);
            planted.file(&format!("{directory}/topology/thread_siblings_list"), &siblings);
        }
        for (path, text) in [
            ("/proc/cpuinfo", "processor : 0\nflags : fpu tsc constant_tsc nonstop_tsc\n"),
            ("/proc/stat", "cpu  100 0 100 9800 0 0 0 0 0 0\ncpu0 1\n"),
            ("/proc/loadavg", "0.10 0.20 0.30 1/99 1234\n"),
            ("/proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3\n"),
            ("/proc/self/cgroup", "0::/user/session\n"),
            ("/proc/sysvipc/shm", "head\n"),
            ("/proc/sysvipc/sem", "head\none\n"),
            ("/proc/sysvipc/msg", "head\n"),
            ("/proc/sys/kernel/shmmni", "4096\n"),
            ("/proc/sys/kernel/shmmax", "18446744073692774399\n"),
            ("/proc/sys/kernel/sem", "32000\t1024000000\t500\t32000\n"),
            ("/proc/sys/kernel/msgmni", "32000\n"),
            ("/proc/sys/kernel/msgmax", "8192\n"),
            ("/proc/sys/kernel/msgmnb", "16384\n"),
            ("/proc/sys/fs/mqueue/msg_max", "10\n"),
            ("/proc/sys/fs/mqueue/msgsize_max", "8192\n"),
            ("/proc/sys/fs/mqueue/queues_max", "256\n"),
            ("/proc/sys/kernel/perf_event_paranoid", "2\n"),
            ("/sys/devices/system/cpu/online", "0-3\n"),
            ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
            ("/sys/fs/cgroup/user/session/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/user/cpu.max", "400000 100000\n"),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always advise [never]\n"),
        ] {
            planted.file(path, text);
        }
        planted
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn warnings(&self, live: Live, pinned: [usize; 2]) -> Vec<Finding> {
        let mut findings = all(&Kernel { root: &self.0 }, live, pinned);
        findings.retain(|finding| finding.state == State::Note);
        findings
    }
}

const LIVE: Live = Live {
    membarrier: true,
    futex_waitv: true,
    shm: Ok([64 << 20, 32 << 20]),
    locked: Some(8 << 20),
    descriptors: Some(1024),
    queued: None,
    address_space: None,
    file_size: None,
};

#[test]
fn a_sound_machine_is_not_warned_of() {
    let machine = Planted::sound("sound");
    assert_eq!(machine.warnings(LIVE, [0, 1]), []);
}

#[test]
fn each_thing_that_spoils_numbers_is_found_alone_and_comes_with_advice() {
    let cpu = "/sys/devices/system/cpu";
    for (check, path, text, found) in [
        (
            "virtual machine",
            "/proc/cpuinfo",
            "flags : tsc constant_tsc nonstop_tsc hypervisor",
            "yes",
        ),
        ("virtual machine", "/sys/hypervisor/type", "xen\n", "yes: xen"),
        ("stolen time", "/proc/stat", "cpu  100 0 100 9600 0 0 0 200 0 0\n", "2.0 %"),
        ("governor", &format!("{cpu}/cpu1/cpufreq/scaling_governor"), "powersave\n", "powersave"),
        ("turbo", &format!("{cpu}/intel_pstate/no_turbo"), "0\n", "on"),
        ("cpu quota", "/sys/fs/cgroup/user/cpu.max", "150000 100000\n", "1.5 processors"),
        ("cpuset", "/proc/self/status", "Cpus_allowed_list:\t3\n", "1 of 4"),
        ("load", "/proc/loadavg", "2.60 0 0 1/9 9\n", "2.60 on 4"),
        (
            "clock source",
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            "hpet\n",
            "hpet",
        ),
        ("tsc", "/proc/cpuinfo", "flags : tsc constant_tsc\n", "nonstop_tsc is missing"),
        ("perf events", "/proc/sys/kernel/perf_event_paranoid", "4\n", "is 4"),
        (
            "huge pages",
            "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
            "[always] never\n",
            "always for shared",
        ),
        ("sysv segments", "/proc/sys/kernel/shmmax", "4096\n", "of 4096 bytes"),
        ("sysv segments", "/proc/sys/kernel/shmmni", "3\n", "0 of 3"),
        ("sysv semaphores", "/proc/sys/kernel/sem", "250 32000 32 5\n", "1 of 5 sets"),
        ("sysv queues", "/proc/sys/kernel/msgmni", "0\n", "0 of 0"),
        ("posix queues", "/proc/sys/fs/mqueue/msg_max", "1\n", "1 messages"),
    ] {
        let machine = Planted::sound("wrong");
        machine.file(path, text);
        let warnings = machine.warnings(LIVE, [0, 1]);
        let checks: Vec<_> = warnings.iter().map(|warning| warning.check).collect();
        assert_eq!(checks, [check], "{warnings:?}");
        assert!(warnings[0].found.contains(found), "{warnings:?}");
        assert!(warnings[0].advice.as_ref().is_some_and(|advice| advice.len() > 10));
    }
}

#[test]
fn what_the_kernel_refuses_is_found() {
    let machine = Planted::sound("refused");
    for (live, check) in [
        (Live { membarrier: false, ..LIVE }, "membarrier"),
        (Live { futex_waitv: false, ..LIVE }, "futex_waitv"),
        (Live { shm: Ok([64 << 20, 15 << 20]), ..LIVE }, "/dev/shm"),
        (Live { shm: Err(Errno::NOENT), ..LIVE }, "/dev/shm"),
        (Live { locked: Some(65536), ..LIVE }, "locked memory"),
        (Live { descriptors: Some(20), ..LIVE }, "open files"),
        (Live { queued: Some(0), ..LIVE }, "msgqueue size"),
    ] {
        let warnings = machine.warnings(live, [0, 1]);
        let checks: Vec<_> = warnings.iter().map(|warning| warning.check).collect();
        assert_eq!(checks, [check]);
    }
}

#[test]
fn two_threads_of_a_core_are_found_and_another_core_is_named() {
    let machine = Planted::sound("siblings");
    let warnings = machine.warnings(LIVE, [0, 2]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].advice.as_ref().unwrap().contains("--cpus 0,1"), "{warnings:?}");
    let one = machine.warnings(LIVE, [1, 1]);
    assert!(one[0].found.contains("only processor 1"), "{one:?}");
}

#[test]
fn a_quota_of_the_older_control_groups_is_found_too() {
    let machine = Planted::sound("older");
    machine.file("/proc/self/cgroup", "4:cpu,cpuacct:/docker/x\n2:cpuset:/docker/x\n0::/\n");
    let directory = "/sys/fs/cgroup/cpu,cpuacct/docker";
    machine.file(&format!("{directory}/cpu.cfs_quota_us"), "-1\n");
    machine.file(&format!("{directory}/cpu.cfs_period_us"), "100000\n");
    assert_eq!(machine.warnings(LIVE, [0, 1]), []);
    machine.file(&format!("{directory}/cpu.cfs_quota_us"), "50000\n");
    let warnings = machine.warnings(LIVE, [0, 1]);
    assert!(warnings[0].found.contains("0.5 processors"), "{warnings:?}");
}

#[test]
fn files_that_are_missing_or_hold_nonsense_end_in_findings_all_the_same() {
    let machine = Planted::sound("nonsense");
    let sound = all(&Kernel { root: &machine.0 }, LIVE, [0, 1]).len();
    let nowhere = Kernel { root: Path::new("/nonexistent") };
    assert_eq!(all(&nowhere, LIVE, [0, 1]).len(), sound);
    let mut places = vec![machine.0.clone()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => places.push(entry.path()),
                false => {
                    fs::write(entry.path(), "-1 [ : - 99999999999999999999 \u{fffd}\n:").unwrap()
                }
            }
        }
    }
    assert_eq!(all(&Kernel { root: &machine.0 }, LIVE, [0, 1]).len(), sound);
}

#[test]
fn what_may_spoil_numbers_is_counted_below_the_findings() {
    let text = text(&[ok("one", "fine"), note("two", "bad", "mend it")]);
    assert!(text.ends_with("\n\n1 of 2 may spoil numbers.\n"), "{text}");
}

#[test]
fn other_work_is_what_was_not_idle_in_between() {
    let planted = Planted::sound("busy");
    let time = || Time::read(&Kernel { root: &planted.0 }).unwrap();
    let before = time();
    assert_eq!(time().busy_since(before), None, "no time has passed");
    planted.file("/proc/stat", "cpu  110 0 120 9850 10 0 0 10 0 0\n");
    assert_eq!(time().busy_since(before), Some(0.4));
    for unreadable in ["cpu  1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  a b c d e f g h\n", ""] {
        planted.file("/proc/stat", unreadable);
        assert!(Time::read(&Kernel { root: &planted.0 }).is_none(), "{unreadable:?}");
    }
}
