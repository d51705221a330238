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
