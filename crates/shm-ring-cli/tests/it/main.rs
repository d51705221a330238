//! The program as its users run it: real processes, their exit codes, what they print and what they leave
//! behind. `house` has the processes and names that all of it stands on. Timing decides nothing.

mod collecting;
mod copying;
mod ending;
mod house;
mod latest;
mod looking;
mod metrics;
mod recorders;
mod recording;
mod recordings;
mod removing;
mod replaying;
mod senders;
mod session;
mod tapping;
mod terminal;
mod values;
