//! `tagyard replay --dry-run`: how today's requests differ from what was sent.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use tagyard_pipeline::plan::Shared;

use super::bar::Bar;
use super::block_on;
use super::r#try::{cache_folder, printable, secrets};
use crate::container::{self, Loaded};
use crate::dry_run::{Change, ChangedRequest, Compared, DryRun, Verdict};
use crate::history::{History, Span};
use crate::sandbox::Sandbox;
use crate::tag::Tag;
use crate::text::nearest;

/// How much of a value is shown to a person; `--json` has it whole.
const SHOWN_CHARS: usize = 200;

/// How much before the first difference of two texts is shown.
const CONTEXT_CHARS: usize = 20;

/// The most events of a shared request that are named to a person.
const NAMED_EVENTS: usize = 5;

/// What a dry run is asked with besides the tag and the time.
#[derive(Debug, clap::Args)]
pub(super) struct Dry {
    /// The container file of a dry run: today's.
    #[arg(value_name = "CONTAINER.toml", requires = "dry_run")]
    pub(super) container: Option<PathBuf>,
    /// Send nothing; print how today's requests differ from what was sent.
    #[arg(long, requires = "container")]
    dry_run: bool,
    /// List also what is the same.
    #[arg(long, requires = "dry_run")]
    all: bool,
    /// Print JSON lines for a machine.
    ///
    /// Each is `{"verdict", "events", "message_ids", "same", "changed", "only_then", "only_now", "unsent_then", "unsent_now"}` for an
    /// event, or some that shared a request; a verdict is same, changed, only_then, only_now, neither or unknown. The last line is
    /// `{"summary": {"events": {VERDICT: COUNT}, "requests": {VERDICT: COUNT}}}`.
    #[arg(long, requires = "dry_run")]
    json: bool,
}

pub(super) fn run(args: &Dry, container: &Path, tag: &str, span: Span, data_dir: &Path) -> ExitCode {
    super::log::start("warn");
    let loaded = match container::load(container, secrets) {
        Ok(loaded) => loaded,
        Err(report) => {
            eprintln!("{}", report.pretty());
            return ExitCode::FAILURE;
        }
    };
    block_on(async {
        let tag = start(&loaded, tag)?;
        let history = History::open(data_dir).await.map_err(|error| error.to_string())?;
        let mut dry_run = DryRun::new(&history, &tag, span).await.map_err(|error| error.to_string())?;
        let bar = Bar::new("events run", !io::stdout().is_terminal());
        let mut summary = Summary::default();
        while let Some(compared) = dry_run.next().await.map_err(|error| error.to_string())? {
            summary.add(&compared);
            bar.set(dry_run.progress());
            let printed = match (args.json, compared.verdict) {
                (true, _) => writeln!(io::stdout(), "{}", json!(compared)),
                (false, Verdict::Same) if args.all => print(&mut io::stdout().lock(), &compared),
                (false, Verdict::Same | Verdict::Neither) => Ok(()),
                (false, _) => print(&mut io::stdout().lock(), &compared),
            };
            if printed.is_err() {
                // Nobody reads on.
                return Ok(ExitCode::SUCCESS);
            }
        }
        drop(bar);
        match args.json {
            true => say!("{}", json!({ "summary": { "events": summary.events(), "requests": summary.requests() } })),
            false => summary.print(),
        }
        Ok::<_, String>(ExitCode::SUCCESS)
    })
}

fn start(loaded: &Loaded, name: &str) -> Result<Tag, String> {
    let Some(tag) = loaded.tags.iter().find(|tag| tag.spec.name == name) else {
        let names: Vec<&str> = loaded.tags.iter().map(|tag| tag.spec.name.as_str()).collect();
        return Err(match nearest(name, names.iter().copied()) {
            Some(near) => format!("the container has no tag `{}`; did you mean `{near}`?", printable(name)),
            None => format!("the container has no tag `{}`; it has {}", printable(name), names.join(", ")),
        });
    };
    let sandbox = Sandbox::start(cache_folder()).map_err(|error| error.to_string())?;
    let shared = Shared::compile(&loaded.container).map_err(|error| error.to_string())?;
    Tag::start(&sandbox, tag, shared, secrets).map_err(|error| error.to_string())
}

/// How many events, and how many requests, fare how.
#[derive(Default)]
struct Summary {
    events: BTreeMap<Verdict, usize>,
    requests: BTreeMap<Verdict, usize>,
}

impl Summary {
    fn add(&mut self, compared: &Compared) {
        *self.events.entry(compared.verdict).or_default() += compared.events.len();
        let counts = [
            (Verdict::Same, compared.same),
            (Verdict::Changed, compared.changed.len()),
            (Verdict::OnlyThen, compared.only_then.len()),
            (Verdict::OnlyNow, compared.only_now.len()),
        ];
        counts.into_iter().for_each(|(verdict, count)| *self.requests.entry(verdict).or_default() += count);
    }

