//! Requests for the figures, over HTTP on loopback. It must not know what the figures are.
//!
//! One thread answers all, one request after the other: looking takes about a millisecond. A connection that says
//! nothing is closed. Where nobody asks for a minute, the rings that were seen are let go: a ring that was removed would
//! keep its memory.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::prometheus_text;
use shm_ring::Watch;
use shm_ring_console::terminal;
use tokio::net::TcpListener;

use super::look;
use crate::cli::{Form, Metrics};
use crate::failure::{Code, Failure};

/// How long a connection may take to say what it wants, and stay open between two requests.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nobody asks before the rings are let go.
const IDLE: Duration = Duration::from_secs(60);

/// Before accepting again, where that failed: there may be no descriptors.
const PAUSE: Duration = Duration::from_millis(100);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const WORDS: &str = "text/plain; charset=utf-8";

/// Answers until it is ended.
pub(super) fn serve(address: SocketAddr, metrics: &Metrics, watch: Watch) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let looks =
        Looks { metrics: metrics.clone(), watch: RefCell::new(watch), last: Cell::default() };
    runtime.block_on(answer_all(address, Rc::new(looks)))
}

/// What all connections look with.
struct Looks {
    metrics: Metrics,
    watch: RefCell<Watch>,
    /// When somebody asked last.
    last: Cell<Option<Instant>>,
}

impl Looks {
    fn look(&self, form: Form) -> Result<String, Failure> {
        self.last.set(Some(Instant::now()));
        look(&self.metrics, &mut self.watch.borrow_mut(), form)
    }

    fn let_go_if_idle(&self) {
        if self.last.get().is_some_and(|last| last.elapsed() >= IDLE) {
            self.last.set(None);
            self.watch.replace(Watch::new(&self.metrics.trust.to_look()));
        }
    }
}

async fn answer_all(address: SocketAddr, looks: Rc<Looks>) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| taken(address, &error))?;
    terminal::say(&format!("note: http://{}/metrics", listener.local_addr()?));
    let tasks = tokio::task::LocalSet::new();
    let idle = looks.clone();
    tasks.spawn_local(async move {
        loop {
            tokio::time::sleep(IDLE).await;
            idle.let_go_if_idle();
        }
    });
    tasks
        .run_until(async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let looks = looks.clone();
                tokio::task::spawn_local(async move {
                    let service = service_fn(|request| {
                        let answer = answer(&request, &looks);
                        async { Ok::<_, Infallible>(answer) }
                    });
                    let mut connection = http1::Builder::new();
                    connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                    // A client that goes away has its reasons.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
        .await
}

fn taken(address: SocketAddr, error: &io::Error) -> Failure {
    let hint = "`ss -ltnp` says who listens there; port 0 takes a free one";
    Failure::new(Code::Failure, format!("cannot listen at {address}: {error}"), hint)
}

fn answer(request: &Request<Incoming>, looks: &Looks) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = said(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match request.uri().path() {
        "/metrics" => {
            let form = looks.metrics.format.unwrap_or_else(|| accepted(request));
            match looks.look(form) {
                Ok(text) => {
                    let kind = match form {
                        Form::Openmetrics => OPENMETRICS,
                        Form::Prometheus => prometheus_text::CONTENT_TYPE,
                    };
                    with(StatusCode::OK, kind, text)
                }
                Err(failure) => said(StatusCode::INTERNAL_SERVER_ERROR, &format!("{failure}\n")),
            }
        }
        "/" => said(StatusCode::OK, "shm-ring: the figures are at /metrics\n"),
        _ => said(StatusCode::NOT_FOUND, "the figures are at /metrics\n"),
    }
}

/// OpenMetrics, unless the client asks for text and does not name it.
fn accepted(request: &Request<Incoming>) -> Form {
    let accept = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accept = accept.collect::<Vec<_>>().join(",");
    match accept.contains("text/plain") && !accept.contains("application/openmetrics-text") {
        true => Form::Prometheus,
        false => Form::Openmetrics,
    }
}

fn said(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    with(status, WORDS, words.to_owned())
}

fn with(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use std::fs;

    use shm_ring::{Options, Ring};

    use super::*;
    use crate::cli::Trust;
    use crate::target::Target;

    #[test]
    fn rings_are_let_go_where_nobody_has_asked_for_long() {
        let name = format!("shm-ring-metrics-idle-{}", std::process::id());
        let options = Options::new().unlink_on_drop();
        // It maps nothing: what is mapped is the watch's.
        let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
        let is_mapped = || fs::read_to_string("/proc/self/maps").unwrap().contains(&name);
        let (targets, trust) = (vec![Target::Name(name.clone())], Trust { any_owner: false });
        let (output, interval, listen, format) = (None, None, None, None);
        let metrics = Metrics { targets, output, interval, listen, format, trust };
        let watch = RefCell::new(Watch::new(&metrics.trust.to_look()));
        let looks = Looks { metrics, watch, last: Cell::default() };
        looks.look(Form::Openmetrics).unwrap();
        looks.let_go_if_idle();
        assert!(is_mapped(), "somebody has asked just now");
        looks.last.set(Instant::now().checked_sub(IDLE));
        looks.let_go_if_idle();
        assert!(!is_mapped());
        drop(ring);
    }
}
