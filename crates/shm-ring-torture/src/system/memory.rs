//! Memory that is not there: a full file system, and what follows when pages are promised and not
//! allocated. It must not know about control groups or limits of a process.

use std::fs;

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use rustix::io::Errno;
use shm_ring::{Error, Options, Producer, Region, Ring};
use shm_ring_outsider::page;

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::kernel::{every, refuse};
use super::mounts;
use super::process::{LIMIT, fork, show};
use super::scene::names;

pub(crate) const CASES: &[Case] = &[
    case("memory/tmpfs of 64 KiB", |scene| small_tmpfs(scene, 64 << 10)).special(),
    case("memory/tmpfs of 1 MiB", |scene| small_tmpfs(scene, 1 << 20)).special(),
    case("memory/no inode left", no_inode).special(),
    case("memory/sparse on a full tmpfs", sparse).special(),
    case("memory/file system without fallocate", without_fallocate).special(),
    case("memory/fallocate answers EOPNOTSUPP", fallocate_unsupported),
    case("memory/more than the machine has", more_than_there_is),
];

fn sized(bytes: u64) -> Options {
    Options::new().bytes(bytes as usize)
}

/// Three laps: every page of the ring is touched through both mappings.
pub(crate) fn three_laps(ring: &Ring<u64>) -> Result<u64, Stop> {
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let count = 3 * tx.capacity() as u64;
    for n in 0..count {
        tx.try_push(n)?;
        let popped = rx.try_pop();
        ensure!(popped == Ok(n), "value {n} came as {popped:?}");
    }
    Ok(count)
}

fn small_tmpfs(scene: &Scene, size: u64) -> Seen {
    let place = scene.directory();
    mounts::over(place, "tmpfs", &format!("size={size}"))?;
    let create =
        |name: &str, bytes| Ring::<u64>::create(Region::file(place.join(name)), &sized(bytes));
    let error = match create("large", 4 * size) {
        Ok(_) => return Err(Stop::Violated(format!("{} bytes fit {size}", 4 * size))),
        Err(error) => error,
    };
    let text = error.to_string();
    let Error::NoSpace { needed, available, .. } = error else {
        return Err(Stop::Violated(format!("no NoSpace: {text}")));
    };
    ensure!(needed == 3 * page() + 4 * size, "needed {needed}");
    ensure!(available > 0 && available <= size, "available {available} of {size}");
    ensure!(
        text.contains(&needed.to_string()) && text.contains(&available.to_string()),
        "the error does not name both: {text}"
    );
    want!(names(place)?.as_slice(), [], "left behind");
    let ring = create("small", size / 2)?;
    want!(create("second", size / 2), Err(Error::NoSpace { .. }), "a second one");
    want!(names(place)?.len(), 1, "names");
    // Now the rest: no page of the ring can be had any more that was not had at once.
    let filled = fs::write(place.join("filler"), vec![1; size as usize]);
    ensure!(filled.is_err(), "the tmpfs could not be filled");
    let values = three_laps(&ring)?;
    Ok(format!(
        "NoSpace: {needed} needed, {available} available, nothing left; {values} values through a ring in the full tmpfs"
    ))
}

/// Names cost memory too: a file system may have none left for them.
fn no_inode(scene: &Scene) -> Seen {
    let place = scene.directory();
    mounts::over(place, "tmpfs", "size=1m,nr_inodes=2")?;
    let region = || Region::file(place.join("ring"));
    let ring = Ring::<u64>::create(region(), &sized(4096))?;
    let second = Ring::<u64>::create(Region::file(place.join("second")), &sized(4096));
    let Err(error) = second else {
        return Err(Stop::Violated("a ring was made without an inode".to_owned()));
    };
    ensure!(error.to_string().contains("No space"), "it does not say why: {error}");
    want!(names(place)?.len(), 1, "names");
    three_laps(&ring)?;
    Ok(format!("{error}"))
}

/// The user asked for it: a sparse region on a full file system is the documented SIGBUS.
fn sparse(scene: &Scene) -> Seen {
    let place = scene.directory();
    mounts::over(place, "tmpfs", "size=64k")?;
    let path = place.join("ring");
    let mut child = fork(|line| {
        let options = sized(256 << 10).sparse();
        let mut tx = Producer::<u64>::create(Region::file(&path), &options)?;
        line.say("created")?;
        while tx.try_push(1).is_ok() {}
        Ok(())
    })?;
    child.expect("created")?;
    let status = child.end_within(LIMIT);
    want!(status, Some(WaitStatus::Signaled(_, Signal::SIGBUS, _)), "a sparse ring");
    Ok("SIGBUS when a page could not be had: the documented remaining case, chosen by name"
        .to_owned())
}

/// A real file system that cannot allocate ahead: bytes that are written are there.
fn without_fallocate(scene: &Scene) -> Seen {
    mounts::over(scene.directory(), "ramfs", "")?;
    let ring = Ring::<u64>::create(Region::file(scene.file("ring")), &sized(64 << 10))?;
    let values = three_laps(&ring)?;
    want!(scene.files()?.len(), 1, "names");
    Ok(format!("ramfs: zeros written instead, {values} values through it"))
}

fn fallocate_unsupported(scene: &Scene) -> Seen {
    refuse(&[every(libc::SYS_fallocate, Errno::OPNOTSUPP)])?;
    let ring = Ring::<u64>::create(scene.name("ring"), &sized(64 << 10))?;
    let blocks = rustix::fs::fstat(ring.descriptor())?.st_blocks as u64 * 512;
    ensure!(blocks >= 64 << 10, "{blocks} bytes are allocated of a ring of {}", 64 << 10);
    let values = three_laps(&ring)?;
    Ok(format!("zeros written instead: {blocks} bytes allocated, {values} values through it"))
}

fn more_than_there_is(_: &Scene) -> Seen {
    match Ring::<u64>::create(Region::memfd("huge"), &sized(1 << 44)) {
        Err(Error::NoSpace { needed, available, .. }) if needed > available => {
            Ok(format!("NoSpace: {needed} needed, {available} available"))
        }
        other => Err(Stop::Violated(format!("a memfd of 2^44 bytes: {:?}", other.map(drop)))),
    }
}

/// How a process of a case ended, for what is seen.
pub(crate) fn ended(status: Option<WaitStatus>) -> String {
    status.map_or("hangs".to_owned(), show)
}
