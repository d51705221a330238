//! Every call of both ends of a ring while somebody writes anything anywhere into it, each answer judged by the words that
//! stood in the region: the body of the campaign `hostile` and of the fuzz target `corrupt`.
//!
//! Owns: the calls, what they must answer, the hand that writes, and where choices come from. Knows nothing of: victims in
//! processes of their own, and of the fuzzer.
#![deny(unsafe_code)]
// Nothing here is published, and the names of calls say what they are.
#![allow(missing_docs)]

pub mod board;
pub mod drive;
pub mod hand;
pub mod kind;
pub mod memory;
pub mod rng;
pub mod shared;
pub mod truth;
