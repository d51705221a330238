//! What is for people, on a pseudo-terminal: tables, colours, progress, and `top`, which gives the terminal
//! back as it was.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::house::{LIMIT, Name, expect, program};

/// A terminal of our own, and the program on it.
struct Terminal {
    /// Our end: what we write is typed.
    master: File,
    slave: OwnedFd,
    child: Child,
    seen: Vec<u8>,
}

impl Terminal {
    fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = program(arguments);
        command.envs(environment.iter().copied()).stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        rustix::io::ioctl_fionbio(&master, true).unwrap();
        Self { master: File::from(master), slave, child, seen: Vec::new() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Takes what has been shown meanwhile.
    fn look(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = self.master.read(&mut buffer) {
            self.seen.extend_from_slice(&buffer[..read]);
        }
    }

    fn until(&mut self, what: &str) {
        let start = Instant::now();
        while !self.text().contains(what) {
            assert!(start.elapsed() < LIMIT, "waited in vain for {what:?}: {:?}", self.text());
            std::thread::sleep(std::time::Duration::from_millis(2));
            self.look();
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Whether keys come one by one and are not shown.
    fn is_taken(&self) -> bool {
        !tcgetattr(&self.slave)
            .unwrap()
            .local_modes
            .intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    fn end(&mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        loop {
            self.look();
            if let Some(status) = self.child.try_wait().unwrap() {
                self.look();
                return (status.code(), self.text());
            }
            assert!(start.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ring(what: &str) -> Name {
    let name = Name::new(what);
    expect(0, &["create", name.as_str(), "--bytes", "4K"]);
    name
}

#[test]
fn ls_is_a_table_on_a_terminal() {
    let name = ring("table");
    let (code, text) = Terminal::run(&["ls"], &[]).end();
    assert_eq!(code, Some(0));
    assert!(text.contains("NAME") && text.contains("AGE") && text.contains('\u{1b}'), "{text}");
    let line = text.lines().find(|line| line.contains(name.as_str())).unwrap();
    assert!(line.contains("4 KiB") && !line.contains('\t'), "{line}");
    let (_, text) = Terminal::run(&["ls"], &[("NO_COLOR", "1")]).end();
    assert!(text.contains("NAME") && !text.contains('\u{1b}'), "{text}");
    let (_, text) = Terminal::run(&["ls", "--color", "never"], &[]).end();
    assert!(!text.contains('\u{1b}'), "{text}");
    let (code, text) = Terminal::run(&["stat", "shm-ring-cli-it-missing"], &[]).end();
    assert!(code == Some(3) && text.contains("\u{1b}[31merror:\u{1b}[0m no ring"), "{text:?}");
}

#[test]
fn dump_says_why_it_shows_nothing() {
    let name = ring("drained");
    let shown = || match Terminal::run(&["dump", name.as_str()], &[]).end() {
        (Some(0), text) => text,
        other => panic!("{other:?}"),
    };
    assert!(shown().contains("nobody has written a record yet"));
    let ring = shm_ring::MessageRing::open(name.as_str()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"read").unwrap();
    rx.pop().unwrap();
    assert!(shown().contains("all 16 B that were published have been read"), "{}", shown());
    tx.push(b"unread").unwrap();
    assert!(shown().contains("|unread") && !shown().contains("note:"), "{}", shown());
}

#[test]
fn top_shows_what_goes_on_and_gives_the_terminal_back() {
    let name = ring("top");
    let ends: [fn(&mut Terminal); 3] = [
        |terminal| terminal.press(b"xq"),
        |terminal| terminal.press(b"\x03"),
        |terminal| {
            kill_process(Pid::from_child(&terminal.child), Signal::TERM).unwrap();
        },
    ];
    for end in ends {
        let mut terminal = Terminal::run(&["top", name.as_str(), "--interval", "10ms"], &[]);
        terminal.until(name.as_str());
        assert!(terminal.is_taken());
        terminal.until("1 ring   q quits");
        // What changes is shown in the next view.
        let mut tx = shm_ring::MessageProducer::open(name.as_str()).unwrap();
        terminal.until(&std::process::id().to_string());
        tx.push(&[7; 2000]).unwrap();
        terminal.until("[#####     ] 49 %");
        shm_ring::MessageConsumer::open(name.as_str()).unwrap().pop().unwrap();
        drop(tx);
        terminal.until("[          ] 0 %");
        end(&mut terminal);
        let (code, text) = terminal.end();
        assert_eq!(code, Some(0));
        assert!(text.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{:?}", &text[text.len() - 40..]);
        assert!(!terminal.is_taken(), "the keyboard is as it was");
    }
}

#[test]
fn top_says_lines_where_there_is_no_terminal() {
    let name = ring("lines");
    let text = expect(0, &["top", name.as_str(), "--interval", "1ms", "--count", "3"]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        assert_eq!(line, [name.as_str(), "0 B", "0 B", "0 %", "0", "0", "absent", "absent"]);
    }
    let text = expect(0, &["top", name.as_str(), "--interval", "1ms", "--count", "2", "--json"]);
    for line in text.lines() {
        let view: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(view["schema"], 2);
        assert_eq!(view["rings"][0]["name"], name.as_str());
        assert_eq!(view["rings"][0]["rates"]["read_per_second"], 0.0);
    }
    assert_eq!(text.lines().count(), 2);
    expect(3, &["top", "shm-ring-cli-it-missing", "--count", "1"]);
    expect(2, &["top", "--interval", "0"]);
}

#[test]
fn a_long_copy_shows_how_far_it_is() {
    let name = Name::new("progress");
    let mut reader = crate::house::Process::start(&["recv", name.as_str()]);
    crate::house::until("the reader is there", || {
        crate::house::state(&name, "consumer") == "alive"
    });
    // Standard error and input are the terminal's: nothing is shown over what is typed.
    let mut typed = Terminal::run(&["send", name.as_str()], &[]);
    typed.press(b"a line\n");
    assert_eq!(reader.hear(7), b"a line\n");
    typed.press(b"\x04");
    let (code, text) = typed.end();
    assert_eq!((code, text.as_str()), (Some(0), "a line\r\n"));
    reader.kill();
    // Whoever mistypes a name is told that it was new, and whoever sends to nobody that nobody reads.
    let name = Name::new("mistyped");
    let mut typed = Terminal::run(&["send", name.as_str()], &[]);
    typed.until("waits for the other side");
    typed.press(b"a line\n\x04");
    let (code, text) = typed.end();
    assert_eq!(code, Some(0));
    assert!(text.contains("16 B are unread, and nobody is there"), "{text}");
    // From a file that does not end.
    let name = Name::new("progress-long");
    let options = shm_ring::Options::new().bytes(4096);
    let rx = shm_ring::MessageConsumer::create(name.as_str(), &options).unwrap();
    let mut long = Terminal::run(&["send", name.as_str(), "--from", "/dev/zero"], &[]);
    let reading = std::thread::spawn(move || {
        let mut rx = rx;
        while rx.pop().is_ok() {}
    });
    long.until("/s");
    assert!(long.text().contains("iB"), "{}", long.text());
    drop(long);
    reading.join().unwrap();
}

#[test]
fn the_doctor_looks_at_everything_that_rings_need() {
    let report = crate::house::json(&["doctor"]);
    let checks = report["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check["what"].as_str().unwrap()).collect();
    for name in [
        "a ring",
        "/dev/shm",
        "membarrier",
        "futex_waitv",
        "memfd",
        "RemoveIPC",
        "processors",
        "System V",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for check in checks {
        assert!(["ok", "note"].contains(&check["verdict"].as_str().unwrap()), "{check}");
        assert_eq!(check["advice"].is_null(), check["verdict"] == "ok", "{check}");
    }
    let text = expect(0, &["doctor"]);
    assert!(text.lines().any(|line| line.starts_with("ok    a ring")), "{text}");
}

/// Where a limit is too tight for any ring, the doctor says so and is no success.
#[test]
fn the_doctor_finds_what_is_missing() {
    let limited = std::process::Command::new("sh")
        // Whatever stands at 3 was inherited, and would be the one descriptor that is left.
        .args(["-c", "exec 3>&-; ulimit -n 4; exec \"$1\" doctor", "sh"])
        .arg(env!("CARGO_BIN_EXE_shm-ring"))
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&limited.stdout), String::from_utf8_lossy(&limited.stderr));
    assert_eq!(limited.status.code(), Some(1), "{out}{err}");
    assert!(out.lines().any(|line| line.starts_with("bad   a ring")), "{out}");
    assert!(out.contains("note  descriptors        4"), "{out}");
    assert!(err.contains("a ring") && err.lines().count() == 2, "{err}");
}
