//! A latest value between C and Rust, both ways: whole, in order, counted where it was too fast.
//!
//! Owns: the Rust side. Knows nothing of: how the other is written.

use std::time::Duration;

use shm_ring::{Latest, NextError, Options, ReadError};

use crate::installed::{Name, Running, compile, has, program, run};

const COUNT: u64 = 30_000;
const SOME: Duration = Duration::from_secs(30);

fn pose(number: u64) -> [u64; 11] {
    [number; 11]
}

#[test]
fn what_c_writes_rust_reads_and_what_rust_writes_c_reads() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let path = compile("gcc", "tests/programs/latest.c", &[]);
    let options = Options::new().history(7);

    let name = Name::new("latest-from");
    let latest = Latest::<[u64; 11]>::open_or_create(name.0.as_str(), &options).unwrap();
    let mut reader = latest.reader().unwrap();
    let writing = Running::start(&path, &["write", &name.0, &COUNT.to_string()]);
    let (mut last, mut lost) = (0, 0);
    while last < COUNT {
        match reader.next_timeout(SOME) {
            Ok(value) => {
                assert_eq!(value, pose(last + 1));
                last += 1;
            }
            Err(NextError::Lagged(values)) => (last, lost) = (last + values, lost + values),
            Err(error) => panic!("{error} after {last}, {lost} lost"),
        }
    }
    writing.printed();
    assert_eq!(reader.read(), Ok(pose(COUNT)));
    assert_eq!(reader.read_newer_timeout(SOME), Err(ReadError::Closed));
    // The next writer goes on where that one stopped.
    run(program(&path).args(["write", &name.0, &(COUNT + 1).to_string()]));
    assert_eq!(reader.read(), Ok(pose(COUNT + 1)));

    let name = Name::new("latest-to");
    let latest = Latest::<[u64; 11]>::open_or_create(name.0.as_str(), &options).unwrap();
    let mut writer = latest.writer().unwrap();
    let mut reading = Running::start(&path, &["read", &name.0, &COUNT.to_string()]);
    assert_eq!(reading.line(), "ready\n");
    (1..=COUNT).for_each(|number| writer.write(pose(number)));
    writer.notify();
    writer.close();
    assert_eq!(reading.printed(), format!("{COUNT} seen and missed\n"));
}
