//! The recorded session is what happens: it is played again, and the README shows what was recorded.

use std::process::{Command, Stdio};

use serde_json::Value;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The commands of a session, without the numbers of processes.
fn commands(session: &str) -> Vec<String> {
    let typed = session.lines().filter_map(|line| line.strip_prefix("$ "));
    let nameless = |word: &str| match word.trim_end_matches(';').parse::<u32>() {
        Ok(pid) if pid > 1 && pid != 1_000_000_000 => "PID".to_owned(),
        _ => word.to_owned(),
    };
    typed.map(|line| line.split(' ').map(nameless).collect::<Vec<_>>().join(" ")).collect()
}

/// The session as the README shows it.
fn shown() -> String {
    let readme = std::fs::read_to_string(format!("{HERE}/README.md")).unwrap();
    let block = readme.split("```console\n").find(|block| block.starts_with("$ seq 1000000000"));
    block.unwrap().split("```").next().unwrap().to_owned()
}

/// What a recording shows, without the orders to a terminal.
fn plain(recording: &str) -> String {
    let events =
        recording.lines().skip(1).map(|event| serde_json::from_str::<Value>(event).unwrap());
    let output: String = events.map(|event| event[2].as_str().unwrap().to_owned()).collect();
    // A line begins where `top` gives the screen back.
    let output = output.replace("\u{1b}[?1049l", "\n");
    let mut parts = output.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |plain, part| {
        plain + &part[part.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |end| end + 1)..]
    })
}

#[test]
fn the_readme_shows_the_session_that_was_recorded() {
    let recorded = plain(&std::fs::read_to_string(format!("{HERE}/session/session.cast")).unwrap());
    // Where columns stand a terminal says.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in shown().lines().map(words) {
        assert!(words(&recorded).contains(&line), "session/record shows no such line: {line}");
    }
    assert_eq!(commands(&recorded), commands(&shown()));
    assert!(commands(&recorded).len() > 8);
}

/// In a mount namespace of its own, where /dev/shm is ours alone.
#[test]
fn the_session_goes_as_it_was_recorded() {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_shm-ring")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let script = format!("mount -t tmpfs none /dev/shm && exec '{HERE}/session/play'");
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "timeout", "60", "bash", "-c", &script])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no unshare");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if said.is_empty() {
        eprintln!("skipped: {errors}");
        return;
    }
    assert_eq!(commands(&said), commands(&shown()), "{said}{errors}");
    assert!(said.contains("; echo $?\n5\n"), "the reader learns of the death: {said}");
    assert!(said.contains("\tdead ") && said.contains("\tclosed\t"), "{said}");
    assert!(said.contains("producer     dead, process "), "{said}");
    assert!(errors.contains("the producer died"), "{errors}");
    assert!(said.contains("--older-than 0\nnumbers\t1 MiB\t"), "gc removes it: {said}");
    assert!(said.ends_with("$ shm-ring ls\n"), "and nothing is left: {said}");
}
