//! `tagyard demo`: a whole host with all bundled tags, a visitor, and a local receiver in the vendors' place.

mod receiver;
mod report;
mod visitor;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tagyard_pipeline::outcome::Outcome;
use tokio::sync::broadcast;

use super::{block_on, log, serve};
use crate::container;
use crate::deliver::Divert;
use crate::host::{Host, Setup};
use crate::outcomes::Recorded;
use receiver::Receiver;

/// See it work: a shopping session goes in, sandboxed tags run, a local receiver in the vendors' place gets their requests.
///
/// Nothing leaves this machine, and nothing stays on it. Prints what each tag did with each event and what each vendor received,
/// then goes on serving until Ctrl-C, and prints what becomes of the events that you send.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Stop after the session: exit with 0 when everything that was to be delivered was.
    #[arg(long)]
    once: bool,
    /// Where to listen for events; by default on any free port of this machine only.
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    listen: SocketAddr,
}

const EXAMPLES: &str = "\
Examples:
  tagyard demo
  tagyard demo --listen 127.0.0.1:8080
  tagyard demo --once && echo 'everything was delivered'";

const CONTAINER: &str = include_str!("container.toml");

/// How long the session's outcomes may take before the demo says that something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(args: Args) -> ExitCode {
    log::start("warn");
    block_on(demo(args))
}

async fn demo(args: Args) -> Result<ExitCode, String> {
    let loaded = container::parse("demo", CONTAINER, Path::new("."), secret).map_err(|report| report.to_string())?;
    let receiver = Receiver::start().await.map_err(|error| format!("the receiver does not start: {error}"))?;
    let data = tempfile::tempdir().map_err(|error| format!("no folder for the demo's data: {error}"))?;
    let divert = Divert::parse(&format!("http://{}", receiver.address())).map_err(|error| error.to_string())?;
    let setup = Setup { listen: args.listen, data_dir: data.path().to_owned(), divert: Some(divert), env: secret };
    let host = Host::start(&loaded, setup).await.map_err(|error| error.to_string())?;

    let outcomes = host.watch();
    let address = host.address();
    let events = visitor::session().map_err(|error| format!("the sample session: {error}"))?;
    visitor::send(address, &events).await?;
    let tags: Vec<String> = loaded.tags.iter().map(|tag| tag.spec.name.clone()).collect();
    let ended = gather(outcomes, events.len() * tags.len()).await;
    report::print(&events, &tags, &ended, &receiver.received());

    let is_complete = ended.len() == events.len() * tags.len();
    let is_delivered = !ended.iter().any(|recorded| matches!(recorded.outcome, Outcome::DeadLetter { .. }));
    if args.once {
        host.stop().await;
        return Ok(if is_complete && is_delivered { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    report::invite(address);
    let watching = tokio::spawn(report::follow(host.watch()));
    serve::stopped().await.map_err(|error| error.to_string())?;
    watching.abort();
    host.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The demo's secrets are no secrets.
fn secret(name: &str) -> Option<String> {
    Some(format!("value-of-{name}"))
}

async fn gather(mut outcomes: broadcast::Receiver<Arc<Recorded>>, expected: usize) -> Vec<Arc<Recorded>> {
    let mut ended = Vec::with_capacity(expected);
    let all = async {
        while ended.len() < expected {
            match outcomes.recv().await {
                Ok(recorded) => ended.push(recorded),
                Err(_) => break,
            }
        }
    };
    // What has not come by then is missing from the table, and said to be.
    let _ = tokio::time::timeout(PATIENCE, all).await;
    ended
}
