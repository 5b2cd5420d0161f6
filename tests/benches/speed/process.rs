//! The command as a process: how soon it serves, and how much memory it holds. And a tag from the cache of compiled tags.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tagyard::registry;
use tagyard::sandbox::Sandbox;
use tagyard_pipeline::container::model::Limits;
use tagyard_tests::built;
use tagyard_tests::host::HEAD;

use crate::Row;
use crate::clock::median;
use crate::server::FOUR_TAGS;

const STARTS: usize = 9;
const LOADS: usize = 200;

pub(crate) fn measure() -> Vec<Row> {
    let mut rows = vec![Row::new("cold start of a tag from the cache of compiled tags", "under 1 ms", cold_start())];
    let command = built::profile().join("tagyard");
    if !command.is_file() {
        rows.push(Row::new("the host as a process", "", "not measured: run `cargo build --release` first"));
        return rows;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let start = |name: &str, tags: &str| {
        let container = folder.path().join(format!("{name}.toml"));
        fs::write(&container, format!("{HEAD}{tags}")).expect("a container");
        Served::start(&command, &container, &folder.path().join(name))
    };
    // The first start compiles the tags.
    let compiling = start("four", FOUR_TAGS).ready_after;
    let warm: Vec<Served> = (0..STARTS).map(|_| start("four", FOUR_TAGS)).collect();
    let idle: Vec<Served> = (0..STARTS).map(|_| start("none", "")).collect();
    let memory = |served: &[Served]| median(served.iter().map(|served| served.resident_kib).collect());
    let each = (memory(&warm) - memory(&idle)) / 4.0;
    let began = median(warm.iter().map(|served| served.ready_after).collect());
    rows.push(Row::new(
        "the host's start with the four bundled tags, until it serves, with a warm cache",
        "under 300 ms",
        format!("{:.0} ms ({:.0} ms when it compiles the tags)", millis(began), millis(compiling)),
    ));
    rows.push(Row::new(
        "memory of an idle host without tags, resident",
        "",
        format!("{:.1} MiB", memory(&idle) / 1024.0),
    ));
    rows.push(Row::new("memory of each loaded tag, resident", "", format!("{:.2} MiB", each / 1024.0)));
    rows
}

/// The slowest of the bundled tags.
fn cold_start() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start(Some(folder.path().join("compiled"))).expect("a sandbox");
    let limits = Limits::default();
    let one = |name: &'static str| {
        let component = registry::resolve(name, Path::new("")).expect("a bundled tag");
        let load = || drop(sandbox.load(&component.bytes, &component.sha256, "{}", &limits).expect("it loads"));
        load();
        let timed = || {
            let begun = Instant::now();
            load();
            begun.elapsed()
        };
        (median((0..LOADS).map(|_| timed()).collect()), name)
    };
    let (time, name) = registry::bundled_names().map(one).max().expect("bundled tags");
    format!("{:.2} ms ({name}, the slowest)", millis(time))
}

/// What was seen of one process, which has ended since.
struct Served {
    ready_after: Duration,
    resident_kib: f64,
}

impl Served {
    fn start(command: &Path, container: &Path, data: &Path) -> Self {
        let address = free_address();
        let begun = Instant::now();
        let child = Command::new(command)
            .arg("serve")
            .arg(container)
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .envs(["A", "B", "C"].map(|name| (name, "value")))
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        let mut child = Ended(child);
        while !is_healthy(address) {
            assert!(child.0.try_wait().is_ok_and(|status| status.is_none()), "`tagyard serve` ended by itself");
            assert!(begun.elapsed() < Duration::from_secs(60), "`tagyard serve` does not serve");
            thread::sleep(Duration::from_micros(500));
        }
        let ready_after = begun.elapsed();
        // What the start itself needed is given back after a moment.
        thread::sleep(Duration::from_millis(200));
        Served { ready_after, resident_kib: resident_kib(child.0.id()) }
    }
}

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_healthy(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}

fn resident_kib(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
