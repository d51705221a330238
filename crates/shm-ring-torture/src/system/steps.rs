//! Killed at every system call: before it, after it, of creating, attaching, closing. Nothing
//! half-made is ever visible, and roles are free. It must not know about single instructions.

use std::path::PathBuf;

use rustix::io::Errno;
use shm_ring::{Consumer, Error, Options, Peer, PopError, Producer, Region, Ring};

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::kernel::{Refusal, every, refuse, tmpfile};
use super::memory::three_laps;
use super::process::{die_with, fork, until};
use super::scene::names;
use crate::trace::{Step, Traced};

pub(crate) const CASES: &[Case] = &[
    case("killed at each call/create, named", |scene| create(scene, true, &[])),
    case("killed at each call/create, file", |scene| create(scene, false, &[])),
    case("killed at each call/create, without O_TMPFILE", |scene| {
        create(scene, false, &[tmpfile(Errno::OPNOTSUPP)])
    }),
    case("killed at each call/create, without O_TMPFILE and RENAME_NOREPLACE", |scene| {
        create(scene, false, &[tmpfile(Errno::OPNOTSUPP), every(libc::SYS_renameat2, Errno::INVAL)])
    }),
    case("killed at each call/create, zeros written", |scene| {
        create(scene, true, &[every(libc::SYS_fallocate, Errno::OPNOTSUPP)])
    }),
    case("killed at each call/producer: attach, push, close", producer),
    case("killed at each call/consumer: attach, pop, close", consumer),
];

/// Runs `job` again and again, killed at its 1st, 2nd, 3rd... stop at a system call, and has `check`
/// look at what is left each time; how many stops there were before it ended by itself.
///
/// Each run is a process of its own with one thread, as tracing asks.
fn at_each_call(
    job: impl Fn() -> Result<(), Stop>,
    check: impl Fn(u64) -> Result<(), Stop>,
) -> Result<u64, Stop> {
    for stops in 1..10_000 {
        let mut runner = fork(|line| {
            let us = nix::unistd::getpid();
            let mut traced = Traced::start(|| i32::from(!die_with(us) || job().is_err()))?;
            for _ in 0..stops {
                match traced.call()? {
                    Step::Exited(0) => return line.say("ended"),
                    Step::Exited(_) => return Err(Stop::Violated("the job failed".to_owned())),
                    Step::Killed(signal) => {
                        return Err(Stop::Violated(format!("the job died by {signal}")));
                    }
                    Step::Call | Step::Stopped | Step::Signalled(_) => {}
                }
            }
            drop(traced);
            line.say("killed")
        })?;
        let said = runner.hear()?;
        runner.finish()?;
        check(stops)?;
        if said == "ended" {
            ensure!(stops > 10, "only {stops} stops at system calls: that shows nothing");
            return Ok(stops - 1);
        }
    }
    Err(Stop::Violated("10,000 system calls and no end".to_owned()))
}

fn create(scene: &Scene, named: bool, refusals: &[Refusal]) -> Seen {
    let path: PathBuf = if named { scene.shm("ring") } else { scene.file("ring") };
    let region = || match named {
        true => Region::named(scene.name("ring")),
        false => Region::file(&path),
    };
    let fallback = refusals.iter().any(|refusal| refusal.call == libc::SYS_openat);
    let (whole, temporary) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let (id, bytes) = (std::cell::Cell::new(0), 256 << 10);
    let stops = at_each_call(
        || {
            if !refusals.is_empty() {
                refuse(refusals)?;
            }
            Ok(Ring::<u64>::create(region(), &Options::new().bytes(bytes)).map(drop)?)
        },
        |stop| {
            match Ring::<u64>::open(region()) {
                Ok(ring) => {
                    ensure!(ring.limit_bytes() == bytes, "another ring");
                    ensure!(ring.id() != id.replace(ring.id()), "an id came twice");
                    three_laps(&ring)?;
                    whole.set(whole.get() + 1);
                    region().unlink()?;
                }
                Err(Error::NotFound { .. }) => {}
                // A second name for a moment: where nothing replaces a name but link and unlink.
                Err(Error::HardLinked { found: 2, .. }) if refusals.len() > 1 => {
                    region().unlink()?
                }
                Err(error) => {
                    return Err(Stop::Violated(format!("half a ring at stop {stop}: {error}")));
                }
            }
            let left = if named { Vec::new() } else { names(scene.directory())? };
            for name in left {
                let ours = fallback && name.starts_with(".shm-ring-") && name.ends_with(".tmp");
                ensure!(ours, "left behind at stop {stop}: {name}");
                std::fs::remove_file(scene.file(&name))?;
                temporary.set(temporary.get() + 1);
            }
            Ok(())
        },
    )?;
    ensure!(whole.get() > 0, "it was never whole");
    ensure!(!fallback || temporary.get() > 0, "the way without O_TMPFILE was not taken");
    Ok(format!(
        "{stops} kills: {} left a whole ring, the others nothing{}",
        whole.get(),
        if fallback { format!(" but {} temporary names", temporary.get()) } else { String::new() }
    ))
}

