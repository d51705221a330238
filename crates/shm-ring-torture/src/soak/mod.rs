//! Two processes that talk, killed, stopped and restarted at random: what the delivery contract allows to be
//! lost or to come twice is counted against a ledger that knows nothing of the ring, and nothing else may be. When
//! both are dead at once, the region is judged by LAYOUT.md. The latest value has a round of its own.
//!
//! Owns: who is killed, stopped, closed and restarted when. Knows nothing of: what the two do.

mod latest;
mod ledger;
mod load;
mod sides;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shm_ring::{Error, Options, Region};
use shm_ring_outsider::{self as outsider, Descriptor, Header, Region as _, Side, Word};

use self::ledger::{Field, Ledger, conclude};
use self::load::{Load, number};
use crate::How;
use crate::forked::{End, Forked};
use crate::forms::AnyRing;
use crate::report::Report;
use crate::rng::Rng;

/// Two sides that run and settle nothing for so long are stuck, on however busy a machine.
const STUCK: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Counts {
    kills: [u64; 2],
    both: u64,
    stops: u64,
    closes: u64,
    usurpers: u64,
    /// Looks that found the front in use.
    fronts: u64,
    /// Records in regions that were judged.
    judged: u64,
}

pub(crate) fn run(how: &How) -> Report {
    let mut report = Report::new("soak");
    let seed = how.seed(&mut report);
    let seconds = how.seconds.unwrap_or(if how.full { 600 } else { 32 });
    let started = Instant::now();
    let part = Duration::from_secs(seconds) / 10;
    // These fit the front, and the last one that fits the data is over its end.
    round::<[u64; 5]>(&mut report, Rng::new(seed), part * 3);
    round::<[u64; 25]>(&mut report, Rng::new(seed ^ 3), part * 2);
    round::<[u8]>(&mut report, Rng::new(seed ^ 1), part * 3);
    latest::round(&mut report, Rng::new(seed ^ 2), part * 2);
    report.figure("time", started.elapsed().as_secs_f64(), "s");
    report
}

fn round<L: Load + ?Sized>(report: &mut Report, rng: Rng, time: Duration) {
    let kind = L::NAME.replace(' ', "-");
    let name = format!("/shm-ring-torture-{}-soak-{kind}", std::process::id());
    let mut soaked = Ledger::new().map_err(|error| error.to_string()).and_then(|ledger| {
        let options = Options::new().bytes(8192).unlink_on_drop();
        // The name goes with this, also when the round fails.
        let ring = L::create(name.as_str(), &options).map_err(|error| error.to_string())?;
        let region = Descriptor::of(ring.descriptor()).map_err(|error| error.to_string())?;
        let mut pair = Pair::<L>::start(&name, region, ledger, rng)?;
        let answer = pair.soak(time).and_then(|()| pair.conclude());
        let counts = pair.counts;
        drop(ring);
        Ok((ledger, counts, answer))
    });
    if std::path::Path::new("/dev/shm").join(&name[1..]).exists() {
        report.violation(format!("{}: {name} was left behind", L::NAME));
        let _ = Region::named(name).unlink();
    }
    match &mut soaked {
        Ok((ledger, counts, answer)) => {
            // What a side saw says more than how it ended.
            match (ledger.told(), answer) {
                (Some(told), _) => report.violation(format!("{}: {told}", L::NAME)),
                (None, Err(wrong)) => report.violation(format!("{}: {wrong}", L::NAME)),
                (None, Ok(())) => {}
            }
            figures::<L>(report, ledger, counts);
        }
        Err(error) => report.violation(format!("{}: {error}", L::NAME)),
    }
}

/// The two sides, of which each is there or will be.
struct Pair<L: ?Sized> {
    name: String,
    region: Descriptor,
    ledger: Ledger,
    rng: Rng,
    producer: Forked,
    consumer: Forked,
    counts: Counts,
    load: core::marker::PhantomData<L>,
}

impl<L: Load + ?Sized> Pair<L> {
    fn start(name: &str, region: Descriptor, ledger: Ledger, mut rng: Rng) -> Result<Self, String> {
        Ok(Self {
            name: name.to_owned(),
            region,
            ledger,
            producer: Self::side(name, ledger, rng.next(), sides::produce::<L>)?,
            consumer: Self::side(name, ledger, rng.next(), sides::consume::<L>)?,
            rng,
            counts: Counts::default(),
            load: core::marker::PhantomData,
        })
    }

    fn side(
        name: &str,
        ledger: Ledger,
        seed: u64,
        job: fn(&str, Ledger, Rng) -> Result<(), String>,
    ) -> Result<Forked, String> {
        let side = Forked::start(|| {
            std::panic::set_hook(Box::new(move |info| ledger.violation(&info.to_string())));
            match job(name, ledger, Rng::new(seed)) {
                Ok(()) => 0,
                Err(wrong) => {
                    ledger.violation(&wrong);
                    1
                }
            }
        });
        side.map_err(|errno| format!("fork: {errno}"))
    }

