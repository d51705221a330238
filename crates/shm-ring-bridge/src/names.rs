//! Owns: what a bridge is called on the server: its stream, its consumer, and the subjects on which the two sides speak. Knows
//! nothing of: what they say.

use crate::failure::{Code, Failure};
use crate::target::Target;

/// The only consumer of the stream.
pub(crate) const CONSUMER: &str = "sink";

/// Of one bridge.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The stream.
    pub(crate) stream: String,
    /// What the stream keeps: batches.
    pub(crate) records: String,
    /// The sink asks the source.
    pub(crate) hello: String,
    /// The sink says where it stands.
    pub(crate) stand: String,
    /// The source asks where the sink stands.
    pub(crate) r#where: String,
    /// A source looks for others.
    pub(crate) source: String,
}

impl Names {
    /// Of the bridge called `name`, or of that which is called as the ring at `target`.
    pub(crate) fn new(name: Option<&str>, target: &Target) -> Result<Self, Failure> {
        let name = name.map_or_else(|| target.bare(), str::to_owned);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 200 || !name.chars().all(is_plain) {
            let what = format!("a bridge cannot be called {name:?}");
            let hint = "--name gives it a name of letters, digits, - and _: the same on both sides";
            return Err(Failure::new(Code::Usage, what, hint));
        }
        let subject = |what: &str| format!("shm-ring.{name}.{what}");
        Ok(Self {
            stream: format!("shm-ring-{name}"),
            records: subject("records"),
            hello: subject("hello"),
            stand: subject("stand"),
            r#where: subject("where"),
            source: subject("source"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_has_the_name_of_its_ring_or_its_own_if_that_can_be_one() {
        let named = |name, ring: &str| Names::new(name, &ring.parse().unwrap());
        assert_eq!(named(None, "/ticks").unwrap().records, "shm-ring.ticks.records");
        assert_eq!(named(Some("b"), "a.b").unwrap().stream, "shm-ring-b");
        for (name, ring) in [(None, "a.b"), (Some(""), "a"), (Some("a>"), "a"), (None, "a b")] {
            assert!(named(name, ring).is_err(), "{name:?} {ring}");
        }
    }
}
