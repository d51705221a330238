//! `dump`, `gc`, `completions` and `man`.

use shm_ring::{MessageRing, Options, Region};

use crate::house::{Name, Process, expect, json, run, state, told, until};

fn gc(arguments: &[&str], name: &Name) -> bool {
    let all = json(&[&["gc", "--dry-run"], arguments].concat());
    assert_eq!(all["dry_run"], true);
    let removed = all["removed"].as_array().unwrap();
    assert!(name.path().exists(), "--dry-run removes nothing");
    removed.iter().any(|ring| ring["name"] == name.as_str())
}

/// Only with --dry-run: others have rings on this machine.
#[test]
fn only_what_nobody_uses_or_misses_is_garbage() {
    let name = Name::new("garbage");
    let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
    let old = ["--older-than", "0"];
    assert!(gc(&old, &name), "never used");
    assert!(!gc(&[], &name), "not a minute old");
    for role in ["recv", "send"] {
        let mut process = Process::start(&[role, name.as_str()]);
        let side = if role == "send" { "producer" } else { "consumer" };
        until("it is attached", || state(&name, side) == "alive");
        assert!(!gc(&old, &name), "{role} is there");
        process.kill();
        assert!(gc(&old, &name), "{role} died");
    }
    ring.producer().unwrap().push(b"unread").unwrap();
    assert!(!gc(&old, &name), "somebody may want that");
    assert!(gc(&[&old[..], &["--unread"]].concat(), &name));
    ring.consumer().unwrap().pop().unwrap();
    assert!(gc(&old, &name));
}

