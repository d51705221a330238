//! Owns: servers, bridges, names and time limits: whatever happens to a test, its processes are killed and its names removed.
//! Knows nothing of: what is tested.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use shm_ring::{Observer, Snapshot};

/// Far beyond what anything here takes: reaching it is a hang.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `is_so`. Fails if that does not come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "it does not come to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder and names under /dev/shm that nobody else has.
pub(crate) struct Place {
    folder: PathBuf,
    stem: String,
}

impl Place {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let stem = format!("shm-ring-bridge-it-{}-{count}-{what}", std::process::id());
        let folder = std::env::temp_dir().join(&stem);
        fs::create_dir(&folder).unwrap();
        Self { folder, stem }
    }

    /// The name of a ring.
    pub(crate) fn ring(&self, which: &str) -> String {
        format!("{}-{which}", self.stem)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{}-", self.stem)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// What `ring` is like now, if it is there.
pub(crate) fn look(ring: &str) -> Option<Snapshot> {
    Observer::open(ring).ok().map(|observer| observer.snapshot())
}

/// Removes a ring's name, whoever uses it.
pub(crate) fn remove(ring: &str) {
    fs::remove_file(Path::new("/dev/shm").join(ring)).unwrap();
}

/// A process that does not outlive its test, and what it says on standard error.
pub(crate) struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    pub(crate) fn start(command: &mut Command, said: &Path) -> Self {
        let file = File::options().create(true).append(true).open(said).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        Self { child: command.spawn().unwrap(), said: said.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Waits until it has said `text`.
    pub(crate) fn hear(&mut self, text: &str) {
        let start = Instant::now();
        while !self.said().contains(text) {
            let ended = self.child.try_wait().unwrap();
            let has_time = start.elapsed() < LIMIT && ended.is_none();
            assert!(
                has_time || self.said().contains(text),
                "{ended:?}, and not {text:?}: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LIMIT, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// It ends by itself, with that code, and says each of `texts`.
    pub(crate) fn fails(&mut self, code: i32, texts: &[&str]) {
        let status = self.end();
        let said = self.said();
        assert_eq!(status.code(), Some(code), "{said}");
        for text in texts {
            assert!(said.contains(text), "it does not say {text:?}: {said}");
        }
    }

    /// Whether it ended, and not by a kill.
    pub(crate) fn has_failed(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap().filter(|status| status.signal() != Some(9))
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// SIGKILL, until the kernel has cleaned up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a port of its own, whose store survives it.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) port: u16,
    arguments: Vec<String>,
    said: PathBuf,
}

impl Server {
    /// None, and why is printed, if there is no server on this machine.
    pub(crate) fn start(place: &Place) -> Option<Self> {
        Self::with_configuration(place, "")
    }

    /// With more lines in its configuration.
    pub(crate) fn with_configuration(place: &Place, more: &str) -> Option<Self> {
        if Command::new("nats-server").arg("--version").output().is_err() {
            println!("Skipped: there is no nats-server here (apt-get install nats-server).");
            return None;
        }
        let (ports, store) = (place.file("ports"), place.file("store"));
        fs::create_dir(&ports).unwrap();
        let configuration = place.file("nats.conf");
        // JetStream's limits are named: its own depend on what the machine has free.
        let text = format!(
            "jetstream {{ store_dir: {store:?}, max_file_store: 1G, max_memory_store: 256M }}\n{more}\n"
        );
        fs::write(&configuration, text).unwrap();
        let arguments = ["-c", configuration.to_str().unwrap(), "-a", "127.0.0.1"];
        let arguments: Vec<String> = arguments.map(str::to_owned).into();
        let said = place.file("server.txt");
        let mut first = Command::new("nats-server");
        // Port -1: the kernel chooses.
        first.args(&arguments).args(["-p", "-1", "--ports_file_dir", ports.to_str().unwrap()]);
        let process = Process::start(&mut first, &said);
        let file = ports.join(format!("nats-server_{}.ports", process.id()));
        let mut port = None;
        until("the server has a port", || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let ports: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            let url = ports.as_ref().and_then(|ports| ports["nats"][0].as_str());
            port = url.and_then(|url| url.rsplit(':').next()?.parse().ok());
            port.is_some()
        });
        let port = port.unwrap();
        Some(Self { process, port, arguments, said })
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// On the same port, with what it has stored.
    pub(crate) fn restart(&mut self) {
        let mut again = Command::new("nats-server");
        again.args(&self.arguments).args(["-p", &self.port.to_string()]);
        self.process = Process::start(&mut again, &self.said);
    }
}

/// `shm-ring-bridge SIDE RING --name NAME --nats URL MORE...`
pub(crate) fn bridge(place: &Place, side: &str, ring: &str, url: &str, more: &[&str]) -> Process {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut command = Command::new(env!("CARGO_BIN_EXE_shm-ring-bridge"));
    command.args([side, ring, "--name", "it", "--nats", url]).args(more);
    for name in ["NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN"] {
        command.env_remove(name);
    }
    Process::start(&mut command, &place.file(&format!("{side}-{count}.txt")))
}
