//! What each figure is: its name, its help, and which part of a snapshot it is. It must not know where the text goes.
//!
//! Names, units and labels follow OpenMetrics 1.0. A figure that says something by its labels is a gauge that is 1,
//! since the older text of Prometheus has no other. A name that was published keeps its meaning.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType::{self, Counter, Gauge};
use prometheus_client::registry::Unit;
use shm_ring::{SideSnapshot, Snapshot};

use crate::rings;

/// What was seen at one time.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) rings: Vec<(String, Snapshot)>,
    pub(super) unusable: Vec<Unusable>,
    pub(super) room: Option<Room>,
    /// How long it took to look.
    pub(super) took: Duration,
}

/// Something that begins as a ring and cannot be looked at.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) name: String,
    pub(super) why: String,
}

/// The room under /dev/shm, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) size: u64,
    pub(super) available: u64,
}

/// A figure that each ring has, or each side of one. `None` where it means nothing.
struct Family<T> {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: MetricType,
    of: fn(&T) -> Option<u64>,
}

/// Of rings and latest values.
const OF_RINGS: [Family<Snapshot>; 11] = [
    Family {
        name: "limit",
        help: "The most bytes of records in flight",
        unit: Some(Unit::Bytes),
        kind: Gauge,
        of: |ring| Some(ring.limit),
    },
    Family {
        name: "unread",
        help: "Bytes that were published and not read, messages with their headers and padding",
        unit: Some(Unit::Bytes),
        kind: Gauge,
        of: |ring| (!rings::is_latest(ring)).then(|| ring.unread_bytes()),
    },
    Family {
        name: "unread_records",
        help: "Values that were published and not read",
        unit: None,
        kind: Gauge,
        of: |ring| ring.unread_records(),
    },
    Family {
        name: "high_water",
        help: "The most bytes that the producer found unread when it looked",
        unit: Some(Unit::Bytes),
        kind: Gauge,
        of: |ring| (!rings::is_latest(ring)).then_some(ring.high_water),
    },
    Family {
        name: "published",
        help: "Bytes published since the ring was created, messages with their headers and padding, slots of a latest value",
        unit: Some(Unit::Bytes),
        kind: Counter,
        of: |ring| Some(ring.tail),
    },
    Family {
        name: "read",
        help: "Bytes read since the ring was created, counted as those published",
        unit: Some(Unit::Bytes),
        kind: Counter,
        of: |ring| (!rings::is_latest(ring)).then_some(ring.head),
    },
    Family {
        name: "published_records",
        help: "Values published since the ring was created, or how often a latest value was written",
        unit: None,
        kind: Counter,
        of: |ring| ring.published_records(),
    },
    Family {
        name: "dropped_records",
        help: "Records that the producer's user counted as thrown away",
        unit: None,
        kind: Counter,
        of: |ring| Some(ring.dropped),
    },
    Family {
        name: "corrupt",
        help: "1 if the two positions contradict each other: the next side to attach is refused",
        unit: None,
        kind: Gauge,
        of: |ring| Some(ring.corrupt.into()),
    },
    Family {
        name: "settled",
        help: "1 if the positions of this look belong to one moment",
        unit: None,
        kind: Gauge,
        of: |ring| Some(ring.settled.into()),
    },
    Family {
        name: "created_timestamp",
        help: "When the ring was created, by the clock of its creator, in seconds since 1970",
        unit: Some(Unit::Seconds),
        kind: Gauge,
        of: |ring| Some(ring.created.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()),
    },
];

