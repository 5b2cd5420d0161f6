//! `--help` and `demo`: what a newcomer meets first.

use tagyard_tests::command::run_unread;

use crate::{folder, run_with};

#[tokio::test]
async fn every_command_has_help_with_examples() {
    let commands = [
        "",
        "serve",
        "check",
        "try",
        "tag inspect",
        "tag check",
        "spin",
        "status",
        "dead list",
        "dead show",
        "dead redrive",
        "dead drop",
        "events tail",
        "events show",
        "events export",
        "replay",
        "forget",
        "export",
        "demo",
    ]
    .map(str::split_whitespace);
    for command in commands {
        let command: Vec<&str> = command.collect();
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let ended = run_with(&[], &arguments).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{command:?}");
        let example = ["tagyard"].iter().chain(&command).copied().collect::<Vec<_>>().join(" ");
        let (_, examples) =
            ended.stdout.split_once("Examples:").unwrap_or_else(|| panic!("{command:?} has no examples"));
        assert!(examples.contains(&example), "{examples}");
        assert!(ended.stdout.lines().all(|line| line.chars().count() <= 120), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_command_that_is_none_is_an_error_of_use() {
    for arguments in [&["srve"][..], &["serve"], &["try", "shop.toml"], &["serve", "shop.toml", "--divert", "ftp://x"]]
    {
        let ended = run_with(&[], arguments).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_demo_delivers_its_session() {
    let ended = run_with(&[], &["demo", "--once"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for said in [
        "What each tag did with each event",
        "Order Completed",
        "delivered",
        "What each vendor received",
        "www.google-analytics.com",
        "api.mixpanel.com",
        "graph.facebook.com",
    ] {
        assert!(ended.stdout.contains(said), "{said} is not in\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    let folder = folder(&[]);
    for arguments in [&["demo", "--once"][..], &["tag", "inspect", "ga4"]] {
        assert_eq!(run_unread(folder.path(), arguments).await, Some(0), "{arguments:?}");
    }
}
