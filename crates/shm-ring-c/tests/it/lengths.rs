//! Values of every length up to some hundred bytes, by single calls from C: the usual lengths have code of their own.
//!
//! Owns: how the program is built and run. Knows nothing of: what crosses.

use crate::installed::{compile, has, program, run};

#[test]
fn values_of_every_length_cross_by_single_calls() {
    if has("gcc") && has("pkg-config") {
        run(&mut program(&compile("gcc", "tests/programs/lengths.c", &["-pthread"])));
    }
}
