//! What the documents say of the tests, read off both: every test that SECURITY.md names is there, and every cell of its
//! table names one.
//!
//! Owns: where the table stands and what a name of a test looks like. Knows nothing of: what the tests show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "| promise | a peer | a reader | a stranger |";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tests with real processes of the library and of the command, as `module::name`.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for home in ["shm-ring", "shm-ring-cli"] {
        for entry in fs::read_dir(root().join("crates").join(home).join("tests/it")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            for after in text.split("#[test]").skip(1) {
                let name = after.split_once("fn ").unwrap().1.split('(').next().unwrap();
                found.insert(format!("{module}::{name}"));
            }
        }
    }
    found
}

/// What stands between backquotes in `text` and is the name of a test.
fn named(text: &str) -> Vec<&str> {
    let is_of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains("::") && name.chars().all(is_of_a_name)).collect()
}

#[test]
fn every_cell_of_the_table_of_trust_names_tests_that_are_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let tests = tests();
    assert!(tests.len() > 300, "the tests are not where they are looked for: {}", tests.len());
    let mut lines = text.lines().skip_while(|line| *line != HEAD).skip(2);
    let rows: Vec<&str> = lines.by_ref().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 10, "the table is not where it is looked for: {rows:?}");
    let mut bare = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        bare.extend(cells[1..].iter().filter(|cell| named(cell).is_empty()).map(|_| cells[0]));
    }
    assert_eq!(bare, Vec::<&str>::new(), "these rows have a cell without a test");
    let missing: Vec<_> = named(&text).into_iter().filter(|name| !tests.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "no such tests");
}
