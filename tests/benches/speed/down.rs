//! What senders notice of a vendor that is down: nothing, is the aim. Two tags take every event; the vendor of one of them is
//! up, or refuses connections, or takes requests and never answers, for the whole run.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::Row;
use crate::clock::{median, micros};
use crate::load::{self, Round};
use crate::server::{Hosted, runtime, silent, vendor};

const ROUNDS: u64 = 15;
const ROUND: Duration = Duration::from_millis(800);

/// Each of 64 connections sends so often: 3,200 events a second in all, about half of what one core with two tags takes.
const PACE: Duration = Duration::from_millis(20);

pub(crate) fn measure() -> Vec<Row> {
    let runtime = runtime();
    let ((good, _), silent) = runtime.block_on(async { (vendor().await, silent().await) });
    let refusing = unused();
    let host = |second: SocketAddr| runtime.block_on(Hosted::start_with(&tags(good.address(), second), None));
    let (up, refused, unanswered) = (host(good.address()), host(refusing), host(silent.address()));
    let hosts = [&up, &refused, &unanswered];

    let mut paced = hosts.map(|_| Vec::new());
    let mut flooded = hosts.map(|_| Vec::new());
    for (round, host) in turns() {
        paced[host].push(load::run_at(hosts[host].host.address(), ROUND, 2 * round, PACE));
    }
    for (round, host) in turns() {
        flooded[host].push(load::run(hosts[host].host.address(), ROUND, 2 * round + 1));
    }
    for hosted in [up, refused, unanswered] {
        runtime.block_on(hosted.host.stop());
    }
    runtime.block_on(async { tokio::join!(good.stop(), silent.stop()) });

    let goal = "within 10%";
    vec![
        Row::new(
            "a vendor refuses connections: accepted events/s against it up, 64 connections",
            goal,
            rate(&flooded[1], &flooded[0]),
        ),
        Row::new("a vendor never answers: the same", goal, rate(&flooded[2], &flooded[0])),
        Row::new(
            "a vendor refuses connections: time to the acknowledgement at 3,200 events/s",
            goal,
            latency(&paced[1], &paced[0]),
        ),
        Row::new("a vendor never answers: the same", goal, latency(&paced[2], &paced[0])),
    ]
}

/// Each round all three hosts, another one first each time: what comes later has a disk that is busy still.
fn turns() -> impl Iterator<Item = (u64, usize)> {
    (0..ROUNDS).flat_map(|round| (0..3).map(move |turn| (round, (round as usize + turn) % 3)))
}

fn tags(first: SocketAddr, second: SocketAddr) -> String {
    let tag = |name: &str, vendor: SocketAddr| {
        format!(
            r#"
[[tag]]
name = "{name}"
use = "webhook"
settings = {{ url = "http://{vendor}/hook", body = "batch" }}
allow = {{ hosts = ["{vendor}"], fields = ["*"], private_network = true, plain_http = true }}
"#
        )
    };
    tag("steady", first) + &tag("failing", second)
}

/// A port that nobody listens on.
fn unused() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a port")
}

fn rate(down: &[Round], up: &[Round]) -> String {
    let of = |rounds: &[Round]| median(rounds.iter().map(|round| round.per_second).collect());
    let ratio = median(down.iter().zip(up).map(|(down, up)| down.per_second / up.per_second).collect());
    format!("{ratio:.2} ({:.0}/s and {:.0}/s)", of(down), of(up))
}

fn latency(down: &[Round], up: &[Round]) -> String {
    let one = |share: f64| {
        let of = |rounds: &[Round]| micros(median(rounds.iter().map(|round| round.latency(share)).collect())) / 1e3;
        let ratio = median(
            down.iter().zip(up).map(|(down, up)| micros(down.latency(share)) / micros(up.latency(share))).collect(),
        );
        format!("{ratio:.2} ({:.2} ms and {:.2} ms)", of(down), of(up))
    };
    format!("p50 {}, p99 {}", one(0.5), one(0.99))
}
