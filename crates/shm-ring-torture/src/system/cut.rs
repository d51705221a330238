//! Regions that are cut or punched. What can be refused is refused; what cannot is the documented
//! SIGBUS; a hole is zeros, like anything else that a hostile peer could write.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::io::Errno;
use shm_ring::{Consumer, Error, Options, PopError, Producer, PushError, Region, Ring};
use shm_ring_outsider::{Descriptor, Region as _, Writable as _, data, page};

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::process::{LIMIT, fork};

pub(crate) const CASES: &[Case] = &[
    case("cut/sealed memfd by the peer", sealed_memfd),
    case("cut/received memfd without seals", without_seals),
    case("cut/named region before open and attach", |scene| {
        before(scene.shm("ring"), || Region::named(scene.name("ring")))
    }),
    case("cut/file region before open and attach", |scene| {
        before(scene.file("ring"), || Region::file(scene.file("ring")))
    }),
    case("cut/named region while attached", |scene| {
        attached(scene.shm("ring"), || Region::named(scene.name("ring")))
    }),
    case("cut/file region while attached", |scene| {
        attached(scene.file("ring"), || Region::file(scene.file("ring")))
    }),
    case("hole/each page of a live region", each_page),
];

fn small() -> Options {
    Options::new().bytes(4 * page() as usize)
}

fn sealed_memfd(_: &Scene) -> Seen {
    let ring = Ring::<u64>::create(Region::memfd("sealed"), &small())?;
    let mut tx = ring.producer()?;
    let whole = Descriptor::of(ring.descriptor())?.size();
    let peer = fork(|_| {
        // The harmless ones first: what a missing seal lets through is told before it kills.
        for len in [2 * whole, whole + 1, whole - 1, 4096, 0] {
            let answer = ftruncate(ring.descriptor(), len);
            want!(answer, Err(Errno::PERM), "ftruncate to {len} by the peer");
        }
        let answer = fcntl_add_seals(ring.descriptor(), SealFlags::WRITE);
        want!(answer, Err(Errno::PERM), "a seal against writing by the peer");
        Ok(())
    })?;
    peer.finish()?;
    tx.push(7)?;
    let popped = ring.consumer()?.pop();
    ensure!(popped == Ok(7), "{popped:?}");
    Ok("5 lengths and 1 seal refused with EPERM; the ring goes on".to_owned())
}

fn without_seals(_: &Scene) -> Seen {
    let ring = Ring::<u64>::create(Region::memfd("original"), &small())?;
    let image = Descriptor::of(ring.descriptor())?.all();
    let copy = |seals: SealFlags| -> Result<_, Stop> {
        let fd = memfd_create("copy", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        Descriptor::of(fd.as_fd())?.write(0, &image);
        fcntl_add_seals(&fd, seals)?;
        Ok(fd)
    };
    let (shrink, grow) = (SealFlags::SHRINK, SealFlags::GROW);
    let mut refused = 0;
    for seals in
        [SealFlags::empty(), shrink, grow, grow | SealFlags::SEAL, shrink | SealFlags::SEAL]
    {
        let answer = Ring::<u64>::open(Region::descriptor(copy(seals)?));
        want!(answer, Err(Error::Descriptor { .. }), "opened with {seals:?}");
        refused += 1;
        // Whoever wants it says so.
        Ring::<u64>::open(Region::unsealed_descriptor(copy(seals)?))?.producer()?.push(1)?;
    }
    Ring::<u64>::open(Region::descriptor(copy(shrink | grow)?))?;
    Ok(format!("{refused} sets of seals refused, 1 accepted, 5 by unsealed_descriptor"))
}

fn before(path: std::path::PathBuf, region: impl Fn() -> Region) -> Seen {
    let whole = data() + 4 * page();
    let mut refused = 0;
    for len in [0, 1, 255, page(), data(), whole - 1, whole + 1, whole + page()] {
        let ring = Ring::<u64>::create(region(), &small())?;
        Descriptor::open(&path)?.file().set_len(len)?;
        // Who has it open and attaches, and who opens it.
        let ring = &ring;
        for answer in [ring.producer().map(drop), ring.consumer().map(drop)] {
            want!(answer, Err(Error::WrongLength { .. }), "attached to {len} of {whole} bytes");
            refused += 1;
        }
        let answer = Ring::<u64>::open(region());
        want!(answer, Err(Error::WrongLength { .. }), "opened {len} of {whole} bytes");
        refused += 1;
        region().unlink()?;
    }
    Ok(format!("{refused} attempts at other lengths refused with both lengths"))
}

/// Neither can be sealed: the page is gone, and whoever touches it is told by SIGBUS.
fn attached(path: std::path::PathBuf, region: impl Fn() -> Region) -> Seen {
    let ring = Ring::<u64>::create(region(), &small())?;
    let mut producer = fork(|line| {
        let mut tx = Producer::<u64>::open(region())?;
        line.say("attached")?;
        line.hear()?;
        for n in 0.. {
            let _ = tx.try_push(n);
        }
        Ok(())
    })?;
    producer.expect("attached")?;
    Descriptor::open(&path)?.file().set_len(page())?;
    producer.say("go")?;
    let status = producer.end_within(LIMIT);
    want!(status, Some(WaitStatus::Signaled(_, Signal::SIGBUS, _)), "cut under the producer");
    let again = ring.producer();
    want!(again, Err(Error::WrongLength { .. }), "attached after that");
    Ok("SIGBUS: the documented remaining case of regions that cannot be sealed; \
        attaching again is refused"
        .to_owned())
}

/// Takes the memory of one page away; it reads as zeros from then on.
fn punch(region: &Descriptor, offset: u64) -> Result<(), Stop> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(region, flags, offset, page())?)
}

