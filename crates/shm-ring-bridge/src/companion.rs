//! Owns: the record of which ring a side's ring is paired with: a latest value beside the ring, which survives the process as
//! the ring does. Knows nothing of: what follows from it.

use shm_ring::{Error, Latest, LatestWriter, Options};

use crate::pairing::Pair;
use crate::target::Target;

/// Which of a ring's two records: a ring can be the sink of one bridge and the source of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Sink,
}

impl Role {
    fn suffix(self) -> &'static str {
        match self {
            Self::Source => ".bridge-source",
            Self::Sink => ".bridge-sink",
        }
    }
}

/// The form of the record.
const VERSION: u64 = 1;

/// Form, id of the ring beside which it lies, id of the other one, base: ids as two halves.
type Record = [u64; 6];

/// The record of a ring that this process is an end of, and which nobody else writes therefore.
pub(crate) struct Companion {
    writer: LatestWriter<Record>,
    ring: u128,
    pair: Option<Pair>,
}

impl Companion {
    /// That of the ring with id `ring` at `target`. A record of a ring that had the name before says nothing.
    pub(crate) fn open(
        target: &Target,
        role: Role,
        ring: u128,
        options: &Options,
    ) -> Result<Self, Error> {
        let options = options.clone().label("shm-ring-bridge");
        let latest = Latest::open_or_create(target.beside(role.suffix()), &options)?;
        let pair = latest.reader()?.read().ok().and_then(|record| read(record, ring));
        Ok(Self { writer: latest.writer()?, ring, pair })
    }

    pub(crate) fn pair(&self) -> Option<Pair> {
        self.pair
    }

    /// Keeps `pair`: from now on also for the next process.
    pub(crate) fn keep(&mut self, pair: Pair) {
        if self.pair != Some(pair) {
            self.write(pair);
            self.pair = Some(pair);
        }
    }

    /// Keeps that the ring is paired with none.
    pub(crate) fn forget(&mut self) {
        self.write(Pair { other: 0, base: 0 });
        self.pair = None;
    }

    fn write(&mut self, pair: Pair) {
        let [ours, theirs] = [self.ring, pair.other].map(|id| [id as u64, (id >> 64) as u64]);
        self.writer.write([VERSION, ours[0], ours[1], theirs[0], theirs[1], pair.base]);
    }
}

fn read(record: Record, ring: u128) -> Option<Pair> {
    let [version, ours_low, ours_high, low, high, base] = record;
    let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
    let other = join(low, high);
    let says = version == VERSION && join(ours_low, ours_high) == ring && other != 0;
    says.then_some(Pair { other, base })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_for_its_own_ring_alone() {
        let name = format!("shm-ring-bridge-unit-{}-companion", std::process::id());
        let target: Target = name.parse().unwrap();
        let options = Options::new().unlink_on_drop();
        let open = |ring| Companion::open(&target, Role::Sink, ring, &options).unwrap();
        let pair = Pair { other: 7 << 64 | 9, base: u64::MAX };
        let mut first = open(1 << 100);
        assert_eq!(first.pair(), None);
        first.keep(pair);
        let record = [VERSION, 0, 1 << 36, 9, 7, u64::MAX];
        assert_eq!(read(record, 1 << 100), Some(pair));
        assert_eq!(read(record, 1 << 99), None, "the ring was made anew");
        assert_eq!(read([2, 0, 1 << 36, 9, 7, u64::MAX], 1 << 100), None, "of a later release");
        let second = Companion::open(&target, Role::Source, 1 << 100, &options).unwrap();
        assert_eq!(second.pair(), None, "the two roles of a ring have one each");
        drop(second);
        first.forget();
        assert_eq!(first.pair(), None);
    }
}
