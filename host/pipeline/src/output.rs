//! What a tag returned, as the contract in `wit/tag.wit` has it. None of it is trusted.

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
