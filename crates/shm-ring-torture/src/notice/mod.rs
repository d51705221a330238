//! `notice`: deaths of every kind beside a peer that sleeps. The kernel must tell the sleeper of each: its
//! answer is `PeerDead`, it slept on the liveness word, and that word is marked. How long it took is a
//! figure and decides nothing. Half of them keep to processors of their own: a kernel that is not preempted takes down a
//! large process without a break, and a sleeper that it woke on the same processor waits for that.
//!
//! And deaths at chosen instructions of attaching and closing with the notice given ([`stepped`]).
//!
//! What it does not show: deaths at any instruction of the other operations (`stepkill`), or that slices serve
//! where there is no notice (the library's own tests).

mod cost;
mod stepped;
mod victim;

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::thread::CpuSet;
use rustix::time::{ClockId, clock_gettime};
use shm_ring::{Options, PopError, PushError, Ring, Wait};
use shm_ring_outsider::{Descriptor, Region as _, Word};

use self::victim::{End, Role, Victim};
use crate::How;
use crate::region::Name;
use crate::report::Report;

/// Deaths of each kind, half of them beside a producer that sleeps and half beside a consumer.
const DEATHS: u64 = 100;
const DEATHS_FULL: u64 = 1000;
/// Reaching this is a hang.
const LIMIT: Duration = Duration::from_secs(10);

/// Nanoseconds of the clock that all processes share.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What the hidden subcommand does: see [`victim`].
pub(crate) fn main_of_victim(arguments: &victim::Arguments) -> ExitCode {
    victim::main(arguments)
}

pub(crate) use self::victim::Arguments;

/// What of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only one part: deaths at chosen instructions of one window, or those beside a sleeper.
    #[arg(long, value_name = "PART", value_parser = parts())]
    only: Option<String>,
}

const ASLEEP: &str = "asleep";

fn parts() -> clap::builder::PossibleValuesParser {
    let windows = stepped::Window::ALL.iter().map(|window| window.name());
    windows.chain([ASLEEP]).collect::<Vec<_>>().into()
}

