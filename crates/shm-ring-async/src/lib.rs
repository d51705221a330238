// Owns: the front page of the documentation, and what is public. Knows nothing of: how anything is done.

//! The rings of [`shm_ring`] in an event loop: futures, streams and sinks, for any runtime.
//!
//! ```
//! use shm_ring::{Options, Ring};
//! use shm_ring_async::Async;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (tx, rx) = Ring::<u64>::pair(&Options::new())?; // or each in its own process, by a name
//! let (mut tx, mut rx) = (Async::new(tx), Async::new(rx));
//! tx.send(7).await?;
//! assert_eq!(rx.recv().await?, 7);
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("guide.md")]
#![deny(unsafe_code)]

mod alarm;
#[cfg(feature = "tokio")]
mod bytes;
mod consumers;
mod end;
mod engine;
mod latest;
mod peers;
mod producers;
#[cfg(feature = "sink")]
mod sink;
mod sleeper;
mod slot;
mod stream;
mod wrapper;

#[cfg(feature = "tokio")]
pub use self::bytes::{AsyncReader, AsyncWriter};
#[cfg(feature = "sink")]
pub use self::sink::MessageSink;
pub use self::{
    alarm::Alarm,
    end::End,
    engine::{Engine, Kind},
    stream::Records,
    wrapper::Async,
};
