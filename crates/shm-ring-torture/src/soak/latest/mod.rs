//! The latest value under the same treatment: a writer that is killed, stopped, closed and followed by another,
//! and readers that are killed beside it. Each value must be whole, none older than what was surely written or
//! seen, and none that nobody had begun.
//!
//! Owns: who is killed when. Knows nothing of: the ring's ledger.

mod book;
mod sides;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shm_ring::{Error, Latest, Options, Region};

use self::book::{Book, Field, READERS, Value};
use self::sides::{ALL, Reading, WRITER, take};
use super::STUCK;
use crate::forked::{End, Forked};
use crate::report::Report;
use crate::rng::Rng;

#[derive(Debug, Default)]
struct Counts {
    writers: u64,
    readers: u64,
    stops: u64,
    closes: u64,
}

pub(super) fn round(report: &mut Report, rng: Rng, time: Duration) {
    let name = format!("/shm-ring-torture-{}-soak-latest", std::process::id());
    let soaked = Book::new().map_err(|error| error.to_string()).and_then(|book| {
        // As few slots as there may be: a reader that dawdles finds its own overwritten.
        let options = Options::new().items(4).unlink_on_drop();
        // The name goes with this, also when the round fails.
        let latest = Latest::<Value>::create(name.as_str(), &options);
        let latest = latest.map_err(|error| error.to_string())?;
        let mut flock = Flock::start(&name, &latest, book, rng)?;
        let answer = flock.soak(time).and_then(|()| flock.conclude());
        Ok((book, flock.counts, answer))
    });
    if std::path::Path::new("/dev/shm").join(&name[1..]).exists() {
        report.violation(format!("latest: {name} was left behind"));
        let _ = Region::named(name).unlink();
    }
    match soaked {
        Ok((book, counts, answer)) => {
            // What a process saw says more than how it ended.
            if let Some(wrong) = book.told().or(answer.err()) {
                report.violation(format!("latest: {wrong}"));
            }
            figures(report, book, &counts);
        }
        Err(error) => report.violation(format!("latest: {error}")),
    }
}

/// The writer and its readers, of which each is there or will be.
struct Flock {
    name: String,
    book: Book,
    rng: Rng,
    writer: Forked,
    readers: [Forked; READERS],
    /// Our own, which outlives all of them.
    reader: Reading,
    counts: Counts,
}

fn forked(book: Book, job: impl FnOnce() -> Result<(), String>) -> Result<Forked, String> {
    let child = Forked::start(|| {
        std::panic::set_hook(Box::new(move |info| book.violation(&info.to_string())));
        match job() {
            Ok(()) => 0,
            Err(wrong) => {
                book.violation(&wrong);
                1
            }
        }
    });
    child.map_err(|errno| format!("fork: {errno}"))
}

impl Flock {
    fn start(name: &str, latest: &Latest<Value>, book: Book, mut rng: Rng) -> Result<Self, String> {
        let reader = Reading::new(latest)?;
        let mut new_reader = |which| Self::new_reader(name, book, rng.next(), which);
        let readers = [new_reader(0)?, new_reader(1)?, new_reader(2)?];
        let writer = Self::new_writer(name, book, rng.next())?;
        let (name, counts) = (name.to_owned(), Counts::default());
        Ok(Self { name, book, rng, writer, readers, reader, counts })
    }

    fn new_writer(name: &str, book: Book, seed: u64) -> Result<Forked, String> {
        forked(book, || sides::write(name, book, Rng::new(seed)))
    }

    fn new_reader(name: &str, book: Book, seed: u64, which: usize) -> Result<Forked, String> {
        forked(book, || sides::read(name, book, Rng::new(seed), which))
    }

    /// Kills, stops, closes and restarts until the time is over and a writer was killed in a write.
    fn soak(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        let (mut verified, mut since) = (0, start);
        let lucky = |book: &Book| book.get(Field::InWrite) > 0;
        while start.elapsed() < time || !lucky(&self.book) && start.elapsed() < 4 * time {
            std::thread::sleep(Duration::from_micros(self.rng.below(8000)));
            self.fine()?;
            match self.rng.below(8) {
                0..4 => self.kill_writer()?,
                4 | 5 => self.kill_reader()?,
                6 => self.stop()?,
                _ => self.close()?,
            }
            let now = self.book.sum(Field::Verified);
            if now != verified {
                (verified, since) = (now, Instant::now());
            }
            if since.elapsed() > STUCK {
                return Err(format!("hangs: nobody read anything for {STUCK:?}"));
            }
        }
        Ok(())
    }

    /// Nobody ends but by us.
    fn fine(&mut self) -> Result<(), String> {
        for child in self.readers.iter_mut().chain([&mut self.writer]) {
            if let Some(end) = child.poll() {
                return Err(format!("a process ended by itself: {end:?}"));
            }
        }
        Ok(())
    }

    fn kill_writer(&mut self) -> Result<(), String> {
        match self.writer.kill() {
            End::Killed(Signal::SIGKILL) => self.counts.writers += 1,
            end => return Err(format!("a writer ended by itself: {end:?}")),
        }
        self.between_writers()
    }

