//! Owns: which sink ring belongs to which source ring, and whether the two may go on: a decision without side effects. Knows
//! nothing of: rings that are open, or how the two sides reach each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::shape::Shape;

/// Which ring a side is paired with, and where the sink ring's position 0 is in the positions of the source ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) other: u128,
    pub(crate) base: u64,
}

/// A side's ring, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) id: u128,
    /// What is below has been given back (source). Of the sink, that is of no importance.
    pub(crate) head: u64,
    /// What is below has been published.
    pub(crate) tail: u64,
    pub(crate) shape: Shape,
    pub(crate) pair: Option<Pair>,
    /// The user says that what a ring was paired with before is of no importance (`--pair-anew`).
    pub(crate) anew: bool,
}

/// Why two rings are no pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// Records of one are none of the other.
    Shape { what: String, source: String, sink: String },
    /// The longest message of the source does not fit the sink.
    Small { source: u64, sink: u64 },
    /// The sink ring is paired with another source ring.
    OtherSource { source: String, paired: String },
    /// The source ring is paired with another sink ring.
    OtherSink { sink: String, paired: String },
    /// Both know of each other, and count from different positions.
    OtherBase { source: u64, sink: u64 },
    /// The sink ring holds records of which nobody knows where they came from.
    Unpaired { tail: u64 },
    /// The source has given back what the sink has not.
    Loss { head: u64, stand: u64 },
    /// The sink has more than the source has ever published.
    Beyond { tail: u64, stand: u64 },
}

/// The pair that `source` has to remember, and where `sink` stands in its positions.
pub(crate) fn pair(source: &Side, sink: &Side) -> Result<(Pair, u64), Refusal> {
    source.shape.accepts(&sink.shape)?;
    if let Some(pair) = sink.pair
        && pair.other != source.id
    {
        let (source, paired) = (show(source.id), show(pair.other));
        return Err(Refusal::OtherSource { source, paired });
    }
    let base = match (source.pair, sink.pair) {
        (Some(pair), _) if pair.other != sink.id => {
            let (sink, paired) = (show(sink.id), show(pair.other));
            return Err(Refusal::OtherSink { sink, paired });
        }
        (Some(ours), Some(theirs)) if ours.base != theirs.base => {
            return Err(Refusal::OtherBase { source: ours.base, sink: theirs.base });
        }
        (Some(pair), _) | (None, Some(pair)) => pair.base,
        // Nothing has been sent yet: the sink begins where the source begins.
        (None, None) if sink.tail == 0 || sink.anew => source.head.wrapping_sub(sink.tail),
        (None, None) => return Err(Refusal::Unpaired { tail: sink.tail }),
    };
    let stand = base.wrapping_add(sink.tail);
    if stand < source.head {
        return Err(Refusal::Loss { head: source.head, stand });
    }
    if stand > source.tail {
        return Err(Refusal::Beyond { tail: source.tail, stand });
    }
    Ok((Pair { other: sink.id, base }, stand))
}

/// The id of a ring, as `shm-ring stat` shows it.
pub(crate) fn show(id: u128) -> String {
    format!("{id:032x}")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { what, source, sink } => {
                write!(f, "the source ring has {what} {source}, and the sink ring {sink}")
            }
            Self::Small { source, sink } => write!(
                f,
                "the source ring holds {source} bytes of messages, and the sink ring {sink}: the longest would never fit"
            ),
            Self::OtherSource { source, paired } => {
                write!(f, "the sink ring continues source ring {paired}, and here is {source}")
            }
            Self::OtherSink { sink, paired } => {
                write!(f, "the source ring continues in sink ring {paired}, and here is {sink}")
            }
            Self::OtherBase { source, sink } => write!(
                f,
                "the sink ring begins at position {source} by the source's record and at {sink} by its own"
            ),
            Self::Unpaired { tail } => write!(
                f,
                "the sink ring holds {tail} bytes of records, and nothing says from which source ring"
            ),
            Self::Loss { head, stand } => write!(
                f,
                "the sink ring stands at position {stand} and the source ring begins at {head}: {} bytes are lost",
                head - stand
            ),
            Self::Beyond { tail, stand } => write!(
                f,
                "the sink ring stands at position {stand} and the source ring ends at {tail}"
            ),
        }
    }
}

