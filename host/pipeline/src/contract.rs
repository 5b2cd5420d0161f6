//! What a tag returned, from the contract's types into the pipeline's.
//!
//! Each host has the contract's types generated for itself, so what is the same for both can only be a macro.

/// Makes a module `contract` whose `output` turns an `output` of the contract into an [`Output`](crate::output::Output), with its notes and
/// log lines cut to what is kept of them. It is given the module of the contract's interface `types`, by a path from the crate.
#[macro_export]
macro_rules! contract {
    ($types:path) => {
        mod contract {
            use ::http::Method;
            use $crate::output::{
                Auth, Encoding, LOG_LINE_BYTES, LOG_LINES, Level, LogLine, Note, Output, REASON_BYTES, Request, shorten,
            };
            use $types as wit;

            pub(super) fn output(output: wit::Output) -> Output {
                Output {
                    requests: output.requests.into_iter().map(request).collect(),
                    skipped: output.skipped.into_iter().map(note).collect(),
                    rejected: output.rejected.into_iter().map(note).collect(),
                    log: output.log.into_iter().take(LOG_LINES).map(log_line).collect(),
                }
            }

            fn request(request: wit::Request) -> Request {
                Request {
                    method: match request.method {
                        wit::Method::Get => Method::GET,
                        wit::Method::Post => Method::POST,
                        wit::Method::Put => Method::PUT,
                        wit::Method::Patch => Method::PATCH,
                        wit::Method::Delete => Method::DELETE,
                    },
                    url: request.url,
                    headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
                    body: request.body,
                    auth: request.auth.map(auth),
                    events: request.events,
                }
            }

            fn auth(auth: wit::Auth) -> Auth {
                match auth {
                    wit::Auth::Bearer(token) => Auth::Bearer { token },
                    wit::Auth::Basic((user, password)) => Auth::Basic { user, password },
                    wit::Auth::HmacSha256(hmac) => Auth::HmacSha256 {
                        key: hmac.secret,
                        header: hmac.header,
                        prefix: hmac.prefix,
                        encoding: match hmac.encoding {
                            wit::Encoding::Hex => Encoding::Hex,
                            wit::Encoding::Base64 => Encoding::Base64,
                        },
                    },
                    wit::Auth::AwsSigv4(sigv4) => Auth::AwsSigV4 {
                        access_key: sigv4.access_key,
                        secret_key: sigv4.secret_key,
                        session_token: sigv4.session_token,
                        region: sigv4.region,
                        service: sigv4.service,
                    },
                }
            }

            fn note(note: wit::Note) -> Note {
                Note { event: note.event, reason: shorten(&note.reason, REASON_BYTES) }
            }

            fn log_line(line: wit::LogLine) -> LogLine {
                LogLine {
                    level: match line.level {
                        wit::Level::Debug => Level::Debug,
                        wit::Level::Info => Level::Info,
                        wit::Level::Warn => Level::Warn,
                        wit::Level::Error => Level::Error,
                    },
                    message: shorten(&line.message, LOG_LINE_BYTES),
                }
            }
        }
    };
}