    /// A new producer, or consumer, in place of one that has ended.
    fn restart(&mut self, producer: bool) -> Result<(), String> {
        let seed = self.rng.next();
        if producer {
            self.producer = Self::side(&self.name, self.ledger, seed, sides::produce::<L>)?;
        } else {
            self.consumer = Self::side(&self.name, self.ledger, seed, sides::consume::<L>)?;
        }
        Ok(())
    }

    /// Kills, stops, closes and restarts until the time is over.
    fn soak(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        let (mut verified, mut since) = (0, start);
        while start.elapsed() < time {
            self.nap(8000);
            self.fine()?;
            match self.rng.below(16) {
                0..6 => self.kill(true, false)?,
                6..11 => self.kill(false, true)?,
                11 => self.kill(true, true)?,
                12 | 13 => self.stop()?,
                14 => self.close()?,
                // Long enough to get somewhere.
                _ => self.nap(40_000),
            }
            let now = self.ledger.get(Field::Verified);
            if now != verified {
                (verified, since) = (now, Instant::now());
            }
            if since.elapsed() > STUCK {
                return Err(self.stuck());
            }
        }
        Ok(())
    }

    fn stuck(&self) -> String {
        let [pushes, pops, settled, next] =
            [Field::Pushes, Field::Pops, Field::Settled, Field::Next]
                .map(|field| self.ledger.get(field));
        format!(
            "hangs: nothing came for {STUCK:?}; {settled} of {next} numbers are settled after {pushes} \
             pushes and {pops} pops"
        )
    }

    fn nap(&mut self, most: u64) {
        std::thread::sleep(Duration::from_micros(self.rng.below(most)));
        let (tail, front) = outsider::unpack(self.region.named(Side::Producer, Word::Position));
        self.counts.fronts += u64::from(front && tail > 0);
    }

    /// Judges what two dead sides have left.
    fn judge(&mut self) -> Result<(), String> {
        let image = self.region.all();
        let ring = outsider::judge(&image[..], &Header::of(&image[..]))
            .map_err(|violation| format!("after both were killed, {violation}"))?;
        let numbers: Result<Vec<u64>, String> =
            ring.records.iter().map(|record| number::<L>(&record.payload)).collect();
        let numbers = numbers.map_err(|wrong| format!("both were killed, and left {wrong}"))?;
        self.counts.judged += numbers.len() as u64;
        match numbers.is_sorted_by(|one, next| one < next) {
            true => Ok(()),
            false => Err(format!("both were killed, and left out of order: {numbers:?}")),
        }
    }

    /// Nobody ends but by us.
    fn fine(&mut self) -> Result<(), String> {
        for (side, end) in [("producer", self.producer.poll()), ("consumer", self.consumer.poll())]
        {
            if let Some(end) = end {
                return Err(format!("the {side} ended by itself: {end:?}"));
            }
        }
        Ok(())
    }

    fn kill(&mut self, producer: bool, consumer: bool) -> Result<(), String> {
        // Both signals before either is waited for.
        for (side, wanted) in [(&self.producer, producer), (&self.consumer, consumer)] {
            if wanted {
                side.signal(Signal::SIGKILL);
            }
        }
        self.counts.both += u64::from(producer && consumer);
        for (side, wanted, count) in
            [(&mut self.producer, producer, 0), (&mut self.consumer, consumer, 1)]
        {
            if wanted {
                match side.kill() {
                    End::Killed(Signal::SIGKILL) => self.counts.kills[count] += 1,
                    end => return Err(format!("a side ended by itself: {end:?}")),
                }
            }
        }
        if producer {
            let next = self.ledger.get(Field::Next);
            let in_push = next > 0 && self.ledger.state(next - 1) > ledger::SURE;
            self.ledger.add(Field::InPush, u64::from(in_push));
        }
        // Long enough, now and then, for the other side to notice.
        if self.rng.below(3) == 0 {
            self.nap(20_000);
        }
        if producer && consumer {
            self.judge()?;
        }
        let first = self.rng.below(2) == 0;
        for side in [first, !first] {
            if if side { producer } else { consumer } {
                self.restart(side)?;
            }
        }
        Ok(())
    }

    /// Kills a side, and waits until its successor has attached.
    fn renew(&mut self, producer: bool) -> Result<(), String> {
        let attached = [Field::Consumers, Field::Producers][usize::from(producer)];
        let before = self.ledger.get(attached);
        self.kill(producer, !producer)?;
        if self.changes(attached, before, STUCK) {
            return Ok(());
        }
        self.fine()?;
        Err("hangs: a new side did not attach".to_owned())
    }

    /// Waits until a figure is another than it was `before`, or for so long: whether it is.
    fn changes(&self, field: Field, before: u64, most: Duration) -> bool {
        let start = Instant::now();
        while self.ledger.get(field) == before && start.elapsed() < most {
            std::thread::sleep(Duration::from_micros(100));
        }
        self.ledger.get(field) != before
    }

