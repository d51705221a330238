//! Owns: who a bridge says it is, and whom it believes: passwords, nkeys, credentials, TLS. Knows nothing of: what is carried
//! once they know each other.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::house::{Place, Server, bridge};
use crate::serving::{arrive, numbers};

/// Three numbers go through a server by `options`, and nothing does without them, for which the source ends with `refusal`.
fn is_known_by(place: &Place, server: &Server, options: &[&str], refusal: &str) {
    let (here, there) = (place.ring("here"), place.ring("there"));
    let _tx = numbers(&here, 3);
    let mut source = bridge(place, "source", &here, &server.url(), &[]);
    source.fails(1, &[refusal, "--creds"]);
    let _source = bridge(place, "source", &here, &server.url(), options);
    let _sink = bridge(place, "sink", &there, &server.url(), options);
    arrive(&there, 0..3);
}

/// A file with that text, and its path as an option has it.
fn file(place: &Place, name: &str, text: &str) -> String {
    let path = place.file(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn users_without_the_password_are_refused_and_those_with_it_served() {
    let place = Place::new("password");
    let users = "authorization { user: ring, password: secret }";
    let Some(server) = Server::with_configuration(&place, users) else { return };
    let user = ["--user", "ring", "--password", "secret"];
    is_known_by(&place, &server, &user, "authorization violation");
}

#[test]
fn users_without_the_token_are_refused_and_those_with_it_served() {
    let place = Place::new("token");
    let token = "authorization { token: secret }";
    let Some(server) = Server::with_configuration(&place, token) else { return };
    is_known_by(&place, &server, &["--token", "secret"], "authorization violation");
}

#[test]
fn users_without_the_nkey_are_refused_and_those_with_it_served() {
    let place = Place::new("nkey");
    let user = KeyPair::new_user();
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", user.public_key());
    let Some(server) = Server::with_configuration(&place, &users) else { return };
    let seed = file(&place, "user.nk", &format!("{}\n", user.seed().unwrap()));
    is_known_by(&place, &server, &["--nkey", &seed], "authorization violation");
}

/// What `issuer` says of `subject`, signed: a JWT as NATS has them.
fn signed(issuer: &KeyPair, subject: &KeyPair, nats: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let head = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let claims = json!({
        "jti": subject.public_key(), "iat": 1, "iss": issuer.public_key(), "sub": subject.public_key(),
        "name": "it", "nats": nats,
    });
    let text = format!("{head}.{}", part(&claims));
    let signature = BASE64URL_NOPAD.encode(&issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

#[test]
fn users_without_credentials_are_refused_and_those_with_them_served() {
    let place = Place::new("creds");
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let (account, user) = (KeyPair::new_account(), KeyPair::new_user());
    let all = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let mut none = all.clone();
    for storage in ["mem_storage", "disk_storage", "streams", "consumer"] {
        none[storage] = json!(0);
    }
    let of_account = |limits| json!({ "type": "account", "version": 2, "limits": limits });
    let configuration = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        signed(&operator, &operator, &json!({ "type": "operator", "version": 2 })),
        system.public_key(),
        system.public_key(),
        signed(&operator, &system, &of_account(none)),
        account.public_key(),
        signed(&operator, &account, &of_account(all)),
    );
    let Some(server) = Server::with_configuration(&place, &configuration) else { return };
    let of_user = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        signed(&account, &user, &of_user),
        user.seed().unwrap(),
    );
    let creds = file(&place, "user.creds", &text);
    is_known_by(&place, &server, &["--creds", &creds], "authorization violation");
}

/// A certificate that has signed itself, and its key. None, and why is printed, if there is nothing to make it with.
fn certificate(place: &Place, name: &str) -> Option<(PathBuf, PathBuf)> {
    let (cert, key) = (place.file(&format!("{name}.pem")), place.file(&format!("{name}-key.pem")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("Skipped: openssl is not here to make a certificate (apt-get install openssl).");
        return None;
    }
    Some((cert, key))
}

#[test]
fn a_server_with_tls_is_believed_if_its_authority_is() {
    let place = Place::new("tls");
    let Some((cert, key)) = certificate(&place, "server") else { return };
    let tls = format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}");
    let Some(server) = Server::with_configuration(&place, &tls) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let _tx = numbers(&here, 3);
    let url = server.url().replace("nats:", "tls:");
    let mut source = bridge(&place, "source", &here, &url, &[]);
    source.hear("certificate");
    drop(source);
    let ca = ["--ca", cert.to_str().unwrap(), "--tls"];
    let _source = bridge(&place, "source", &here, &url, &ca);
    let _sink = bridge(&place, "sink", &there, &url, &ca);
    arrive(&there, 0..3);
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_one() {
    let place = Place::new("mutual");
    let Some((cert, key)) = certificate(&place, "server") else { return };
    let Some((ours, our_key)) = certificate(&place, "client") else { return };
    let tls = format!(
        "tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ours:?}, verify: true }}"
    );
    let Some(server) = Server::with_configuration(&place, &tls) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let _tx = numbers(&here, 3);
    let url = server.url().replace("nats:", "tls:");
    let [cert, ours, our_key] = [&cert, &ours, &our_key].map(|path| path.to_str().unwrap());
    let mut source = bridge(&place, "source", &here, &url, &["--ca", cert]);
    source.fails(1, &["Certificate", "--cert, --key"]);
    let known = ["--ca", cert, "--cert", ours, "--key", our_key];
    let _source = bridge(&place, "source", &here, &url, &known);
    let _sink = bridge(&place, "sink", &there, &url, &known);
    arrive(&there, 0..3);
}
