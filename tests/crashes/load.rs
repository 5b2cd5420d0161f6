//! The load: several senders, each with users of its own, who behave as an SDK does. What was not acknowledged is sent again with
//! the same `messageId`, before anything else of the same users; now and then an answer is taken for lost, and now and then a sender
//! gives up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::tags::event;

const SENDERS: u32 = 8;
const USERS: u32 = 6;
const BATCH: u64 = 25;

/// The collector answers within seconds whatever happens; beyond this it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) user: u32,
    pub(crate) acknowledged: bool,
}

/// All that was sent in a period. An event's number is its place, counted from `first`.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) first: u64,
    pub(crate) sent: Vec<Sent>,
    pub(crate) requests: u64,
    /// Requests that were answered with 200, and those that were sent once more although they had been.
    pub(crate) answered: u64,
    pub(crate) repeated: u64,
    pub(crate) complaints: Vec<String>,
}

pub(crate) struct Load {
    shared: Arc<Shared>,
    senders: JoinSet<()>,
}

struct Shared {
    ledger: Mutex<Ledger>,
    host: watch::Sender<Option<SocketAddr>>,
    /// Requests answered with 200.
    answers: watch::Sender<u64>,
    stop: watch::Sender<bool>,
}

impl Load {
    /// Begins with the event `first`.
    pub(crate) fn start(first: u64, mut random: StdRng) -> Self {
        let ledger = Mutex::new(Ledger { first, ..Ledger::default() });
        let (host, answers, stop) = (watch::Sender::new(None), watch::Sender::new(0), watch::Sender::new(false));
        let shared = Arc::new(Shared { ledger, host, answers, stop });
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let random = StdRng::seed_from_u64(random.random());
            senders.spawn(Sender { users: sender * USERS, random, shared: shared.clone() }.run());
        }
        Load { shared, senders }
    }

    /// Where the host listens now.
    pub(crate) fn set_host(&self, address: Option<SocketAddr>) {
        self.shared.host.send_replace(address);
    }

    /// Waits until so many more requests are acknowledged.
    pub(crate) async fn answers(&self, more: u64) {
        let mut answers = self.shared.answers.subscribe();
        let goal = *answers.borrow() + more;
        let _ = answers.wait_for(|answers| *answers >= goal).await;
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.ledger.lock().unwrap().sent.iter().filter(|sent| sent.acknowledged).count()
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.ledger.lock().unwrap().complaints)
    }

    /// Lets every sender finish the request it is at; the host has to be up.
    pub(crate) async fn finish(self) -> Ledger {
        self.shared.stop.send_replace(true);
        self.senders.join_all().await;
        std::mem::take(&mut self.shared.ledger.lock().unwrap())
    }
}

struct Sender {
    /// The first of its users.
    users: u32,
    random: StdRng,
    shared: Arc<Shared>,
}

impl Sender {
    async fn run(mut self) {
        let http = Client::builder(TokioExecutor::new()).build_http();
        while !*self.shared.stop.borrow() {
            let (path, body, events) = self.request();
            self.deliver(&http, path, &body, &events).await;
            let rest = Duration::from_millis(self.random.random_range(0..60));
            let mut stop = self.shared.stop.subscribe();
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Sends until it is acknowledged, or given up.
    async fn deliver(&mut self, http: &Client<HttpConnector, Full<Bytes>>, path: &str, body: &Bytes, events: &[u64]) {
        let mut repeat = self.random.random_bool(0.05);
        loop {
            let mut host = self.shared.host.subscribe();
            let address = host.wait_for(Option::is_some).await.ok().and_then(|host| *host);
            let Some(address) = address else { return };
            self.with(|ledger| ledger.requests += 1);
            let status = match tokio::time::timeout(PATIENCE, post(http, address, path, body.clone())).await {
                Ok(status) => status,
                Err(_) => return self.complain("the collector did not answer a request"),
            };
            match status {
                Some(StatusCode::OK) => {
                    self.with(|ledger| {
                        ledger.answered += 1;
                        ledger.repeated += u64::from(repeat);
                        for number in events {
                            let place = (number - ledger.first) as usize;
                            ledger.sent[place].acknowledged = true;
                        }
                    });
                    self.shared.answers.send_modify(|answers| *answers += 1);
                    if !std::mem::take(&mut repeat) {
                        return;
                    }
                }
                None | Some(StatusCode::SERVICE_UNAVAILABLE) => {
                    // Only what cannot be under way any more is given up: the connection has ended, so the host has, or will not go on.
                    if self.random.random_bool(0.05) && !*self.shared.stop.borrow() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(self.random.random_range(20..200))).await;
                }
                Some(status) => return self.complain(&format!("the collector answered {status}")),
            }
        }
    }

    /// One event, or several of several users.
    fn request(&mut self) -> (&'static str, Bytes, Vec<u64>) {
        let count = if self.random.random_bool(0.5) { 1 } else { self.random.random_range(2..=BATCH) };
        let users: Vec<u32> = (0..count).map(|_| self.users + self.random.random_range(0..USERS)).collect();
        let first = self.with(|ledger| {
            let first = ledger.first + ledger.sent.len() as u64;
            ledger.sent.extend(users.iter().map(|user| Sent { user: *user, acknowledged: false }));
            first
        });
        let numbers: Vec<u64> = (first..).take(users.len()).collect();
        let mut events: Vec<Value> = numbers.iter().zip(&users).map(|(number, user)| event(*number, *user)).collect();
        let (path, body) = match events.len() {
            1 => {
                let mut event = events.remove(0);
                event["writeKey"] = "key".into();
                ("/v1/track", event)
            }
            _ => ("/v1/batch", json!({"writeKey": "key", "batch": events})),
        };
        (path, Bytes::from(body.to_string()), numbers)
    }

    fn complain(&self, complaint: &str) {
        self.with(|ledger| ledger.complaints.push(complaint.to_owned()));
    }

    fn with<R>(&self, change: impl FnOnce(&mut Ledger) -> R) -> R {
        change(&mut self.shared.ledger.lock().unwrap())
    }
}

/// The answer's status; `None` where there is no whole answer.
async fn post(
    http: &Client<HttpConnector, Full<Bytes>>,
    host: SocketAddr,
    path: &str,
    body: Bytes,
) -> Option<StatusCode> {
    let request = Request::post(format!("http://{host}{path}")).header("content-type", "application/json");
    let response = http.request(request.body(Full::from(body)).ok()?).await.ok()?;
    let status = response.status();
    response.into_body().collect().await.ok()?;
    Some(status)
}
