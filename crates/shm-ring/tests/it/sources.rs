//! The absences that the documents promise, read off the sources: where `unsafe` may stand, and who
//! may name the standard atomics.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files below src/ that have one of `words` outside comments.
fn files_with(words: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(paths.len() > 20, "the sources are not where they are looked for");
    let has = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.any(|line| words.iter().any(|word| line.contains(word)))
    };
    let mut names: Vec<String> = paths
        .iter()
        .filter(|path| has(path))
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    names.sort();
    names
}

#[test]
fn unsafe_stands_only_where_the_documents_say() {
    let allowed = [
        "barrier.rs",
        "copy.rs",
        "in_place.rs",
        "in_place/descriptor.rs",
        "in_place/record.rs",
        "lease.rs",
        "mirror/mod.rs",
        "mirror/one.rs",
        "mirror/slots.rs",
        "mirror/watched.rs",
        "models/mod.rs",
        "notice.rs",
        "steps.rs",
    ];
    assert_eq!(
        files_with(&["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code)"]),
        allowed
    );
}

#[test]
fn the_standard_atomics_are_named_only_by_the_facade_and_the_barriers() {
    let named = files_with(&["core::sync::atomic", "std::sync::atomic"]);
    // The models count their executions with an atomic that loom must not see; `steps` is the facade
    // where somebody decides about each access.
    assert_eq!(named, ["barrier.rs", "models/mod.rs", "steps.rs", "sync.rs"]);
}

/// What a line makes public, if that is something that a user may call or name.
fn made_public(line: &str) -> Option<&str> {
    let item = line.trim_start().strip_prefix("pub ")?;
    let item = item.trim_start_matches("unsafe ");
    let (kind, rest) = item.split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    match (kind, rest.strip_prefix("fn ")) {
        ("const", Some(function)) => function.split(['<', '(']).next(),
        ("fn" | "const" | "struct" | "enum" | "trait", _) => Some(name),
        _ => None,
    }
}

/// Every `pub` is reachable, since the compiler warns of those that are not.
#[test]
fn every_public_item_has_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut without = Vec::new();
    let mut with = 0;
    for path in paths {
        let file = path.strip_prefix(&root).unwrap().display().to_string();
        // In no ordinary build.
        if file == "steps.rs" || file.starts_with("models/") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut above = String::new();
        for line in text.lines() {
            let trimmed = line.trim_start();
            if trimmed.starts_with("///") || trimmed.starts_with("#[") {
                above.push_str(trimmed);
                continue;
            }
            // Nobody can name a trait that seals others.
            let nameable = |name: &&str| !["Sealed", "Watched"].contains(name);
            if let Some(name) = made_public(line).filter(nameable) {
                if above.contains("```") || above.contains("doc(hidden)") {
                    with += 1;
                } else {
                    without.push(format!("{file}: {name}"));
                }
            }
            above.clear();
        }
    }
    assert!(with > 100, "the items are not where they are looked for: {with}");
    assert_eq!(without, Vec::<String>::new());
}