impl Refusal {
    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Shape { .. } => {
                "remove the sink ring once it is read (`shm-ring rm`): the sink makes one like the source's"
            }
            Self::Small { .. } => "make the sink ring at least as large as the source ring",
            Self::OtherSource { .. } => {
                "if the source ring was made anew: once the sink ring is read, remove it, or start the sink once with \
                 --pair-anew, which goes on behind what it holds; if these are two bridges: --name"
            }
            Self::OtherSink { .. } => {
                "if the sink ring was made anew: start the source once with --pair-anew, which goes on with all that the \
                 old one has not confirmed (what it had taken since comes again); if these are two bridges: --name"
            }
            Self::OtherBase { .. } => "start both sides once with --pair-anew",
            Self::Unpaired { .. } => {
                "remove the sink ring once it is read, or start the sink once with --pair-anew, which goes on behind what it \
                 holds"
            }
            Self::Loss { .. } => {
                "another consumer has taken them from the source ring; start both sides once with --pair-anew to go on \
                 without them"
            }
            Self::Beyond { .. } => {
                "somebody else has published to the sink ring, or the source ring is an older copy of itself; start both \
                 sides once with --pair-anew"
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::shape::tests::values;

    pub(crate) fn side(id: u128, head: u64, tail: u64, pair: Option<Pair>) -> Side {
        Side { id, head, tail, shape: values(8), pair, anew: false }
    }

    fn paired(other: u128, base: u64) -> Option<Pair> {
        Some(Pair { other, base })
    }

    #[test]
    fn a_first_pair_begins_at_the_head_and_is_confirmed_from_then_on() {
        let mut source = side(1, 80, 800, None);
        let mut sink = side(2, 0, 0, None);
        let (pair, stand) = super::pair(&source, &sink).unwrap();
        assert_eq!((pair, stand), (Pair { other: 2, base: 80 }, 80));
        // The answer was lost: the source knows, the sink does not.
        source.pair = Some(pair);
        assert_eq!(super::pair(&source, &sink), Ok((pair, 80)));
        sink.pair = paired(1, 80);
        (source.head, sink.tail) = (160, 400);
        assert_eq!(super::pair(&source, &sink), Ok((pair, 480)));
    }

    #[test]
    fn a_sink_before_the_head_is_a_loss_and_one_behind_the_tail_is_refused() {
        let source = side(1, 80, 160, paired(2, 0));
        let stands = |tail| super::pair(&source, &side(2, 0, tail, paired(1, 0)));
        assert_eq!(stands(72), Err(Refusal::Loss { head: 80, stand: 72 }));
        assert!(stands(80).is_ok() && stands(160).is_ok());
        assert_eq!(stands(168), Err(Refusal::Beyond { tail: 160, stand: 168 }));
    }

    #[test]
    fn another_ring_on_either_side_is_refused_with_both() {
        let sink = side(2, 0, 80, paired(1, 0));
        let refused = super::pair(&side(3, 0, 800, None), &sink);
        let Err(Refusal::OtherSource { source, paired: theirs }) = refused else { panic!("taken") };
        assert_eq!((source, theirs), (show(3), show(1)));
        let refused = super::pair(&side(1, 0, 800, paired(2, 0)), &side(4, 0, 0, None));
        let Err(Refusal::OtherSink { sink, paired: ours }) = refused else { panic!("taken") };
        assert_eq!((sink, ours), (show(4), show(2)));
    }

    #[test]
    fn a_sink_ring_of_unknown_descent_is_taken_only_if_the_user_says_so() {
        let (source, mut sink) = (side(1, 80, 800, None), side(2, 0, 400, None));
        assert_eq!(super::pair(&source, &sink), Err(Refusal::Unpaired { tail: 400 }));
        sink.anew = true;
        let (pair, stand) = super::pair(&source, &sink).unwrap();
        // It stands at the head, whatever it holds.
        assert_eq!(stand, 80);
        assert_eq!(pair.base.wrapping_add(400), 80);
        // A source whose record is gone believes the sink's.
        assert_eq!(super::pair(&source, &side(2, 0, 400, paired(1, 0))).unwrap().1, 400);
    }

    #[test]
    fn other_records_are_refused_with_both_values() {
        let source = side(1, 0, 0, None);
        let sink = Side { shape: values(16), ..side(2, 0, 0, None) };
        let refusal = super::pair(&source, &sink).unwrap_err();
        assert_eq!(refusal.to_string(), "the source ring has item size 8, and the sink ring 16");
    }
}
