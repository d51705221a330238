//! Owns: the properties of a ring in which its partner must agree. Knows nothing of: positions.

use serde::{Deserialize, Serialize};
use shm_ring::{Contents, Options, Snapshot};

use crate::pairing::Refusal;

/// Bytes between two records of messages are multiples of this at least.
const MESSAGE_UNIT: u64 = 8;

/// What the records of a ring are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Of a value; 1 of messages.
    pub(crate) size: u64,
    pub(crate) align: u64,
    pub(crate) schema: u64,
    /// The most bytes of records at once.
    pub(crate) limit: u64,
    /// The user's text. Rings need not agree on it; a ring that the sink makes has the source's.
    pub(crate) label: String,
    /// The order of bytes in numbers: values cross as they lie in memory.
    pub(crate) order: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Values,
    Messages,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Messages => "messages",
        }
    }
}

impl Shape {
    /// Of the ring in `snapshot`, if it is one: a latest value has no records.
    pub(crate) fn of(snapshot: &Snapshot) -> Option<Self> {
        let (kind, size, align) = match snapshot.contents {
            Contents::Values { size, align } => (Kind::Values, size, align),
            Contents::Messages { size, align } => (Kind::Messages, size, align),
            _ => return None,
        };
        let order = if cfg!(target_endian = "little") { "little" } else { "big" };
        let Snapshot { schema, limit, label, .. } = snapshot;
        let (schema, limit, label) = (*schema, *limit, label.clone());
        Some(Self { kind, size, align, schema, limit, label, order: order.to_owned() })
    }

    /// Whether what this ring carries fits `sink` at the same positions.
    pub(crate) fn accepts(&self, sink: &Self) -> Result<(), Refusal> {
        let differs = |what: &str, source: &dyn ToString, sink: &dyn ToString| {
            let (source, sink) = (source.to_string(), sink.to_string());
            Err(Refusal::Shape { what: what.to_owned(), source, sink })
        };
        if self.kind != sink.kind {
            return differs("records of kind", &self.kind.name(), &sink.kind.name());
        }
        for (what, ours, theirs) in [
            ("item size", self.size, sink.size),
            ("item alignment", self.align, sink.align),
            ("schema id", self.schema, sink.schema),
        ] {
            if ours != theirs {
                return differs(what, &ours, &theirs);
            }
        }
        if self.order != sink.order {
            return differs("byte order", &self.order, &sink.order);
        }
        if self.kind == Kind::Messages && sink.limit < self.limit {
            return Err(Refusal::Small { source: self.limit, sink: sink.limit });
        }
        Ok(())
    }

    /// For opening a ring that has this shape, or making it.
    pub(crate) fn options(&self, options: Options) -> Options {
        let options = options.label(self.label.as_str());
        match self.kind {
            Kind::Values => options,
            Kind::Messages => options.align(self.align as usize).schema(self.schema),
        }
    }

    /// Bytes from a message of `len` bytes to the next.
    pub(crate) fn stride(&self, len: u64) -> u64 {
        let unit = self.align.max(MESSAGE_UNIT);
        unit + len.next_multiple_of(unit)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn values(size: u64) -> Shape {
        let order = "little".to_owned();
        let (kind, align, schema, limit) = (Kind::Values, 8, 0, 4096);
        Shape { kind, size, align, schema, limit, label: String::new(), order }
    }

    pub(crate) fn messages() -> Shape {
        Shape { kind: Kind::Messages, size: 1, align: 1, ..values(1) }
    }

    #[test]
    fn rings_agree_on_all_that_makes_their_positions_the_same() {
        let ours = values(8);
        let same = Shape { label: "another".to_owned(), limit: 64, ..values(8) };
        assert_eq!(ours.accepts(&same), Ok(()));
        let others = [
            (Shape { align: 4, ..values(8) }, "item alignment"),
            (Shape { schema: 7, ..values(8) }, "schema id"),
            (Shape { order: "big".to_owned(), ..values(8) }, "byte order"),
            (messages(), "records of kind"),
        ];
        for (theirs, wanted) in others {
            let Err(Refusal::Shape { what, .. }) = ours.accepts(&theirs) else {
                panic!("{wanted}")
            };
            assert_eq!(what, wanted);
        }
        let small = Shape { limit: 64, ..messages() };
        assert_eq!(messages().accepts(&small), Err(Refusal::Small { source: 4096, sink: 64 }));
    }

    #[test]
    fn messages_take_what_the_layout_says() {
        let strides = |align| [0, 1, 8, 9].map(|len| Shape { align, ..messages() }.stride(len));
        assert_eq!(strides(1), [8, 16, 16, 24]);
        assert_eq!(strides(64), [64, 128, 128, 128]);
    }
}
