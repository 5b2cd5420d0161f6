//! What the guests do, and how it has to end.

use Expected::{Failed, Refused, Rejected, Sent};

/// A tag that misbehaves.
pub(crate) struct Case {
    /// The guest's component.
    pub(crate) guest: &'static str,
    pub(crate) deed: &'static str,
    /// What else stands in the tag's table.
    pub(crate) more: &'static str,
    pub(crate) expected: &'static Expected,
}

/// How each of its events ends, with the reason; `…` stands for anything.
pub(crate) enum Expected {
    Sent,
    Rejected(&'static str),
    Refused(&'static str),
    Failed(&'static str),
}

/// Room and time for the guests that need either to reach the limit that they are after.
const LARGE: &str = "limits = { memory_mib = 256, deadline_ms = 5_000 }";
/// So that the tests need not wait.
const SHORT: &str = "limits = { deadline_ms = 60 }";

/// A tag that misbehaves: the guest's component, what it does, what else stands in the tag's table, how its events end.
type Row = (&'static str, &'static str, &'static str, Expected);

pub(crate) fn all() -> Vec<Case> {
    CASES.iter().map(|(guest, deed, more, expected)| Case { guest, deed, more, expected }).collect()
}

const CASES: &[Row] = &[
    ("misbehaving", "nothing wrong", "", Sent),
    // Not coming back.
    ("misbehaving", "loop", SHORT, Failed("it did not end within 60 ms; `limits.deadline_ms` sets the deadline")),
    ("misbehaving", "recurse", "", Failed("it called itself too deeply and ran out of stack")),
    (
        "misbehaving",
        "recurse with a large frame",
        "",
        Failed("it broke off: it reached outside its memory, as it also does when it calls itself too deeply, in `…`"),
    ),
    (
        "misbehaving",
        "trap",
        "",
        Failed("it broke off: a panic, or WebAssembly's `unreachable`, in `guest_misbehaving::…`"),
    ),
    ("misbehaving", "panic", "", Failed("it broke off: a panic, or WebAssembly's `unreachable`, in `…`")),
    (
        "misbehaving",
        "leave marks and trap",
        "",
        Failed("it broke off: a panic, or WebAssembly's `unreachable`, in `…`"),
    ),
    (
        "misbehaving",
        "fail for the settings",
        "",
        Failed("it does not accept its settings: `do` should be something else"),
    ),
    // Memory.
    ("misbehaving", "take 60 MiB", "", Sent),
    (
        "misbehaving",
        "take everything",
        "",
        Failed("it asked for more memory than the 64 MiB it may have; `limits.memory_mib` sets that"),
    ),
    ("misbehaving", "ask for too much and cope", "", Sent),
    // Results.
    ("misbehaving", "a body of 10 MiB", "", Sent),
    ("misbehaving", "a body of 20 MiB", "", Refused("its body has 20971520 bytes, and 10485760 are the most")),
    (
        "misbehaving",
        "a body as large as memory",
        "",
        Failed("it returned more than the host takes: a result of more than 32 MiB"),
    ),
    (
        "misbehaving",
        "a body that claims a gigabyte",
        "",
        Failed("it returned what cannot be read: list pointer/length out of bounds of memory"),
    ),
    (
        "misbehaving",
        "a gigabyte in one place",
        "",
        Failed("it returned more than the host takes: a result of more than 32 MiB"),
    ),
    (
        "misbehaving",
        "five thousand requests",
        "",
        Failed("it returned more than the host takes: 5000 requests, and 4096 are the most"),
    ),
    (
        "misbehaving",
        "a million requests",
        LARGE,
        Failed("it returned more than the host takes: a result of more than 32 MiB"),
    ),
    (
        "misbehaving",
        "a million headers",
        LARGE,
        Failed("it returned more than the host takes: a result of more than 32 MiB"),
    ),
    (
        "misbehaving",
        "a million notes",
        "",
        Failed("it returned more than the host takes: 1000000 events skipped or rejected, and 4096 are the most"),
    ),
    ("misbehaving", "a million log lines", "", Sent),
    (
        "misbehaving",
        "a million event positions",
        "",
        Failed("it returned more than the host takes: a request with 1000000 events of a call with 1"),
    ),
    ("misbehaving", "a long URL", "", Refused("its URL has 1048601 bytes, and 8192 are the most")),
    ("misbehaving", "text that is not UTF-8", "", Failed("it returned what cannot be read: invalid utf-8 sequence…")),
    (
        "misbehaving",
        "an event that does not exist",
        "",
        Failed("it returned something for event 1000000 of a call with 1; positions begin at 0"),
    ),
    (
        "misbehaving",
        "a note on an event that does not exist",
        "",
        Failed("it returned something for event 4294967295 of a call with 1; positions begin at 0"),
    ),
    // What it may not say or reach.
    (
        "misbehaving",
        "header value with CR LF",
        "",
        Refused("the value of header `x-note` holds a line break, a control character or a byte that is not ASCII"),
    ),
    (
        "misbehaving",
        "header name with CR LF",
        "",
        Refused("a header's name is none: a name is letters, digits and `-`"),
    ),
    (
        "misbehaving",
        "header that is not ASCII",
        "",
        Refused("the value of header `x-note` holds a line break, a control character or a byte that is not ASCII"),
    ),
    ("misbehaving", "header that is the host's", "", Refused("header `host` is the host's own to set")),
    ("misbehaving", "a thousand headers", "", Refused("it has more than 64 headers, or more than 16384 bytes of them")),
    (
        "misbehaving",
        "a secret that is not its own",
        "",
        Refused(
            "it names the secret `root_password`, which the container does not give this tag; add it under `secrets`",
        ),
    ),
    (
        "misbehaving",
        "nothing wrong",
        "settings.url = \"https://elsewhere.example/in\"",
        Refused("`elsewhere.example` is outside the tag's granted hosts; to allow it, add it to `allow.hosts`"),
    ),
    (
        "misbehaving",
        "nothing wrong",
        "settings.url = \"https://localhost/in\"",
        Refused("`localhost` is outside the tag's granted hosts; to allow it, add it to `allow.hosts`"),
    ),
    (
        "misbehaving",
        "nothing wrong",
        "settings.url = \"https://127.0.0.1/in\"\nallow.hosts = [\"127.0.0.1\"]",
        Refused("`127.0.0.1` is a private address; to allow it, set `allow.private_network = true`"),
    ),
    (
        "misbehaving",
        "nothing wrong",
        "settings.url = \"https://169.254.169.254/latest/meta-data\"\nallow.hosts = [\"169.254.169.254\"]",
        Refused("`169.254.169.254` is a private address; to allow it, set `allow.private_network = true`"),
    ),
    (
        "misbehaving",
        "nothing wrong",
        "settings.url = \"http://vendor.example/in\"",
        Refused("its URL begins with `http:`; only `https:` is sent, or `http:` where `allow.plain_http` says so"),
    ),
    // What it says.
    ("misbehaving", "log a forgery", "", Sent),
    ("misbehaving", "reject with a forgery", "", Rejected("no id  ERROR tagyard: all is lost [2J")),
    // With Rust's std.
    ("with_std", "panic", "", Failed("it broke off: thread … panicked at …src/lib.rs…the price list is not there…")),
    ("with_std", "print", "", Sent),
    (
        "with_std",
        "print without end",
        SHORT,
        Failed("it did not end within 60 ms; `limits.deadline_ms` sets the deadline"),
    ),
    ("with_std", "exit", "", Failed("it broke off: it called exit…")),
    ("with_std", "print and exit", "", Failed("it broke off: it called exit…; it had written: good bye")),
    (
        "with_std",
        "sleep",
        "",
        Failed(
            "it broke off: it called `wasi:clocks/monotonic-clock@…#subscribe-duration`, which the host does not give to tags",
        ),
    ),
    ("with_std", "look around", "", Sent),
];

impl Expected {
    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Sent => None,
            Rejected(reason) | Refused(reason) | Failed(reason) => Some(reason),
        }
    }

    /// Whether a reason is the expected one.
    pub(crate) fn is(&self, reason: Option<&str>) -> bool {
        let (Some(expected), Some(mut rest)) = (self.reason(), reason) else { return self.reason() == reason };
        let mut parts = expected.split('…');
        let first = parts.next().unwrap_or_default();
        let Some(after) = rest.strip_prefix(first) else { return false };
        rest = after;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.is_empty() || expected.ends_with('…')
    }
}

impl Case {
    /// As it stands in a container, under the name `name`.
    pub(crate) fn toml(&self, name: &str) -> String {
        let Case { guest, deed, more, .. } = self;
        let hosts = if more.contains("allow.hosts") { "" } else { "allow.hosts = [\"vendor.example\"]\n" };
        // A loaded machine and an unoptimised host are not what is tested.
        let limits = if more.contains("limits") { "" } else { "limits = { deadline_ms = 5_000 }\n" };
        format!(
            "[[tag]]\nname = \"{name}\"\nuse = \"./guest_{guest}.wasm\"\nsettings.do = \"{deed}\"\n\
             allow.fields = [\"type\", \"event\", \"messageId\"]\n{hosts}{more}\n{limits}"
        )
    }
}
