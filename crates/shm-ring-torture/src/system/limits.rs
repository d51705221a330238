//! Limits of a process: file size, address space, locked memory, descriptors. Each ends in an error
//! that says what is short, with nothing half-made. It must not know about whole machines.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shm_ring::{Consumer, Error, Options, Producer, Region, Ring};
use shm_ring_outsider::{Descriptor, Region as _, SESSION, lock_on, page};

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::kernel::ignore;
use super::memory::{ended, three_laps};
use super::process::{LIMIT, fork};

pub(crate) const CASES: &[Case] = &[
    case("limits/file size", file_size),
    case("limits/address space", address_space),
    case("limits/locked memory", locked_memory),
    case("limits/descriptors at create", descriptors_at_create),
    case("limits/descriptors at open", descriptors_at_open),
    case("limits/descriptors at attach", descriptors_at_attach),
];

fn limit(resource: Resource, current: u64) -> Result<(), Stop> {
    let maximum = getrlimit(resource).maximum;
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum })?)
}

fn file_size(scene: &Scene) -> Seen {
    let create = || Ring::<u64>::create(scene.name("ring"), &Options::new().bytes(1 << 20));
    // By default the kernel ends a process that goes beyond this limit: so says POSIX.
    let mut child = fork(|_| {
        limit(Resource::Fsize, 64 << 10)?;
        create().map(drop)?;
        Ok(())
    })?;
    let status = child.end_within(LIMIT);
    want!(status, Some(WaitStatus::Signaled(_, Signal::SIGXFSZ, _)), "with the default action");
    ensure!(!scene.shm("ring").exists(), "killed by SIGXFSZ and left a name");
    // Whoever ignores the signal gets an error.
    ignore(Signal::SIGXFSZ)?;
    limit(Resource::Fsize, 64 << 10)?;
    let error = match create() {
        Err(error @ Error::Os { call: "fallocate", .. }) => error.to_string(),
        other => {
            return Err(Stop::Violated(format!("with SIGXFSZ ignored: {:?}", other.map(drop))));
        }
    };
    ensure!(error.contains("too large"), "it does not say why: {error}");
    ensure!(!scene.shm("ring").exists(), "left a name");
    Ok(format!("{} by default; ignored: {error}", ended(status)))
}

/// Bytes of address space that this process has now.
fn address_space_used() -> Result<u64, Stop> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|first| first.parse::<u64>().ok());
    Ok(pages.unwrap_or(0) * rustix::param::page_size() as u64)
}

fn address_space(_: &Scene) -> Seen {
    const BYTES: usize = 64 << 20;
    let ring = Ring::<u64>::create(Region::memfd("space"), &Options::new().bytes(BYTES))?;
    let other = ring.consumer()?;
    // Enough for the region and not for its mirror.
    limit(Resource::As, address_space_used()? + (BYTES + BYTES / 2) as u64)?;
    let error = match ring.producer() {
        Err(error @ Error::Os { call: "mmap", .. }) => error.to_string(),
        other => return Err(Stop::Violated(format!("{:?}", other.map(drop)))),
    };
    ensure!(error.contains("mirror"), "it does not say for what: {error}");
    let absent = other.peer();
    ensure!(absent == shm_ring::Peer::Absent, "half-attached: {absent:?}");
    drop(other);
    let maximum = getrlimit(Resource::As).maximum;
    setrlimit(Resource::As, Rlimit { current: maximum, maximum })?;
    let values = three_laps(&ring)?;
    Ok(format!("{error}; the role stayed free, and {values} values once there was space"))
}

fn locked_memory(_: &Scene) -> Seen {
    if rustix::process::geteuid().is_root() {
        // Root may lock what it wants.
        let nobody = nix::unistd::Uid::from_raw(65534);
        nix::unistd::setresuid(nobody, nobody, nobody)?;
    }
    limit(Resource::Memlock, 64 << 10)?;
    let options = Options::new().bytes(1 << 20).lock_memory();
    let ring = Ring::<u64>::create(Region::memfd("locked"), &options)?;
    let error = match ring.producer() {
        Err(error @ Error::Os { call: "mlock", .. }) => error.to_string(),
        other => return Err(Stop::Violated(format!("{:?}", other.map(drop)))),
    };
    ensure!(error.contains("RLIMIT_MEMLOCK"), "it does not say which limit: {error}");
    // Without the lock the same ring works: the role was given back.
    let fd = ring.descriptor().try_clone_to_owned()?;
    let values = three_laps(&Ring::<u64>::open(Region::descriptor(fd))?)?;
    Ok(format!("{error}; {values} values without the lock"))
}

