//! Every source's parser, by whole requests: `METHOD PATH?QUERY`, headers, an empty line, the body. The header `fuzz-gzip` has the
//! body compressed, which chance would never do.
#![no_main]

use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model::Collect;
use tagyard_pipeline::enrich::{RequestFacts, enrich};
use tagyard_pipeline::request::Request;
use tagyard_pipeline::sources::{self, Incoming, MAX_BODY_BYTES};

fuzz_target!(|data: &[u8]| {
    let _ = check(data);
});

fn check(data: &[u8]) -> Option<()> {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let mut body = data.get(end + 2..).unwrap_or_default().to_vec();
    let mut lines = std::str::from_utf8(&data[..end]).ok()?.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    for line in lines.take(32) {
        let (name, value) = line.split_once(':')?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    if headers.contains_key("fuzz-gzip") {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body).expect("memory takes it");
        body = encoder.finish().expect("memory takes it");
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    let source = sources::find(&method, path)?;
    let incoming = Incoming {
        method: &method,
        path,
        query,
        headers: &headers,
        body: &body,
        peer: Some([203, 0, 113, 7].into()),
        received_at: "2026-11-21T10:00:00Z".parse().expect("a time"),
    };
    let collect = Collect {
        write_keys: vec!["key".to_owned()],
        origins: vec!["https://shop.example".to_owned()],
        max_event_bytes: 32 * 1024,
        ..Collect::default()
    };
    let mut parsed = match source.parse(&incoming, &collect) {
        Ok(parsed) => parsed,
        Err(refusal) => {
            assert!(refusal.status.is_client_error() && !refusal.code.is_empty() && refusal.message.len() < 4096);
            return None;
        }
    };
    let facts = RequestFacts::from(&incoming);
    parsed.events.iter_mut().for_each(|event| enrich(event, &facts));
    let mut bytes = 0;
    for event in parsed.events {
        assert!(!event.message_id().is_empty());
        let accepted = Accepted::new(incoming.received_at, source.name(), Request::default(), event);
        let record = accepted.to_json();
        bytes += record.len();
        assert_eq!(Accepted::from_bytes(record.as_bytes()).as_ref(), Ok(&accepted), "it comes back as it was");
    }
    // Each event gains some hundred bytes of its surroundings; none of them is a multiple of what was sent.
    assert!(bytes <= 64 * MAX_BODY_BYTES, "{bytes}");
    Some(())
}
