//! What the demo prints.

use std::net::SocketAddr;
use std::sync::Arc;

use comfy_table::{ContentArrangement, Table, presets};
use tagyard_pipeline::outcome::Outcome;
use tokio::sync::broadcast;

use super::receiver::Received;
use super::visitor::Sent;
use crate::outcomes::Recorded;

/// How much of a request's body is shown.
const SHOWN_CHARS: usize = 400;

pub(super) fn print(events: &[Sent], tags: &[String], ended: &[Arc<Recorded>], received: &[Received]) {
    say!("\nWhat each tag did with each event\n");
    say!("{}", outcomes(events, tags, ended));
    say!("\nWhat each vendor received ({} requests)\n", received.len());
    say!("{}", requests(received));
}

pub(super) fn invite(address: SocketAddr) {
    say!(
        "\nListening on http://{address}; stop with Ctrl-C. Send an event of your own:\n\n  \
         curl http://{address}/v1/track -u demo: -H 'content-type: application/json' -d '{{\"event\": \"Order Completed\", \
         \"userId\": \"me\", \"properties\": {{\"total\": 42, \"revenue\": 42, \"currency\": \"EUR\", \"order_id\": \"1\"}}, \
         \"context\": {{\"consent\": {{\"categoryPreferences\": {{\"analytics\": true}}}}}}}}'\n"
    );
}

/// Prints outcomes as they come.
pub(super) async fn follow(mut outcomes: broadcast::Receiver<Arc<Recorded>>) {
    loop {
        match outcomes.recv().await {
            Ok(recorded) => say!("{}  {}: {}", recorded.message_id, recorded.tag, said(&recorded.outcome)),
            Err(broadcast::error::RecvError::Lagged(missed)) => say!("({missed} outcomes not shown)"),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn outcomes(events: &[Sent], tags: &[String], ended: &[Arc<Recorded>]) -> Table {
    let mut table = table();
    table.set_header([""].into_iter().chain(tags.iter().map(String::as_str)));
    for event in events {
        let of = |tag: &String| {
            let found = ended.iter().find(|recorded| recorded.message_id == event.message_id && recorded.tag == *tag);
            found.map_or_else(|| "no outcome yet".to_owned(), |recorded| said(&recorded.outcome))
        };
        table.add_row([event.title.clone()].into_iter().chain(tags.iter().map(of)));
    }
    table
}

fn requests(received: &[Received]) -> Table {
    let mut table = table();
    table.set_header(["vendor", "request", "body"]);
    for request in received {
        let mut body: String = request.body.chars().take(SHOWN_CHARS).collect();
        if body.len() < request.body.len() {
            body.push('…');
        }
        table.add_row([request.host.clone(), format!("{} {}", request.method, request.path), body]);
    }
    table
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::NotTriggered { reason } => format!("not triggered: {reason}"),
        Outcome::BlockedByConsent { reason } => format!("blocked: {reason}"),
        Outcome::Skipped { reason } => format!("skipped: {reason}"),
        Outcome::DeadLetter { cause, reason } => format!("dead letter ({cause}): {reason}"),
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        // No terminal to ask.
        table.set_width(140);
    }
    table
}
