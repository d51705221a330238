//! Answers and delays injected by strace into this program, started anew with a job. It must not
//! know how they are injected.

use std::fs::{File, read_to_string};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Options, PopError, Producer, PushError, Region, Ring, Wait};

use super::case::{Case, Scene, Seen, Stop, case, ensure};
use super::memory::three_laps;
use super::process::{LIMIT, SOON, die_with, fork};

pub(crate) const CASES: &[Case] = &[
    case("strace/futex answers EINTR each time", |scene| {
        injected(scene, "wait", &["futex:error=EINTR"])
    })
    .special(),
    case("strace/futex answers EINTR each other time", |scene| {
        injected(scene, "stream", &["futex:error=EINTR:when=1+2"])
    })
    .special(),
    case("strace/futex answers EAGAIN each other time", |scene| {
        injected(scene, "stream", &["futex:error=EAGAIN:when=1+2"])
    })
    .special(),
    case("strace/futex delayed", |scene| {
        injected(scene, "stream", &["futex:delay_enter=2000:delay_exit=1000"])
    })
    .special(),
    case("strace/membarrier delayed", |scene| {
        injected(scene, "stream", &["membarrier:delay_enter=1000:delay_exit=1000"])
    })
    .special(),
    case("strace/membarrier refused after a while", |scene| {
        injected(scene, "stream", &["membarrier:error=EPERM:when=3+"])
    })
    .special(),
    case("strace/fcntl answers EINTR", |scene| {
        injected(scene, "attach", &["fcntl:error=EINTR:when=1..12+2"])
    })
    .special(),
    case("strace/fallocate answers EINTR", |scene| {
        injected(scene, "make", &["fallocate:error=EINTR:when=1..3"])
    })
    .special(),
    case("strace/pwrite answers EINTR", |scene| {
        injected(scene, "make", &["pwrite64:error=EINTR:when=1..3"])
    })
    .special(),
    case("strace/killed at each call of create", killed).special().full(),
];

type Job = fn(&str) -> Result<(), Stop>;

/// What `shm-ring-torture system --job` does, traced.
const JOBS: &[(&str, Job)] =
    &[("wait", wait), ("stream", stream), ("attach", attach), ("make", make)];

/// Does a job and says what was wrong, for the process that started strace.
pub(crate) fn job(words: &[String]) -> bool {
    die_with(nix::unistd::getppid());
    let (what, name) = match words {
        [what, name] => (what, name),
        _ => return false,
    };
    let Some((_, run)) = JOBS.iter().find(|(known, _)| known == what) else { return false };
    match run(name) {
        Ok(()) => true,
        Err(Stop::Violated(what) | Stop::Skipped(what)) => {
            println!("{what}");
            false
        }
    }
}

fn small() -> Options {
    Options::new().bytes(4096).wait(Wait::PARK)
}

/// Deadlines are kept on both sides.
fn wait(_: &str) -> Result<(), Stop> {
    let ring = Ring::<u64>::create(Region::memfd("traced"), &small())?;
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let long = Duration::from_millis(250);
    let start = Instant::now();
    let popped = rx.pop_timeout(long);
    ensure!(popped == Err(PopError::TimedOut), "{popped:?}");
    ensure!((long..long + SOON).contains(&start.elapsed()), "a pop took {:?}", start.elapsed());
    while tx.try_push(0).is_ok() {}
    let start = Instant::now();
    let pushed = tx.push_timeout(0, long);
    ensure!(pushed == Err(PushError::TimedOut), "{pushed:?}");
    ensure!((long..long + SOON).contains(&start.elapsed()), "a push took {:?}", start.elapsed());
    Ok(())
}