    fn events(&self) -> Value {
        counts(&self.events, &EVENT_WORDS)
    }

    fn requests(&self) -> Value {
        counts(&self.requests, &EVENT_WORDS[..4])
    }

    fn print(&self) {
        let words = |counts: &BTreeMap<Verdict, usize>, words: &[(Verdict, &str)]| {
            let count = |verdict| counts.get(verdict).copied().unwrap_or_default();
            let parts: Vec<String> = words.iter().map(|(verdict, word)| format!("{} {word}", count(verdict))).collect();
            parts.join(", ")
        };
        say!("{} events: {}", self.events.values().sum::<usize>(), words(&self.events, &EVENT_WORDS));
        say!("{} requests: {}", self.requests.values().sum::<usize>(), words(&self.requests, &EVENT_WORDS[..4]));
        if self.events.contains_key(&Verdict::Unknown) {
            say!("unknown: something was sent then, and what it was is no longer kept");
        }
    }
}

/// The verdicts in words; requests have the first four.
const EVENT_WORDS: [(Verdict, &str); 6] = [
    (Verdict::Same, "the same"),
    (Verdict::Changed, "changed"),
    (Verdict::OnlyThen, "only then"),
    (Verdict::OnlyNow, "only now"),
    (Verdict::Neither, "neither then nor now"),
    (Verdict::Unknown, "unknown"),
];

fn counts(counts: &BTreeMap<Verdict, usize>, words: &[(Verdict, &str)]) -> Value {
    let count = |verdict| counts.get(&verdict).copied().unwrap_or_default();
    let name = |verdict| json!(verdict).as_str().unwrap_or_default().to_owned();
    words
        .iter()
        .map(|(verdict, _)| (name(*verdict), Value::from(count(*verdict))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn print(out: &mut impl Write, compared: &Compared) -> io::Result<()> {
    let word = EVENT_WORDS.iter().find(|(verdict, _)| *verdict == compared.verdict).map_or("", |(_, word)| *word);
    writeln!(out, "{} {}: {word}", named(compared), printable(&compared.title))?;
    for request in &compared.changed {
        print_changed(out, request)?;
    }
    for sent in &compared.only_then {
        let failed = sent.failed.as_ref().map_or(String::new(), |reason| format!(" (it was given up: {reason})"));
        writeln!(out, "  then {} {}{}", sent.request.method, printable(&sent.request.url), printable(&failed))?;
    }
    for request in &compared.only_now {
        writeln!(out, "  now  {} {}", request.method, printable(&request.url))?;
    }
    if let Some(reason) = &compared.unsent_then {
        writeln!(out, "  then {}", printable(reason))?;
    }
    for reason in &compared.unsent_now {
        writeln!(out, "  now  {}", printable(reason))?;
    }
    Ok(())
}

fn named(compared: &Compared) -> String {
    let all: Vec<String> = compared
        .events
        .iter()
        .zip(&compared.message_ids)
        .map(|(position, id)| format!("{position} {}", printable(id)))
        .collect();
    match all.as_slice() {
        [one] => format!("event {one}"),
        some if some.len() <= NAMED_EVENTS => format!("events {}", some.join(", ")),
        many => format!("events {} and {} more", many[..NAMED_EVENTS].join(", "), many.len() - NAMED_EVENTS),
    }
}

fn print_changed(out: &mut impl Write, request: &ChangedRequest) -> io::Result<()> {
    writeln!(out, "  {} {}", request.method, printable(&request.url))?;
    if let Some(reason) = &request.failed_then {
        writeln!(out, "    it was given up then: {}", printable(reason))?;
    }
    for Change { field, then, now } in &request.changes {
        let (then, now) = shortened(then.as_ref(), now.as_ref());
        writeln!(out, "    {}: {then} -> {now}", printable(field))?;
    }
    if request.further > 0 {
        writeln!(out, "    ... and {} more differences", request.further)?;
    }
    Ok(())
}

/// Two values, cut to the place where they begin to differ.
fn shortened(then: Option<&Value>, now: Option<&Value>) -> (String, String) {
    let text = |value: Option<&Value>| value.map_or("(absent)".to_owned(), |value| printable(&value.to_string()));
    let (then, now) = (text(then), text(now));
    let alike = then.chars().zip(now.chars()).take_while(|(then, now)| then == now).count();
    let from = if then.chars().count().max(now.chars().count()) > SHOWN_CHARS {
        alike.saturating_sub(CONTEXT_CHARS)
    } else {
        0
    };
    (excerpt(&then, from), excerpt(&now, from))
}

fn excerpt(text: &str, from: usize) -> String {
    let before = if from > 0 { "..." } else { "" };
    let mut rest = text.chars().skip(from);
    let shown: String = rest.by_ref().take(SHOWN_CHARS).collect();
    let after = if rest.next().is_some() { "..." } else { "" };
    format!("{before}{shown}{after}")
}
