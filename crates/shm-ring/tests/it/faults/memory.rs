//! Memory that is not there, and file systems that cannot promise it.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use shm_ring::{Error, Options, Region, Ring};

use super::{sized, three_laps};
use crate::alone::{alone, in_fork};
use crate::harness::{Dir, Name, root_or_skip, until};
use crate::system;

/// Names cost memory too: a file system may have none left for them.
#[test]
fn a_file_system_without_an_inode_left_is_an_error() {
    if root_or_skip("a tmpfs of our own") {
        alone(|| {
            let dir = Dir::new("inodes");
            system::mount(dir.path(), "tmpfs", "size=1m,nr_inodes=2").unwrap();
            let create = |name| Ring::<u64>::create(Region::file(dir.join(name)), &sized(4096));
            let ring = create("ring").unwrap();
            let refused = create("second").unwrap_err();
            assert!(refused.to_string().contains("No space"), "{refused}");
            assert_eq!(dir.names(), ["ring"]);
            three_laps(&ring);
        });
    }
}

/// The user asked for it.
#[test]
fn a_sparse_ring_on_a_full_file_system_is_a_bus_error() {
    if root_or_skip("a tmpfs of our own") {
        alone(|| {
            let dir = Dir::new("sparse");
            system::mount_tmpfs(dir.path(), 64 << 10).unwrap();
            let options = sized(256 << 10).sparse();
            let ring = Ring::<u64>::create(Region::file(dir.join("ring")), &options).unwrap();
            let ended = in_fork(|| three_laps(&ring));
            assert_eq!(ended.signal(), Some(libc::SIGBUS));
        });
    }
}

/// Bytes that are written are there.
#[test]
fn where_nothing_is_allocated_ahead_zeros_are_written() {
    alone(|| {
        let name = Name::new("zeros");
        system::refuse(&[libc::SYS_fallocate], libc::EOPNOTSUPP);
        let ring = Ring::<u64>::create(name.as_str(), &sized(64 << 10)).unwrap();
        let blocks = rustix::fs::fstat(ring.descriptor()).unwrap().st_blocks as u64 * 512;
        assert!(blocks >= 64 << 10, "{blocks} bytes are allocated");
        three_laps(&ring);
        // A file system that is so by itself.
        if root_or_skip("a ramfs of our own") {
            let dir = Dir::new("ramfs");
            system::mount(dir.path(), "ramfs", "").unwrap();
            let ring = Ring::<u64>::create(Region::file(dir.join("ring")), &sized(64 << 10));
            three_laps(&ring.unwrap());
            assert_eq!(dir.names(), ["ring"]);
        }
    });
}

const LIMIT_BYTES: usize = 16 << 20;

/// A memory control group below our own, of either version, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// `None` if there can be none here.
    fn new(name: &str) -> Option<Self> {
        let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let (ours, limit) = groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let below = |root: &str| Path::new(root).join(path.trim_start_matches('/'));
            let (first, second) = (below("/sys/fs/cgroup/memory"), below("/sys/fs/cgroup"));
            if controllers.split(',').any(|one| one == "memory") && first.is_dir() {
                return Some((first, "memory.limit_in_bytes"));
            }
            let is_second = controllers.is_empty() && second.join("cgroup.controllers").exists();
            is_second.then_some((second, "memory.max"))
        })?;
        let group = Self(ours.join(name));
        std::fs::create_dir(&group.0).ok()?;
        std::fs::write(group.0.join(limit), LIMIT_BYTES.to_string()).ok()?;
        // Not into the swap instead.
        let _ = std::fs::write(group.0.join("memory.swap.max"), "0");
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can be removed a moment after its last process has gone.
        until("a control group is removed", || {
            !matches!(
                std::fs::remove_dir(&self.0),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY)
            )
        });
    }
}

/// The kernel ends a process that wants more than its group has, or refuses the memory: nothing stands under the name in
/// either case, and what fits is there.
#[test]
fn a_control_group_that_is_too_small_leaves_nothing_half_made() {
    if root_or_skip("a control group") {
        alone(|| {
            let (small, large) = (Name::new("small"), Name::new("large"));
            let Some(group) = Group::new(&small.as_str()[1..]) else {
                return eprintln!("skipped, since there is no memory controller");
            };
            let ended = in_fork(|| {
                let id = std::process::id().to_string();
                std::fs::write(group.0.join("cgroup.procs"), id).unwrap();
                three_laps(&Ring::<u64>::create(small.as_str(), &sized(1 << 20)).unwrap());
                let refused = Ring::<u64>::create(large.as_str(), &sized(4 * LIMIT_BYTES));
                assert!(matches!(refused, Err(Error::NoSpace { .. } | Error::Os { .. })));
            });
            assert!(ended.success() || ended.signal() == Some(libc::SIGKILL), "{ended}");
            assert!(!large.path().exists());
            three_laps(&Ring::<u64>::open_with(small.as_str(), &Options::new()).unwrap());
        });
    }
}