    /// What one reads who was there all the time; then, now and then late, the next writer.
    fn between_writers(&mut self) -> Result<(), String> {
        take(&mut self.reader, self.book, self.rng.below(6), READERS)?;
        if self.rng.below(3) == 0 {
            std::thread::sleep(Duration::from_micros(self.rng.below(5000)));
        }
        self.writer = Self::new_writer(&self.name, self.book, self.rng.next())?;
        Ok(())
    }

    fn kill_reader(&mut self) -> Result<(), String> {
        let which = self.rng.below(READERS as u64) as usize;
        match self.readers[which].kill() {
            End::Killed(Signal::SIGKILL) => self.counts.readers += 1,
            end => return Err(format!("a reader ended by itself: {end:?}")),
        }
        self.readers[which] = Self::new_reader(&self.name, self.book, self.rng.next(), which)?;
        Ok(())
    }

    /// A stopped writer is alive: nobody gets its role, and what it wrote is read on.
    fn stop(&mut self) -> Result<(), String> {
        let attached = self.book.get(Field::Writers);
        self.kill_writer()?;
        self.until("a new writer did not attach", |book| book.get(Field::Writers) != attached)?;
        self.writer.signal(Signal::SIGSTOP);
        let verified = self.book.sum(Field::Verified);
        let name = self.name.as_str();
        let mut usurper = Forked::start(|| i32::from(!is_taken(name)))
            .map_err(|errno| format!("fork: {errno}"))?;
        let end = usurper.wait(STUCK);
        drop(usurper);
        // Nothing was written before it was stopped: then there is nothing to read either.
        if self.book.get(Field::Written) > 0 {
            self.until("beside a stopped writer nobody reads", |book| {
                book.sum(Field::Verified) != verified
            })?;
        }
        self.writer.signal(Signal::SIGCONT);
        self.counts.stops += 1;
        match end {
            Some(End::Exited(0)) => Ok(()),
            None => Err("hangs: somebody who wanted the role of a stopped writer".to_owned()),
            Some(_) => Err("the role of a stopped writer was not RoleTaken".to_owned()),
        }
    }

    fn until(&mut self, what: &str, done: impl Fn(&Book) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !done(&self.book) {
            self.fine()?;
            if start.elapsed() > STUCK {
                return Err(format!("hangs: {what}"));
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        Ok(())
    }

    /// The writer closes in order.
    fn close_writer(&mut self) -> Result<(), String> {
        self.book.set(Field::Close, WRITER);
        let end = self.writer.wait(STUCK);
        self.book.set(Field::Close, 0);
        match end {
            Some(End::Exited(0)) => Ok(()),
            None => Err("hangs: a writer that was asked to close".to_owned()),
            Some(end) => Err(format!("asked to close, a writer ended: {end:?}")),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.close_writer()?;
        self.counts.closes += 1;
        self.between_writers()
    }

    /// All end, and what was written last is there.
    fn conclude(&mut self) -> Result<(), String> {
        self.fine()?;
        self.close_writer()?;
        self.book.set(Field::Close, ALL);
        for reader in &mut self.readers {
            match reader.wait(STUCK) {
                Some(End::Exited(0)) => {}
                end => return Err(format!("hangs: a reader was to end: {end:?}")),
            }
        }
        take(&mut self.reader, self.book, 0, READERS)
    }
}

/// Whether the role is refused to somebody else.
fn is_taken(name: &str) -> bool {
    let taken = Latest::<Value>::open(name).and_then(|latest| latest.writer());
    matches!(taken, Err(Error::RoleTaken { .. }))
}

fn figures(report: &mut Report, book: Book, counts: &Counts) {
    for (what, value, least, unit) in [
        ("writers killed", counts.writers, 1, "kills"),
        ("readers killed", counts.readers, 1, "kills"),
        ("stopped and continued", counts.stops, 1, "stops"),
        ("closed in order", counts.closes, 1, "closes"),
        ("killed in a write", book.get(Field::InWrite), 1, "kills"),
        ("versions written", book.get(Field::Written), 1000, "versions"),
        ("values verified", book.sum(Field::Verified), 1000, "values"),
        ("newer ones waited for", book.sum(Field::Newer), 100, "values"),
        ("next ones taken in order", book.sum(Field::Next), 100, "values"),
        ("lags", book.sum(Field::Lagged), 1, "answers"),
        ("attachments as writer", book.get(Field::Writers), 2, "attachments"),
        ("attachments as reader", book.sum(Field::Readers), 2, "attachments"),
        ("dead writer seen", book.sum(Field::Dead), 1, "answers"),
        ("closed writer seen", book.sum(Field::Closed), 1, "answers"),
    ] {
        report.at_least(format!("latest: {what}"), value, least, unit);
    }
    for (what, field) in [("waits in vain", Field::TimedOut), ("overrun", Field::Overrun)] {
        report.figure(format!("latest: {what}"), book.sum(field) as f64, "reads");
    }
}
