//! The settings, as `tag.toml` describes them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub pixel_id: String,
    #[serde(default = "current_version")]
    pub api_version: String,
    #[serde(default)]
    pub action_source: ActionSource,
    #[serde(default)]
    pub test_event_code: Option<String>,
    #[serde(default)]
    pub currency: Option<String>,
    #[serde(default)]
    pub events: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub custom_properties: bool,
    #[serde(default)]
    pub data_processing_options: Option<Vec<String>>,
    #[serde(default)]
    pub data_processing_options_country: u32,
    #[serde(default)]
    pub data_processing_options_state: u32,
}

/// Where events happened: the values of Meta's "Server Event Parameters" without `app` and `business_messaging`, which need
/// parameters that an event in the Segment spec's shape does not have.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionSource {
    #[default]
    Website,
    Email,
    PhoneCall,
    Chat,
    PhysicalStore,
    SystemGenerated,
    Other,
}

/// The newest by Meta's "Graph API Changelog" when this was written: since 29 July 2026.
fn current_version() -> String {
    "v26.0".into()
}

fn yes() -> bool {
    true
}
