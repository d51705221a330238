//! What HOUSE.md and ARCHITECTURE.md promise of the sources, read off them: which storey imports which, where `unsafe`
//! may stand, who may name the standard atomics, how long a file may be, and that what is public is explained.
//!
//! Owns: the table of storeys. Knows nothing of: what the code does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library by storeys: each imports its own storey and those below.
const STOREYS: &[&[&str]] = &[
    &["protocol"],
    &["process", "role", "error", "item"],
    &["peer", "options", "stats", "clock"],
    &["region"],
    &["mapping"],
    &["attachment"],
    &["producer", "consumer"],
    &["ring"],
    &["latest", "observer"],
    &["lib", "guide"],
];

/// The longest file.
const LINES: usize = 450;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// The files below src/: their names from there, and their texts.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files_below(&root, &mut paths);
    let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// A text without its comments: whole lines of them, and what is behind code.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(""));
    lines.fold(String::new(), |code, line| code + line + "\n")
}

/// The module that a file is in: its folder, or the file itself.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn storey(module: &str) -> usize {
    let found = STOREYS.iter().position(|modules| modules.contains(&module));
    found.unwrap_or_else(|| {
        panic!("{module} has no storey: name modules, and not what lib.rs shows of them")
    })
}

/// All paths that a text names below `root`, which is "crate::" or "super::", with braces opened.
fn named_below(code: &str, root: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        // Not in the middle of a longer path.
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == ':' || c == '_' || c == '$')
        {
            open(&code[at + root.len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one tree of a `use`: what follows it.
fn open<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = open(rest, before, found).trim_start();
            match rest.chars().next() {
                Some(',') => rest = rest[1..].trim_start(),
                Some('}') => return &rest[1..],
                _ => return rest,
            }
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    before.push(text[..end].to_owned());
    let rest = match text[end..].strip_prefix("::") {
        Some(rest) => open(rest, before, found),
        None => {
            found.push(before.clone());
            &text[end..]
        }
    };
    before.pop();
    rest
}

/// A path along which each names the next, back to where it began.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn from(
        edges: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        let last = path.last().unwrap().clone();
        for next in edges.get(&last).into_iter().flatten() {
            if path.contains(next) {
                path.push(next.clone());
                return true;
            }
            if !done.contains(next) {
                path.push(next.clone());
                if from(edges, path, done) {
                    return true;
                }
                path.pop();
            }
        }
        done.insert(last);
        false
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|first| {
        let mut path = vec![first.clone()];
        from(edges, &mut path, &mut done).then_some(path)
    })
}

#[test]
fn imports_go_down_and_never_round() {
    let mut upward = Vec::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut count = 0;
    for (file, text) in sources() {
        let from = module(&file);
        for path in named_below(&code(&text), "crate::") {
            let to = path[0].as_str();
            count += 1;
            if storey(to) > storey(from) {
                upward.push(format!("{file} names crate::{}", path.join("::")));
            }
            if to != from {
                edges.entry(from.to_owned()).or_default().insert(to.to_owned());
            }
        }
    }
    assert!(count > 150, "the imports are not where they are looked for: {count}");
    assert_eq!(upward, Vec::<String>::new());
    assert_eq!(circle(&edges), None);
}

/// `mod.rs` may show what its files hold, and they may stand on what it holds; but no file stands on another that
/// stands on it.
#[test]
fn no_files_of_a_room_stand_on_each_other() {
    let sources = sources();
    let rooms: BTreeSet<&str> =
        sources.iter().filter_map(|(file, _)| file.strip_suffix("/mod.rs")).collect();
    assert!(rooms.len() > 8, "{rooms:?}");
    for room in rooms {
        let in_room = |file: &str| file.strip_prefix(room)?.strip_prefix('/').map(str::to_owned);
        let text = |name: &str| {
            let file = format!("{room}/{name}.rs");
            &sources.iter().find(|(found, _)| *found == file).unwrap().1
        };
        // What mod.rs shows, and of which file.
        let shown: BTreeMap<String, String> = named_below(&code(text("mod")), "self::")
            .into_iter()
            .filter(|path| path.len() == 2)
            .map(|path| (path[1].clone(), path[0].clone()))
            .collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let names: Vec<String> = sources
            .iter()
            .filter_map(|(file, _)| Some(module(&in_room(file)?).to_owned()))
            .collect();
        for name in names.iter().filter(|name| *name != "mod") {
            let Some((_, text)) =
                sources.iter().find(|(file, _)| *file == format!("{room}/{name}.rs"))
            else {
                continue;
            };
            let code = code(text);
            let inside = |path: &Vec<String>| (path[0] == room).then(|| path[1..].to_vec());
            let by_crate = named_below(&code, "crate::");
            let paths = named_below(&code, "super::")
                .into_iter()
                .chain(by_crate.iter().filter_map(inside))
                .filter(|path| !path.is_empty());
            for path in paths {
                let to = shown.get(&path[0]).unwrap_or(&path[0]);
                if names.contains(to) && to != name {
                    edges.entry(name.clone()).or_default().insert(to.clone());
                }
            }
        }
        assert_eq!(circle(&edges), None, "in {room}");
    }
}

