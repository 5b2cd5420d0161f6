//! Would open a connection past the host: Rust's std does so through `wasi:sockets`.

use std::io::Write;
use std::net::TcpStream;

use serde::Deserialize;
use tagyard_tag::{Event, Failure, Output, Tag};

struct OpensConnections;

#[derive(Deserialize)]
struct Settings {}

impl Tag for OpensConnections {
    type Settings = Settings;

    fn handle(_: &[Event<'_>], _: &Settings, _: &mut Output) -> Result<(), Failure> {
        let sent = TcpStream::connect("elsewhere.example:80")
            .and_then(|mut stream| stream.write_all(b"GET / HTTP/1.0\r\n\r\n"));
        sent.map_err(|error| Failure::Internal(error.to_string()))
    }
}

tagyard_tag::export!(OpensConnections);
