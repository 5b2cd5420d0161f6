//! The README is true: its listings are the files in `examples`, and its commands do what it says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

use std::fs;
use std::path::Path;

use tagyard_tests::command::run;
use tagyard_tests::{guests, top};

/// Commands that go on until they are stopped, or ask one that does: only their arguments are looked at.
const GOING_ON: [&str; 6] = ["demo", "serve", "status", "dead", "export", "forget"];

#[test]
fn listings_are_the_files_they_show() {
    let examples = [
        "shop.toml",
        "conditions.toml",
        "visitors.toml",
        "hooks.toml",
        "hello.toml",
        "hello-tag/Cargo.toml",
        "hello-tag/tag.toml",
        "hello-tag/src/lib.rs",
    ];
    let readme = readme();
    let listings: Vec<String> =
        blocks(&readme).filter(|(language, _)| ["toml", "rust"].contains(language)).map(|(_, text)| text).collect();
    for name in examples {
        let file = fs::read_to_string(top().join("examples").join(name)).unwrap();
        assert!(listings.contains(&file), "the README does not show examples/{name} as it is");
    }
    assert_eq!(listings.len(), examples.len(), "a listing of the README is no file in examples");
}

#[tokio::test]
async fn commands_work_as_they_stand() {
    let readme = readme();
    let cache = tempfile::tempdir().unwrap();
    let mut env = vec![("XDG_CACHE_HOME", cache.path().to_str().unwrap())];
    let mut ran = 0;
    let scripts: Vec<_> = blocks(&readme).filter(|(language, _)| *language == "sh").collect();
    for (_, text) in &scripts {
        let mut folder = top();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["cd", to] => folder = folder.join(to),
                ["export", variables @ ..] => env.extend(variables.iter().map(|set| set.split_once('=').unwrap())),
                ["cargo", "build", options @ ..] => {
                    let status = guests::cargo(&folder).arg("build").args(options).status().unwrap();
                    assert!(status.success(), "{line}");
                }
                ["tagyard", arguments @ ..] => {
                    check(&folder, &env, arguments).await;
                    ran += 1;
                }
                // What this very run is part of, and what needs a host on a port of its own.
                ["cargo", "run", ..] | ["tests/run" | "tests/crash" | "tests/fuzz/run", ..] | ["curl", ..] => {}
                _ => panic!("the README has a command that is not known here: {line}"),
            }
        }
    }
    assert!(ran > 5, "{ran}");
}

/// The commands of the README's table and of its text.
#[tokio::test]
async fn commands_that_are_mentioned_exist() {
    let readme = readme();
    let mentioned = readme.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("tagyard "));
    let mut count = 0;
    for arguments in mentioned.filter(|arguments| !arguments.contains('\n')) {
        let arguments: Vec<&str> = arguments.split_whitespace().chain(["--help"]).collect();
        let ended = run(&top(), &[], &arguments, "").await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        count += 1;
    }
    assert!(count > 5, "{count}");
}

async fn check(folder: &Path, env: &[(&str, &str)], arguments: &[&str]) {
    let mut arguments = arguments.to_vec();
    if GOING_ON.contains(&arguments[0]) {
        arguments.push("--help");
    }
    let ended = run(folder, env, &arguments, "").await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    // Tried events are sent, not stopped somewhere on the way.
    if arguments[0] == "try" {
        let outcomes: Vec<&str> =
            ended.stdout.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
        assert!(!outcomes.is_empty() && outcomes.iter().all(|line| line.ends_with(": sent")), "{}", ended.stdout);
    }
}

fn readme() -> String {
    fs::read_to_string(top().join("README.md")).unwrap()
}

/// The fenced blocks of a Markdown text, each with its language. A listing ends as a file does.
fn blocks(text: &str) -> impl Iterator<Item = (&str, String)> {
    let fenced = text.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    fenced.map(|(language, text)| (language, format!("{text}\n")))
}
