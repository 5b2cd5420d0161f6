//! The vendors: one real HTTP server in the place of all of them, which tells them by `Host`, behaves as the weather says, and
//! remembers what it took.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::plan::{Fate, Weather};
use crate::tags::{TAGS, carried, is_refused, tag_of};

/// An event that a vendor took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take {
    pub(crate) number: u64,
    /// Which life of the host it came from.
    pub(crate) life: u32,
    /// The host may not have heard of it, though it lived.
    pub(crate) lost: bool,
}

#[derive(Clone)]
pub(crate) struct Vendors {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// How many connections there are.
    open: watch::Sender<usize>,
    gone: watch::Sender<bool>,
}

struct State {
    random: StdRng,
    weather: [Weather; TAGS.len()],
    life: u32,
    taken: [Vec<Take>; TAGS.len()],
    /// What the picky one refuses no more.
    forgiven: HashSet<u64>,
    complaints: Vec<String>,
}

/// What the last request of a connection left in `taken`.
type Last = Arc<Mutex<Option<(usize, Range<usize>)>>>;

type Broken = std::io::Error;
type Body = Either<Full<Bytes>, StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, Broken>>>>;

impl Vendors {
    pub(crate) async fn start(random: StdRng) -> Self {
        // Not the address that connections to it come from: where nothing listens, one of them could meet itself.
        let listener = TcpListener::bind("127.0.0.2:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let weather = [Weather::Well; TAGS.len()];
        let (taken, forgiven) = (Default::default(), HashSet::new());
        let state = State { random, weather, life: 0, taken, forgiven, complaints: Vec::new() };
        let state = Mutex::new(state);
        let shared = Arc::new(Shared { state, open: watch::Sender::new(0), gone: watch::Sender::new(false) });
        tokio::spawn(come_and_go(listener, address, shared.clone()));
        Vendors { address, shared }
    }

    pub(crate) fn set_weather(&self, weather: [Weather; TAGS.len()]) {
        self.state(|state| state.weather = weather);
    }

    /// Whether all of them are out of reach.
    pub(crate) fn set_gone(&self, gone: bool) {
        self.shared.gone.send_replace(gone);
    }

    /// The picky one takes these from now on.
    pub(crate) fn forgive(&self, numbers: impl Iterator<Item = u64>) {
        self.state(|state| state.forgiven.extend(numbers));
    }

    pub(crate) fn begin_life(&self, life: u32) {
        self.state(|state| state.life = life);
    }

    /// Waits until what a host that has ended had sent is taken or dropped.
    pub(crate) async fn settle(&self) {
        if !*self.shared.gone.borrow() {
            // Connections are accepted in their order, so all of the host's are before this one.
            let mut stream = TcpStream::connect(self.address).await.expect("the vendors are there");
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: nobody\r\nconnection: close\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        let _ = self.shared.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Looks at what was taken, for each tag in its order.
    pub(crate) fn with_taken<R>(&self, look: impl FnOnce(&mut [Vec<Take>; TAGS.len()]) -> R) -> R {
        self.state(|state| look(&mut state.taken))
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.state(|state| std::mem::take(&mut state.complaints))
    }

    fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.shared.state(change)
    }
}

impl Shared {
    fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap())
    }

    fn take(&self, tag: usize, numbers: &[u64], lost: bool, last: &Last) {
        self.state(|state| {
            let life = state.life;
            let taken = &mut state.taken[tag];
            let from = taken.len();
            taken.extend(numbers.iter().map(|number| Take { number: *number, life, lost }));
            *last.lock().unwrap() = Some((tag, from..taken.len()));
        });
    }
}

async fn come_and_go(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut gone = shared.gone.subscribe();
    let mut listener = Some(listener);
    loop {
        let mut connections = JoinSet::new();
        let Some(bound) = listener.take() else {
            let _ = gone.wait_for(|gone| !gone).await;
            listener = Some(TcpListener::bind(address).await.expect("the port is still free"));
            continue;
        };
        loop {
            tokio::select! {
                accepted = bound.accept() => {
                    let (stream, _) = accepted.expect("a connection");
                    shared.open.send_modify(|open| *open += 1);
                    connections.spawn(connection(stream, shared.clone()));
                }
                Some(_) = connections.join_next() => shared.open.send_modify(|open| *open -= 1),
                _ = gone.wait_for(|gone| *gone) => break,
            }
        }
        drop(bound);
        connections.shutdown().await;
        shared.open.send_replace(0);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // It ends with a reset, whatever it is at.
    let _ = stream.set_zero_linger();
    let _ = stream.set_nodelay(true);
    let last = Last::default();
    // A connection that is aborted may have had an answer on its way.
    let _guard = Aborted { shared: shared.clone(), last: last.clone() };
    let service = service_fn(|request| answer(request, shared.clone(), last.clone()));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

struct Aborted {
    shared: Arc<Shared>,
    last: Last,
}

impl Drop for Aborted {
    fn drop(&mut self) {
        if !*self.shared.gone.borrow() {
            return;
        }
        if let Some((tag, takes)) = self.last.lock().unwrap().take() {
            self.shared.state(|state| {
                state.taken[tag].get_mut(takes).into_iter().flatten().for_each(|take| take.lost = true);
            });
        }
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>, last: Last) -> Result<Response<Body>, Broken> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Some(tag) = tag_of(host) else { return Ok(status(StatusCode::NOT_FOUND)) };
    let fate = shared.state(|state| state.weather[tag].fate(&mut state.random));
    if matches!(fate, Fate::Reset) {
        return Err(Broken::other("reset"));
    }
    let body = request.into_body().collect().await.map_err(Broken::other)?.to_bytes();
    let Some(numbers) = carried(tag, &body) else {
        let complaint = format!("the vendor of {} got what nobody sent: {}", TAGS[tag], String::from_utf8_lossy(&body));
        shared.state(|state| state.complaints.push(complaint));
        return Ok(status(StatusCode::OK));
    };
    let refuses = |number: &u64| is_refused(*number) && !shared.state(|state| state.forgiven.contains(number));
    if TAGS[tag] == "picky" && numbers.iter().any(refuses) {
        return Ok(status(StatusCode::BAD_REQUEST));
    }
    let take = |lost| shared.take(tag, &numbers, lost, &last);
    match fate {
        Fate::Take => take(false),
        Fate::TakeThenWait(wait) => {
            take(false);
            tokio::time::sleep(wait).await;
        }
        Fate::WaitThenTake(wait) => {
            tokio::time::sleep(wait).await;
            take(false);
        }
        Fate::TakeAndBreakOff => {
            take(true);
            return Ok(broken_off());
        }
        Fate::TakeAndReset | Fate::Reset => {
            take(true);
            return Err(Broken::other("reset"));
        }
        Fate::Fail => return Ok(status(StatusCode::INTERNAL_SERVER_ERROR)),
        Fate::Limit => {
            let mut response = status(StatusCode::TOO_MANY_REQUESTS);
            response.headers_mut().insert("retry-after", http::HeaderValue::from_static("1"));
            return Ok(response);
        }
    }
    Ok(status(StatusCode::OK))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response
}

/// 200 and half a body.
fn broken_off() -> Response<Body> {
    let parts = stream::unfold(0, |part| async move {
        match part {
            0 => Some((Ok(Frame::data(Bytes::from_static(b"{\"status\":"))), 1)),
            _ => {
                // So that the beginning is on its way before the reset.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Err(Broken::other("broken off")), 2))
            }
        }
    });
    Response::new(Either::Right(StreamBody::new(Box::pin(parts))))
}
