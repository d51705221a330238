//! Owns: [`Role`], the two ends of a ring and the writer of a latest value. Knows nothing of: how a role is held.

/// The two ends of a ring.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let taken = ring.producer().unwrap_err();
/// assert!(matches!(taken, shm_ring::Error::RoleTaken { role: shm_ring::Role::Producer, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The side that publishes records.
    Producer,
    /// The side that reads them.
    Consumer,
    /// No end of a ring: the one that writes a [`Latest`](crate::Latest) value.
    Writer,
}

impl Role {
    /// The other end. Of a writer it is nobody: the consumer's page is there, and unused.
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Producer | Self::Writer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }

    /// Whether this role writes the data.
    pub(crate) fn writes_data(self) -> bool {
        self != Self::Consumer
    }

    /// Which page of the region this role writes.
    pub(crate) fn page_index(self) -> u64 {
        match self {
            Self::Producer | Self::Writer => 1,
            Self::Consumer => 2,
        }
    }
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Writer => "writer",
        })
    }
}
