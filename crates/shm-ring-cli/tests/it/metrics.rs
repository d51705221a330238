//! `metrics`: the figures are what the observers see, in texts that Prometheus' own parsers read, by each of the three
//! ways to have them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use shm_ring::{Latest, MessageRing, Options, Ring};

use crate::house::{LIMIT, Name, Process, expect, program, told, until};

/// What a text says of a ring: the figure with its labels, without that of the ring, and the value.
fn figures<'a>(text: &'a str, name: &Name) -> Vec<(String, &'a str)> {
    let ring = format!("ring=\"{}\"", name.as_str());
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(&ring));
    let figure = |line: &'a str| {
        let (figure, value) = line.rsplit_once(' ').unwrap();
        let figure = figure.replace(&format!("{ring},"), "").replace(&format!("{{{ring}}}"), "");
        (figure, value)
    };
    lines.map(figure).collect()
}

#[test]
fn each_figure_is_what_the_sides_did() {
    let name = Name::new("figures");
    let ring = Ring::<[u64; 2]>::create(name.as_str(), &Options::new().items(100)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..10 {
        tx.push([n; 2]).unwrap();
    }
    tx.count_dropped(7);
    rx.pop().unwrap();
    drop(rx);
    let text = expect(0, &["metrics", name.as_str()]);
    let figures = figures(&text, &name);
    let pid = format!("shm_ring_side_info{{side=\"producer\",pid=\"{}\",", std::process::id());
    assert!(figures.iter().any(|(figure, _)| figure.starts_with(&pid)), "{text}");
    for (figure, value) in [
        ("shm_ring_limit_bytes", "1600"),
        ("shm_ring_unread_bytes", "144"),
        ("shm_ring_unread_records", "9"),
        ("shm_ring_published_bytes_total", "160"),
        ("shm_ring_published_records_total", "10"),
        ("shm_ring_read_bytes_total", "16"),
        ("shm_ring_dropped_records_total", "7"),
        ("shm_ring_corrupt", "0"),
        ("shm_ring_side_session{side=\"producer\"}", "1"),
        ("shm_ring_side_session{side=\"consumer\"}", "2"),
        ("shm_ring_side_state{side=\"producer\",state=\"alive\"}", "1"),
        ("shm_ring_side_state{side=\"producer\",state=\"dead\"}", "0"),
        ("shm_ring_side_state{side=\"consumer\",state=\"closed\"}", "1"),
        ("shm_ring_side_asleep{side=\"consumer\"}", "0"),
    ] {
        assert!(figures.contains(&(figure.to_owned(), value)), "{figure} {value}: {figures:?}");
    }
    assert!(text.ends_with("# EOF\n") && text.contains("\nshm_ring_rings 1"), "{text}");
}

#[test]
fn what_a_latest_value_has_no_figure_of_is_not_there() {
    let name = Name::new("pose");
    let latest = Latest::<u64>::create(name.as_str(), &Options::new()).unwrap();
    latest.writer().unwrap().write(7);
    let text = expect(0, &["metrics", name.as_str(), name.as_str()]);
    let figures = figures(&text, &name);
    let of = |what: &str| figures.iter().filter(|(figure, _)| figure.starts_with(what)).count();
    assert_eq!(of("shm_ring_published_records_total"), 1, "asked for twice and there once: {text}");
    for nothing in ["shm_ring_unread", "shm_ring_read", "shm_ring_high_water"] {
        assert_eq!(of(nothing), 0, "{nothing}: {text}");
    }
    assert!(!text.contains("side=\"consumer\""), "{text}");
}

/// The interpreter that has `prometheus_client`, from PyPI: the one that the environment names, or python3 if it has it.
fn parser() -> Option<String> {
    if let Ok(python) = std::env::var("SHM_RING_PROMETHEUS_PYTHON") {
        return Some(python);
    }
    let mut python = Command::new("python3");
    python.args(["-c", "import prometheus_client"]).stderr(Stdio::null());
    let there = python.status().is_ok_and(|status| status.success());
    there.then(|| "python3".to_owned())
}

#[test]
fn the_parsers_of_prometheus_read_it() {
    let Some(python) = parser() else {
        println!("skipped: python3 has no prometheus_client here");
        return;
    };
    let messages = Name::new("mess\"ag\\es\n");
    let values = Name::new("values");
    let damaged = Name::new("damaged");
    let label = "a \"label\" \\ of\nlines";
    MessageRing::create(messages.as_str(), &Options::new().label(label)).unwrap();
    let ring = Ring::<u64>::create(values.as_str(), &Options::new()).unwrap();
    ring.producer().unwrap().push(1).unwrap();
    expect(0, &["create", damaged.as_str()]);
    let mut bytes = std::fs::read(damaged.path()).unwrap();
    bytes[8] = 3;
    std::fs::write(damaged.path(), bytes).unwrap();
    for form in ["openmetrics", "prometheus"] {
        // All that there is: other tests have rings too.
        let text = told(0, &crate::house::run(&["metrics", "--format", form]));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/parsed.py");
        let mut command = Command::new(&python);
        command.arg(script).args([
            form,
            messages.as_str(),
            label,
            values.as_str(),
            damaged.as_str(),
        ]);
        let mut parsing = Process::of(command.stdin(Stdio::piped()));
        parsing.say(text.as_bytes());
        let output = parsing.end();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{form}: {why}\n{text}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "read\n");
    }
}

