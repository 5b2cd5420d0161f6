//! Requests that say what they may not.

use alloc::string::String;
use alloc::vec;

use tagyard_tag::{Auth, Request};

/// The request with its forgery; unchanged as an error if the deed is another.
pub fn changed(deed: &str, mut request: Request) -> Result<Request, Request> {
    Ok(match deed {
        "header value with CR LF" => request.header("x-note", "fine\r\nx-forged: yes"),
        "header name with CR LF" => request.header("x-note: fine\r\nx-forged", "yes"),
        "header that is not ASCII" => request.header("x-note", "caf\u{e9}"),
        "header that is the host's" => request.header("Host", "elsewhere.example"),
        "a thousand headers" => (0..1_000).fold(request, |request, _| request.header("x-a", "1")),
        "a secret that is not its own" => request.auth(Auth::Bearer("root_password".into())),
        "an event that does not exist" => {
            request.events = vec![1_000_000];
            request
        }
        "text that is not UTF-8" => {
            // SAFETY: not sound, and meant so: nothing in this guest looks into the text.
            request.url = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, b'/']) };
            request
        }
        _ => return Err(request),
    })
}
