//! Lists the store's keys, by the interface of `wasi:http` 0.2's time.
//!
//! The newer one gives the keys as a stream, and Spin locks the store until all of them are read: another request of the same instance that
//! uses the store meanwhile blocks the thread on which they would be read, and the whole application stands still for good.

use spin_sdk::key_value::Error;

use bindings::fermyon::spin::key_value;

#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "wit",
        world: "tagyard:collector/collector",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// All keys of a label, in no order.
pub(crate) fn list(label: &str) -> Result<Vec<String>, Error> {
    key_value::Store::open(label).and_then(|store| store.get_keys()).map_err(translate)
}

fn translate(error: key_value::Error) -> Error {
    match error {
        key_value::Error::StoreTableFull => Error::StoreTableFull,
        key_value::Error::NoSuchStore => Error::NoSuchStore,
        key_value::Error::AccessDenied => Error::AccessDenied,
        key_value::Error::Other(reason) => Error::Other(reason),
    }
}
