//! All that was measured of a row as one list, each figure with its name, its unit and how it is
//! shown. It must not know where that is.

use super::{Outcome, Quantile};
use crate::plan::figure::Figure;

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    /// Its name in the results.
    pub(super) key: &'static str,
    /// The unit of the results.
    pub(super) unit: &'static str,
    /// What people call it.
    pub(super) what: &'static str,
    /// At the head of a column.
    column: &'static str,
    /// The unit that people are shown, and how many of the results' units are one of it.
    pub(super) shown: &'static str,
    pub(super) scale: f64,
}

pub(super) const MESSAGES: Kind = Kind {
    key: "msgs_per_s",
    unit: "messages/s",
    what: "messages verified a second",
    column: "million messages/s",
    shown: "million messages/s",
    scale: 1e6,
};
pub(super) const BYTES: Kind = Kind {
    key: "bytes_per_s",
    unit: "B/s",
    what: "bytes of messages verified a second",
    column: "GB/s",
    shown: "GB/s",
    scale: 1e9,
};
pub(super) const LATENCY: Kind = Kind {
    key: "latency",
    unit: "ns",
    what: "latency",
    column: "latency, us",
    shown: "us",
    scale: 1e3,
};
pub(super) const COST: Kind = Kind {
    key: "cost.cpu_ns",
    unit: "ns/message",
    what: "processor time of both sides for a message",
    column: "CPU, ns/message",
    shown: "ns/message",
    scale: 1.0,
};
pub(super) const SWITCHES: Kind = Kind {
    key: "cost.switches",
    unit: "switches/message",
    what: "context switches of both sides for a message",
    column: "switches/message",
    shown: "switches/message",
    scale: 1.0,
};
pub(super) const CALLS: Kind = Kind {
    key: "cost.system_calls",
    unit: "calls/message",
    what: "system calls of both sides for a message",
    column: "system calls/message",
    shown: "system calls/message",
    scale: 1.0,
};
/// Of a burst.
pub(super) const DRAIN: Kind = Kind {
    key: "drain_ns",
    unit: "ns",
    what: "from the first send of a burst to its last message received",
    column: "drain, us",
    shown: "us",
    scale: 1e3,
};
pub(super) const BLOCKED: Kind = Kind {
    key: "blocked_cpu",
    unit: "processors",
    what: "processor time while waiting, of one processor",
    column: "CPU while waiting, %",
    shown: "% of a processor",
    scale: 0.01,
};
pub(super) const HELD: Kind = Kind {
    key: "held_bytes",
    unit: "B",
    what: "memory of a side",
    column: "memory, KiB",
    shown: "KiB",
    scale: 1024.0,
};
/// A ratio of two medians, and those of single runs to the baseline's median.
pub(super) const RATIO: Kind = Kind {
    key: "ratio",
    unit: "",
    what: "times faster",
    column: "times faster",
    shown: "times faster",
    scale: 1.0,
};
const CPU_TX: Kind = Kind {
    key: "cpu.tx",
    unit: "processors",
    what: "processor time of the sender",
    column: "CPU tx, %",
    shown: "% of a processor",
    scale: 0.01,
};
const CPU_RX: Kind =
    Kind { key: "cpu.rx", what: "processor time of the receiver", column: "CPU rx, %", ..CPU_TX };

/// One figure of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) kind: Kind,
    /// Of a latency, the part of the messages that it is of.
    pub(super) part: Option<f64>,
    pub(super) figure: Figure,
}

impl Measured {
    /// What stands at the head of its column.
    pub(super) fn column(&self) -> String {
        match self.part {
            Some(part) => format!("{}, {}", percentile(part), self.kind.shown),
            None => self.kind.column.to_owned(),
        }
    }
}

impl Outcome {
    /// The workload, with what it is done, and the state of the machine; not the size.
    pub(super) fn doing(&self) -> String {
        let mut doing = self.workload.to_string();
        if let Some(of) = self.batch.or(self.burst).or(self.fan) {
            doing.push_str(&format!(" of {of}"));
        }
        if let Some(rate) = self.rate {
            doing.push_str(&format!(" {rate}/s"));
        }
        if let Some(interval) = self.interval_ns {
            doing.push_str(&format!(" {}", duration(interval)));
        }
        if let Some(state) = self.state {
            doing.push_str(&format!(" ({state})"));
        }
        doing
    }

    /// The quantiles that were measured. Results of before they were carried name some of them.
    pub(super) fn quantiles(&self) -> Vec<Quantile> {
        if !self.latency.is_empty() {
            return self.latency.clone();
        }
        let round_trips = self.rtt_ns.map(|rtt| {
            [(0.5, rtt.p50), (0.9, rtt.p90), (0.99, rtt.p99), (0.999, rtt.p999), (1.0, rtt.max)]
        });
        let wake = self.wake_ns.map(|ns| (0.5, ns));
        let named = round_trips.into_iter().flatten().chain(wake);
        named.map(|(part, ns)| Quantile { part, ns }).collect()
    }

