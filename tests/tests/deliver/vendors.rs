//! What vendors answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use tagyard_pipeline::outcome::Outcome;
use tagyard_tests::receiver::Receiver;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::{WEBHOOK, one, undeliverable, vendor};

/// A failed delivery is given up at once, and an answer is waited for a second.
const IMPATIENT: &str = "[deliver]\nmax_age_hours = 0\ntimeout_seconds = 1\n";

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT] {
        let receiver = Receiver::answering(move |before, _| match before {
            0 => status.into_response(),
            _ => StatusCode::OK.into_response(),
        });
        let receiver = receiver.await;
        let (recorded, letter) = one(WEBHOOK, Some(&receiver.url())).await;
        assert_eq!((&recorded.outcome, recorded.attempts, letter), (&Outcome::Delivered, 2, None), "{status}");
        let received = receiver.received();
        assert_eq!((received.len(), &received[0].body), (2, &received[1].body));
    }
}

#[tokio::test]
async fn a_vendor_is_left_alone_for_as_long_as_it_asks() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = times.clone();
    let receiver = Receiver::answering(move |before, _| {
        seen.lock().unwrap().push(Instant::now());
        match before {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "2")]).into_response(),
            _ => StatusCode::OK.into_response(),
        }
    });
    let (recorded, _) = one(WEBHOOK, Some(&receiver.await.url())).await;
    assert_eq!((&recorded.outcome, recorded.attempts), (&Outcome::Delivered, 2));
    let times = times.lock().unwrap();
    assert!(times[1] - times[0] >= Duration::from_secs(2), "{times:?}");
}

#[tokio::test]
async fn a_refusal_is_final_and_kept_for_a_person() {
    refused(StatusCode::BAD_REQUEST.into_response(), "the vendor answered 400 Bad Request").await;
    refused(StatusCode::UNAUTHORIZED.into_response(), "the vendor answered 401 Unauthorized").await;
    refused(StatusCode::PAYLOAD_TOO_LARGE.into_response(), "the vendor answered 413 Payload Too Large").await;
    let elsewhere = || [(LOCATION, "/elsewhere")];
    let found = (StatusCode::FOUND, elsewhere()).into_response();
    refused(found, "the vendor answered 302 Found; redirects are not followed").await;
    let moved = (StatusCode::PERMANENT_REDIRECT, elsewhere()).into_response();
    refused(moved, "the vendor answered 308 Permanent Redirect; redirects are not followed").await;
}

/// Sends to a vendor that answers so, with a body.
async fn refused(answer: Response, reason: &str) {
    let status = answer.status();
    let answer = Mutex::new(Some(answer.map(|_| "the order has no total".into())));
    let receiver = Receiver::answering(move |_, _| answer.lock().unwrap().take().expect("it is asked once")).await;
    let letter = undeliverable(one(WEBHOOK, Some(&receiver.url())).await);
    let shown = letter.answer.expect("an answer");
    assert_eq!((letter.reason.as_str(), letter.attempts), (reason, 1));
    assert_eq!((shown.status, shown.body.as_str()), (status.as_u16(), "the order has no total"));
    assert_eq!(receiver.received().len(), 1, "{reason}");
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let url = vendor::start(move |mut stream| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if !first {
                answer(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    });
    let (recorded, _) = one(WEBHOOK, Some(&url.await)).await;
    assert_eq!((&recorded.outcome, recorded.attempts), (&Outcome::Delivered, 2));
}

#[tokio::test]
async fn a_failure_that_lasts_says_what_it_was() {
    let check = async |url: &str, reason: &str| {
        let letter = undeliverable(one(&format!("{IMPATIENT}{WEBHOOK}"), Some(url)).await);
        let rest = letter.reason.strip_prefix(reason).unwrap_or_else(|| panic!("{letter:?}"));
        assert!(rest.ends_with("; given up after 0 h"), "{letter:?}");
        assert_eq!((letter.answer, letter.attempts), (None, 1));
    };
    let resets = vendor::start(|stream| async move {
        // With a part of the request unread, closing resets the connection.
        drop(stream);
    });
    check(&resets.await, "the connection to the vendor broke off: ").await;
    let silent = vendor::start(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    check(&silent.await, "no answer within 1 s").await;
    let babbling = vendor::start(|mut stream| async move { answer(&mut stream, "220 mail.example ESMTP\r\n").await });
    check(&babbling.await, "the connection to the vendor broke off: invalid HTTP version").await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    check(&nobody, "no connection to the vendor: Connection refused").await;
}

#[tokio::test]
async fn of_an_endless_answer_only_the_beginning_is_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = written.clone();
    let endless = move |head: &'static str| {
        let counted = counted.clone();
        vendor::start(move |mut stream| {
            let counted = counted.clone();
            async move {
                answer(&mut stream, head).await;
                let block = [b'x'; 64 * 1024];
                while stream.write_all(&block).await.is_ok() {
                    counted.fetch_add(block.len(), Ordering::Relaxed);
                }
            }
        })
    };
    let url = endless("HTTP/1.1 400 Bad Request\r\ncontent-length: 1073741824\r\n\r\n").await;
    let letter = undeliverable(one(WEBHOOK, Some(&url)).await);
    assert_eq!(letter.answer.expect("an answer").body, "x".repeat(4096));
    let url = endless("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await;
    assert_eq!(one(WEBHOOK, Some(&url)).await.0.outcome, Outcome::Delivered);
    // What the sockets' buffers take, rather than a gigabyte.
    assert!(written.load(Ordering::Relaxed) < 64 << 20, "{written:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_asked_for_again() {
    let url = vendor::start(|mut stream| async move {
        answer(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let (recorded, _) = one(&format!("[deliver]\ntimeout_seconds = 1\n{WEBHOOK}"), Some(&url.await)).await;
    assert_eq!((&recorded.outcome, recorded.attempts), (&Outcome::Delivered, 1));
}

async fn answer(stream: &mut TcpStream, text: &str) {
    // The host may have gone: then nobody needs an answer.
    let _ = stream.write_all(text.as_bytes()).await;
}
