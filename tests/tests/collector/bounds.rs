//! What a client that means harm, or has died, cannot do.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tagyard::limits::{COLLECTING_REQUESTS, REQUEST_TIMEOUT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::webhook;

/// Long after what is bounded by [`REQUEST_TIMEOUT`] has ended.
const LONG: Duration = Duration::from_secs(REQUEST_TIMEOUT.as_secs() * 3);

type Flag = watch::Receiver<bool>;

/// Writes `head`, then `again` every half second for as long as the collector takes it; what it answered until it closed.
async fn trickle(address: SocketAddr, head: &[u8], again: &[u8]) -> String {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    write.write_all(head).await.unwrap();
    let again = again.to_vec();
    let writing = tokio::spawn(async move {
        while write.write_all(&again).await.is_ok() {
            sleep(Duration::from_millis(500)).await;
        }
    });
    let mut answer = Vec::new();
    let closed = timeout(LONG, read.read_to_end(&mut answer)).await;
    writing.abort();
    assert!(closed.is_ok(), "the connection is still open after {LONG:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_that_trickles_is_dropped() {
    let (host, _receiver) = webhook().await;
    let address = host.host.address();
    let body = b"POST /v1/page HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n";
    let begun = Instant::now();
    let (nothing, preface, head, body) = tokio::join!(
        trickle(address, b"", b""),
        trickle(address, b"PRI * HTTP", b""),
        trickle(address, b"POST /v1/page HTTP/1.1\r\n", b"x-more: 1\r\n"),
        trickle(address, body, b" "),
    );
    assert!(begun.elapsed() < REQUEST_TIMEOUT * 2, "{:?}", begun.elapsed());
    assert_eq!((nothing.as_str(), preface.as_str()), ("", ""));
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 408"), "{head}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(body.contains("slow_body"), "{body}");
}

#[tokio::test]
async fn a_connection_may_rest_between_two_requests() {
    let (host, _receiver) = webhook().await;
    let mut stream = TcpStream::connect(host.host.address()).await.unwrap();
    let mut answer = [0; 1024];
    for rest in [Duration::ZERO, REQUEST_TIMEOUT + Duration::from_secs(1)] {
        sleep(rest).await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let length = timeout(LONG, stream.read(&mut answer)).await.expect("an answer in time").unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "after {rest:?}");
    }
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    let (host, receiver) = webhook().await;
    let event = json!({"messageId": "last words", "userId": "u-1", "writeKey": "key"}).to_string();
    let head = format!("POST /v1/page HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", event.len());
    let mut stream = TcpStream::connect(host.host.address()).await.unwrap();
    stream.write_all((head + &event).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(LONG, stream.read_to_string(&mut answer)).await.expect("the connection is closed").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off() {
    let (host, _receiver) = webhook().await;
    let head = b"POST /v1/page HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let (mut read, mut write) = TcpStream::connect(host.host.address()).await.unwrap().into_split();
    write.write_all(head).await.unwrap();
    let writing = tokio::spawn(async move { while write.write_all(&chunk).await.is_ok() {} });
    let mut answer = [0; 1024];
    let length = timeout(LONG, read.read(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    // Nor is the rest of it read for ever.
    timeout(LONG, writing).await.expect("the connection is closed").unwrap();
}

/// Sends a request whose body never comes, and one more after each refusal, until it has held a place or `enough` is told; whether it
/// held one. Only so are all places held at some moment: one that another request has just then is free a moment later.
async fn hold_a_place(
    uri: String,
    client: Client<HttpConnector, BoxBody<Bytes, std::io::Error>>,
    enough: Flag,
) -> bool {
    loop {
        let body = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        let request = Request::post(&uri).body(BodyExt::boxed(body)).unwrap();
        let status = client.request(request).await.unwrap().status();
        match status {
            StatusCode::REQUEST_TIMEOUT => return true,
            StatusCode::SERVICE_UNAVAILABLE if *enough.borrow() => return false,
            StatusCode::SERVICE_UNAVAILABLE => sleep(Duration::from_millis(50)).await,
            status => panic!("{status}"),
        }
    }
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_come_again() {
    const CONNECTIONS: usize = 5;
    let (host, receiver) = webhook().await;
    let uri = format!("http://{}/v1/page", host.host.address());
    // Bodies that never come, on few connections: one has 128 requests at most. There are more than places, so that a place which a
    // request below had is taken as soon as it is free.
    let (tell, enough) = watch::channel(false);
    let clients: [_; CONNECTIONS] =
        std::array::from_fn(|_| Client::builder(TokioExecutor::new()).http2_only(true).build_http());
    let stuck = clients.iter().cycle().take(COLLECTING_REQUESTS + 16);
    let stuck: Vec<_> =
        stuck.map(|client| tokio::spawn(hold_a_place(uri.clone(), client.clone(), enough.clone()))).collect();
    let event = json!({"writeKey": "key", "anonymousId": "a"});
    let refused = async {
        loop {
            let answer = host.client.post("/v1/page", &event).await;
            if answer.status != StatusCode::OK {
                return answer;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let refused = timeout(LONG, refused).await.expect("a refusal");
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("overloaded"))
    );
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(host.client.get("/healthz").await.status, StatusCode::OK);

    tell.send_replace(true);
    let mut held = 0;
    for stuck in stuck {
        held += usize::from(timeout(LONG, stuck).await.expect("an answer in time").unwrap());
    }
    assert!(held >= COLLECTING_REQUESTS, "{held} had a place");
    let before = receiver.received().len();
    assert_eq!(host.client.post("/v1/page", &event).await.status, StatusCode::OK);
    receiver.wait_for(before + 1).await;
}