    /// All that was measured, in the order in which it is shown.
    pub(super) fn figures(&self) -> Vec<Measured> {
        let plain = |kind, figure: Option<Figure>| {
            figure.map(|figure| Measured { kind, part: None, figure })
        };
        let mut figures: Vec<Measured> = Vec::new();
        figures.extend(plain(MESSAGES, self.msgs_per_s));
        figures.extend(plain(BYTES, self.bytes_per_s));
        figures.extend(self.quantiles().into_iter().map(|quantile| Measured {
            kind: LATENCY,
            part: Some(quantile.part),
            figure: quantile.ns,
        }));
        figures.extend(plain(DRAIN, self.drain_ns));
        figures.extend(plain(BLOCKED, self.blocked_cpu));
        figures.extend(plain(HELD, self.held_bytes));
        figures.extend(plain(CPU_TX, self.cpu.map(|cpu| cpu.tx)));
        figures.extend(plain(CPU_RX, self.cpu.map(|cpu| cpu.rx)));
        figures.extend(plain(COST, self.cost.map(|cost| cost.cpu_ns)));
        figures.extend(plain(SWITCHES, self.cost.and_then(|cost| cost.switches)));
        figures.extend(plain(CALLS, self.cost.and_then(|cost| cost.system_calls)));
        figures
    }
}

/// `p50`, `p99.9`, and `max` for all of the messages.
pub(super) fn percentile(part: f64) -> String {
    if part >= 1.0 {
        return "max".to_owned();
    }
    // A part such as 0.999 times 100 is not quite what it is called.
    format!("p{}", (part * 1e8).round() / 1e6)
}

/// Nanoseconds in the unit that leaves the shortest number.
pub(super) fn duration(ns: u64) -> String {
    match ns {
        0 => "0 ns".to_owned(),
        ns if ns % 1_000_000_000 == 0 => format!("{} s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 => format!("{} ms", ns / 1_000_000),
        ns if ns % 1000 == 0 => format!("{} us", ns / 1000),
        ns => format!("{ns} ns"),
    }
}

/// A size in bytes as people say it.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0 => "0 B".to_owned(),
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

/// Three digits that mean something, and never an exponent.
pub(crate) fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let before_the_point = value.abs().log10().floor() as i32 + 1;
    let after_it = (3 - before_the_point).clamp(0, 9) as usize;
    format!("{value:.after_it$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_in_what_they_are_done_with_are_called_differently() {
        let row = super::super::tests::report().results[1].clone();
        let rows = [
            row.clone(),
            Outcome { burst: Some(7), ..row.clone() },
            Outcome { fan: Some(8), ..row.clone() },
            Outcome { rate: Some(1000), ..row.clone() },
            Outcome { interval_ns: Some(5000), ..row.clone() },
            Outcome { state: None, ..row },
        ];
        let said = rows.map(|row| row.doing());
        assert_eq!(
            said,
            [
                "echo (near)",
                "echo of 7 (near)",
                "echo of 8 (near)",
                "echo 1000/s (near)",
                "echo 5 us (near)",
                "echo"
            ]
        );
    }

    #[test]
    fn three_digits_are_shown_whatever_the_size() {
        let shown = [0.0, 0.000_123_4, 0.5, 1.234, 12.34, 999.4, 161_469.2].map(digits);
        assert_eq!(shown, ["0", "0.000123", "0.500", "1.23", "12.3", "999", "161469"]);
    }

    #[test]
    fn quantities_are_named_as_people_say_them() {
        assert_eq!([8, 1024, 65_536, 1 << 20].map(size), ["8 B", "1 KiB", "64 KiB", "1 MiB"]);
        let said = [1, 100_000, 3_000_000, 3_000_000_000].map(duration);
        assert_eq!(said, ["1 ns", "100 us", "3 ms", "3 s"]);
        let said = [0.5, 0.999, 0.9999, 1.0].map(percentile);
        assert_eq!(said, ["p50", "p99.9", "p99.99", "max"]);
    }

    #[test]
    fn results_of_before_quantiles_were_carried_have_those_that_they_named() {
        let row = super::super::tests::report().results[1].clone();
        let older = Outcome { latency: Vec::new(), ..row.clone() }.figures();
        let named = [Some(0.5), Some(0.9), Some(0.99), Some(0.999), Some(1.0)];
        let of_old = row
            .figures()
            .into_iter()
            .filter(|figure| figure.kind != LATENCY || named.contains(&figure.part));
        assert_eq!(older, of_old.collect::<Vec<_>>());
        assert_eq!(older.iter().filter(|figure| figure.kind == LATENCY).count(), named.len());
    }
}
