//! A terminal, taken for a while and given back as it was, however we end but by SIGKILL. It must not know
//! what is shown.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr,
};
use rustix::time::Timespec;

/// The other screen, no cursor, and lines cut where the screen ends.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// How long a signal may go unnoticed.
const SLICE: Duration = Duration::from_millis(100);

/// Ctrl-C, which comes as a key while we have the terminal.
const INTERRUPT: u8 = 3;

static ENDED: AtomicBool = AtomicBool::new(false);

pub(super) struct Screen {
    /// How the keyboard was; `None` if standard input is none.
    keyboard: Option<Termios>,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        // SIGTERM and SIGHUP leave the terminal as it was, too.
        ctrlc::set_handler(|| ENDED.store(true, Ordering::Relaxed)).map_err(io::Error::other)?;
        let stdin = io::stdin();
        let keyboard = if isatty(&stdin) { Some(tcgetattr(&stdin)?) } else { None };
        let screen = Self { keyboard };
        if let Some(keyboard) = &screen.keyboard {
            let mut keys = keyboard.clone();
            keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            tcsetattr(&stdin, OptionalActions::Now, &keys)?;
        }
        io::stdout().write_all(ENTER.as_bytes())?;
        Ok(screen)
    }

    /// Shows as many of `lines` as there is room for.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let stdout = io::stdout();
        // A terminal that nobody has told its size says 0.
        let rows = tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_row));
        let room = if rows == 0 { 24 } else { rows };
        let mut frame = String::from(HOME);
        for (index, line) in lines.iter().take(room).enumerate() {
            if index > 0 {
                frame += "\r\n";
            }
            frame += line;
            frame += REST_OF_LINE;
        }
        frame += REST_OF_SCREEN;
        let mut stdout = stdout.lock();
        stdout.write_all(frame.as_bytes())?;
        stdout.flush()
    }

    /// Waits for `interval`; true as soon as the user wants to quit.
    pub(super) fn quits_within(&mut self, interval: Duration) -> io::Result<bool> {
        let end = Instant::now() + interval;
        while !ENDED.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now()).min(SLICE);
            if left.is_zero() {
                return Ok(false);
            }
            if self.keyboard.is_none() {
                std::thread::sleep(left);
                continue;
            }
            let stdin = io::stdin();
            let mut keys = [PollFd::new(&stdin, PollFlags::IN)];
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut keys, Some(&timeout)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => {
                    let mut pressed = [0; 16];
                    let count = rustix::io::read(&stdin, &mut pressed)?;
                    let quits = |key: &u8| matches!(key, b'q' | b'Q' | &INTERRUPT);
                    if count == 0 || pressed[..count].iter().any(quits) {
                        return Ok(true);
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to give back.
        let _ = io::stdout().write_all(LEAVE.as_bytes()).and_then(|()| io::stdout().flush());
        if let Some(keyboard) = &self.keyboard {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, keyboard);
        }
    }
}
