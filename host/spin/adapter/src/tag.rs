//! Calling the tag, and what it returned in the pipeline's words.

use tagyard_pipeline::output::{Output, REASON_BYTES, shorten};
use tagyard_pipeline::remote::Call;

use crate::bindings::tagyard::tag::{handler, types as wit};

/// A call that failed as a whole.
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) may_be_of_one_event: bool,
}

/// A trap in the tag is one in the adapter, too: Spin answers the collector in its place.
pub(crate) fn call(call: &Call) -> Result<Output, Failed> {
    let events: Vec<String> = call.events.iter().map(|item| item.event.clone()).collect();
    match handler::handle(&events, &call.settings) {
        Ok(output) => Ok(contract::output(output)),
        Err(wit::Failure::Settings(reason)) => Err(Failed {
            reason: format!("it does not accept its settings: {}", shorten(&reason, REASON_BYTES)),
            may_be_of_one_event: false,
        }),
        Err(wit::Failure::Internal(reason)) => {
            Err(Failed { reason: format!("it failed: {}", shorten(&reason, REASON_BYTES)), may_be_of_one_event: true })
        }
    }
}

tagyard_pipeline::contract!(crate::bindings::tagyard::tag::types);
