//! `spin up`: the stand-in, and the real one where there is one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::client::{Answer, Client};
use crate::manifest::TOKEN;
use crate::{built, manifest};

/// How long something may take before a test says that it hangs. To compile the collector takes a while.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program that has `up`.
#[derive(Clone, Debug)]
pub struct Runtime(PathBuf);

/// The stand-in, and Spin itself: what `SPIN` names, or a `spin` on the path.
pub fn runtimes() -> Vec<Runtime> {
    let stand_in = built::profile().join("spin-stand-in");
    assert!(stand_in.is_file(), "{} is missing: run tests/spin/run", stand_in.display());
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join("spin")).find(|file| file.is_file())
    };
    let real = std::env::var_os("SPIN").map(PathBuf::from).or_else(on_path);
    [Some(stand_in), real].into_iter().flatten().map(Runtime).collect()
}

impl Runtime {
    /// What it says that it is.
    pub async fn version(&self) -> String {
        let output = Command::new(&self.0).arg("--version").output().await.expect("a process");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// An application that runs. It is ended with this.
pub struct Spin {
    pub client: Client,
    pub address: SocketAddr,
    folder: PathBuf,
    child: Child,
    /// `spin up` has the work done by a process of its own, which outlives it where it is killed: they are a group.
    group: Pid,
    /// Reads what they print. It ends with the last of them.
    printed: JoinHandle<()>,
}

/// How an event ended for a tag, as the collector's log says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub tag: String,
    pub message_id: String,
    pub outcome: String,
    pub line: Value,
}

impl Spin {
    /// Writes the manifest of a container into a folder and starts it. Every request goes to `divert` instead of to the vendors.
    pub async fn start(runtime: &Runtime, folder: &Path, container: &str, divert: &str) -> Self {
        Self::start_with(runtime, folder, container, divert, &[]).await
    }

    /// The same with options of `tagyard spin`.
    pub async fn start_with(runtime: &Runtime, folder: &Path, container: &str, divert: &str, options: &[&str]) -> Self {
        manifest::write(folder, container, divert, options).await;
        Self::start_again(runtime, folder, &[]).await
    }

    /// Starts what a folder has, with whatever its store has, and with these variables in the program's own environment.
    pub async fn start_again(runtime: &Runtime, folder: &Path, env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(&runtime.0);
        command.args(["up", "--quiet", "--listen", "127.0.0.1:0", "--from"]).arg(folder.join("spin.toml"));
        command.arg("--state-dir").arg(folder.join("state")).arg("--log-dir").arg(folder.join("logs"));
        command.args(["--variable", &format!("drain_token={TOKEN}")]).envs(env.iter().copied());
        for name in [
            "GA4_API_SECRET",
            "MIXPANEL_TOKEN",
            "META_TOKEN",
            "META_ACCESS_TOKEN",
            "ORDERS_SIGNING_KEY",
            "SHOP",
            "MAIL",
        ] {
            command.env(format!("SPIN_VARIABLE_{name}"), format!("value-of-{name}"));
        }
        command.stdout(Stdio::piped()).stdin(Stdio::null()).process_group(0);
        let mut child = command.spawn().expect("a process");
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("a process id");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let listening = async {
            loop {
                let line = lines.next_line().await.expect("UTF-8").unwrap_or_else(|| panic!("{runtime:?} ended"));
                if let Some((_, address)) = line.split_once("http://") {
                    return address.split(['/', ' ']).next().unwrap_or_default().parse().expect("an address");
                }
            }
        };
        let address = tokio::time::timeout(PATIENCE, listening).await.expect("it listens");
        let printed = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Spin { client: Client::new(address), address, folder: folder.to_owned(), child, group, printed }
    }

    /// An operator's request.
    pub async fn operate(&self, method: &str, path: &str) -> Value {
        let answer = self.with_token(method, path, TOKEN).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub async fn with_token(&self, method: &str, path: &str, token: &str) -> Answer {
        self.client.send(method, path, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    /// Drains until nothing waits.
    pub async fn drain_all(&self) {
        let drained = async {
            while self.operate("POST", "/tagyard/drain").await["waiting"] != 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE, drained).await.expect("it is drained");
    }

    /// Waits until the status says so.
    pub async fn wait_for_status(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let waited = async {
            loop {
                let status = self.operate("GET", "/tagyard/status").await;
                if is(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("it never came to {what}"))
    }

    /// Waits for so many outcomes, and returns them all.
    pub async fn outcomes(&self, count: usize) -> Vec<Said> {
        let mut said = Vec::new();
        for _ in 0..PATIENCE.as_millis() / 20 {
            said = self.said();
            if said.len() >= count {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{count} outcomes were expected, and {} came: {said:#?}; the log: {}", said.len(), self.log());
    }

    fn said(&self) -> Vec<Said> {
        let lines = self.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        lines
            .filter(|line| line.get("outcome").is_some())
            .map(|line| Said {
                tag: text(&line, "tag"),
                message_id: text(&line, "message_id"),
                outcome: text(&line, "outcome"),
                line,
            })
            .collect()
    }

    /// What the collector has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("logs/collector_stdout.txt")).unwrap_or_default()
    }

    /// All dead letters.
    pub async fn dead(&self) -> Vec<Value> {
        self.operate("GET", "/tagyard/dead").await["letters"].as_array().cloned().unwrap_or_default()
    }

    /// Ends it without a word, as a platform or a loss of power does.
    pub async fn kill(mut self) {
        kill_process_group(self.group, Signal::KILL).expect("it runs");
        self.child.wait().await.expect("an end");
        (&mut self.printed).await.expect("their output ends");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("an end");
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}