/// What the calls of both sides answer, counted. Those are all that may come of a hole.
#[derive(Default)]
struct Answers(BTreeMap<String, u64>);

impl Answers {
    fn count(&mut self, answer: String) {
        *self.0.entry(answer).or_default() += 1;
    }

    fn push(&mut self, answer: Result<(), PushError>) -> Result<(), Stop> {
        use PushError::{Corrupt, Full, TimedOut};
        want!(answer, Ok(()) | Err(Full | TimedOut | Corrupt), "a push over a hole");
        self.count(answer.map_or_else(|error| format!("push {error:?}"), |()| "pushed".into()));
        Ok(())
    }

    fn pop(&mut self, answer: Result<u64, PopError>) -> Result<(), Stop> {
        use PopError::{Corrupt, Empty, TimedOut};
        want!(answer, Ok(_) | Err(Empty | TimedOut | Corrupt), "a pop over a hole");
        self.count(answer.map_or_else(|error| format!("pop {error:?}"), |_| "popped".into()));
        Ok(())
    }
}

fn each_page(_: &Scene) -> Seen {
    let (brief, mut answers, mut holes) = (Duration::from_millis(2), Answers::default(), 0);
    let pages = (data() + 4 * page()) / page();
    let capacity = 4 * page() / 8;
    for at in 0..pages {
        // Fresh, half a ring and a whole one in flight, empty after laps, and both.
        for (passed, in_flight) in
            [(0, 0), (0, capacity / 2), (0, capacity), (1500, 0), (1500, 700)]
        {
            let ring = Ring::<u64>::create(Region::memfd("hole"), &small())?;
            let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            for n in 0..passed {
                tx.try_push(n)?;
                rx.try_pop()?;
            }
            for n in 0..in_flight {
                tx.try_push(n)?;
            }
            punch(&Descriptor::of(ring.descriptor())?, at * page())?;
            holes += 1;
            // Pushes alone, so that the consumer does not write its head anew between them.
            let mut corrupt = false;
            for n in 0..2 * capacity {
                let answer = tx.try_push(n);
                corrupt |= answer == Err(PushError::Corrupt);
                answers.push(answer)?;
            }
            // The consumer's head is at 0 again, further behind than a ring is long.
            ensure!(
                !(at == 2 && passed > capacity) || corrupt,
                "a head that fell back more than a ring was believed"
            );
            for n in 0..capacity {
                answers.pop(rx.try_pop())?;
                if n % 3 == 0 {
                    answers.push(tx.try_push(n))?;
                }
            }
            answers.push(tx.push_timeout(1, brief))?;
            for _ in 0..2 * capacity {
                answers.pop(rx.try_pop())?;
            }
            answers.pop(rx.pop_timeout(brief))?;
            let _ = (tx.peer(), rx.peer());
            drop((tx, rx));
            for (what, error) in [
                ("producer", ring.producer().map(drop).err()),
                ("consumer", ring.consumer().map(drop).err()),
            ] {
                want!(
                    error,
                    None | Some(Error::Corrupt { .. }),
                    "attaching as {what} after a hole"
                );
                answers.count(match error {
                    None => "attached".to_owned(),
                    Some(_) => "attaching refused as Corrupt".to_owned(),
                });
            }
            let fd = ring.descriptor().try_clone_to_owned()?;
            if let Err(error) = Consumer::<u64>::open(Region::descriptor(fd)) {
                let fine = matches!(error, Error::NotARing { .. } | Error::Corrupt { .. });
                ensure!(fine, "opening after a hole: {error}");
                answers.count("opening refused".to_owned());
            }
        }
    }
    let answers: Vec<_> = answers.0.iter().map(|(what, count)| format!("{count} {what}")).collect();
    Ok(format!("{holes} holes in {pages} pages: {}", answers.join(", ")))
}
