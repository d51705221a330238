//! The program as its users run it: real processes, real objects, nothing left behind. Timing decides nothing
//! here.

mod commands;
mod rooms;
mod running;
mod support;
mod transports;
mod workloads;