/// The files below src/ that have one of `words` outside comments.
fn files_with(words: &[&str]) -> Vec<String> {
    let has = |text: &str| {
        let code = code(text);
        words.iter().any(|word| code.contains(word))
    };
    sources().into_iter().filter(|(_, text)| has(text)).map(|(file, _)| file).collect()
}

#[test]
fn unsafe_stands_only_where_the_documents_say() {
    let rooms = ["mapping/"];
    let files = [
        "region/lease.rs",
        "process/fork.rs",
        "process/page.rs",
        "producer/reservation.rs",
        "consumer/view.rs",
        // Tests under Miri.
        "ring/ordinary.rs",
        // One load.
        "protocol/barrier.rs",
        // In no ordinary build.
        "protocol/steps.rs",
    ];
    let mut found = files_with(&["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code)"]);
    assert!(found.len() > 8, "{found:?}");
    found.retain(|file| {
        !rooms.iter().any(|room| file.starts_with(room)) && !files.contains(&file.as_str())
    });
    assert_eq!(found, Vec::<String>::new());
    let barrier = sources().into_iter().find(|(file, _)| file == "protocol/barrier.rs").unwrap().1;
    assert_eq!(code(&barrier).matches("unsafe").count(), 2, "the permission, and one block");
}

#[test]
fn the_standard_atomics_are_named_only_by_the_facade_and_the_barriers() {
    let named = files_with(&["core::sync::atomic", "std::sync::atomic", "sync::atomic::"]);
    // `steps` is the facade where somebody decides about each access.
    assert_eq!(named, ["protocol/barrier.rs", "protocol/steps.rs", "protocol/sync.rs"]);
}

#[test]
fn no_file_is_longer_than_can_be_read_at_once() {
    let mut paths = Vec::new();
    for entry in fs::read_dir(crates()).unwrap() {
        for folder in ["src", "tests"] {
            files_below(&entry.as_ref().unwrap().path().join(folder), &mut paths);
        }
    }
    assert!(paths.len() > 150, "the files are not where they are looked for: {}", paths.len());
    let lines = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = paths.iter().filter(|path| lines(path) > LINES).collect();
    assert_eq!(long, Vec::<&PathBuf>::new());
}

/// What a line makes public, if that is something that a user may call or name.
fn made_public(line: &str) -> Option<(&str, &str)> {
    let item = line.trim_start().strip_prefix("pub ")?;
    let item = item.trim_start_matches("const ").trim_start_matches("unsafe ");
    let (kind, rest) = item.split_once(' ').unwrap_or(("const", item));
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').next()?;
    match kind {
        "fn" | "struct" | "enum" | "trait" => Some((kind, name)),
        _ if item.contains(": ") && !item.contains('(') => {
            Some(("field", kind.trim_end_matches(':')))
        }
        _ => None,
    }
}

/// The type that an impl block of its own is for.
fn family(line: &str) -> Option<&str> {
    let block = line.trim_start().strip_prefix("impl")?.strip_suffix(" {")?;
    let of = block.rsplit("> ").next().unwrap_or(block).trim_start();
    (!block.contains(" for ")).then(|| of.split('<').next().unwrap())
}

/// Every `pub` is reachable, since the compiler warns of those that are not.
#[test]
fn what_is_public_is_explained_and_each_family_has_an_example() {
    let (mut undocumented, mut count) = (Vec::new(), 0);
    // Types and families, and whether an example was seen.
    let mut examples: BTreeMap<String, bool> = BTreeMap::new();
    for (file, text) in sources() {
        // In no ordinary build.
        if file == "protocol/steps.rs" {
            continue;
        }
        let mut above = String::new();
        let mut of = String::new();
        for line in text.lines() {
            let trimmed = line.trim_start();
            if trimmed.starts_with("//") || trimmed.starts_with("#[") {
                above.push_str(trimmed);
                continue;
            }
            if let Some(name) = family(line) {
                of = name.to_owned();
            }
            // Nobody can name a trait that seals others.
            let item = made_public(line).filter(|(_, name)| !matches!(*name, "Waited" | "Stops"));
            if let Some((kind, name)) = item.filter(|_| !above.contains("doc(hidden)")) {
                count += 1;
                if !above.contains("///") && !above.contains("#[doc") {
                    undocumented.push(format!("{file}: {name}"));
                }
                let family = match kind {
                    "field" => None,
                    "fn" if line.starts_with("pub") => Some(name),
                    "fn" => Some(of.as_str()),
                    _ => Some(name),
                };
                match family {
                    // A macro makes it for several: the file has an example.
                    Some(of) if of.contains('$') => {
                        examples.insert(file.clone(), text.contains("/// ```"));
                    }
                    Some(of) => {
                        *examples.entry(of.to_owned()).or_default() |= above.contains("```")
                    }
                    None => {}
                }
            }
            above.clear();
        }
    }
    assert!(count > 200, "the items are not where they are looked for: {count}");
    assert_eq!(undocumented, Vec::<String>::new());
    assert!(examples.len() > 40, "{examples:?}");
    let without: Vec<_> = examples.iter().filter(|(_, has)| !**has).map(|(name, _)| name).collect();
    assert_eq!(without, Vec::<&String>::new());
}