    /// A stopped side is alive: nobody gets its role.
    fn stop(&mut self) -> Result<(), String> {
        let producer = self.rng.below(2) == 0;
        // Only one that has attached can be usurped.
        self.renew(producer)?;
        let side = if producer { &self.producer } else { &self.consumer };
        side.signal(Signal::SIGSTOP);
        let name = self.name.as_str();
        let mut usurper = Forked::start(|| i32::from(!is_taken::<L>(name, producer)))
            .map_err(|errno| format!("fork: {errno}"))?;
        let end = usurper.wait(STUCK);
        drop(usurper);
        self.nap(30_000);
        // A successor beside it finds the ring full, or empty for long.
        let succeeded = match self.rng.below(2) {
            0 => self.kill(!producer, producer),
            _ => Ok(()),
        };
        self.nap(10_000);
        let side = if producer { &self.producer } else { &self.consumer };
        side.signal(Signal::SIGCONT);
        succeeded?;
        self.counts.stops += 1;
        self.counts.usurpers += 1;
        match end {
            Some(End::Exited(0)) => Ok(()),
            None => Err("hangs: somebody who wanted the role of a stopped process".to_owned()),
            Some(_) => Err("the role of a stopped process was not RoleTaken".to_owned()),
        }
    }

    /// One side closes in order, and another comes.
    fn close(&mut self) -> Result<(), String> {
        let producer = self.rng.below(2) == 0;
        let noticed = [Field::ConsumerClosed, Field::ProducerClosed][usize::from(producer)];
        let before = self.ledger.get(noticed);
        let side = if producer { &mut self.producer } else { &mut self.consumer };
        self.ledger.set(Field::Close, if producer { sides::PRODUCER } else { sides::CONSUMER });
        let end = side.wait(STUCK);
        self.ledger.set(Field::Close, 0);
        match end {
            Some(End::Exited(0)) => self.counts.closes += 1,
            None => return Err(format!("hangs: asked to close; {}", self.stuck())),
            Some(end) => return Err(format!("asked to close, a side ended: {end:?}")),
        }
        // One that attached just now has nothing to notice.
        if self.rng.below(2) == 0 {
            self.changes(noticed, before, Duration::from_millis(100));
        }
        self.nap(3000);
        self.restart(producer)
    }

    /// The producer closes, the consumer takes what is left, and the books are compared.
    fn conclude(&mut self) -> Result<(), String> {
        // One that attached after the end would wait for the next producer.
        self.renew(false)?;
        self.fine()?;
        self.ledger.set(Field::Close, sides::PRODUCER);
        let end = self.producer.wait(STUCK);
        if end != Some(End::Exited(0)) {
            return Err(format!("hangs: the last producer was to close: {end:?}"));
        }
        self.ledger.set(Field::Drain, 1);
        let end = self.consumer.wait(STUCK);
        if end != Some(End::Exited(0)) {
            return Err(format!("hangs: the last consumer was to take the rest: {end:?}"));
        }
        conclude(&self.ledger)
    }
}

/// Whether the role is refused to somebody else.
fn is_taken<L: Load + ?Sized>(name: &str, producer: bool) -> bool {
    let Ok(ring) = L::Ring::open_with(name, &Options::new()) else { return false };
    let refused = match producer {
        true => ring.producer().err(),
        false => ring.consumer().err(),
    };
    matches!(refused, Some(Error::RoleTaken { .. }))
}

fn figures<L: Load + ?Sized>(report: &mut Report, ledger: &Ledger, counts: &Counts) {
    let name = L::NAME;
    let [producers, consumers] = counts.kills;
    for (what, value, unit) in [
        ("producers killed", producers, "kills"),
        ("consumers killed", consumers, "kills"),
        ("both killed at once", counts.both, "times"),
        ("stopped and continued", counts.stops, "stops"),
        ("usurpers of a stopped side refused", counts.usurpers, "usurpers"),
        ("closed in order", counts.closes, "closes"),
        ("judged after both were killed", counts.judged, "records"),
    ] {
        report.at_least(format!("{name}: {what}"), value, 1, unit);
    }
    let fronts = format!("{name}: looks that found the front in use");
    report.at_least(fronts, counts.fronts, L::HAVE_FRONT.into(), "looks");
    for (what, field, least, unit) in [
        ("records verified", Field::Verified, 1000, "records"),
        ("attachments as producer", Field::Producers, 2, "attachments"),
        ("attachments as consumer", Field::Consumers, 2, "attachments"),
        ("killed in a push", Field::InPush, 1, "kills"),
        ("killed in a pop", Field::InPop, 1, "kills"),
        ("killed in a peek or a batch seen", Field::InPeek, 1, "kills"),
        ("dead producer seen", Field::ProducerDead, 1, "answers"),
        ("dead consumer seen", Field::ConsumerDead, 1, "answers"),
        ("closed producer seen", Field::ProducerClosed, 1, "answers"),
        ("closed consumer seen", Field::ConsumerClosed, 1, "answers"),
    ] {
        report.at_least(format!("{name}: {what}"), ledger.get(field), least, unit);
    }
    for (what, field) in [
        ("in the hands of killed pops", Field::MayLose),
        ("lost to them", Field::Lost),
        ("came again after killed peeks", Field::Again),
        ("of killed pushes, never published", Field::Unborn),
    ] {
        report.figure(format!("{name}: {what}"), ledger.get(field) as f64, "records");
    }
}