/// A ring that each run finds new.
fn fresh(scene: &Scene) -> Result<Ring<u64>, Stop> {
    let _ = Region::named(scene.name("ring")).unlink();
    Ok(Ring::<u64>::create(scene.name("ring"), &Options::new().bytes(4096))?)
}

/// The ring of one whose name is another's by now.
fn nameless(ring: &Ring<u64>) -> Result<Ring<u64>, Stop> {
    let fd = ring.descriptor().try_clone_to_owned()?;
    Ok(Ring::open(Region::unsealed_descriptor(fd))?)
}

/// Nobody holds a role whose holder was killed, whatever it was doing.
fn settled(peer: impl Fn() -> Peer) -> Result<Peer, Stop> {
    until("the end is known", || !matches!(peer(), Peer::Alive { .. }))?;
    Ok(peer())
}

fn producer(scene: &Scene) -> Seen {
    let ring = std::cell::RefCell::new(fresh(scene)?);
    let published = std::cell::Cell::new([0_u64; 4]);
    let stops = at_each_call(
        || {
            let mut tx = Producer::<u64>::open(scene.name("ring"))?;
            for n in 0..3 {
                tx.push(n)?;
            }
            tx.close();
            Ok(())
        },
        |stop| {
            let old = nameless(&ring.replace(fresh(scene)?))?;
            let mut rx = old.consumer()?;
            let peer = settled(|| rx.peer())?;
            let mut count = 0;
            let end = loop {
                match rx.pop_timeout(std::time::Duration::from_millis(1)) {
                    Ok(n) => ensure!(n == count, "stop {stop}: {n} in place of {count}"),
                    Err(end) => break end,
                }
                count += 1;
            };
            let fits = match end {
                PopError::Closed => matches!(peer, Peer::Closed { session: 2 }) && count == 3,
                PopError::PeerDead => matches!(peer, Peer::Dead { session: 1, .. }),
                PopError::TimedOut => peer == Peer::Absent && count == 0,
                _ => false,
            };
            ensure!(fits, "stop {stop}: {peer:?}, {count} values, then {end:?}");
            let mut all = published.get();
            all[count as usize] += 1;
            published.set(all);
            let mut next = old.producer()?;
            next.push(100)?;
            let popped = rx.pop();
            ensure!(popped == Ok(100), "stop {stop}: of the next producer {popped:?}");
            Ok(())
        },
    )?;
    Ok(format!(
        "{stops} kills; 0, 1, 2, 3 values were published in {:?} of them; the next producer \
                goes on each time",
        published.get()
    ))
}

fn consumer(scene: &Scene) -> Seen {
    let make = || -> Result<_, Stop> {
        let ring = fresh(scene)?;
        let mut tx = ring.producer()?;
        for n in 0..5 {
            tx.push(n)?;
        }
        drop(tx);
        Ok(ring)
    };
    let ring = std::cell::RefCell::new(make()?);
    let stops = at_each_call(
        || {
            let mut rx = Consumer::<u64>::open(scene.name("ring"))?;
            for n in 0..3 {
                ensure!(rx.pop() == Ok(n), "what was published");
            }
            rx.close();
            Ok(())
        },
        |stop| {
            let old = nameless(&ring.replace(make()?))?;
            let tx = old.producer()?;
            let peer = settled(|| tx.peer())?;
            want!(
                peer,
                Peer::Absent | Peer::Dead { session: 1, .. } | Peer::Closed { session: 2 },
                "stop {stop}"
            );
            let mut rx = old.consumer()?;
            let first = rx.try_pop()?;
            ensure!(first <= 3, "stop {stop}: 3 were popped and the next is {first}");
            for n in first + 1..5 {
                let popped = rx.try_pop();
                ensure!(popped == Ok(n), "stop {stop}: {popped:?} in place of {n}");
            }
            Ok(())
        },
    )?;
    Ok(format!("{stops} kills; what was not popped was there each time, and the role free"))
}
