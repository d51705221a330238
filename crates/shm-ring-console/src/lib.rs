//! What the command `shm-ring` and the comparison `shm-ring-bench` say to the person who runs them, and how: colour, notes and
//! errors ([`terminal`]), progress ([`progress`]), and what a doctor finds about a machine ([`doctor`]).
//!
//! Owns: when output is coloured and a bar is shown, the form of an error, and the questions to the machine that both
//! doctors ask. Knows nothing of: rings, measurements, or the command lines of the two.
#![deny(unsafe_code)]

pub mod doctor;
pub mod progress;
pub mod terminal;
