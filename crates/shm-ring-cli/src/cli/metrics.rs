//! What may be asked of `metrics`. It must not do any of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Trust, interval};
use crate::completing;
use crate::target::Target;

#[derive(Clone, Debug, Args)]
pub(crate) struct Metrics {
    /// The rings (default: all under /dev/shm).
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) targets: Vec<Target>,

    /// Writes this file instead of standard output. It is replaced whole, so that a reader finds the old text or the new one.
    #[arg(long, short, value_name = "FILE", conflicts_with = "listen")]
    pub(crate) output: Option<PathBuf>,

    /// Writes the file again and again, so long apart, until it is ended.
    #[arg(long, value_name = "TIME", requires = "output", value_parser = interval)]
    pub(crate) interval: Option<Duration>,

    /// Answers requests for /metrics at this address, which must be one of this machine's own: 127.0.0.1:9464. Port 0 takes a
    /// free one, which is printed.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    pub(crate) listen: Option<SocketAddr>,

    /// Which text (default: of a file prometheus, which a node exporter reads; openmetrics otherwise, and by HTTP what the
    /// request accepts).
    #[arg(long, value_name = "FORM")]
    pub(crate) format: Option<Form>,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// What is read: OpenMetrics 1.0, or the older text of Prometheus, 0.0.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Openmetrics,
    Prometheus,
}

/// An address that only this machine reaches: nobody is asked who he is.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:9464".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "{} is no address of loopback, and whoever reaches it could read all names and counters: \
             take 127.0.0.1 or [::1], and a proxy that asks for a password in front of it",
            address.ip()
        )),
    }
}
