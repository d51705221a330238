//! The C interface of `shm-ring`: what `include/shm_ring.h` declares. That header is the manual; here is how each call
//! gets over the border.
//!
//! Owns: the list of rooms. Knows nothing of: how a ring works; it uses the public interface of `shm-ring`.
//!
//! Laws of the border:
//!
//! 1. Each exported function runs inside `border::guard`: nothing unwinds into C, and what panics is an error.
//! 2. A handle is an address of a [`Handle`], whose memory is never given back: a closed handle can be told.
//! 3. A handle is in one call at a time, and remembers what it has lent. `Handle::enter` refuses everything else.
//! 4. Nothing that C says is used before it was checked: addresses for NULL, lengths for overflow, numbers for their range.

mod border;
mod code;
mod common;
mod consumer;
mod event;
mod handle;
mod interrupt;
mod latest;
mod options;
mod place;
mod producer;
mod ring;
mod wait_any;

pub use self::border::Span;
pub use self::code::*;
pub use self::common::*;
pub use self::consumer::*;
pub use self::event::*;
pub use self::handle::{Handle, Out};
pub use self::interrupt::*;
pub use self::latest::*;
pub use self::options::*;
pub use self::place::*;
pub use self::producer::*;
pub use self::ring::*;
pub use self::wait_any::*;
