//! Which pages may send events: the container's origins, as CORS has it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::header::{HeaderValue, ORIGIN, RETRY_AFTER};
use http::{Method, Request, Response};
use tower::{Layer, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors, CorsLayer};

/// How long a browser remembers a preflight; browsers cap it themselves, at two hours or a day.
const PREFLIGHT_AGE: Duration = Duration::from_secs(86_400);

/// Does nothing to an event that no browser sends from a page of another origin: those of backends and apps have no `Origin`.
pub fn layer(origins: &[String]) -> OfPages {
    OfPages(Arc::new(rules(origins)))
}

/// Answers preflights, and adds to answers what a page's browser asks for.
#[derive(Clone)]
pub struct OfPages(Arc<CorsLayer>);

/// A service behind [`OfPages`]. It is cloned for each request, and the rules' lists of names would be with it.
#[derive(Clone)]
pub struct OfPagesService<S> {
    rules: Arc<CorsLayer>,
    inner: S,
}

impl<S> Layer<S> for OfPages {
    type Service = OfPagesService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        OfPagesService { rules: self.0.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for OfPagesService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    Cors<S>: Service<Request<B>, Response = Response<R>, Error = S::Error>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<<Cors<S> as Service<Request<B>>>::Future, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // An answer to anything but a POST may be kept by a cache, for which it has to say what it depends on.
        if request.method() == Method::POST && !request.headers().contains_key(ORIGIN) {
            return Either::Right(self.inner.call(request));
        }
        // The inner service of a clone would have to be asked whether it is ready; this one is.
        let inner = self.inner.clone();
        Either::Left(self.rules.layer(std::mem::replace(&mut self.inner, inner)).call(request))
    }
}

fn rules(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        // SDKs add headers of their own, as Analytics.js does when it sends an event again, and sites configure more. None of
        // them allows a sender anything.
        .allow_headers(AllowHeaders::mirror_request())
        // Otherwise a script is not shown how long it has to wait.
        .expose_headers([RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    if origins.iter().any(|origin| origin == "*") {
        // Without credentials, as CORS wants it of a wildcard.
        return layer.allow_origin(AllowOrigin::any());
    }
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    layer.allow_origin(AllowOrigin::list(origins)).allow_credentials(true)
}
