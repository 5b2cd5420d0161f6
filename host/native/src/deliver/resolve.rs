//! Name resolution that does not lead into private networks.
//!
//! The addresses that are checked are the very ones that are connected to, so a name that changes its mind in between gains nothing.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tagyard_pipeline::grants;
use tower_service::Service;

#[derive(Clone, Debug)]
pub(super) struct Resolver {
    private: bool,
}

/// A name that leads to private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` leads to a private address; to allow it, set `allow.private_network = true`")]
struct PrivateAddress(String);

impl Resolver {
    pub(super) fn any() -> Self {
        Resolver { private: true }
    }

    pub(super) fn public_only() -> Self {
        Resolver { private: false }
    }
}

/// Whether a connection failed since it would have led to a private address.
pub(super) fn is_private_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    if error.is::<PrivateAddress>() {
        return true;
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<PrivateAddress>())
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let private = self.private;
        Box::pin(async move {
            #[expect(clippy::disallowed_methods, reason = "the one place that resolves names")]
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| private || !grants::is_private(address.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(io::Error::other(PrivateAddress(name.as_str().to_owned())));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_lead_home_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        let name: Name = "localhost".parse()?;
        assert!(Resolver::any().call(name.clone()).await?.next().is_some());
        let refused = Resolver::public_only()
            .call(name)
            .await
            .map(|_| ())
            .map_err(|error| (is_private_refusal(&error), error.to_string()));
        let text = "`localhost` leads to a private address; to allow it, set `allow.private_network = true`";
        assert_eq!(refused, Err((true, text.to_owned())));
        Ok(())
    }
}
