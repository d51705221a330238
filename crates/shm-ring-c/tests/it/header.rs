//! The header and the library: the same functions, the same codes, the same structures, and a library of its own name that
//! shows nothing else.
//!
//! Owns: what is compared. Knows nothing of: what any of it does.

use std::collections::BTreeSet;
use std::process::Command;

use crate::installed::{compile, has, here, prefix, program, run};

fn header() -> String {
    std::fs::read_to_string(here().join("include/shm_ring.h")).unwrap()
}

/// The text without its comments.
fn code() -> String {
    let mut rest = header();
    while let Some((before, behind)) = rest.split_once("/*") {
        rest = format!("{before} {}", behind.split_once("*/").unwrap().1);
    }
    rest
}

/// The functions that the header declares and does not define.
fn declared() -> BTreeSet<String> {
    let code = code();
    let before = |at: usize| code[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
    let calls = code.match_indices('(').map(|(at, _)| (before(at) + 1, at));
    let names = calls.filter(|(start, _)| {
        let line = &code[code[..*start].rfind('\n').unwrap()..*start];
        !line.contains("static") && !line.contains("return") && !line.contains("define")
    });
    names
        .map(|(start, end)| code[start..end].to_owned())
        .filter(|name| name.starts_with("shmr_"))
        .collect()
}

#[test]
fn the_shared_library_shows_what_the_header_declares_and_nothing_else() {
    if !has("nm") {
        return;
    }
    let library = prefix().join("lib/libshmring.so");
    let output = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let shown = String::from_utf8(output.stdout).unwrap();
    let shown: BTreeSet<String> =
        shown.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect();
    assert!(shown.len() > 80, "{shown:?}");
    assert_eq!(declared(), shown);
}

#[test]
fn programs_ask_for_the_library_by_a_name_with_its_release() {
    if !has("readelf") {
        return;
    }
    let library = prefix().join("lib/libshmring.so");
    let output = run(Command::new("readelf").arg("-d").arg(library));
    let wanted = format!("[libshmring.so.0.{}]", env!("CARGO_PKG_VERSION_MINOR"));
    assert!(String::from_utf8_lossy(&output.stdout).contains(&wanted));
}

#[test]
fn every_code_of_the_header_is_that_of_the_library() {
    let code = code();
    let body = code.split_once("enum shmr_code {").unwrap().1.split_once('}').unwrap().0;
    let of_header: Vec<(String, i32)> = body
        .split(',')
        .filter_map(|line| line.split_once('='))
        .map(|(name, code)| (name.trim().to_owned(), code.trim().parse().unwrap()))
        .collect();
    let of_library: Vec<(String, i32)> =
        shmring::CODES.iter().map(|&(name, code)| (name.to_owned(), code)).collect();
    assert_eq!(of_header, of_library);
}

/// An option that Rust is given and C is not would be forgotten here.
#[test]
fn every_option_of_the_library_can_be_chosen() {
    let read = |file: &str| std::fs::read_to_string(here().join(file)).unwrap();
    let (options, chosen) = (read("../shm-ring/src/options/mod.rs"), read("src/options.rs"));
    let methods = options.split("    pub fn ").skip(1).filter(|text| text.contains("(mut self"));
    let methods: Vec<&str> = methods
        .filter_map(|text| text.split_once('(').filter(|(_, rest)| rest.starts_with("mut self")))
        .map(|(name, _)| name)
        .collect();
    assert!(methods.len() > 15, "{methods:?}");
    for method in methods {
        let is_called = chosen.contains(&format!(".{method}("));
        assert!(is_called || chosen.contains(&format!("Options::{method}")), "{method}");
    }
}

/// Sizes and offsets, printed by a C program and by us.
#[test]
fn every_structure_of_the_header_is_that_of_the_library() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let source = "tests/programs/structures.c";
    let printed = run(&mut program(&compile("gcc", source, &[]))).stdout;
    macro_rules! structure {
        ($($type:ty as $name:literal { $($field:ident),* })*) => {
            [$(
                format!("{} {}", $name, size_of::<$type>()),
                $(format!("{}.{} {}", $name, stringify!($field), std::mem::offset_of!($type, $field)),)*
            )*]
        };
    }
    let ours = structure! {
        shmring::Span as "span" { data, len }
        shmring::shmr_place as "place" { kind, fd, name, pid }
        shmring::shmr_options as "options" {
            size, item_size, align, schema, items, bytes, history, max_capacity, label, mode, group, flags, wait, spins,
            yields, spin_for_ns, attach_timeout_ns
        }
        shmring::shmr_info as "info" { item_size, align, schema, limit_bytes, id }
        shmring::shmr_peer as "peer" { state, pid, session, released }
        shmring::shmr_stats as "stats" { waits, sleeps, wakes_sent, high_water, dropped }
        shmring::shmr_end<'static> as "end" { producer, consumer, awaits_peer }
    };
    assert_eq!(String::from_utf8(printed).unwrap().lines().collect::<Vec<_>>(), ours);
}
