//! The settings, as `tag.toml` describes them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Settings {
    pub measurement_id: String,
    #[serde(default)]
    pub region: Region,
    #[serde(default)]
    pub debug: Debug,
    #[serde(default)]
    pub event_names: BTreeMap<String, String>,
    #[serde(default)]
    pub identify_as: Option<String>,
    #[serde(default)]
    pub user_properties: Vec<String>,
    #[serde(default)]
    pub currency: Option<String>,
    #[serde(default = "advertising")]
    pub ads_consent: String,
    #[serde(default)]
    pub send_ip: bool,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    #[default]
    Global,
    Eu,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Debug {
    #[default]
    Off,
    /// The events show up in DebugView.
    View,
    /// The validation server answers with what is wrong, and records nothing.
    Validate,
}

fn advertising() -> String {
    String::from("advertising")
}
