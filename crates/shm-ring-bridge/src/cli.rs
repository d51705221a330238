//! Owns: the command line. Knows nothing of: how any of it is done.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand};

use crate::target::Target;

/// Carries a ring of shared memory to a ring on another machine, exactly once, through NATS JetStream.
///
/// One process on each machine: `source` reads the ring there, `sink` writes the ring here. Each of them, the server, and the
/// programs at both rings may be killed and started again at any time.
#[derive(Debug, Parser)]
#[command(
    name = "shm-ring-bridge",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 ended by SIGINT or SIGTERM, 1 failure, 2 usage, 3 no such ring, 4 the two rings are no pair."
)]
pub(crate) struct Cli {
    /// When output is coloured: auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends what a ring carries, and gives it back once the sink has it.
    Source(Source),
    /// Publishes to a ring what the source sends; makes the ring if there is none.
    Sink(Sink),
}

#[derive(Debug, Args)]
pub(crate) struct Source {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Bytes of records in a message of the stream, at most what the server takes.
    #[arg(long, value_name = "BYTES", value_parser = size, default_value = "64K")]
    pub(crate) batch: usize,

    /// Messages that the server may not have acknowledged.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) in_flight: u16,

    /// Bytes that may be sent and not confirmed by the sink. The ring's size is a limit as well.
    #[arg(long, value_name = "BYTES", value_parser = size, default_value = "4M")]
    pub(crate) window: usize,

    /// The most bytes in the stream, if it is made here.
    #[arg(long, value_name = "BYTES", value_parser = size, default_value = "64M")]
    pub(crate) stream_bytes: usize,

    /// Copies of the stream in a cluster of servers, if it is made here.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) replicas: u8,

    /// Has the server keep the stream in its memory, if it is made here.
    #[arg(long)]
    pub(crate) memory: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sink {
    #[command(flatten)]
    pub(crate) common: Common,

    /// The most bytes of records in the ring, if it is made here; as many as the source ring has otherwise.
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub(crate) bytes: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The ring: a name under /dev/shm, or a path that is not a single component, such as ./FILE.
    #[arg(value_name = "RING")]
    pub(crate) target: Target,

    /// The bridge: letters, digits, - and _, the same on both sides. The ring's name unless it is given.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Goes on with whatever ring is at the other side, whichever it was before. For one start, and not in a service.
    #[arg(long)]
    pub(crate) pair_anew: bool,

    /// Rings of other users, and those that others may write, too.
    #[arg(long)]
    pub(crate) any_owner: bool,

    #[command(flatten)]
    pub(crate) server: Server,
}

/// How the server is reached. The names of the options are those of the client library.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// nats://HOST:PORT or tls://HOST:PORT; several, with commas, of one cluster.
    #[arg(long, value_name = "URL", required = true, value_delimiter = ',', env = "NATS_URL")]
    pub(crate) nats: Vec<String>,

    /// A credentials file (a JWT and its seed).
    #[arg(long, value_name = "FILE", group = "who")]
    pub(crate) creds: Option<PathBuf>,

    /// A user, with --password.
    #[arg(long, group = "who", requires = "password", env = "NATS_USER")]
    pub(crate) user: Option<String>,

    /// The user's password. The environment does not show it to other users, the command line does.
    #[arg(long, env = "NATS_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,

    /// A token.
    #[arg(long, group = "who", env = "NATS_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// A file that holds the seed of an nkey.
    #[arg(long, value_name = "FILE", group = "who")]
    pub(crate) nkey: Option<PathBuf>,

    /// Refuses a server without TLS.
    #[arg(long)]
    pub(crate) tls: bool,

    /// Speaks TLS from the first byte on, as the server must be set up for.
    #[arg(long)]
    pub(crate) tls_first: bool,

    /// Certificates of authorities that are trusted besides those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// The certificate that this side shows.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The key of the certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The JetStream domain, if it is not that of the server.
    #[arg(long)]
    pub(crate) domain: Option<String>,

    /// Uses only the servers that are given, and none that those tell of.
    #[arg(long)]
    pub(crate) ignore_discovered: bool,

    /// How long a connection, and the server's answer, may take.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

/// `64K`, `1MiB`, `4096`: bytes, by powers of 1024.
fn size(text: &str) -> Result<usize, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err("a size is a number with K, M or G behind it, such as 64K".to_owned()),
    };
    match number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift)) {
        Some(size) if size > 0 => Ok(size),
        _ => Err(format!("{text:?} is no number of bytes")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("{text:?} is no number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_nothing_and_knows_sizes() {
        Cli::command().debug_assert();
        assert_eq!(["7", "64K", "4MiB", "1g"].map(size), [7, 64 << 10, 4 << 20, 1 << 30].map(Ok));
        assert!(size("0").is_err() && size("K").is_err() && size("4X").is_err());
        assert!(seconds("0.5").is_ok() && seconds("0").is_err() && seconds("x").is_err());
    }
}
