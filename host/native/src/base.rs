//! What the containers of a process share: the sandbox and its compiled tags, the connections, the places among requests in work.
//! Everything else is each container's own.

use std::path::Path;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use crate::container::Environment;
use crate::deliver::{Divert, Network};
use crate::gauges;
use crate::host::HostError;
use crate::limits::COLLECTING_REQUESTS;
use crate::sandbox::Sandbox;

pub(crate) struct Base {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) network: Arc<Network>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) divert: Option<Divert>,
    pub(crate) env: Environment,
    /// Whether metrics have to say which container they are of.
    pub(crate) is_shared: bool,
}

impl Base {
    /// `compiled` is where compiled tags are kept.
    ///
    /// # Errors
    /// When the sandbox does not start, or metrics cannot be recorded.
    pub(crate) fn start(
        compiled: &Path,
        divert: Option<Divert>,
        env: Environment,
        is_shared: bool,
    ) -> Result<Self, HostError> {
        let metrics = gauges::recorder().map_err(HostError::Metrics)?;
        let sandbox = Sandbox::start(Some(compiled.to_owned()))?;
        Ok(Base {
            sandbox: Arc::new(sandbox),
            network: Arc::new(Network::default()),
            metrics,
            places: Arc::new(Semaphore::new(COLLECTING_REQUESTS)),
            divert,
            env,
            is_shared,
        })
    }
}
