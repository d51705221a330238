//! The bridge as its users run it: real processes, a real server on loopback, and rings of their own.
//!
//! Owns: the list of its parts. Knows nothing of: what they test.
#![allow(clippy::unwrap_used)]

mod carrying;
mod chaos;
mod house;
mod knowing;
mod limits;
mod numbers;
mod refusing;
mod serving;
