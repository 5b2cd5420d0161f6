//! The real `tagyard` command, as a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::Client;

/// How long a command may take before a test says that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command that has ended left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end, in `folder`, with these variables only and this text on its standard input.
pub async fn run(folder: &Path, env: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
    let mut child = command(folder, env).args(arguments).stdin(Stdio::piped()).spawn().expect("a process");
    let mut stdin = child.stdin.take().expect("a standard input");
    // A command that reads nothing closes it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let Output { status, stdout, stderr } = output.unwrap_or_else(|_| panic!("{arguments:?} hangs")).expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command to its end with nobody to read what it prints, as `head` does once it has enough; its exit code.
pub async fn run_unread(folder: &Path, arguments: &[&str]) -> Option<i32> {
    let mut child = command(folder, &[]).args(arguments).spawn().expect("a process");
    drop(child.stdout.take());
    timeout(PATIENCE, child.wait()).await.unwrap_or_else(|_| panic!("{arguments:?} hangs")).expect("an end").code()
}

/// A running `tagyard serve`.
pub struct Served {
    pub client: Client,
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Served {
    /// Starts it and waits until it listens. `options` come after `serve`.
    pub async fn start(folder: &Path, env: &[(&str, &str)], options: &[&str]) -> Self {
        let mut child = command(folder, env)
            .arg("serve")
            .args(options)
            .args(["--listen", "127.0.0.1:0"])
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(child.stderr.take().expect("a standard error")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let listening = async {
            loop {
                let line = lines.next_line().await.expect("UTF-8");
                let line = line.unwrap_or_else(|| panic!("it ended: {}", log.lock().unwrap()));
                log.lock().unwrap().push_str(&format!("{line}\n"));
                if let Some((_, rest)) = line.split_once("listening on http://") {
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                    return rest[..end.unwrap_or(rest.len())].to_owned();
                }
            }
        };
        let address = timeout(PATIENCE, listening).await.expect("it listens").parse().expect("an address");
        let rest = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                rest.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Served { client: Client::new(address), address, child, log }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends it a signal, as `HUP`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await.expect("kill");
        assert!(sent.success());
    }

    /// Waits until it has logged a text so many times.
    pub async fn wait_for_log(&self, text: &str, times: usize) {
        for _ in 0..PATIENCE.as_millis() / 20 {
            if self.log().matches(text).count() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("`{text}` was not logged {times} times:\n{}", self.log());
    }

    /// Asks it to stop, and waits until it has.
    pub async fn terminate(mut self) -> (ExitStatus, String) {
        self.signal("TERM").await;
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it stops").expect("an end");
        (status, self.log())
    }

    /// Ends it without a word, as a loss of power does.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }
}

/// The command that was built beside this test; `cargo build` or `tests/run` makes it.
fn command(folder: &Path, env: &[(&str, &str)]) -> Command {
    let test = std::env::current_exe().expect("a path");
    let binary: PathBuf = test.ancestors().nth(2).expect("a profile's folder").join("tagyard");
    assert!(binary.is_file(), "{} is missing: run `cargo build` first, or `tests/run`", binary.display());
    let mut command = Command::new(binary);
    command.env_clear().env("XDG_CACHE_HOME", folder.join("cache")).envs(env.iter().copied());
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}
