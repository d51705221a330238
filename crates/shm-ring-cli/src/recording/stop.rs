//! Ctrl-C, SIGTERM and SIGHUP, which end a command in order. It must not know which command.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use shm_ring::Interrupt;

use crate::failure::{Code, Failure};

/// Whether the user wants the command to end.
pub(crate) struct Stop {
    asked: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// Listens from now on. A signal ends the wait of the end that `interrupt` belongs to as well.
    pub(crate) fn on_signal(interrupt: Option<Interrupt>) -> Result<Self, Failure> {
        let asked = Arc::new((Mutex::new(false), Condvar::new()));
        let told = asked.clone();
        let listening = ctrlc::set_handler(move || {
            let (asked, changed) = &*told;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_all();
            if let Some(interrupt) = &interrupt {
                interrupt.interrupt();
            }
        });
        listening.map_err(|error| {
            let what = format!("signals cannot be listened to: {error}");
            Failure::new(Code::Failure, what, "free some threads: ulimit -u")
        })?;
        Ok(Self { asked })
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.sleeps_through(Duration::ZERO)
    }

    /// Waits for `time`; true as soon as the user wants it to end.
    pub(crate) fn sleeps_through(&self, time: Duration) -> bool {
        let (asked, changed) = &*self.asked;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        if time.is_zero() || *asked {
            return *asked;
        }
        let waited = changed.wait_timeout_while(asked, time, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