impl Which {
    fn has(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

pub(crate) fn run(how: &How, which: &Which) -> Report {
    let mut report = Report::new("notice");
    let deaths = if how.full { DEATHS_FULL } else { DEATHS };
    let supported = kernel_tells();
    report.figure("kernel with futex_waitv", f64::from(u8::from(supported)), "");
    // First, while there is one thread here.
    if supported && cfg!(target_arch = "x86_64") {
        for window in stepped::Window::ALL.into_iter().filter(|window| which.has(window.name())) {
            stepped::run(window, how.full, &mut report);
        }
    }
    if !which.has(ASLEEP) {
        return report;
    }
    let mut all = Took::default();
    for end in End::ALL {
        let mut took = Took::default();
        let deaths = end.share_of(deaths);
        for death in 0..deaths {
            let role = if death % 2 == 0 { Role::Producer } else { Role::Consumer };
            let place = if death % 4 < 2 { Place::Apart } else { Place::Anywhere };
            match one_death(end, role, place, supported) {
                Ok(nanos) => took.at(place).push(nanos),
                Err(what) => {
                    // Most take as long as a hang: one of a kind is told.
                    report.violation(format!("{end:?} of a {role:?}: {what}"));
                    break;
                }
            }
        }
        let noticed = took.apart.len() + took.anywhere.len();
        report.at_least(format!("{end:?}: deaths noticed"), noticed as u64, deaths, "");
        took.told(&mut report, &format!("{end:?}"));
        all.apart.append(&mut took.apart);
        all.anywhere.append(&mut took.anywhere);
    }
    let due = End::ALL.iter().map(|end| end.share_of(deaths)).sum();
    report.at_least("deaths noticed", (all.apart.len() + all.anywhere.len()) as u64, due, "");
    all.told(&mut report, "all");
    if let Err(what) = cost::measure(&mut report) {
        report.violation(format!("the cost could not be measured: {what}"));
    }
    report
}

/// Where the victim and the sleeper run.
#[derive(Clone, Copy)]
enum Place {
    /// Each on a processor of its own.
    Apart,
    /// Where the kernel has them run.
    Anywhere,
}

/// Two that this process may use, if there are as many.
fn two_processors() -> Option<[usize; 2]> {
    let allowed = rustix::thread::sched_getaffinity(None).ok()?;
    let mut allowed = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    Some([allowed.next()?, allowed.next()?])
}

/// How long deaths took to be noticed, in nanoseconds.
#[derive(Default)]
struct Took {
    apart: Vec<u64>,
    anywhere: Vec<u64>,
}

impl Took {
    fn at(&mut self, place: Place) -> &mut Vec<u64> {
        match place {
            Place::Apart => &mut self.apart,
            Place::Anywhere => &mut self.anywhere,
        }
    }

    fn told(&mut self, report: &mut Report, what: &str) {
        for (place, took) in [("apart", &mut self.apart), ("anywhere", &mut self.anywhere)] {
            took.sort_unstable();
            for (name, percent) in [("p50", 50), ("p99", 99), ("worst", 100)] {
                let last = took.len().saturating_sub(1);
                if let Some(nanos) = took.get((took.len() * percent / 100).min(last)) {
                    let micros = *nanos as f64 / 1000.0;
                    report.figure(format!("{what}, {place}: {name}"), micros, "us");
                }
            }
        }
    }
}

/// Whether this kernel lets a thread sleep on several words: else time-outs tell, and nothing is to be
/// shown here but that they do.
fn kernel_tells() -> bool {
    let nobody = rustix::thread::futex::waitv(
        &[],
        rustix::thread::futex::WaitvFlags::empty(),
        None,
        ClockId::Monotonic,
    );
    !matches!(nobody, Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM))
}

/// From the death to the sleeper's answer, in nanoseconds.
fn one_death(end: End, role: Role, place: Place, supported: bool) -> Result<u64, String> {
    let apart = two_processors().filter(|_| matches!(place, Place::Apart));

    let name = Name::new("notice");
    let options = Options::new().bytes(4096).wait(Wait::PARK).unlink_on_drop();
    let ring = Ring::<u64>::create(name.as_str(), &options).map_err(|error| error.to_string())?;
    let bytes = Descriptor::of(ring.descriptor()).map_err(|error| error.to_string())?;
    let more = apart.map(|[theirs, _]| format!("--processor={theirs}"));
    let mut victim = Victim::start_with(name.as_str(), end, role, more.as_deref())?;
    let (tell, hear) = channel();
    // A thread of its own, so that one that hangs is reported.
    let sleeper = std::thread::spawn(move || {
        if let Some(Err(what)) = apart.map(|[_, ours]| victim::keep_to(ours)) {
            let _ = tell.send(Err(Err(what)));
            return;
        }
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        let answer = match role {
            Role::Producer => ring.consumer().map(|mut rx| {
                let _ = tell.send(Ok(thread));
                (matches!(rx.pop(), Err(PopError::PeerDead)), now())
            }),
            Role::Consumer => ring.producer().map(|mut tx| {
                while tx.try_push(0).is_ok() {}
                let _ = tell.send(Ok(thread));
                (matches!(tx.push(0), Err(PushError::PeerDead)), now())
            }),
        };
        let _ = tell.send(Err(answer.map_err(|error| error.to_string())));
    });
    let Ok(Ok(thread)) = hear.recv_timeout(LIMIT) else { return Err("cannot attach".to_owned()) };
    if supported {
        until_asleep_on_both(thread)?;
    } else {
        std::thread::sleep(Duration::from_millis(5));
    }
    let died = victim.end()?;
    let answer = match hear.recv_timeout(LIMIT) {
        Ok(Err(answer)) => answer,
        _ => return Err(format!("the sleeper has no answer after {LIMIT:?}")),
    };
    let _ = sleeper.join();
    let (dead, noticed) = answer?;
    if !dead {
        return Err("the sleeper's answer was not PeerDead".to_owned());
    }
    let word = bytes.named(role.side(), Word::Liveness);
    if supported && !end.is_in(word) {
        return Err(format!("nobody told: the liveness word is {word:#x}"));
    }
    Ok(noticed.saturating_sub(died))
}

/// Waits until `thread` sleeps on two words at once: the bell and the liveness word.
fn until_asleep_on_both(thread: i32) -> Result<(), String> {
    let asleep = format!("{} ", libc::SYS_futex_waitv);
    let start = std::time::Instant::now();
    while start.elapsed() < LIMIT {
        let path = format!("/proc/self/task/{thread}/syscall");
        let call = std::fs::read_to_string(path).unwrap_or_default();
        if call.starts_with(&asleep) && call.split(' ').nth(2) == Some("0x2") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Err("the sleeper does not sleep on its peer's liveness word".to_owned())
}
