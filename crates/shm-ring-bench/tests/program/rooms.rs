//! Which room of the sources imports which, read off them: what a storey needs stands on it or below it.
//!
//! Owns: the table of storeys. Knows nothing of: what the code does.

use std::fs;
use std::path::Path;

/// The rooms by storeys, the lowest first.
const STOREYS: &[&[&str]] =
    &[&["run", "complaint"], &["plan"], &["report"], &["cli"], &["commands"], &["main"]];

fn storey(room: &str) -> usize {
    let found = STOREYS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("{room} has no storey"))
}

fn look(directory: &Path, room: Option<&str>, faults: &mut Vec<String>, files: &mut usize) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let room = room.unwrap_or(name);
        if path.is_dir() {
            look(&path, Some(room), faults, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *files += 1;
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("crate::") {
                let rest = &text[at + "crate::".len()..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
                let before = text[..at].chars().last().unwrap();
                if before != '_' && before != '$' && storey(&rest[..end]) > storey(room) {
                    faults.push(format!("{}: {}", path.display(), &rest[..end]));
                }
            }
        }
    }
}

#[test]
fn imports_go_down_the_storeys() {
    let (mut faults, mut files) = (Vec::new(), 0);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    look(&sources, None, &mut faults, &mut files);
    assert!(files > 80, "{files} files only");
    assert!(faults.is_empty(), "{faults:#?}");
}
