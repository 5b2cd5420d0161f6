//! What a tag returned, as the contract in `wit/tag.wit` has it. None of it is trusted.

/// The most log lines of one call, and the most bytes of one, that are passed on.
pub const LOG_LINES: usize = 32;
pub const LOG_LINE_BYTES: usize = 1_024;

/// The longest reason of a tag that is recorded; what a tag says is not trusted to be short.
pub const REASON_BYTES: usize = 512;

/// What one call returned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Output {
    pub requests: Vec<Request>,
    pub skipped: Vec<Note>,
    pub rejected: Vec<Note>,
    pub log: Vec<LogLine>,
}

/// A request that a tag wants sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    pub method: http::Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub auth: Option<Auth>,
    /// Positions of the call's events that it carries.
    pub events: Vec<u32>,
}

/// How the host authenticates a request; every key is a secret's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Auth {
    Bearer { token: String },
    Basic { user: String, password: String },
    HmacSha256 { key: String, header: String, prefix: String, encoding: Encoding },
    AwsSigV4 { access_key: String, secret_key: String, session_token: Option<String>, region: String, service: String },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    Hex,
    Base64,
}

/// A reason that concerns one event of the call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    pub event: u32,
    pub reason: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Cuts a guest's text short and takes its control characters out, so that it can neither flood a log nor forge a line of it.
pub fn shorten(text: &str, bytes: usize) -> String {
    // One more than may stand, so as to know whether there are more.
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(bytes + 1).collect();
    if short.len() > bytes {
        let end = (0..=bytes).rev().find(|end| short.is_char_boundary(*end)).unwrap_or(0);
        short.truncate(end);
        short.push('…');
    }
    short
}
