//! Delivery: the only place that opens an outgoing connection. It sends permitted requests, never to a private address
//! unless granted, never following a redirect, and tries again what is worth trying again.

mod answer;
mod breaker;
mod client;
mod destination;
mod divert;
mod network;
mod resolve;
mod wire;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper_util::client::legacy::Error as ClientError;
use tagyard_pipeline::container::model;
use tagyard_pipeline::permit::Permitted;
use tagyard_pipeline::retry::{self, Verdict};
use tagyard_pipeline::secrets::{Sealed, Secrets, mask, seal};
use tokio::sync::watch;
use tokio::time::Instant;
use url::Position;

pub use divert::{Divert, DivertError};
pub use network::{Health, HostHealth, Network};
pub use tagyard_pipeline::retry::Answer;
pub use wire::Wire;

/// Sends the requests of one container's tags.
pub struct Deliverer {
    network: Arc<Network>,
    divert: Option<Divert>,
    timeout: Duration,
    max_age: Duration,
    stage: watch::Sender<Stage>,
}

/// How far it has been stopped.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Running,
    /// What is on the wire is finished; nothing else is sent.
    Stopping,
    /// What is on the wire is given up.
    Cut,
}

/// A vendor accepted a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivered {
    pub status: u16,
    pub attempts: u32,
}

/// Why a request was not delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Undone {
    Undelivered(Undelivered),
    /// The container is stopping, and the request was waiting for its next attempt, or was cut off.
    Stopped,
}

/// A request will not be tried again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Undelivered {
    /// For a person; never a secret.
    pub reason: String,
    /// The vendor's last answer, if there was one.
    pub answer: Option<Answer>,
    pub attempts: u32,
    /// Whether the vendor refused what the request carries, rather than being out of reach: with several events in it, one of
    /// them may be to blame.
    pub refused_content: bool,
}

impl Deliverer {
    pub fn new(options: &model::Deliver, divert: Option<Divert>, network: Arc<Network>) -> Self {
        Deliverer {
            network,
            divert,
            timeout: Duration::from_secs(options.timeout_seconds.into()),
            max_age: Duration::from_secs(u64::from(options.max_age_hours) * 3_600),
            stage: watch::Sender::new(Stage::Running),
        }
    }

