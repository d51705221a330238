//! `top`: rates, fill and waits of rings as they are, again and again. `view` draws, `screen` has the
//! terminal.

mod screen;
mod view;

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use shm_ring::{Observer, Snapshot, Watch};
use shm_ring_console::terminal;

use self::screen::Screen;
use self::view::Rates;
use crate::cli::Top;
use crate::failure::Failure;
use crate::finding;
use crate::output;
use crate::rings::Ring;
use crate::target::Target;

/// One look at all rings that are watched.
type Looks = Vec<(Target, Snapshot)>;

#[derive(Serialize)]
struct View {
    rings: Vec<Watched>,
}

#[derive(Serialize)]
struct Watched {
    #[serde(flatten)]
    ring: Ring,
    rates: Rates,
}

pub(crate) fn run(top: &Top) -> Result<(), Failure> {
    for target in &top.targets {
        Observer::open_with(target.region(), &top.trust.to_look())?;
    }
    let mut screen = match terminal::is_terminal() && !top.json {
        true => Some(Screen::take()?),
        false => None,
    };
    let mut watch = Watch::new(&top.trust.to_look());
    let mut before = look(top, &mut watch)?;
    let mut views = 0;
    if let Some(screen) = &mut screen {
        screen.show(&view::lines(&before, &before))?;
    }
    while top.count.is_none_or(|count| views < count) {
        if wait(screen.as_mut(), top.interval)? {
            break;
        }
        let now = look(top, &mut watch)?;
        match &mut screen {
            Some(screen) => screen.show(&view::lines(&before, &now))?,
            None if top.json => json(&before, &now)?,
            None => {
                let mut out = std::io::stdout().lock();
                for row in view::rows(&before, &now) {
                    writeln!(out, "{}", row.join("\t"))?;
                }
                out.flush()?;
            }
        }
        before = now;
        views += 1;
    }
    Ok(())
}

/// Waits for the next view; true if the user wants no more.
fn wait(screen: Option<&mut Screen>, interval: Duration) -> Result<bool, Failure> {
    match screen {
        Some(screen) => Ok(screen.quits_within(interval)?),
        None => {
            std::thread::sleep(interval);
            Ok(false)
        }
    }
}

fn look(top: &Top, watch: &mut Watch) -> Result<Looks, Failure> {
    if top.targets.is_empty() {
        let all = finding::named_by(watch)?.into_iter();
        let whole = all.filter_map(|found| Some((found.name, found.ring.ok()?)));
        return Ok(whole.collect());
    }
    let snapshots = watch.look(top.targets.iter().map(Target::region));
    let found = top.targets.iter().cloned().zip(snapshots);
    Ok(found.filter_map(|(name, snapshot)| Some((name, snapshot.ok()?))).collect())
}

fn json(before: &Looks, now: &Looks) -> Result<(), Failure> {
    let rings = now.iter().map(|(name, snapshot)| Watched {
        ring: Ring::of(name, snapshot),
        rates: Rates::of(before, snapshot),
    });
    output::json(View { rings: rings.collect() })
}
