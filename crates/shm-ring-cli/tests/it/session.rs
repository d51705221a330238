//! The recorded session is what happens: it is played again, and the README shows what was recorded.

use std::process::{Command, Stdio};

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

#[test]
fn the_readme_shows_the_session_that_was_recorded() {
    let recorded = std::fs::read_to_string(format!("{HERE}/session/session.txt")).unwrap();
    let readme = std::fs::read_to_string(format!("{HERE}/../../README.md")).unwrap();
    assert!(readme.contains(recorded.trim_end()), "run session/record and put session.txt there");
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
    let recorded = std::fs::read_to_string(format!("{HERE}/session/session.txt")).unwrap();
    assert_eq!(commands(&said), commands(&recorded), "{said}{errors}");
    assert!(said.contains("; echo $?\n5\n"), "the reader learns of the death: {said}");
    assert!(said.contains("\tdead ") && said.contains("\tclosed\t"), "{said}");
    assert!(said.contains("producer     dead, process "), "{said}");
    assert!(errors.contains("the producer died"), "{errors}");
    assert!(said.contains("--older-than 0\nnumbers\t1 MiB\t"), "gc removes it: {said}");
    assert!(said.ends_with("$ shm-ring ls\n"), "and nothing is left: {said}");
}
