//! A request's body as text: inflated and decoded, within bounds.
//!
//! The content type is not asked for its name: browsers send JSON as `text/plain`, which spares them a preflight request,
//! and `curl -d` calls it a form. Only its charset counts.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};

use super::Refusal;
use super::limits::MAX_BODY_BYTES;

/// The body as text.
pub(super) fn text<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<Cow<'b, str>, Refusal> {
    if body.len() > MAX_BODY_BYTES {
        return Err(too_long("body"));
    }
    let body = inflate(headers, body)?;
    let encoding = charset(headers)?;
    Ok(match body {
        Cow::Borrowed(bytes) => decode(encoding, bytes)?,
        Cow::Owned(bytes) => Cow::Owned(decode(encoding, &bytes)?.into_owned()),
    })
}

fn inflate<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Refusal> {
    let coding = headers.get(header::CONTENT_ENCODING).map_or(&b""[..], |coding| coding.as_bytes()).trim_ascii();
    if coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") {
        return Ok(Cow::Borrowed(body));
    }
    if !coding.eq_ignore_ascii_case(b"gzip") && !coding.eq_ignore_ascii_case(b"x-gzip") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            "the `Content-Encoding` is none that is taken: send the body as it is, or with gzip",
        ));
    }
    // Events shrink to about a fifth; a lie of the sender's cannot make this reserve more than the limit.
    let mut inflated = Vec::with_capacity(body.len().saturating_mul(5).min(MAX_BODY_BYTES));
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    MultiGzDecoder::new(body).take(limit).read_to_end(&mut inflated).map_err(|_| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_gzip", "the body is said to be gzip but is broken or cut short")
    })?;
    if inflated.len() > MAX_BODY_BYTES {
        return Err(too_long("inflated body"));
    }
    Ok(Cow::Owned(inflated))
}

/// The charset that the content type names; UTF-8 where it names none.
fn charset(headers: &HeaderMap) -> Result<&'static Encoding, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let label = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let Some(label) = label else { return Ok(encoding_rs::UTF_8) };
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_charset",
            "the charset in `Content-Type` is unknown: send UTF-8",
        )
    })
}

/// Strictly: a byte that is not of the charset is an error, not a replacement character. A byte order mark goes before
/// what the content type says, as it does in browsers.
fn decode<'b>(declared: &'static Encoding, bytes: &'b [u8]) -> Result<Cow<'b, str>, Refusal> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((declared, 0));
    let bytes = bytes.get(mark..).unwrap_or_default();
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_charset",
            format!("the body is not valid {}: send UTF-8, or name its charset in `Content-Type`", encoding.name()),
        )
    })
}

fn too_long(what: &str) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the {what} has more than {MAX_BODY_BYTES} bytes: send fewer events in a request"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn check(content_type: &str, coding: &str, body: &[u8], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        let actual = text(&headers, body).map_err(|refusal| refusal.code);
        assert_eq!(actual.as_deref(), expected.as_ref().map(|text| *text), "{content_type}, {coding}");
    }

    #[test]
    fn decodes_the_charset_that_is_named() {
        let utf_16: Vec<u8> = "\"é\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf_16_be: Vec<u8> = "\u{feff}\"é\"".encode_utf16().flat_map(u16::to_be_bytes).collect();
        check("application/json", "", "\"é\"".as_bytes(), Ok("\"é\""));
        check("application/json; charset=utf-8", "", "\u{feff}\"é\"".as_bytes(), Ok("\"é\""));
        check("text/plain;charset=UTF-8", "", "\"é\"".as_bytes(), Ok("\"é\""));
        check("application/json; charset=\"ISO-8859-1\"", "", b"\"\xe9\"", Ok("\"é\""));
        check("application/json; charset=utf-16", "", &utf_16, Ok("\"é\""));
        check("application/json; charset=utf-16", "", &utf_16_be, Ok("\"é\""));
        check("", "", b"{}", Ok("{}"));
    }

    #[test]
    fn refuses_what_it_cannot_decode() {
        check("application/json", "", b"\"\xe9\"", Err("invalid_charset"));
        check("application/json; charset=utf-16", "", b"\x00", Err("invalid_charset"));
        check("application/json; charset=klingon", "", b"{}", Err("unsupported_charset"));
        check("application/json", "br", b"{}", Err("unsupported_encoding"));
        check("application/json", "gzip", b"{}", Err("invalid_gzip"));
        check("application/json", "gzip", &gzip(b"{\"a\": 1}")[..20], Err("invalid_gzip"));
    }

    #[test]
    fn inflates_within_the_limit() {
        let longest = vec![b' '; MAX_BODY_BYTES];
        let bomb = vec![b' '; 64 * MAX_BODY_BYTES];
        check("text/plain", "gzip", &gzip(b"{}"), Ok("{}"));
        check("text/plain", "GZIP", &[gzip(b"{"), gzip(b"}")].concat(), Ok("{}"));
        check("text/plain", "gzip", &gzip(&longest), Ok(str::from_utf8(&longest).unwrap()));
        check("text/plain", "gzip", &gzip(&bomb), Err("body_too_large"));
        check("text/plain", "identity", &bomb, Err("body_too_large"));
    }
}
