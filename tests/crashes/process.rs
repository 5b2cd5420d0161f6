//! The real `tagyard serve`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::tags::container;

/// How long a start or a stop may take before it counts as hanging; the host itself takes ten seconds at most to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that its processes share.
pub(crate) struct Setting {
    pub(crate) command: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) divert: String,
}

impl Setting {
    /// Puts a changed container in the place of the one before, in one step: a start that comes just then reads one or the other.
    pub(crate) fn change(&self, changes: u32) {
        let new = self.folder.join("crash.toml.new");
        std::fs::write(&new, container(changes)).expect("a container");
        std::fs::rename(new, self.folder.join("crash.toml")).expect("a container");
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What all processes logged.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("host.log")
    }
}

/// One life of the host.
pub(crate) struct Process {
    child: Child,
    listening: watch::Receiver<Option<SocketAddr>>,
    reading: JoinHandle<()>,
    started: Instant,
}

impl Process {
    pub(crate) fn start(setting: &Setting) -> Self {
        let started = Instant::now();
        let mut child = Command::new(&setting.command)
            .env_clear()
            .env("PROJECT", "token")
            .args(["serve", "crash.toml", "--listen", "127.0.0.1:0", "--data-dir", "data", "--divert", &setting.divert])
            .current_dir(&setting.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the host starts");
        let log = OpenOptions::new().create(true).append(true).open(setting.log()).expect("a file for its log");
        let (found, listening) = watch::channel(None);
        let stderr = child.stderr.take().expect("its standard error");
        let reading = tokio::spawn(read(BufReader::new(stderr), log, found));
        Process { child, listening, reading, started }
    }

    /// Waits until it listens; its address, and how long that took.
    pub(crate) async fn listening(&mut self) -> Result<(SocketAddr, Duration), String> {
        let address = tokio::time::timeout(PATIENCE, self.listening.wait_for(Option::is_some)).await;
        match address {
            Ok(Ok(address)) => Ok((address.expect("an address"), self.started.elapsed())),
            Ok(Err(_)) => Err("the host ended by itself while it started".to_owned()),
            Err(_) => Err(format!("the host does not listen after {} s", PATIENCE.as_secs())),
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("the host ended by itself: {status}"));
        }
        self.child.kill().await.map_err(|error| format!("the host cannot be killed: {error}"))?;
        let _ = self.reading.await;
        Ok(())
    }

    /// SIGHUP, on which it reads its container again.
    pub(crate) fn hang_up(&self) -> Result<(), String> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or("the host ended by itself")?;
        kill_process(id, Signal::HUP).map_err(|error| format!("the host cannot be signalled: {error}"))
    }

    /// SIGTERM; it has to end well.
    pub(crate) async fn terminate(mut self) -> Result<(), String> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let id = id.ok_or("the host ended by itself")?;
        kill_process(id, Signal::TERM).map_err(|error| format!("the host cannot be stopped: {error}"))?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let _ = self.reading.await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(ended) => Err(format!("the host did not end well after SIGTERM: {ended:?}")),
            Err(_) => Err(format!("the host still runs {} s after SIGTERM", PATIENCE.as_secs())),
        }
    }
}

async fn read(stderr: BufReader<tokio::process::ChildStderr>, mut log: File, found: watch::Sender<Option<SocketAddr>>) {
    let mut lines = stderr.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = writeln!(log, "{line}");
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
            found.send_replace(rest[..end.unwrap_or(rest.len())].parse().ok());
        }
    }
}

/// The command that was built beside this one.
pub(crate) fn command() -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    let command = own.parent().unwrap_or(Path::new("")).join("tagyard");
    assert!(command.is_file(), "{} is missing: run `tests/crash`, which builds it", command.display());
    command
}
