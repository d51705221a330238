// Owns: the guide's page on Python: how its values are this library's, and what differs. Knows nothing of: the package's code.

//! From Python: the same rings from a program in Python, on the other side or on both.
//!
//! The package in `bindings/python` is made of this library: `pip install ./bindings/python` builds a wheel for CPython 3.11
//! and later. Its README has the calls. This page is for the side that is written in Rust or C.
//!
//! ```python
//! import numpy as np, shm_ring
//! Tick = np.dtype([("price", "<f8"), ("size", "<u4"), ("unused", "<u4")])
//! rx = shm_ring.Consumer("/ticks", Tick, items=4096, schema=shm_ring.schema_id(Tick))
//! for batch in rx.batches(256):            # numpy arrays of what is there
//!     print(batch["price"].mean())
//! ```
//!
//! Its other side, with the number that `shm_ring.schema_id(Tick)` prints:
//!
//! ```
//! use shm_ring::{Options, Producer};
//! use zerocopy::{FromBytes, Immutable, IntoBytes};
//!
//! #[derive(FromBytes, IntoBytes, Immutable)]
//! #[repr(C)]
//! struct Tick {
//!     price: f64,
//!     size: u32,
//!     unused: u32,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = format!("/shm-ring-doc-from-python-{}", std::process::id());
//! # let name = name.as_str();
//! let options = Options::new().items(4096).schema(0xa028_e052_f63a_6061).unlink_on_drop();
//! let mut tx = Producer::<Tick>::open_or_create(name, &options)?; // "/ticks"
//! tx.push(Tick { price: 99.5, size: 3, unused: 0 })?;
//! # shm_ring::Consumer::<Tick>::open_with(name, &options)?.pop()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Values
//!
//! | numpy | here |
//! |---|---|
//! | `"<u8"`, `"<f4"` | `u64`, `f32` |
//! | `("<f4", (3, 3))`, `"S16"` | `[[f32; 3]; 3]`, `[u8; 16]` |
//! | a structured dtype whose fields lie where `#[repr(C)]` puts them | that struct, with its alignment |
//! | any other structured dtype | `#[repr(C, packed)]`, alignment 1 |
//! | a dtype with holes, of `bool`, `str`, objects | refused, as it does not compile here ([`Item`](crate::Item)) |
//!
//! Both sides must want the same size, alignment, schema id and label, or the one that comes later gets an error with both
//! values ([`Error::Incompatible`](crate::Error::Incompatible)). The schema id is 0 unless a program says otherwise;
//! `shm_ring.schema_id(dtype)` is FNV-1a (64 bits) of a text that names each field, its type and its offset:
//!
//! ```
//! const fn schema_id(text: &str) -> u64 {
//!     let (bytes, mut number, mut at) = (text.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
//!     while at < bytes.len() {
//!         number = (number ^ bytes[at] as u64).wrapping_mul(0x100_0000_01b3);
//!         at += 1;
//!     }
//!     number
//! }
//! const TICK: u64 = schema_id("{price:<f8@0,size:<u4@8,unused:<u4@12}16");
//! assert_eq!(TICK, 0xa028_e052_f63a_6061);
//! ```
//!
//! # What differs there
//!
//! - `pop` and `push` raise `Closed` and `PeerDead` as they return them here; the words of an exception are those of the error.
//! - Views and reservations are buffers. They lend the region itself, and what [`View::as_slice`](crate::View::as_slice) asks
//!   of a caller holds there for both programs: whoever writes data that is not its own makes the other's numbers a mixture.
//!   `release` and `commit` are refused while an array of them lives.
//! - A wait is cut into slices of 50 ms so that Ctrl-C ends it, and other threads of the interpreter run meanwhile.
//! - An end waits in asyncio by [`arm`](crate::arm) and a thread of its process, as in `shm-ring-async`.
//! - A child that was forked is refused ([`PopError::Forked`](crate::PopError::Forked)), whatever `multiprocessing` did.