/// Two processes, both traced, that sleep again and again: the ring holds less than one gets ahead while the other naps.
fn stream(name: &str) -> Result<(), Stop> {
    const VALUES: u64 = 600;
    let ring = Ring::<u64>::create(name, &small().bytes(32 * 8))?;
    let consuming = fork(|_| {
        let mut rx = Consumer::<u64>::open_with(name, &small())?;
        for n in 0..VALUES {
            let popped = rx.pop();
            ensure!(popped == Ok(n), "value {n} came as {popped:?}");
            if n % 200 == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    })?;
    let mut tx = ring.producer()?;
    for n in 0..VALUES {
        tx.push(n)?;
        if n % 200 == 100 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    consuming.finish()?;
    Region::named(name).unlink()?;
    Ok(())
}

fn attach(name: &str) -> Result<(), Stop> {
    let ring = Ring::<u64>::create(name, &small())?;
    let mut tx = Producer::<u64>::open_with(name, &small())?;
    let rx = Consumer::<u64>::open_with(name, &small())?;
    tx.push(1)?;
    let peers = (tx.peer(), rx.peer());
    use shm_ring::Peer::Alive;
    ensure!(matches!(peers, (Alive { .. }, Alive { .. })), "a living pair: {peers:?}");
    drop((tx, rx));
    ring.producer()?;
    Ok(Region::named(name).unlink()?)
}

fn make(name: &str) -> Result<(), Stop> {
    let ring = Ring::<u64>::create(name, &small())?;
    three_laps(&ring)?;
    Ok(Region::named(name).unlink()?)
}

/// What became of a traced job.
struct Traced {
    success: bool,
    said: String,
    log: String,
}

/// This program under strace with these injections.
fn traced(scene: &Scene, job: &str, injections: &[&str]) -> Result<Traced, Stop> {
    let (log, said) = (scene.file("log"), scene.file("said"));
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log);
    for injection in injections {
        let call = injection.split(':').next().unwrap_or_default();
        command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={injection}")]);
    }
    command.arg(std::env::current_exe()?).args(["system", "--job", job, &scene.name("ring")]);
    command.stdin(Stdio::null()).stdout(File::create(&said)?).stderr(Stdio::null());
    let mut strace = command
        .spawn()
        .map_err(|error| Stop::Skipped(format!("strace: {error} (apt-get install strace)")))?;
    let start = Instant::now();
    let status = loop {
        match strace.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(2)),
            None => {
                strace.kill()?;
                strace.wait()?;
                return Err(Stop::Violated(format!("{job} hung with {injections:?}")));
            }
        }
    };
    let answer = Traced {
        success: status.success(),
        said: read_to_string(said)?,
        log: read_to_string(log)?,
    };
    if answer.log.is_empty() && !answer.success {
        return Err(Stop::Skipped("strace may not trace here".to_owned()));
    }
    Ok(answer)
}

fn injected(scene: &Scene, job: &str, injections: &[&str]) -> Seen {
    let Traced { success, said, log } = traced(scene, job, injections)?;
    let count = log.matches("(INJECTED)").count() + log.matches("(DELAYED)").count();
    ensure!(success, "{job} with {}: {}", injections.join(" "), said.trim());
    ensure!(count > 0, "nothing was injected: it shows nothing");
    Ok(format!("{job} went through, {count} injected"))
}

/// The kernel's own calls one after the other, killed before each.
fn killed(scene: &Scene) -> Seen {
    let mut kills = 0;
    for call in ["fallocate", "pwrite64", "fchmod", "linkat", "memfd_create", "getrandom"] {
        for when in 1..10 {
            let injection = format!("{call}:signal=KILL:when={when}");
            if traced(scene, "make", &[&injection])?.success {
                break;
            }
            kills += 1;
            match Ring::<u64>::open(scene.name("ring")) {
                Ok(ring) => {
                    three_laps(&ring)?;
                    Region::named(scene.name("ring")).unlink()?;
                }
                Err(shm_ring::Error::NotFound { .. }) => {}
                Err(error) => return Err(Stop::Violated(format!("half a ring: {error}"))),
            }
        }
    }
    ensure!(kills >= 6, "only {kills} kills");
    Ok(format!("{kills} kills, no half-made ring"))
}
