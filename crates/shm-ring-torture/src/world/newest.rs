//! The latest value in the storm: its writer numbers the versions, and each read is judged by what was published before it
//! began and what was begun when it ended.
//!
//! Owns: the life of a writer and of a reader, and the judgement of versions. Knows nothing of: rings.

use std::time::Duration;

use shm_ring::{Error, Latest, LatestReader, LatestWriter, ReadError};

use super::ends::LONG;
use super::entry::{CONSUMER, PRODUCER};
use super::forms::{Item, Named, Newest, item};
use super::ledger::{Count, Doing};
use super::life::{Held, Living};

impl Living<'_> {
    pub(super) fn as_writer(&mut self, place: usize) {
        let attached = self.attach::<Newest, _>(place, PRODUCER, Latest::writer, None);
        let Some((latest, mut writer, held)) = attached else { return };
        self.look_at_name::<Newest>(&latest, held, || writer.has_lost_its_name());
        self.write(&mut writer, held);
        self.leave::<Newest, _>(&latest, writer, held, PRODUCER, LatestWriter::has_lost_its_name);
    }

    fn write(&mut self, writer: &mut LatestWriter<Item>, held: Held) {
        let entry = held.entry;
        let (published, begun) = entry.versions();
        if !(published..=begun).contains(&writer.version()) {
            let (id, version) = (entry.id(), writer.version());
            self.ledger.violation(&format!(
                "the writer of latest value {id:x} goes on from version {version}: {published} was published, \
                 {begun} begun"
            ));
        }
        for _ in 0..self.rng.below(40) {
            if self.ledger.is_over() {
                return;
            }
            if self.rng.below(6) == 0 {
                std::thread::sleep(Duration::from_micros(self.rng.below(800)));
            }
            self.doing(Doing::Pushing, Some((held, PRODUCER)));
            let version = writer.version() + 1;
            entry.begins(version);
            writer.write(item(version, entry.id()));
            entry.published(version);
            self.ledger.add(Count::Written);
            if self.rng.below(2) == 0 {
                writer.notify();
            }
        }
    }

    pub(super) fn as_reader(&mut self, place: usize) {
        let Some(latest) = self.open::<Newest>(place) else { return };
        let reader = match latest.reader() {
            Ok(reader) => reader,
            Err(Error::NameGone { .. }) => return self.ledger.add(Count::NameGone),
            // Readers take no role, and nobody keeps them out.
            Err(error) => return self.unexpected("a latest value's reader", place, &error),
        };
        if let Some(entry) = self.ledger.entry(Newest::id(&latest), place) {
            self.read(reader, Held { entry, word: 0, place });
        }
    }

    fn read(&mut self, mut reader: LatestReader<Item>, held: Held) {
        let entry = held.entry;
        let mut last = 0;
        for _ in 0..self.rng.below(20) {
            if self.ledger.is_over() {
                return;
            }
            let (published, _) = entry.versions();
            let before = entry.owner(PRODUCER);
            let said = entry.said(PRODUCER);
            let patient = self.rng.below(4) == 0 && self.ledger.is_counted_on(before);
            let doing = if patient { Doing::Waiting } else { Doing::Popping };
            self.doing(doing, Some((held, CONSUMER)));
            let asked = self.ledger.now();
            let newer = patient || self.rng.below(2) == 0;
            let read = match newer {
                true if patient => reader.read_newer_timeout(LONG),
                true => reader.read_newer_timeout(Duration::from_micros(self.rng.below(800))),
                false => reader.read(),
            };
            let wrong = match read {
                Ok(read) => {
                    self.ledger.add(Count::Read);
                    let [version, _] = read;
                    let at_least = published.max(last + u64::from(newer));
                    let possible = at_least..=entry.versions().1;
                    last = version;
                    let is_whole = read == item(version, entry.id()) && version == reader.version();
                    (!is_whole || !possible.contains(&version)).then(|| {
                        format!(
                            "{read:x?}, version {}, where {possible:?} may be",
                            reader.version()
                        )
                    })
                }
                Err(ReadError::Closed | ReadError::WriterDead) => {
                    let after = entry.owner(PRODUCER);
                    self.refuse_false_end(held, PRODUCER, before, after);
                    self.refuse_late_end(held, after, asked);
                    if read == Err(ReadError::Closed) {
                        self.refuse_false_close(held, said);
                    }
                    (published > last).then(|| format!("an end before version {published}"))
                }
                Err(ReadError::Empty) => (published > 0).then(|| "nothing".to_owned()),
                Err(ReadError::TimedOut) if !patient => None,
                Err(ReadError::Overrun) => None,
                Err(error) => Some(format!("{error:?}")),
            };
            if let Some(wrong) = wrong {
                let id = entry.id();
                let what = format!("a reader of latest value {id:x} got {wrong}");
                return self.ledger.violation(&what);
            }
        }
    }
}