/// In a mount namespace of its own, where /dev/shm is ours alone.
#[test]
fn garbage_is_removed_and_nothing_else() {
    let script = r#"
        mount -t tmpfs none /dev/shm || exit 77
        B=$1
        $B create used && $B create unused && $B create unread && echo precious | $B send --lines unread
        echo text >/dev/shm/text
        # Whole, and killed before it got its name.
        cp /dev/shm/unused /dev/shm/.shm-ring-0123456789abcdef.tmp
        $B ls | grep -c tmp
        timeout 60 $B recv used >/dev/null & reader=$!
        for try in $(seq 1000); do $B stat used | grep -q 'consumer.*session 1' && break; done
        $B gc --older-than 0 | cut -f1
        echo --
        ls -A /dev/shm
        kill $reader
    "#;
    let output = std::process::Command::new("unshare")
        .args([
            "--mount",
            "--map-root-user",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_shm-ring"),
        ])
        .output();
    let Some(output) = output.ok().filter(|output| output.status.code() != Some(77)) else {
        eprintln!("skipped: no mount namespace is to be had");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if text.is_empty() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_eq!(text, "0\nunused\n.shm-ring-0123456789abcdef.tmp\n--\ntext\nunread\nused\n");
}

#[test]
fn unread_records_are_shown_and_stay() {
    let name = Name::new("shown");
    let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
    let mut tx = ring.producer().unwrap();
    tx.push_batch(&[&b"To be,\x1b or not to be"[..], b"", b"x"]).unwrap();
    assert_eq!(
        expect(0, &["dump", name.as_str()]),
        "at 0, 20 bytes\n\
         00000000  54 6f 20 62 65 2c 1b 20  6f 72 20 6e 6f 74 20 74  |To be,. or not t|\n\
         00000010  6f 20 62 65                                       |o be|\n\
         at 32, 0 bytes\n\
         at 40, 1 bytes\n\
         00000000  78                                                |x|\n"
    );
    assert_eq!(expect(0, &["dump", name.as_str(), "--limit", "1"]).lines().count(), 3);
    let dump = json(&["dump", name.as_str()]);
    let expected = serde_json::json!([
        {"position": 0, "len": 20, "hex": "546f2062652c1b206f72206e6f7420746f206265"},
        {"position": 32, "len": 0, "hex": ""},
        {"position": 40, "len": 1, "hex": "78"},
    ]);
    assert_eq!((&dump["records"], &dump["corrupt"]), (&expected, &false.into()));
    // Of a writer that was killed, too.
    drop(tx);
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    sender.say(b"last words\n");
    until("they are there", || expect(0, &["dump", name.as_str()]).contains("last words"));
    sender.kill();
    assert!(expect(0, &["dump", name.as_str()]).contains("last words"));
    assert_eq!(ring.consumer().unwrap().try_iter().count(), 4);
    assert_eq!(expect(0, &["dump", name.as_str()]), "");
    expect(3, &["dump", "shm-ring-cli-it-missing"]);
}

#[test]
fn what_is_corrupt_is_an_error_after_what_was_whole() {
    let name = Name::new("corrupt");
    let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
    ring.producer().unwrap().push_batch(&["whole", "broken"]).unwrap();
    let file = std::fs::File::options().write(true).open(name.path()).unwrap();
    let second = 3 * rustix::param::page_size() as u64 + 16;
    std::os::unix::fs::FileExt::write_all_at(&file, b"garbage!", second).unwrap();
    let output = run(&["dump", name.as_str()]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("|whole|"));
    assert!(told(1, &output).contains("at position 16"));
    let output = run(&["dump", name.as_str(), "--json"]);
    let dump: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&dump["corrupt"], dump["records"].as_array().unwrap().len()), (&true.into(), 1));
    assert_eq!(output.status.code(), Some(1));
    assert!(Region::named(name.as_str()).unlink().is_ok());
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let help = expect(0, &["--help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect();
    assert!(commands.contains(&"ls") && commands.contains(&"man"), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = expect(0, &["completions", shell]);
        assert!(script.contains("SHM_RING_COMPLETE"), "{shell}: {script}");
    }
    let Some(offered) = completed("") else { return };
    for command in &commands {
        assert!(offered.iter().any(|word| word == command), "{command}: {offered:?}");
    }
    let page = expect(0, &["man"]);
    assert!(page.contains(".TH shm\\-ring 1") || page.contains(".TH shm-ring 1"), "{page}");
    for command in commands {
        let page = expect(0, &["man", command]);
        assert!(page.contains(command) && page.contains(".SH"), "{command}: {page}");
    }
    expect(2, &["man", "nonsense"]);
    expect(2, &["completions", "nonsense"]);
}

/// What bash offers behind `shm-ring LINE`, the last word of which has been begun; `None` without bash.
fn completed(line: &str) -> Option<Vec<String>> {
    let script = r#"
        source <(shm-ring completions bash)
        COMP_WORDS=(shm-ring "$@") COMP_CWORD=$# COMP_TYPE=9
        _clap_complete_shm_ring shm-ring "${@: -1}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_shm-ring")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).args(line.split(' ')).env("PATH", path);
    let Ok(output) = bash.output() else {
        eprintln!("skipped: there is no bash");
        return None;
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn a_shell_completes_the_names_of_rings() {
    let (one, two) = (Name::new("completed-a"), Name::new("completed-b"));
    for name in [&one, &two] {
        MessageRing::create(name.as_str(), &Options::new()).unwrap();
    }
    let begun = one.as_str().strip_suffix("-completed-a").unwrap();
    let begun = begun.rsplit_once('-').unwrap().0;
    for command in ["stat", "dump", "send", "recv", "rm", "top", "gc", "dump --limit 1", "rm other"]
    {
        let Some(offered) = completed(&format!("{command} {begun}")) else { return };
        for name in [&one, &two] {
            assert!(offered.iter().any(|word| word == name.as_str()), "{command}: {offered:?}");
        }
    }
    // As shm_open has it; and nothing that is not there.
    assert_eq!(
        completed(&format!("stat /{}", one.as_str())).unwrap(),
        [format!("/{}", one.as_str())]
    );
    assert_eq!(completed(&format!("stat {}-more", one.as_str())).unwrap(), [""]);
    // A new ring has a new name.
    assert_eq!(completed(&format!("create {}", one.as_str())).unwrap(), [""]);
}

#[test]
fn only_what_a_pattern_names_is_garbage() {
    let (one, two) = (Name::new("pattern-one"), Name::new("pattern-two"));
    for name in [&one, &two] {
        MessageRing::create(name.as_str(), &Options::new()).unwrap();
    }
    let found = |patterns: &[&str]| {
        let old = ["--older-than", "0"];
        [&one, &two].map(|name| gc(&[&old, patterns].concat(), name))
    };
    let begin = one.as_str().split_once("-pattern").unwrap().0.rsplit_once('-').unwrap().0;
    assert_eq!(found(&[]), [true, true]);
    assert_eq!(found(&[one.as_str()]), [true, false]);
    assert_eq!(found(&[&format!("/{}", two.as_str())]), [false, true]);
    assert_eq!(found(&[&format!("{begin}-*")]), [true, true]);
    assert_eq!(found(&[&format!("{begin}-*-pattern-t?o")]), [false, true]);
    assert_eq!(found(&["nothing", one.as_str(), two.as_str()]), [true, true]);
    assert_eq!(found(&["shm-ring"]), [false, false], "a part is no match");
    for wrong in ["a/b", "", "/", "[a"] {
        expect(2, &["gc", "--dry-run", wrong]);
    }
}
