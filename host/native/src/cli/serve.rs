//! `tagyard serve`: runs a container, or a folder of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, fail, log};
use crate::container;
use crate::deliver::Divert;
use crate::folder::{FolderHost, FolderSetup};
use crate::host::{Host, Setup};
use crate::watch::{self, Seen, Source};

/// Run a container: collect events, run its tags, deliver to the vendors.
///
/// Takes events as Segment's SDKs send them (POST /v1/track, /v1/batch and their like, with one of the container's write keys), and
/// serves /healthz, /readyz and /metrics. An event is answered with 200 once it is on disk; what a vendor does not take at once
/// is sent again, for three days by default.
///
/// When the container file changes, or a component that it names, it is checked and swapped in, whole; so it is on SIGHUP. One
/// with mistakes changes nothing: the log and `tagyard status` say what is wrong with it. Listening address, data directory and
/// environment are the process's own, and take a restart.
///
/// Of a folder, each `*.toml` is a container with a data directory of its own, `DATA/NAME`. A request is that container's whose `[collect]
/// hosts` have its host name, or else whose write key it shows. A container is put to work when it is first asked for, and at the start
/// where events are left; it is let go when nothing is left and nobody has asked for a while. Files that are added, changed or
/// removed are followed, and mistakes in one cost that container only.
///
/// Ctrl-C or SIGTERM stops: no more requests are taken, what is in flight is finished within ten seconds, the rest stays in the
/// data directory for the next start. Secrets are read from the environment variables that the container names. The log goes
/// to standard error, as JSON lines unless that is a terminal; TAGYARD_LOG=debug shows more.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file, or a folder in which each `*.toml` is a container.
    #[arg(value_name = "CONTAINER.toml|DIR")]
    container: PathBuf,
    /// Where to listen for events: an address and a port, `0.0.0.0:8080` for all of the machine's, port 0 for any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", env = "TAGYARD_LISTEN")]
    listen: SocketAddr,
    /// Where the journal, the outcomes, the dead letters and the compiled tags are kept. One process a directory. Made if missing.
    #[arg(long, value_name = "DIR", default_value = "tagyard-data", env = "TAGYARD_DATA_DIR")]
    data_dir: PathBuf,
    /// Send every delivery here instead, with the vendor's method, path, query, body and `Host`.
    ///
    /// This is how a container is staged, or tested, without touching a vendor. Give a scheme, host and port, without a path.
    #[arg(long, value_name = "URL", value_parser = Divert::parse)]
    divert: Option<Divert>,
    /// Do not look every two seconds whether the container's files have changed; SIGHUP alone has them read again.
    #[arg(long)]
    no_watch: bool,
    /// Of a folder of containers: after how many seconds without a request one that has nothing left to do is let go.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    rest_after_seconds: u64,
}

const EXAMPLES: &str = "\
Examples:
  GA4_API_SECRET=… tagyard serve shop.toml --data-dir /var/lib/tagyard
  tagyard serve shop.toml --listen 0.0.0.0:8080 --data-dir /var/lib/tagyard
  tagyard serve shop.toml --divert http://127.0.0.1:9000      stage it: no vendor gets anything
  tagyard serve containers/ --data-dir /var/lib/tagyard       several containers; each one's data is in DATA/NAME
  kill -HUP PID                                               take the changed container now

  curl http://127.0.0.1:8080/v1/track -u WRITE_KEY: -H 'content-type: application/json' \\
    -d '{\"event\": \"Order Completed\", \"userId\": \"u1\", \"properties\": {\"revenue\": 42}}'";

pub fn run(args: Args) -> ExitCode {
    log::start("info");
    if args.container.is_dir() {
        return run_folder(args);
    }
    let seen = Seen::now(&args.container);
    let loaded = match container::load(&args.container, container::environment) {
        Ok(loaded) => loaded,
        Err(report) => {
            eprintln!("{}", report.pretty());
            return ExitCode::FAILURE;
        }
    };
    let setup =
        Setup { listen: args.listen, data_dir: args.data_dir, divert: args.divert, env: container::environment };
    let source = Source { container: args.container, env: container::environment, poll: !args.no_watch, seen };
    block_on(async {
        // Where the system limits the size of files, it means to end the process at the limit. To the host that is a full disk.
        let _ignored =
            signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map_err(|e| e.to_string())?;
        let diverted = setup.divert.is_some();
        // Before it listens: a signal that nobody waits for ends the process.
        let hangup = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;
        let host = Host::start(&loaded, setup).await.map_err(|error| error.to_string())?;
        let watching = tokio::spawn(watch::follow(source, hangup, host.reloader()));
        let tags = loaded.tags.len();
        tracing::info!(container = loaded.container.name, tags, diverted, "listening on http://{}", host.address());
        stopped().await.map_err(|error| error.to_string())?;
        tracing::info!("stopping");
        watching.abort();
        host.stop().await;
        tracing::info!("stopped");
        Ok::<_, String>(ExitCode::SUCCESS)
    })
}

fn run_folder(args: Args) -> ExitCode {
    raise_open_files();
    let poll = !args.no_watch;
    let host = Setup { listen: args.listen, data_dir: args.data_dir, divert: args.divert, env: container::environment };
    let rest_after = Duration::from_secs(args.rest_after_seconds);
    let setup = FolderSetup { folder: args.container, host, rest_after };
    block_on(async {
        let _ignored =
            signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map_err(|e| e.to_string())?;
        let diverted = setup.host.divert.is_some();
        let hangup = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;
        let (host, changes) = FolderHost::start(setup).await.map_err(|error| error.to_string())?;
        let watching = tokio::spawn(changes.follow(hangup, poll));
        tracing::info!(containers = host.containers, diverted, "listening on http://{}", host.address());
        stopped().await.map_err(|error| error.to_string())?;
        tracing::info!("stopping");
        watching.abort();
        let _ = watching.await;
        host.stop().await;
        tracing::info!("stopped");
        Ok::<_, String>(ExitCode::SUCCESS)
    })
}

/// A container at work has a dozen files open, and a hundred of them more than the 1,024 that a process has by custom. As many as it
/// may have are its own to ask for.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // It goes on with what it has.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Waits for Ctrl-C or SIGTERM. A second one ends the process at once: whoever asks twice means it, and the journal keeps the rest.
pub(super) async fn stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        fail(&"stopped at once; what was in flight stays in the journal");
        std::process::exit(1);
    });
    Ok(())
}