    /// Sends a request until its vendor accepts it, refuses it, or its events, accepted at `since`, are too old. While it is on the
    /// wire, and only then, it takes a place of `wire`.
    ///
    /// # Errors
    /// When it will not be tried again, or the host stops before the next attempt.
    pub async fn deliver(
        &self,
        request: &Permitted,
        secrets: &(dyn Secrets + Sync),
        since: SystemTime,
        wire: &Wire,
    ) -> Result<Delivered, Undone> {
        let destination = self.network.destinations.of(&request.url()[Position::BeforeHost..Position::AfterPort]);
        let mut attempts = 0;
        let mut waiting = None;
        loop {
            // In this order: once the container stops nothing sets out, or the second half of a batch would overtake the first, which
            // was left in the journal.
            let (pass, place) = tokio::select! {
                biased;
                () = self.reached(Stage::Stopping) => return Err(Undone::Stopped),
                entered = async { (destination.enter().await, wire.place().await) } => entered,
            };
            drop(waiting);
            attempts += 1;
            let sealed = seal(request, secrets, SystemTime::now()).map_err(|error| {
                let reason = error.to_string();
                Undone::Undelivered(Undelivered { reason, answer: None, attempts, refused_content: false })
            })?;
            let mask = |text| mask(text, request, secrets);
            let result = tokio::select! {
                result = self.send(sealed, request.private_network(), &mask) => result,
                () = self.reached(Stage::Cut) => return Err(Undone::Stopped),
            };
            drop(place);
            let (verdict, reason, answer) = match result {
                Ok(answer) => (answer.judge(), answer.to_string(), Some(answer)),
                Err(failure) if failure.is_final => (Verdict::Refused { content: false }, failure.reason, None),
                Err(failure) => (Verdict::Again { after: None }, failure.reason, None),
            };
            match &verdict {
                Verdict::Again { after } => pass.failed(*after),
                Verdict::Accepted | Verdict::Refused { .. } => pass.succeeded(),
            }
            let after = match verdict {
                Verdict::Accepted => {
                    return Ok(Delivered { status: answer.map_or(0, |answer| answer.status), attempts });
                }
                Verdict::Refused { content } => {
                    let undelivered = Undelivered { reason, answer, attempts, refused_content: content };
                    return Err(Undone::Undelivered(undelivered));
                }
                Verdict::Again { after } => after,
            };
            metrics::counter!("tagyard_delivery_retries_total").increment(1);
            let (now, jitter) = (SystemTime::now(), rand::random());
            let Some(pause) = retry::pause(since, self.max_age, attempts, after, now, jitter) else {
                let reason = retry::given_up(&reason, self.max_age);
                return Err(Undone::Undelivered(Undelivered { reason, answer, attempts, refused_content: false }));
            };
            tracing::debug!(host = request.url().host_str(), attempts, ?pause, reason, "a delivery is tried again");
            waiting = Some(wire.retry(request.events().len()));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.reached(Stage::Stopping) => return Err(Undone::Stopped),
            }
        }
    }

    /// From now on nothing is tried again: what is on the wire is finished, what waits is left.
    pub fn stop(&self) {
        self.stage.send_replace(Stage::Stopping);
    }

    /// After [`Self::stop`]: what is still on the wire is given up.
    pub fn cut(&self) {
        self.stage.send_replace(Stage::Cut);
    }

    /// Waits for [`Self::stop`].
    pub async fn stopped(&self) {
        self.reached(Stage::Stopping).await;
    }

    async fn reached(&self, stage: Stage) {
        // The sender is this very deliverer's, so waiting cannot fail.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// `mask` takes out of a vendor's text the secrets that it was sent.
    async fn send(
        &self,
        sealed: Sealed,
        private_network: bool,
        mask: &(dyn Fn(String) -> String + Sync),
    ) -> Result<Answer, Failure> {
        let diverted = self.divert.as_ref();
        let uri = match diverted {
            Some(divert) => divert.uri(&sealed.url),
            None => {
                sealed.url.as_str().parse().map_err(|_| Failure::finally("its URL cannot be sent to".to_owned()))?
            }
        };
        let mut request = http::Request::new(Full::from(sealed.body));
        *request.method_mut() = sealed.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = sealed.headers;
        client::complete(request.headers_mut(), &sealed.url)?;
        // Where the operator diverts to is the operator's own choice, and usually this machine.
        let client = self.network.clients.get(private_network || diverted.is_some());
        let deadline = Instant::now() + self.timeout;
        #[expect(clippy::disallowed_methods, reason = "the one place that sends")]
        let response = tokio::time::timeout_at(deadline, client.request(request)).await;
        let late = || Failure { reason: format!("no answer within {} s", self.timeout.as_secs()), is_final: false };
        let response = response.map_err(|_| late())?.map_err(|error| Failure::of(&error))?;
        Ok(answer::read(response, deadline, mask).await)
    }
}

/// Why there was no answer.
struct Failure {
    reason: String,
    is_final: bool,
}

impl Failure {
    fn finally(reason: String) -> Self {
        Failure { reason, is_final: true }
    }

    /// Names the innermost cause, such as `Connection refused`: the outer ones say nothing but `client error`.
    fn of(error: &ClientError) -> Self {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let private = resolve::is_private_refusal(cause);
        let reason = match (private, error.is_connect()) {
            (true, _) => cause.to_string(),
            (false, true) => format!("no connection to the vendor: {cause}"),
            (false, false) => format!("the connection to the vendor broke off: {cause}"),
        };
        Failure { reason, is_final: private }
    }
}
