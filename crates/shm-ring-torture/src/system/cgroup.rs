//! A memory control group that is too small. What the kernel does with an allocation in a tmpfs
//! there is its own decision: the case says which it was.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use shm_ring::{Error, Options, Ring};

use super::case::{Case, Scene, Seen, Stop, case, ensure, or_skip, root, want};
use super::memory::{ended, three_laps};
use super::process::{LIMIT, fork};

pub(crate) const CASES: &[Case] = &[case("memory/control group too small", too_small).special()];

const LIMIT_BYTES: u64 = 16 << 20;

/// A control group below our own, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// With a limit on memory: version 1 where that controller is mounted, or else version 2.
    fn new(name: &str) -> Result<(Self, &'static str), Stop> {
        root("a control group")?;
        let (ours, limit, version) = memory_controller()?;
        let path = ours.join(name);
        or_skip(fs::create_dir(&path), &format!("mkdir {}", path.display()))?;
        let group = Self(path);
        let set = fs::write(group.0.join(limit), LIMIT_BYTES.to_string());
        or_skip(set, &format!("no memory controller in {}: {limit}", ours.display()))?;
        // Not into the swap instead.
        let _ = fs::write(group.0.join("memory.swap.max"), "0");
        Ok((group, version))
    }

    /// The calling process goes there.
    fn enter(&self) -> std::io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), std::process::id().to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// A group can be removed a moment after its last process has gone.
fn remove(path: &Path) {
    for _ in 0..200 {
        match fs::remove_dir(path) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            _ => return,
        }
    }
}

/// Removes the group of a case whose process was killed.
pub(crate) fn sweep(scene: &Scene) {
    if let Ok((ours, ..)) = memory_controller() {
        remove(&ours.join(scene.group()));
    }
}

/// Our own group, the file of its limit, and the version of control groups.
fn memory_controller() -> Result<(PathBuf, &'static str, &'static str), Stop> {
    let groups = or_skip(fs::read_to_string("/proc/self/cgroup"), "/proc/self/cgroup")?;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let path = path.trim_start_matches('/');
        let first = Path::new("/sys/fs/cgroup/memory").join(path);
        if controllers.split(',').any(|one| one == "memory") && first.is_dir() {
            return Ok((first, "memory.limit_in_bytes", "version 1"));
        }
        let second = Path::new("/sys/fs/cgroup").join(path);
        if controllers.is_empty() && second.join("cgroup.controllers").exists() {
            return Ok((second, "memory.max", "version 2"));
        }
    }
    Err(Stop::Skipped("no memory controller is mounted".to_owned()))
}

fn too_small(scene: &Scene) -> Seen {
    let (group, version) = Group::new(scene.group())?;
    let (small, large) = (scene.name("small"), scene.name("large"));
    let mut child = fork(|line| {
        or_skip(group.enter(), "cgroup.procs")?;
        // What fits is there for good: the limit is met at creation, not later.
        let ring = Ring::<u64>::create(small.as_str(), &Options::new().bytes(1 << 20))?;
        three_laps(&ring)?;
        line.say("small one used")?;
        match Ring::<u64>::create(large.as_str(), &Options::new().bytes(4 * LIMIT_BYTES as usize)) {
            Ok(_) => line.say("created"),
            Err(error) => {
                let clear = matches!(error, Error::NoSpace { .. } | Error::Os { .. });
                ensure!(clear, "no clear error: {error}");
                line.say(&format!("{error}"))
            }
        }
    })?;
    child.expect("small one used")?;
    let status = child.end_within(LIMIT);
    let said = child.last_words().unwrap_or_default();
    if let Some(stop) = super::process::Child::stop_of(&said) {
        return Err(stop);
    }
    ensure!(said != "created", "a ring of {} fits a group of {LIMIT_BYTES}", 4 * LIMIT_BYTES);
    want!(
        status,
        Some(WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)),
        "creating more than the group has"
    );
    ensure!(!scene.shm("large").exists(), "a half-made ring stands under its name");
    let ring = Ring::<u64>::open(small.as_str())?;
    three_laps(&ring)?;
    let what = match said.is_empty() {
        true => {
            format!("{}, by the kernel's memory killer in the middle of fallocate", ended(status))
        }
        false => said,
    };
    Ok(format!("{version}: {what}; nothing under the name; the smaller ring works on"))
}
