//! Vendors that misbehave below HTTP: what a connection does is up to the test.

use std::net::Ipv4Addr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// Starts a vendor that gives each connection, with its request's head read, to `serve`. Returns its URL.
pub(crate) async fn start<F, S>(serve: F) -> String
where
    F: Fn(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            tokio::spawn(serve(stream));
        }
    });
    url
}
