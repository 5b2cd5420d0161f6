//! Calling the tag, and what it returned in the pipeline's words.

use tagyard_pipeline::output::{self, LOG_LINE_BYTES, LOG_LINES, Output, REASON_BYTES, shorten};
use tagyard_pipeline::remote::Call;

use crate::bindings::tagyard::tag::{handler, types as wit};

/// A call that failed as a whole.
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) may_be_of_one_event: bool,
}

/// A trap in the tag is one in the adapter, too: Spin answers the collector in its place.
pub(crate) fn call(call: &Call) -> Result<Output, Failed> {
    let events: Vec<String> = call.events.iter().map(|item| item.event.clone()).collect();
    match handler::handle(&events, &call.settings) {
        Ok(output) => Ok(translate(output)),
        Err(wit::Failure::Settings(reason)) => Err(Failed {
            reason: format!("it does not accept its settings: {}", shorten(&reason, REASON_BYTES)),
            may_be_of_one_event: false,
        }),
        Err(wit::Failure::Internal(reason)) => {
            Err(Failed { reason: format!("it failed: {}", shorten(&reason, REASON_BYTES)), may_be_of_one_event: true })
        }
    }
}

fn translate(output: wit::Output) -> Output {
    Output {
        requests: output.requests.into_iter().map(request).collect(),
        skipped: output.skipped.into_iter().map(note).collect(),
        rejected: output.rejected.into_iter().map(note).collect(),
        log: output.log.into_iter().take(LOG_LINES).map(log_line).collect(),
    }
}

fn request(request: wit::Request) -> output::Request {
    output::Request {
        method: match request.method {
            wit::Method::Get => http::Method::GET,
            wit::Method::Post => http::Method::POST,
            wit::Method::Put => http::Method::PUT,
            wit::Method::Patch => http::Method::PATCH,
            wit::Method::Delete => http::Method::DELETE,
        },
        url: request.url,
        headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        body: request.body,
        auth: request.auth.map(auth),
        events: request.events,
    }
}

fn auth(auth: wit::Auth) -> output::Auth {
    match auth {
        wit::Auth::Bearer(token) => output::Auth::Bearer { token },
        wit::Auth::Basic((user, password)) => output::Auth::Basic { user, password },
        wit::Auth::HmacSha256(hmac) => output::Auth::HmacSha256 {
            key: hmac.secret,
            header: hmac.header,
            prefix: hmac.prefix,
            encoding: match hmac.encoding {
                wit::Encoding::Hex => output::Encoding::Hex,
                wit::Encoding::Base64 => output::Encoding::Base64,
            },
        },
        wit::Auth::AwsSigv4(sigv4) => output::Auth::AwsSigV4 {
            access_key: sigv4.access_key,
            secret_key: sigv4.secret_key,
            session_token: sigv4.session_token,
            region: sigv4.region,
            service: sigv4.service,
        },
    }
}

fn note(note: wit::Note) -> output::Note {
    output::Note { event: note.event, reason: shorten(&note.reason, REASON_BYTES) }
}

fn log_line(line: wit::LogLine) -> output::LogLine {
    output::LogLine {
        level: match line.level {
            wit::Level::Debug => output::Level::Debug,
            wit::Level::Info => output::Level::Info,
            wit::Level::Warn => output::Level::Warn,
            wit::Level::Error => output::Level::Error,
        },
        message: shorten(&line.message, LOG_LINE_BYTES),
    }
}
