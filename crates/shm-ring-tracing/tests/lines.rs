//! What becomes of a line, whatever the ring and its reader do.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use shm_ring::{MessageConsumer, MessageRing, Observer, Options, PopError, PushError, Region};
use shm_ring_tracing::RingWriter;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt::MakeWriter;

fn ring(bytes: usize) -> MessageRing {
    MessageRing::create(Region::memfd("lines"), &Options::new().bytes(bytes)).unwrap()
}

fn lines(rx: &mut MessageConsumer) -> Vec<String> {
    let mut lines = Vec::new();
    rx.try_pop_batch(usize::MAX, |line| lines.push(String::from_utf8(line.to_vec()).unwrap()))
        .unwrap();
    lines
}

fn logged(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static, log: impl FnOnce()) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    with_default(subscriber.finish(), log);
}

#[test]
fn an_event_is_a_line_is_a_message() {
    let ring = ring(1 << 12);
    let mut rx = ring.consumer().unwrap();
    logged(RingWriter::new(ring.producer().unwrap()), || {
        tracing::info!(port = 80, "ready");
        tracing::error!("two\nlines");
    });
    let seen = lines(&mut rx);
    assert_eq!(seen[0], " INFO ready port=80\n");
    assert!(
        seen.len() == 2 && seen[1].starts_with("ERROR two") && seen[1].ends_with('\n'),
        "{seen:?}"
    );
    assert_eq!(rx.pop(), Err(PopError::Closed), "who is dropped closes");
}

#[test]
fn a_full_ring_drops_lines_and_counts_them() {
    let ring = ring(4096);
    let mut rx = ring.consumer().unwrap();
    let writer: &'static _ = Box::leak(Box::new(RingWriter::new(ring.producer().unwrap())));
    logged(|| writer.make_writer(), || (0..1000).for_each(|n| tracing::info!(n)));
    let seen = lines(&mut rx);
    assert_eq!(seen.len() as u64 + writer.dropped(), 1000);
    let seen_from_outside =
        Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap()));
    assert_eq!(seen_from_outside.unwrap().snapshot().dropped, writer.dropped());
    for (n, line) in seen.iter().enumerate() {
        assert_eq!(line, &format!(" INFO n={n}\n"), "the first ones, in order");
    }
    logged(|| writer.make_writer(), || tracing::info!("there is room"));
    assert_eq!(lines(&mut rx), [" INFO there is room\n"]);
}

#[test]
fn a_line_that_is_too_long_is_cut_between_two_characters() {
    let ring = ring(4096);
    let mut rx = ring.consumer().unwrap();
    let mut tx = ring.producer().unwrap();
    let Err(PushError::TooLarge { max, .. }) = tx.try_push(&[0; 1 << 16]) else {
        panic!("it fits")
    };
    let writer: &'static _ = Box::leak(Box::new(RingWriter::new(tx)));
    for wide in 0..4 {
        let text = "x".repeat(wide) + &"\u{1d11e}".repeat(max);
        logged(|| writer.make_writer(), || tracing::info!("{text}"));
        // A message that is as long as can be fills the ring.
        let [line] = &lines(&mut rx)[..] else { panic!("not one line") };
        assert!((max - 3..=max).contains(&line.len()), "{} of {max}", line.len());
        assert!(line.ends_with("\u{1d11e}\n"), "cut within a character, or no end");
    }
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn threads_take_turns_and_each_line_is_whole() {
    let ring = ring(1 << 20);
    let mut rx = ring.consumer().unwrap();
    let writer: &'static _ = Box::leak(Box::new(RingWriter::new(ring.producer().unwrap())));
    thread::scope(|scope| {
        for who in 0..4 {
            scope.spawn(move || {
                logged(|| writer.make_writer(), || (0..100).for_each(|n| tracing::info!(who, n)));
            });
        }
    });
    let seen = lines(&mut rx);
    assert_eq!(seen.len(), 400);
    for who in 0..4 {
        let of_one = seen.iter().filter(|line| line.contains(&format!("who={who} ")));
        let expected = (0..100).map(|n| format!(" INFO who={who} n={n}\n"));
        assert!(of_one.cloned().eq(expected), "in the order of its thread");
    }
}

/// The example is a user's program: it logs, is killed by its own abort, and another process has all of its lines.
#[test]
fn the_last_lines_survive_an_abort() {
    let ours = std::env::current_exe().unwrap();
    let example: PathBuf = ours.ancestors().nth(2).unwrap().join("examples/log-shipping");
    let shown = Command::new(example).stdin(Stdio::null()).output().unwrap();
    let printed = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success(), "{printed}{}", String::from_utf8_lossy(&shown.stderr));
    let mut rest = &printed[..];
    for line in [
        " INFO log_shipping: started\n",
        " INFO log_shipping: done request=1 took=1\n",
        " WARN log_shipping: slow request=5 took=25\n",
        " WARN log_shipping: slow request=10 took=100\n",
        "ERROR log_shipping: about to die\n",
        "0 lines dropped\n",
        "the program died, and that was its last word\n",
    ] {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing: {printed}"));
        rest = &rest[at + line.len()..];
    }
}
