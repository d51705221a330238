//! What the documents say, read off them and the sources: every test that SECURITY.md names is there, and every cell of its
//! table names one. Links lead to files that are there. The first program is the same in both READMEs, and sentences begin
//! with their subject.
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

/// The Markdown pages of the repository, without those that a build or a package manager left.
fn pages() -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let foreign = ["target", "corpus", "artifacts", "node_modules"].contains(&&*name);
            if entry.file_type().unwrap().is_dir() && !foreign && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") && entry.file_type().unwrap().is_file() {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 20, "the pages are not where they are looked for: {}", found.len());
    found
}

/// The text of a page without its blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_that_is_there() {
    let (mut links, mut broken) = (0, Vec::new());
    for (path, text) in pages() {
        for target in prose(&text).split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = target.split('#').next().unwrap();
            if target.contains("://") || file.is_empty() || file.contains(['`', ' ', '\n']) {
                continue;
            }
            links += 1;
            // Paths of the documentation are rustdoc's to check.
            let exists = file.contains("::") || path.parent().unwrap().join(file).exists();
            if !exists && !path.ends_with("guide.md") {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(links > 40, "{links} links only");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_first_program_is_the_same_in_both_readmes() {
    let program = |readme: &str, start| {
        let text = fs::read_to_string(root().join(readme)).unwrap();
        let code = text.split_once(start).unwrap_or_else(|| panic!("{readme}: no {start:?}")).1;
        code.split("```").next().unwrap().to_owned()
    };
    let packaged = program("crates/shm-ring/README.md", "```rust,no_run\n");
    assert_eq!(program("README.md", "```rust\n"), packaged);
}

/// Relative clauses that stand for a subject make readers read twice.
#[test]
fn sentences_of_pages_begin_with_their_subject() {
    let mut texts = pages();
    for entry in fs::read_dir(root().join("crates/shm-ring/src/guide")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("//! ", "").replace("//!", "");
        texts.push((path, text));
    }
    let kept = ["CHANGELOG.md", "EXPERIMENTS.md", "METHOD.md", "FAULTS.md", "LAYOUT.md"];
    let mut found = Vec::new();
    for (path, text) in texts {
        if kept.iter().any(|name| path.ends_with(name)) || path.starts_with(root().join("benches"))
        {
            continue;
        }
        let words = prose(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        for start in [". Who ", ". Whoever ", ". What ", ". Whatever ", "- What ", "- Who "] {
            let at = words.match_indices(start).map(|(at, _)| &words[at..]);
            let sentences = at.map(|rest| rest[2..].split_inclusive(['.', '?']).next().unwrap());
            found.extend(
                sentences
                    .filter(|sentence| !sentence.ends_with('?'))
                    .map(|sentence| format!("{}: {sentence}", path.display())),
            );
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The documentation shows blocks in the order of modules, and calls in that of the source.
#[test]
fn the_page_of_a_type_begins_with_what_people_call() {
    let first = |file: &str, start: &str| {
        let text = fs::read_to_string(root().join("crates/shm-ring/src").join(file)).unwrap();
        let after = text.lines().find_map(|line| line.trim().strip_prefix(start)).unwrap();
        after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned()
    };
    for (room, kind, call) in [
        ("producer", "values", "push"),
        ("producer", "messages", "push"),
        ("consumer", "values", "pop"),
        ("consumer", "messages", "pop"),
        ("latest", "reader", "read"),
    ] {
        assert_eq!(first(&format!("{room}/{kind}.rs"), "pub fn "), call, "{room}/{kind}");
    }
    let blocks =
        ["producer", "consumer", "latest"].map(|room| first(&format!("{room}/mod.rs"), "mod "));
    assert_eq!(blocks, ["values", "values", "reader"]);
}