/// Of a ring's two sides, and of a latest value's writer.
const OF_SIDES: [Family<SideSnapshot>; 5] = [
    Family {
        name: "side_session",
        help: "Counts up when a side attaches (odd) and when it closes (even)",
        unit: None,
        kind: Gauge,
        of: |side| Some(rings::parts(side.peer).1),
    },
    Family {
        name: "side_asleep",
        help: "1 if somebody holds the side and sleeps",
        unit: None,
        kind: Gauge,
        of: |side| Some(side.is_asleep().into()),
    },
    Family {
        name: "side_waits",
        help: "How often it had to wait: the producer for room, the consumer for a record",
        unit: None,
        kind: Counter,
        of: |side| Some(side.waits),
    },
    Family {
        name: "side_sleeps",
        help: "How often it went to sleep",
        unit: None,
        kind: Counter,
        of: |side| Some(side.sleeps),
    },
    Family {
        name: "side_wakes_sent",
        help: "How often it rang for the other side",
        unit: None,
        kind: Counter,
        of: |side| Some(side.wakes_sent),
    },
];

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1; what the ring carries, in its labels";
        let mut family = encoder.encode_descriptor("info", help, None, Gauge)?;
        for (name, ring) in &self.rings {
            let (kind, size, align) = rings::item(ring.contents);
            let id = format!("{:032x}", ring.id);
            let (size, align) = (size.to_string(), align.to_string());
            let (layout, schema) = (ring.layout.to_string(), ring.schema.to_string());
            let labels = [
                ("ring", name.as_str()),
                ("id", &id),
                ("kind", kind),
                ("item_size", &size),
                ("item_align", &align),
                ("layout", &layout),
                ("schema_id", &schema),
                ("label", &ring.label),
            ];
            family.encode_family(&labels)?.encode_gauge(&1_u64)?;
        }
        for figure in &OF_RINGS {
            let rings = self.rings.iter().map(|(name, ring)| ([("ring", name.as_str())], ring));
            figure.encode(&mut encoder, rings)?;
        }
        self.states(&mut encoder)?;
        for figure in &OF_SIDES {
            let sides = self.sides().map(|(name, role, side)| (labels(name, role), side));
            figure.encode(&mut encoder, sides)?;
        }
        self.of_the_machine(&mut encoder)
    }
}

fn labels<'a>(name: &'a str, role: &'static str) -> [(&'static str, &'a str); 2] {
    [("ring", name), ("side", role)]
}

impl<T> Family<T> {
    fn encode<'a, L: EncodeLabelSet>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        all: impl Iterator<Item = (L, &'a T)>,
    ) -> fmt::Result
    where
        T: 'a,
    {
        let unit = self.unit.as_ref();
        let mut family = encoder.encode_descriptor(self.name, self.help, unit, self.kind)?;
        for (labels, thing) in all {
            let Some(value) = (self.of)(thing) else { continue };
            let mut one: MetricEncoder<'_> = family.encode_family(&labels)?;
            match self.kind {
                Counter => one.encode_counter::<NoLabelSet, u64, u64>(&value, None)?,
                _ => one.encode_gauge(&value)?,
            }
        }
        Ok(())
    }
}

impl Families {
    /// A latest value has a writer, and leaves no trace of those who read.
    fn sides(&self) -> impl Iterator<Item = (&str, &'static str, &SideSnapshot)> {
        self.rings.iter().flat_map(|(name, ring)| {
            let consumer = (!rings::is_latest(ring)).then_some(("consumer", &ring.consumer));
            let sides = [("producer", &ring.producer)].into_iter().chain(consumer);
            sides.map(move |(role, side)| (name.as_str(), role, side))
        })
    }

    fn states(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 for the state that the side is in, 0 for the others";
        let mut family = encoder.encode_descriptor("side_state", help, None, Gauge)?;
        for (name, role, side) in self.sides() {
            let now = rings::parts(side.peer).0;
            for state in rings::STATES {
                let labels = [("ring", name), ("side", role), ("state", state)];
                family.encode_family(&labels)?.encode_gauge(&u64::from(state == now))?;
            }
        }
        let help = "1; the process that holds or held the side, in its labels, where it is known";
        let mut family = encoder.encode_descriptor("side_info", help, None, Gauge)?;
        for (name, role, side) in self.sides() {
            let Some(pid) = rings::parts(side.peer).2 else { continue };
            let pid = pid.to_string();
            let command = side.command.as_deref().unwrap_or_default();
            let labels = [("ring", name), ("side", role), ("pid", &pid), ("command", command)];
            family.encode_family(&labels)?.encode_gauge(&1_u64)?;
        }
        Ok(())
    }

    fn of_the_machine(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1; something that begins as a ring and cannot be looked at, and why";
        let mut family = encoder.encode_descriptor("unusable", help, None, Gauge)?;
        for Unusable { name, why } in &self.unusable {
            let labels = [("ring", name.as_str()), ("why", why)];
            family.encode_family(&labels)?.encode_gauge(&1_u64)?;
        }
        let mut gauge = |name, help, unit: Option<&Unit>, value: f64| {
            encoder.encode_descriptor(name, help, unit, Gauge)?.encode_gauge(&value)
        };
        gauge(
            "rings",
            "Rings and latest values that were looked at",
            None,
            self.rings.len() as f64,
        )?;
        if let Some(Room { size, available }) = self.room {
            let bytes = Some(&Unit::Bytes);
            gauge(
                "memory_size",
                "The room for rings and all else under /dev/shm",
                bytes,
                size as f64,
            )?;
            gauge("memory_available", "What of that room is free", bytes, available as f64)?;
        }
        let took = self.took.as_secs_f64();
        gauge("look_duration", "How long this look took", Some(&Unit::Seconds), took)
    }
}