/// Descriptors that are open, or at least as many as are below the highest.
fn hoard(spare: u64) -> Result<Vec<OwnedFd>, Stop> {
    let (mut hoard, null) = (Vec::new(), File::open("/dev/null")?);
    limit(Resource::Nofile, 128)?;
    while let Ok(another) = null.try_clone() {
        hoard.push(OwnedFd::from(another));
    }
    ensure!(hoard.len() > 60, "only {} descriptors could be hoarded", hoard.len());
    hoard.push(OwnedFd::from(null));
    hoard.sort_by_key(AsRawFd::as_raw_fd);
    for _ in 0..spare {
        hoard.pop();
    }
    Ok(hoard)
}

/// Does `act` with 0, 1, 2... descriptors to spare until it succeeds; each time before that it must
/// say that there are too many, and leave as many to spare as before.
fn short_of_descriptors<T>(
    act: impl Fn() -> Result<T, Error>,
    nothing_left: impl Fn() -> Result<(), Stop>,
) -> Seen {
    for spare in 0..20 {
        let hoard = hoard(spare)?;
        let answer = act();
        let after = (0..).map_while(|_| File::open("/dev/null").ok()).take(128).collect::<Vec<_>>();
        let left = after.len() as u64;
        drop((hoard, after));
        match answer {
            Ok(done) => {
                ensure!(spare > 0, "nothing was opened");
                drop(done);
                return Ok(format!(
                    "{spare} clear errors, nothing left; goes with {spare} to spare"
                ));
            }
            Err(error) => {
                let text = error.to_string();
                ensure!(text.contains("Too many open files"), "{spare} to spare: {text}");
                ensure!(left == spare, "{spare} to spare, and {left} after the error");
                nothing_left()?;
            }
        }
    }
    Err(Stop::Violated("20 descriptors are not enough".to_owned()))
}

fn descriptors_at_create(scene: &Scene) -> Seen {
    let options = || Options::new().bytes(4096);
    let named = short_of_descriptors(
        || Ring::<u64>::create(scene.name("ring"), &options()),
        || ensure_not(scene.shm("ring").exists(), "a name is left"),
    )?;
    let region = || Region::file(scene.file("ring"));
    let file = short_of_descriptors(
        || Ring::<u64>::create(region(), &options()),
        || ensure_not(!scene.files()?.is_empty(), "a file is left"),
    )?;
    short_of_descriptors(|| Ring::<u64>::create(Region::memfd("m"), &options()), || Ok(()))?;
    Ok(format!("named: {named}; file: {file}"))
}

fn ensure_not(wrong: bool, what: &str) -> Result<(), Stop> {
    ensure!(!wrong, "{what}");
    Ok(())
}

fn descriptors_at_open(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().bytes(4096))?;
    let seen = short_of_descriptors(|| Ring::<u64>::open(name.as_str()), || Ok(()))?;
    three_laps(&ring)?;
    Ok(seen)
}

fn descriptors_at_attach(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().bytes(4096))?;
    let free = || {
        let bytes = Descriptor::open(scene.shm("ring"))?;
        ensure!(lock_on(&bytes, page(), 2 * page())?.is_none(), "a lease is left");
        let session = bytes.word(page() + SESSION);
        ensure!(session == 0, "session {session} was opened");
        Ok(())
    };
    let producer = short_of_descriptors(|| ring.producer(), free)?;
    let consumer = short_of_descriptors(|| ring.consumer(), || Ok(()))?;
    // And in one step, as most programs do.
    short_of_descriptors(|| Producer::<u64>::open(name.as_str()), || Ok(()))?;
    short_of_descriptors(|| Consumer::<u64>::open(name.as_str()), || Ok(()))?;
    three_laps(&ring)?;
    Ok(format!("producer: {producer}; consumer: {consumer}"))
}
