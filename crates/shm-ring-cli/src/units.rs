//! Sizes and times as people write and read them. It must not know what is measured.

use std::time::Duration;

/// `64K`, `1MiB`, `4096`: bytes, by powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let shift = match unit.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err("a size is a number with K, M, G or T behind it, such as 64K".to_owned()),
    };
    let number: usize =
        number.parse().map_err(|_| format!("{text:?} does not begin with a number"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than can be counted"))
}

/// `12`, `16:8`: bytes of a value and what it is aligned to. Whether there can be such values the library says.
pub(crate) fn parse_item(text: &str) -> Result<(usize, usize), String> {
    /// Without an alignment: that of the largest number.
    const ALIGN_MOST: usize = 8;
    match text.split_once(':') {
        Some((size, align)) => Ok((parse_size(size)?, parse_size(align)?)),
        None => {
            let size = parse_size(text)?;
            Ok((size, 1 << size.trailing_zeros().min(ALIGN_MOST.trailing_zeros())))
        }
    }
}

/// `500ms`, `10s`, `5m`, `2h`, `1d`: a bare number is seconds.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => {
            return Err(
                "a time is a number with ms, s, m, h or d behind it, such as 10s".to_owned()
            );
        }
    };
    let number: u64 =
        number.parse().map_err(|_| format!("{text:?} does not begin with a number"))?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text} is more than can be counted"))
}

/// A place in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// A position of the ring.
    Position(u64),
    /// So long after the first record.
    Elapsed(Duration),
    /// Nanoseconds since 1970-01-01 UTC.
    Time(u64),
}

/// `4096`, `+10s`, `+1.5`, `@1700000000.25`: a position, a time since the first record, a time since 1970.
pub(crate) fn parse_since(text: &str) -> Result<Since, String> {
    if let Some(text) = text.strip_prefix('+') {
        let time = seconds(text).map_or_else(|_| parse_time(text), Ok)?;
        return Ok(Since::Elapsed(time));
    }
    if let Some(text) = text.strip_prefix('@') {
        let nanos = seconds(text)?.as_nanos();
        let nanos = u64::try_from(nanos).map_err(|_| format!("{text} is after the year 2500"))?;
        return Ok(Since::Time(nanos));
    }
    let hint = "a place is a position (4096), a time since the first record (+10s) or since 1970 (@1700000000.5)";
    text.parse().map(Since::Position).map_err(|_| hint.to_owned())
}

/// `1700000000.25`: seconds and up to nine digits of a fraction, exactly.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number of seconds");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok(Duration::new(whole.parse().map_err(|_| wrong())?, nanos))
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// A number of bytes in three digits or so.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// How often something happens, or a number of things.
pub(crate) fn count(number: f64) -> String {
    let text = scaled(number, 1000.0, &["", "k", "M", "G"]);
    text.trim_end().to_owned()
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut index = 0;
    while number >= step && index + 1 < units.len() {
        number /= step;
        index += 1;
    }
    let digits = if index == 0 || number >= 100.0 || number.fract() == 0.0 { 0 } else { 1 };
    format!("{number:.digits$} {}", units[index])
}

/// An age by its largest unit.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_and_written() {
        for (text, bytes) in
            [("4096", 4096), ("64K", 65536), ("1MiB", 1 << 20), ("2g", 2 << 30), ("3kb", 3072)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "K", "1X", "-1", "99999999T", "1.5K"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for (text, item) in [
            ("12", (12, 4)),
            ("7", (7, 1)),
            ("48", (48, 8)),
            ("16:1", (16, 1)),
            ("4K:64", (4096, 64)),
            ("12:8", (12, 8)),
        ] {
            assert_eq!(parse_item(text), Ok(item), "{text}");
        }
        for wrong in ["", "8:", ":8", "8:4:2", "u64"] {
            assert!(parse_item(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_time("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_time("1d"), Ok(Duration::from_secs(86_400)));
        for (text, since) in [
            ("4096", Since::Position(4096)),
            ("+10", Since::Elapsed(Duration::from_secs(10))),
            ("+250ms", Since::Elapsed(Duration::from_millis(250))),
            ("+1.5", Since::Elapsed(Duration::from_millis(1500))),
            ("@1700000000.000000001", Since::Time(1_700_000_000_000_000_001)),
        ] {
            assert_eq!(parse_since(text), Ok(since), "{text}");
        }
        for wrong in ["", "-1", "+", "@", "@1.0000000001", "@18446744073709551615", "4K", "+1.5s"] {
            assert!(parse_since(wrong).is_err(), "{wrong}");
        }
        assert!(parse_time("soon").is_err() && parse_time("1 week").is_err());
        let written = [0, 1000, 1024, 1536, 1 << 20, 300 << 20, 5 << 40].map(size);
        assert_eq!(written, ["0 B", "1000 B", "1 KiB", "1.5 KiB", "1 MiB", "300 MiB", "5 TiB"]);
        assert_eq!([0.0, 999.0, 1234.0, 5e6].map(count), ["0", "999", "1.2 k", "5 M"]);
        assert_eq!(
            [59, 60, 7200, 90_000].map(|s| time(Duration::from_secs(s))),
            ["59 s", "1 min", "2 h", "1 d"]
        );
    }
}
