//! One tag on Spin: the collector's call in, the tag as a component dependency, and the requests that it asks for out, with their
//! secrets put in here.
//!
//! On `wasi:http` 0.2, of which Spin makes a fresh instance for each request: nothing of one call is readable in the next.

mod answer;
mod deliver;
mod secrets;
mod tag;
mod wire;

use tagyard_pipeline::ran::Ran;
use tagyard_pipeline::remote::{Call, End, Reply, Tally};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "tagyard:adapter/adapter",
        generate_all,
    });
}

struct Adapter;

#[allow(unsafe_code, reason = "what the macro makes")]
mod export {
    use super::Adapter;

    wasip2::http::proxy::export!(Adapter);
}

impl wasip2::exports::http::incoming_handler::Guest for Adapter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, body) = match answer::read(&request) {
            Ok(body) => match serde_json::from_slice::<Call>(&body) {
                Ok(call) => (200, serde_json::to_vec(&run(&call)).unwrap_or_default()),
                // Its position only: the call holds an event.
                Err(error) => (400, format!("the call cannot be read, from column {} on", error.column()).into_bytes()),
            },
            Err(problem) => (400, problem.to_owned().into_bytes()),
        };
        answer::give(out, status, &body);
    }
}

fn run(call: &Call) -> Reply {
    let failed = |reason: String, may_be_of_one_event| Reply::Failed { reason, may_be_of_one_event };
    let (grant, bindings) = match (call.grant(), call.bindings()) {
        (Ok(grant), Ok(bindings)) => (grant, bindings),
        (Err(error), _) | (_, Err(error)) => return failed(format!("a host of the tag's is none: {error}"), false),
    };
    let output = match tag::call(call) {
        Ok(output) => output,
        Err(error) => return failed(error.reason, error.may_be_of_one_event),
    };
    let ran = match Ran::new(output, call.events.len(), &grant, &bindings) {
        Ok(ran) => ran,
        Err(error) => return failed(error.to_string(), true),
    };
    let mut tally = Tally::new(call.events.len(), ran.ended);
    deliver::deliver(call, &ran.permitted, &mut tally);
    let ends: Vec<End> = tally.ends();
    Reply::Ended(ends)
}
