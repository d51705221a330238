//! Owns: the thread that reads the source ring and sleeps on it: an end that holds records which it has read can only wait for
//! more in a thread of its own. Knows nothing of: engines.

use std::sync::mpsc;
use std::thread::JoinHandle;

use shm_ring::{Interrupt, PopError};
use tokio::sync::mpsc as tasks;

use crate::flow::Cursor;
use crate::outlet::{Batch, Measure, Outlet};

enum Command {
    /// Read from there, and answer once there is something.
    Read {
        cursor: Cursor,
        measure: Measure,
        ticket: u64,
    },
    /// Give back what is below.
    Release(u64),
    Stop,
}

/// What the thread has to say.
pub(crate) enum Event {
    /// The answer to the reading with this ticket.
    Read { ticket: u64, batches: Vec<Batch> },
    /// It cannot go on.
    Failed(PopError),
}

/// The thread, and how it is spoken to.
pub(crate) struct Reader {
    commands: mpsc::Sender<Command>,
    interrupt: Interrupt,
    thread: Option<JoinHandle<()>>,
    /// The last reading that was asked for, and whether it is still under way.
    ticket: u64,
    waits: bool,
    events: tasks::UnboundedReceiver<Event>,
}

impl Reader {
    pub(crate) fn start(outlet: Outlet) -> std::io::Result<Self> {
        let interrupt = outlet.interrupt_handle();
        let (commands, receiver) = mpsc::channel();
        let (sender, events) = tasks::unbounded_channel();
        let work = Work { outlet, commands: receiver, events: sender, reading: None };
        let thread =
            std::thread::Builder::new().name("source-ring".to_owned()).spawn(move || work.run())?;
        Ok(Self { commands, interrupt, thread: Some(thread), ticket: 0, waits: false, events })
    }

    fn say(&self, command: Command) {
        // A thread that has ended has said why.
        let _ = self.commands.send(command);
        self.interrupt.interrupt();
    }

    /// Reads from `cursor` on, instead of what it was asked for before.
    pub(crate) fn read(&mut self, cursor: Cursor, measure: Measure) {
        self.ticket += 1;
        self.waits = true;
        self.say(Command::Read { cursor, measure, ticket: self.ticket });
    }

    /// Whether it was asked for something and has not answered.
    pub(crate) fn is_reading(&self) -> bool {
        self.waits
    }

    /// Whatever it reads from now on is none of what it was asked for.
    pub(crate) fn forget(&mut self) {
        self.ticket += 1;
        self.waits = false;
    }

    /// Gives back what is below `position`.
    pub(crate) fn release_to(&self, position: u64) {
        self.say(Command::Release(position));
    }

    /// What was last asked for, once it is there.
    pub(crate) async fn batches(&mut self) -> Result<Vec<Batch>, PopError> {
        loop {
            match self.events.recv().await {
                Some(Event::Read { ticket, batches }) if ticket == self.ticket => {
                    self.waits = false;
                    return Ok(batches);
                }
                Some(Event::Read { .. }) => {}
                Some(Event::Failed(error)) => return Err(error),
                // It has said why before.
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.say(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    outlet: Outlet,
    commands: mpsc::Receiver<Command>,
    events: tasks::UnboundedSender<Event>,
    reading: Option<(Cursor, Measure, u64)>,
}

impl Work {
    fn run(mut self) {
        if let Err(error) = self.serve() {
            let _ = self.events.send(Event::Failed(error));
        }
    }

    fn serve(&mut self) -> Result<(), PopError> {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                if !self.take(command)? {
                    return Ok(());
                }
            }
            let sleeps = match self.reading {
                None => true,
                Some((cursor, measure, ticket)) => {
                    let batches = self.outlet.read(cursor, measure)?;
                    if batches.is_empty() {
                        !self.wait()?
                    } else {
                        self.reading = None;
                        let _ = self.events.send(Event::Read { ticket, batches });
                        false
                    }
                }
            };
            if sleeps {
                let Ok(command) = self.commands.recv() else { return Ok(()) };
                if !self.take(command)? {
                    return Ok(());
                }
            }
        }
    }

    /// Waits for more. Whether more can come before something is given back.
    fn wait(&mut self) -> Result<bool, PopError> {
        match self.outlet.wait() {
            // A producer that goes leaves what it published, and another one may come.
            Ok(()) | Err(PopError::Interrupted | PopError::Closed | PopError::PeerDead) => Ok(true),
            Err(PopError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether to go on.
    fn take(&mut self, command: Command) -> Result<bool, PopError> {
        match command {
            Command::Read { cursor, measure, ticket } => {
                self.reading = Some((cursor, measure, ticket));
            }
            Command::Release(position) => self.outlet.release_to(position)?,
            Command::Stop => return Ok(false),
        }
        Ok(true)
    }
}
