//! A tag's secrets: variables of its own Spin component, which no other has.

use std::collections::BTreeMap;

use tagyard_pipeline::remote::Call;
use tagyard_pipeline::secrets::Secrets;

use crate::bindings::fermyon::spin::variables;

/// The values of the secrets that a call may name.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(crate) fn read(call: &Call) -> Self {
        let value = |name: &String| Some((name.clone(), variable(&format!("secret_{}", name.to_ascii_lowercase()))?));
        Variables(call.secrets.keys().filter_map(value).collect())
    }
}

impl Secrets for Variables {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A variable that is set to nothing is one that somebody forgot.
pub(crate) fn variable(name: &str) -> Option<String> {
    variables::get(name).ok().filter(|value| !value.is_empty())
}
