//! Owns: the connection to the server, and the stream: how they are made, and what is said when they cannot be. Knows nothing
//! of: rings, and what is sent.

use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;

use crate::cli::{Server, Source};
use crate::failure::{Code, Failure};
use crate::names::Names;

/// How long a peer that is gone without a word is not noticed, at most: three of these.
const PING: Duration = Duration::from_secs(2);

/// A connection. It is not mended: when it is lost, everything on it is given up, and the next one begins anew.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) stream: Context,
    lost: watch::Receiver<Option<String>>,
}

impl Connection {
    /// Waits until it is lost, and says why.
    pub(crate) async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the client has ended".to_owned(),
        }
    }
}

/// Why there is no connection.
pub(crate) enum Refused {
    /// It may be there later.
    Now(String),
    /// It will be the same again.
    Always(Failure),
}

/// Connects to one of the servers.
pub(crate) async fn connect(server: &Server, name: &str) -> Result<Connection, Refused> {
    let mut addresses = Vec::new();
    for url in &server.nats {
        let address: ServerAddr = url.parse().map_err(|error| {
            let what = format!("{url:?} is no server's address: {error}");
            Refused::Always(Failure::new(Code::Usage, what, "such as nats://host:4222"))
        })?;
        addresses.push(address);
    }
    let (sender, lost) = watch::channel(None);
    let options = options(server).await?.name(name).event_callback(move |event| {
        let why = match event {
            Event::Disconnected | Event::Closed => Some("the server is gone".to_owned()),
            Event::LameDuckMode => Some("the server is about to stop".to_owned()),
            Event::ServerError(error) => Some(error.to_string()),
            _ => None,
        };
        if why.is_some() {
            sender.send_if_modified(|lost| {
                lost.is_none() && {
                    *lost = why;
                    true
                }
            });
        }
        std::future::ready(())
    });
    // What a lost connection leaves of the client tries each server once, and ends.
    let options = options.max_reconnects(addresses.len());
    let shown = server.nats.join(", ");
    let connected = options.connect(addresses).await.map_err(|error| {
        let what = format!("{shown}: {}", chain(&error));
        let hint = match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                "the server does not take who we say we are: --creds, --user, --token, --nkey"
            }
            ConnectErrorKind::Tls => {
                "--ca names who has signed the server's certificate; --tls, --tls-first"
            }
            ConnectErrorKind::ServerParse => "such as nats://host:4222",
            // The client library has no kind for it.
            _ if ["BadCertificate", "CertificateRequired"]
                .iter()
                .any(|alert| what.contains(alert)) =>
            {
                "the server asks for a certificate that it knows: --cert, --key"
            }
            _ => return Refused::Now(what),
        };
        Refused::Always(Failure::new(Code::Failure, what, hint))
    });
    let client = connected?;
    let builder = ContextBuilder::new().timeout(server.timeout).ack_timeout(server.timeout);
    let stream = match &server.domain {
        Some(domain) => builder.domain(domain).build(client.clone()),
        None => builder.build(client.clone()),
    };
    Ok(Connection { client, stream, lost })
}

async fn options(server: &Server) -> Result<ConnectOptions, Refused> {
    let Server { creds, user, password, token, nkey, ca, cert, key, .. } = server;
    let unreadable = |path: &std::path::Path, error: std::io::Error| {
        let what = format!("{}: {error}", path.display());
        Refused::Always(Failure::new(Code::Failure, what, "name a file that can be read"))
    };
    let mut options = ConnectOptions::new()
        .connection_timeout(server.timeout)
        .request_timeout(Some(server.timeout))
        .ping_interval(PING)
        .require_tls(server.tls)
        .reconnect_delay_callback(|_| Duration::ZERO);
    if server.tls_first {
        options = options.tls_first();
    }
    if server.ignore_discovered {
        options = options.ignore_discovered_servers();
    }
    if let Some(path) = creds {
        options = options.credentials_file(path).await.map_err(|error| unreadable(path, error))?;
    }
    if let (Some(user), Some(password)) = (user, password) {
        options = options.user_and_password(user.clone(), password.clone());
    }
    if let Some(token) = token {
        options = options.token(token.clone());
    }
    if let Some(path) = nkey {
        let seed = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        options = options.nkey(seed.trim().to_owned());
    }
    for path in [ca, cert, key].into_iter().flatten() {
        std::fs::File::open(path).map_err(|error| unreadable(path, error))?;
    }
    if let Some(ca) = ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (cert, key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(options)
}

/// The stream of a bridge, made if there is none.
pub(crate) async fn stream(
    connection: &Connection,
    names: &Names,
    source: &Source,
) -> Result<Stream, Refused> {
    let wanted = Config {
        name: names.stream.clone(),
        subjects: vec![names.records.clone()],
        retention: RetentionPolicy::WorkQueue,
        storage: if source.memory { StorageType::Memory } else { StorageType::File },
        max_bytes: i64::try_from(source.stream_bytes).unwrap_or(i64::MAX),
        discard: DiscardPolicy::New,
        num_replicas: usize::from(source.replicas),
        ..Config::default()
    };
    let stream = connection.stream.get_or_create_stream(wanted).await.map_err(|error| {
        let what = format!("no stream {}: {}", names.stream, chain(&error));
        match error.kind() {
            CreateStreamErrorKind::JetStreamUnavailable => {
                Refused::Now(format!("{what}; is JetStream on (`nats-server -js`)?"))
            }
            _ => Refused::Now(what),
        }
    })?;
    let found = &stream.cached_info().config;
    let differs = |what: &str, found: String, wanted: &str| {
        let what = format!("stream {} has {what} {found}, and {wanted} is wanted", names.stream);
        let hint =
            "somebody else made it: make it as README.md says, remove it, or take another --name";
        Err(Refused::Always(Failure::new(Code::Incompatible, what, hint)))
    };
    if found.retention != RetentionPolicy::WorkQueue {
        return differs("retention", format!("{:?}", found.retention), "WorkQueue");
    }
    if found.discard != DiscardPolicy::New {
        return differs("discard policy", format!("{:?}", found.discard), "New");
    }
    if !found.subjects.contains(&names.records) {
        return differs("subjects", format!("{:?}", found.subjects), &names.records);
    }
    Ok(stream)
}

/// An error and what it came of.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
