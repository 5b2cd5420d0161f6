#![allow(clippy::panic, clippy::disallowed_methods)]

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::registry::{self, sample::Sample};

type Outcome = Result<(), Box<dyn Error>>;

const MANIFEST: &str = r#"
name = "sample"
version = "1.2.0"
description = "A sample."
hosts = ["api.sample.example"]
fields = ["type"]
optional_fields = ["event", "properties.*"]
required_secrets = ["api_key"]

[secrets]
api_key = "The key, from the settings page."

[settings]
type = "object"
required = ["id", "region"]
additionalProperties = false

[settings.properties]
id = { type = "string", pattern = "^S-[0-9]+$", description = "The account, such as S-1." }
region = { enum = ["eu", "us"], default = "eu" }
share = { type = "number", minimum = 0, maximum = 1 }
url = { type = "string", format = "uri", description = "Where to send to." }
mapping = { type = "object", additionalProperties = { type = "string" } }
tags = { type = "array", uniqueItems = true }
size = { type = ["integer", "string"] }
target.oneOf = [
    { type = "object", required = ["topic"], properties.topic.type = "string" },
    { type = "object", required = ["queue"], properties.queue.type = "string", additionalProperties = false },
]
"#;

/// A folder with the components that the fixtures name.
fn components() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let put = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes);
    put("sample.wasm", Sample::tag(MANIFEST).bytes())?;
    put("module.wasm", b"\0asm\x01\0\0\0".to_vec())?;
    put("sockets.wasm", Sample::tag(MANIFEST).importing("wasi:sockets/tcp@0.2.6").bytes())?;
    put("no-manifest.wasm", Sample::empty().exporting("tagyard:tag/handler@0.1.0").bytes())?;
    fs::create_dir(folder.path().join("folder.wasm"))?;
    let databases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/geo");
    fs::copy(databases.join("GeoIP2-City-Test.mmdb"), folder.path().join("city.mmdb"))?;
    fs::copy(databases.join("GeoLite2-ASN-Test.mmdb"), folder.path().join("networks.mmdb"))?;
    Ok(folder)
}

fn load_text(text: &str, base: &Path) -> Result<Loaded, Report> {
    parse("shop.toml", text, base, |name| (name == "SET_KEY").then(|| "value".to_owned()))
}

/// Each fixture is a container file, and beside it what is to be said about it.
#[test]
fn every_mistake_is_found_and_pointed_at() -> Outcome {
    let components = components()?;
    let mut checked = 0;
    for entry in fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/container/fixtures"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let Err(report) = load_text(&fs::read_to_string(&path)?, components.path()) else {
            panic!("{} has no problem", path.display());
        };
        let folder = format!("{}/", components.path().display());
        let bundled = registry::bundled_names().collect::<Vec<_>>().join("`, `");
        let said = report.to_string().replace("shop.toml:", "").replace(&folder, "").replace(&bundled, "BUNDLED");
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        assert_eq!(said.trim_end(), expected.trim_end(), "{}", path.display());
        // Whatever is wrong, it can be drawn.
        assert!(report.pretty().to_string().ends_with(&report.summary()));
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} fixtures");
    Ok(())
}

const GOOD: &str = r#"
name = "shop"

[collect]
write_keys = ["shop-web"]
origins = ["https://shop.example", "http://localhost:8080"]

[[transform]]
drop = ["context.ip"]

[[tag]]
name = "sample"
use = "./sample.wasm"
settings = { id = "S-1" }
secrets = { api_key = { env = "SET_KEY", hosts = ["api.sample.example"] } }
consent = ["analytics"]
on = ["page", "Order Completed"]
when = 'has(event.properties.revenue) && event.properties.revenue > 0.0'
allow = { hosts = ["*.sample.example"], fields = ["type", "properties.revenue", "context.*"] }

  [[tag.transform]]
  set = { "properties.value" = "event.properties.revenue * 1.2" }

[[tag]]
name = "ga4-web"
use = "ga4"
settings = { measurement_id = "G-ABC123" }
secrets = { api_secret = { env = "SET_KEY" } }
"#;

#[test]
fn a_good_container_loads_with_its_grants() -> Outcome {
    let components = components()?;
    let loaded = load_text(GOOD, components.path())?;
    let [sample, ga4] = loaded.tags.as_slice() else { panic!("two tags") };

    let check = |tag: &LoadedTag, field: &str, expected: bool| {
        assert_eq!(tag.grant.fields.covers(field), expected, "{} sees {field}", tag.spec.name);
    };
    assert!(sample.grant.reaches("eu.sample.example", 443));
    check(sample, "type", true);
    check(sample, "properties.revenue", true);
    // Asked for and not allowed; allowed and not asked for.
    check(sample, "event", false);
    check(sample, "context.page", false);
    // A bundled tag is granted what its manifest asks for.
    assert!(ga4.grant.reaches("www.google-analytics.com", 443));
    for field in ga4.component.manifest.fields.iter().chain(&ga4.component.manifest.optional_fields) {
        check(ga4, field, true);
    }
    Ok(())
}

#[test]
fn defaults_of_the_settings_are_filled_in() -> Outcome {
    let components = components()?;
    let loaded = load_text(GOOD, components.path())?;
    let settings: Vec<_> = loaded.tags.iter().take(1).map(|tag| json!(tag.spec.settings)).collect();
    assert_eq!(settings, [json!({"id": "S-1", "region": "eu"})]);
    Ok(())
}

#[test]
fn secrets_are_listed_without_their_values() -> Outcome {
    let components = components()?;
    let loaded = load_text(GOOD, components.path())?;
    let hosts = ["api.sample.example".to_owned()];
    let secrets: Vec<SecretSource<'_>> = loaded.tags.iter().flat_map(LoadedTag::secrets).collect();
    let expected = [
        SecretSource { name: "api_key", env: "SET_KEY", hosts: Some(&hosts) },
        SecretSource { name: "api_secret", env: "SET_KEY", hosts: None },
    ];
    assert_eq!(secrets, expected);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem() {
    let said = load(Path::new("/nowhere/shop.toml"), environment).map(|_| ()).map_err(|report| report.to_string());
    let expected = "/nowhere/shop.toml:1:1: cannot read it: No such file or directory (os error 2)\n1 problem in /nowhere/shop.toml";
    assert_eq!(said, Err(expected.to_owned()));
}
