//! Misbehaves as a tag with Rust's std can: prints, ends the process, looks for what is outside.

use std::fmt::Write as _;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tagyard_tag::{Event, Failure, Output, Request, Tag};

struct WithStd;

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "do")]
    deed: String,
    url: String,
}

impl Tag for WithStd {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        for event in events {
            let mut request = Request::post(settings.url.as_str()).carrying(event);
            match settings.deed.as_str() {
                "panic" => panic!("the price list is not there"),
                "print" => {
                    println!("on standard output");
                    eprintln!("on standard error\x1b[2J");
                }
                "print without end" => loop {
                    println!("again");
                },
                "exit" => std::process::exit(0),
                "print and exit" => {
                    eprint!("good bye");
                    std::process::exit(3);
                }
                "sleep" => std::thread::sleep(Duration::from_secs(3_600)),
                "look around" => request.body = look_around().into_bytes(),
                deed => return Err(Failure::Settings(format!("`do`: there is no {deed:?}"))),
            }
            out.send(request);
        }
        Ok(())
    }
}

/// What there is to see outside, a line each.
fn look_around() -> String {
    let mut seen = String::new();
    let mut line = |what: &str, result: String| _ = writeln!(seen, "{what}: {result}");
    let there = |result: std::io::Result<()>| if result.is_ok() { "there" } else { "not there" }.to_owned();
    line("environment", std::env::vars_os().count().to_string());
    line("arguments", std::env::args_os().count().to_string());
    line("/etc/passwd", there(std::fs::read("/etc/passwd").map(drop)));
    line("/", there(std::fs::read_dir("/").map(drop)));
    line(".", there(std::fs::read_dir(".").map(drop)));
    line("a new file", there(std::fs::write("/tmp/guest", "was here")));
    line(
        "standard input",
        std::io::stdin().read_to_end(&mut Vec::new()).map_or("closed".into(), |n| format!("{n} bytes")),
    );
    line("a thread", there(std::thread::Builder::new().spawn(|| ()).map(drop)));
    let year = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| 1970 + since.as_secs() / 31_556_952);
    line("clock", if year > 2024 { "set" } else { "not set" }.to_owned());
    seen
}

tagyard_tag::export!(WithStd);
