//! One thread that serves many rings, of different kinds, and sleeps on all of them at once:
//!
//! ```console
//! $ cargo run -p shm-ring --example many-rings
//! ```
//!
//! The program starts itself three times, as a thermometer, a counter and a writer of text. Each has a ring of its
//! own, as every pair does; `wait_any` says which has something. A ring whose producer is gone is left out from then on.

use std::error::Error;
use std::process::{Child, Command, id};
use std::time::Duration;

use shm_ring::{
    AnyEnd, Consumer, MessageConsumer, MessageProducer, MessageRing, Options, PopError, Producer,
    Ring, wait_any,
};

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => serve(&format!("/shm-ring-many-rings-{}", id())),
        ["thermometer", name] => measure(name),
        ["counter", name] => count(name),
        ["text", name] => tell(name),
        _ => Err("this program needs no arguments".into()),
    }
}

fn serve(name: &str) -> Result<(), Box<dyn Error>> {
    let options = Options::new().unlink_on_drop();
    let names = ["thermometer", "counter", "text"].map(|job| (job, format!("{name}-{job}")));
    let degrees = Ring::<f64>::create(names[0].1.as_str(), &options)?;
    let counts = Ring::<u64>::create(names[1].1.as_str(), &options)?;
    let texts = MessageRing::create(names[2].1.as_str(), &options)?;
    let (mut degree, mut count, mut text) =
        (degrees.consumer()?, counts.consumer()?, texts.consumer()?);
    let mut children = Vec::new();
    for (job, name) in &names {
        children.push(start(job, name)?);
    }
    let mut open = [true; 3];
    while open.contains(&true) {
        let all: [&mut dyn AnyEnd; 3] = [&mut degree, &mut count, &mut text];
        // Those that are left, and which they are.
        let (which, mut left): (Vec<_>, Vec<_>) =
            all.into_iter().enumerate().filter(|(index, _)| open[*index]).unzip();
        let index = which[wait_any(&mut left, Some(Duration::from_secs(10)))?];
        open[index] = match index {
            0 => all_there(&mut degree, |degree| println!("{degree:.1} degrees"))?,
            1 => all_there(&mut count, |count| println!("count {count}"))?,
            _ => texts_there(&mut text)?,
        };
    }
    for mut child in children {
        child.wait()?;
    }
    println!("all three have closed");
    Ok(())
}

fn start(job: &str, name: &str) -> Result<Child, Box<dyn Error>> {
    Ok(Command::new(std::env::current_exe()?).args([job, name]).spawn()?)
}

/// Takes all items that are there. Whether more may come.
fn all_there<T: shm_ring::Item>(
    rx: &mut Consumer<T>,
    each: impl FnMut(T),
) -> Result<bool, PopError> {
    match rx.pop_batch(usize::MAX, each) {
        Ok(_) => Ok(true),
        Err(PopError::Closed) => Ok(false),
        Err(error) => Err(error),
    }
}

fn texts_there(rx: &mut MessageConsumer) -> Result<bool, PopError> {
    match rx.pop_batch(usize::MAX, |text| println!("{}", String::from_utf8_lossy(&text.to_vec()))) {
        Ok(_) => Ok(true),
        Err(PopError::Closed) => Ok(false),
        Err(error) => Err(error),
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn measure(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Producer::<f64>::open(name)?;
    for degree in [20.5, 20.7, 21.1] {
        tx.push(degree)?;
        pause();
    }
    Ok(())
}

fn count(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Producer::<u64>::open(name)?;
    for n in 1..=5 {
        tx.push(n)?;
        pause();
    }
    Ok(())
}

fn tell(name: &str) -> Result<(), Box<dyn Error>> {
    MessageProducer::open(name)?.push(b"a message of any length")?;
    Ok(())
}