#[test]
fn a_file_is_replaced_whole_and_others_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let name = Name::new("file");
    expect(0, &["create", name.as_str()]);
    let directory = std::env::temp_dir().join(format!("shm-ring-metrics-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("rings.prom");
    let path = file.to_str().unwrap();
    expect(0, &["metrics", name.as_str(), "--output", path]);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    let whole = std::fs::read_to_string(&file).unwrap();
    let mut again =
        Process::start(&["metrics", name.as_str(), "--output", path, "--interval", "1ms"]);
    let mut versions = BTreeSet::new();
    // The last line is how long a look took, which is hardly ever the same.
    until("it was replaced some twenty times", || {
        let text = std::fs::read_to_string(&file).unwrap();
        let (figures, took) = text.trim_end().rsplit_once('\n').unwrap();
        assert!(took.starts_with("shm_ring_look_duration_seconds 0."), "{text}");
        assert_eq!(figures.lines().count() + 1, whole.lines().count(), "{text}");
        versions.insert(took.to_owned());
        versions.len() >= 20
    });
    again.kill();
    let left = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(left.lines().last().unwrap().starts_with("shm_ring_look_duration"), "{left}");
    assert_eq!(mode, 0o644);
    assert!(expect(1, &["metrics", "--output", "/nowhere/at/all.prom"]).contains("failed"));
}

/// A server, and where it listens.
fn server(arguments: &[&str]) -> (Process, String) {
    let mut command = program(&[&["metrics", "--listen", "127.0.0.1:0"], arguments].concat());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let process = Process::from(child);
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("note: http://").and_then(|l| l.strip_suffix("/metrics"));
    (process, address.unwrap_or_else(|| panic!("{line}")).to_owned())
}

fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn asked(address: &str, line: &str, accept: &str) -> (String, String) {
    let mut stream = connected(address);
    let host = "Host: here\r\nConnection: close";
    write!(stream, "{line} HTTP/1.1\r\n{host}\r\nAccept: {accept}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn requests_are_answered_beside_one_that_says_nothing() {
    let name = Name::new("served");
    expect(0, &["create", name.as_str()]);
    let (_server, address) = server(&[name.as_str()]);
    let silent = connected(&address);
    let mut slow = connected(&address);
    slow.write_all(b"GET /metr").unwrap();
    let (head, body) = asked(&address, "GET /metrics", "*/*");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.contains(name.as_str()) && body.ends_with("# EOF\n"), "{body}");
    let (head, body) = asked(&address, "GET /metrics", "text/plain;version=0.0.4");
    assert!(head.contains("text/plain; version=0.0.4") && !body.contains("# EOF"), "{head}");
    let both = "text/plain;q=0.5,application/openmetrics-text;version=1.0.0";
    assert!(asked(&address, "GET /metrics", both).0.contains("openmetrics"));
    let (head, body) = asked(&address, "HEAD /metrics", "*/*");
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head} {body}");
    assert!(asked(&address, "GET /", "*/*").1.contains("/metrics"));
    assert!(asked(&address, "GET /elsewhere", "*/*").0.starts_with("http/1.1 404"));
    let (head, _) = asked(&address, "POST /metrics", "*/*");
    assert!(head.starts_with("http/1.1 405") && head.contains("allow: get, head"), "{head}");
    slow.write_all(b"ics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(name.as_str()), "{answer}");
    drop(silent);
    // Rings come and go.
    expect(0, &["rm", name.as_str()]);
    let (_, body) = asked(&address, "GET /metrics", "*/*");
    assert!(body.contains("shm_ring_rings 0") && body.contains("shm_ring_unusable{"), "{body}");
    expect(0, &["create", name.as_str()]);
    assert!(asked(&address, "GET /metrics", "*/*").1.contains("shm_ring_rings 1"));
}

#[test]
fn what_cannot_be_listened_at_is_an_error() {
    for elsewhere in ["0.0.0.0:0", "192.0.2.1:9464", "[::]:0"] {
        let why = expect(2, &["metrics", "--listen", elsewhere]);
        assert!(why.contains("loopback"), "{why}");
    }
    expect(2, &["metrics", "--listen", "here"]);
    expect(2, &["metrics", "--interval", "1s"]);
    expect(3, &["metrics", "shm-ring-cli-it-not-there"]);
    let name = Name::new("twice");
    expect(0, &["create", name.as_str()]);
    let (_server, address) = server(&[name.as_str()]);
    let why = expect(1, &["metrics", "--listen", &address]);
    assert!(why.contains(&address) && why.contains("ss -ltnp"), "{why}");
}

#[test]
fn the_page_names_each_figure_and_no_other() {
    let name = Name::new("named");
    let damaged = Name::new("unusable");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let _tx = ring.producer().unwrap();
    std::fs::write(damaged.path(), b"").unwrap();
    let text = expect(0, &["metrics", name.as_str()]);
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let there: BTreeSet<String> = families
        .map(|line| match line.split_once(' ').unwrap() {
            (family, "counter") => format!("{family}_total"),
            (family, _) => family.to_owned(),
        })
        .collect();
    let page = include_str!("../../METRICS.md");
    let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named = words.filter(|word| word.starts_with("shm_ring_")).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), there);
}
