//! Owns: the protocol, all that runs under loom: positions and the front, park and ring, sessions, versions, the wire format.
//! Knows nothing of: mappings, files, what records hold, options.
//!
//! The crate `shm-ring-models` compiles these sources under loom, with its models beside them.

pub(crate) mod barrier;
pub(crate) mod bell;
pub(crate) mod clock;
pub(crate) mod ending;
pub(crate) mod interrupt;
pub(crate) mod layout;
pub(crate) mod park;
pub(crate) mod position;
pub(crate) mod record;
pub(crate) mod session;
#[cfg(shm_ring_steps)]
pub mod steps;
pub(crate) mod sync;
pub(crate) mod version;
