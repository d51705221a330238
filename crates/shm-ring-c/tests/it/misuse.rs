//! Wrong use of every kind, by a C program: every call answers, nothing unwinds or aborts, and what was used wrongly works
//! afterwards. Once as it is, once with the address and undefined behaviour sanitizers of the compiler.
//!
//! Owns: which cases are run how. Knows nothing of: the cases.

use std::path::PathBuf;

use crate::installed::{compile, has, program, run};

const CASES: [&str; 10] = [
    "no_handle",
    "closed_handles",
    "other_handles",
    "lengths",
    "lent",
    "in_a_call",
    "options_and_places",
    "many",
    "descriptors_and_forks",
    "words",
];

fn every_case(program_path: PathBuf) {
    for case in CASES {
        run(program(&program_path).arg(case));
    }
}

#[test]
fn no_call_unwinds_or_aborts_whatever_its_arguments() {
    if has("gcc") && has("pkg-config") {
        every_case(compile("gcc", "tests/programs/misuse.c", &[]));
    }
}

#[test]
fn nor_does_the_sanitizer_find_anything() {
    if has("gcc") && has("pkg-config") {
        let sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        every_case(compile("gcc", "tests/programs/misuse.c", &sanitized));
    }
}
