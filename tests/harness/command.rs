//! The real `tagyard` command, as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::built;
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

/// Runs a `tagyard serve` that is expected to end by itself, by another command as in [`Served::start_by`]; its exit code and what it
/// said.
pub async fn run_by(runner: &[String], folder: &Path, options: &[&str]) -> (Option<i32>, String) {
    let child = by(runner, folder).arg("serve").args(options).args(["--listen", "127.0.0.1:0"]).spawn();
    let output = timeout(PATIENCE, child.expect("a process").wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("it runs on")).expect("an end");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A command that goes on printing, such as `tagyard events tail`.
pub struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Reads on, so that the command is never held up.
    _errors: JoinHandle<()>,
}

impl Following {
    /// Starts it and waits until it says `ready` on its standard error.
    pub async fn start(folder: &Path, arguments: &[&str], ready: &str) -> Self {
        let mut child = command(folder, &[]).args(arguments).spawn().expect("a process");
        let mut errors = BufReader::new(child.stderr.take().expect("a standard error")).lines();
        let lines = BufReader::new(child.stdout.take().expect("a standard output")).lines();
        let waiting = async {
            loop {
                let line = errors.next_line().await.expect("UTF-8").expect("it goes on");
                if line.contains(ready) {
                    return;
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is ready in time");
        let errors = tokio::spawn(async move { while let Ok(Some(_)) = errors.next_line().await {} });
        Following { child, lines, _errors: errors }
    }

    /// The next line that it prints.
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("a line in time");
        line.expect("UTF-8").expect("it goes on")
    }

    /// Waits until it ends by itself; its exit code.
    pub async fn end(mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("an end").code()
    }
}

/// A running `tagyard serve`. Its process is ended with it.
pub struct Served {
    pub client: Client,
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Served {
    /// Starts it and waits until it listens. `options` come after `serve`.
    pub async fn start(folder: &Path, env: &[(&str, &str)], options: &[&str]) -> Self {
        Self::spawn(command(folder, env), options).await
    }

    /// The same of another build than the one beside this test.
    pub async fn start_of(binary: &Path, folder: &Path, env: &[(&str, &str)], options: &[&str]) -> Self {
        Self::spawn(of_ours(Command::new(binary), folder, env), options).await
    }

    /// The same, run by another command, such as `nsenter` with its options. That one may leave the folder.
    pub async fn start_by(runner: &[String], folder: &Path, options: &[&str]) -> Self {
        Self::spawn(by(runner, folder), options).await
    }

    async fn spawn(mut command: Command, options: &[&str]) -> Self {
        let mut child =
            command.arg("serve").args(options).args(["--listen", "127.0.0.1:0"]).spawn().expect("a process");
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

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Waits until it has logged a line that holds `text`.
    pub async fn logged(&self, text: &str) {
        let logged = async {
            while !self.log().contains(text) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, logged).await.unwrap_or_else(|_| panic!("it does not log `{text}`: {}", self.log()));
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
    of_ours(Command::new(built::command()), folder, env)
}

fn by(runner: &[String], folder: &Path) -> Command {
    let [runner, arguments @ ..] = runner else { return command(folder, &[]) };
    let mut command = of_ours(Command::new(runner), folder, &[]);
    command.args(arguments).arg(built::command());
    command
}

fn of_ours(mut command: Command, folder: &Path, env: &[(&str, &str)]) -> Command {
    command.env_clear().env("XDG_CACHE_HOME", folder.join("cache")).envs(env.iter().copied());
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}
