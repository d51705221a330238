//! One receiver after another, beside many senders: no line is lost to the removal of a ring whose stream has ended. And
//! both sides of a ring for which there is room once.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::house::{LIMIT, Name, Process, run};

/// Sends one line, which must succeed.
fn send(name: &Name, line: &str) {
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    sender.say(format!("{line}\n").as_bytes());
    let output = sender.end();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_line_is_lost_to_a_receiver_that_leaves() {
    const LINES: usize = 120;
    let (name, sent) = (Name::new("senders"), AtomicBool::new(false));
    let start = std::time::Instant::now();
    let mut received = std::thread::scope(|scope| {
        let senders = scope.spawn(|| {
            (0..LINES).for_each(|number| send(&name, &number.to_string()));
            sent.store(true, Ordering::Relaxed);
        });
        let mut received = String::new();
        while !sent.load(Ordering::Relaxed) && !senders.is_finished() {
            assert!(start.elapsed() < 2 * LIMIT, "the senders hang");
            let output = run(&["recv", name.as_str(), "--lines", "--timeout", "200ms"]);
            received += std::str::from_utf8(&output.stdout).unwrap();
        }
        senders.join().unwrap();
        received
    });
    // What the last senders left: each stream ends one receiver, and there may be several by now.
    loop {
        let output = run(&["recv", name.as_str(), "--lines", "--timeout", "200ms"]);
        received += std::str::from_utf8(&output.stdout).unwrap();
        if output.status.code() != Some(0) {
            break;
        }
    }
    let expected: String = (0..LINES).map(|number| format!("{number}\n")).collect();
    assert_eq!(received, expected);
}

/// The receiver is slow where it gives up its role; it has been seen to lose the second line.
#[test]
fn a_line_that_comes_while_a_receiver_leaves_is_for_the_next() {
    let name = Name::new("leaving");
    let inject = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=munmap"];
    let mut slow = Command::new("strace");
    slow.args(inject)
        .args(["-e", "inject=munmap:delay_enter=300000:when=3"])
        .arg(env!("CARGO_BIN_EXE_shm-ring"))
        .args(["recv", name.as_str(), "--lines"])
        .stdin(std::process::Stdio::null());
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: there is no strace");
        return;
    }
    let mut receiver = Process::of(&mut slow);
    send(&name, "one");
    assert_eq!(receiver.hear(4), b"one\n");
    std::thread::sleep(std::time::Duration::from_millis(100));
    send(&name, "two");
    let output = receiver.end();
    let rest = String::from_utf8_lossy(&output.stdout).into_owned();
    let next = run(&["recv", name.as_str(), "--lines", "--timeout", "200ms"]);
    let next = String::from_utf8_lossy(&next.stdout).into_owned();
    assert_eq!(rest + &next, "two\n");
}

/// In a mount namespace of its own, where /dev/shm is ours alone and small.
#[test]
fn both_sides_get_their_ring_where_there_is_room_for_one() {
    let script = r#"
        B=$1
        for size in 64 33; do
            mount -t tmpfs -o size=${size}m none /dev/shm || exit 77
            for round in 1 2 3 4; do
                timeout 20 $B recv ring --bytes 32M --lines & reader=$!
                echo "$size $round" | timeout 20 $B send ring --bytes 32M --lines || echo "send failed: $?"
                wait $reader || echo "recv failed: $?"
            done
            ls -A /dev/shm
        done
    "#;
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(env!("CARGO_BIN_EXE_shm-ring"))
        .output();
    let Some(output) = output.ok().filter(|output| output.status.code() != Some(77)) else {
        eprintln!("skipped: there is no mount namespace here");
        return;
    };
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if text.is_empty() {
        eprintln!("skipped: {errors}");
        return;
    }
    let lines = |size: u32| (1..=4).map(move |round| format!("{size} {round}\n"));
    assert_eq!(text, lines(64).chain(lines(33)).collect::<String>(), "{errors}");
}
