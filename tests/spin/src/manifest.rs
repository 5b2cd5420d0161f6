//! The Spin manifest of a container, as host/spin/README.md has it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use toml::Table;

use crate::{components, guests, top};

/// The token of the operator's routes in every test.
pub const TOKEN: &str = "a-token-for-the-tests";

/// Writes the manifest of a container into a folder. `divert` is where every request goes instead of to the vendors.
pub fn write(folder: &Path, container: &str, divert: Option<&str>) -> PathBuf {
    let mut container = of_toml(toml::from_str::<Table>(container).expect("TOML").into());
    let mut manifest = Table::new();
    let mut triggers = vec![trigger("collector", None)];
    let mut components_table = Table::new();
    let mut variables = table(json!({"drain_token": {"required": true, "secret": true}}));
    let (mut places, mut siblings) = (Map::new(), Vec::new());
    let name = container["name"].as_str().expect("a name").to_owned();
    let none = &mut Vec::new();
    for tag in container.get_mut("tag").and_then(Value::as_array_mut).unwrap_or(none) {
        let component = Component::of(tag["use"].as_str().expect("a component"));
        let id = format!("tag-{}", tag["name"].as_str().expect("a name"));
        component.fill(tag);
        places.insert(
            tag["name"].as_str().expect("a name").to_owned(),
            json!({"component": id, "max_batch": component.max_batch()}),
        );
        siblings.push(format!("http://{id}.spin.internal"));
        triggers.push(trigger(&id, Some(true)));
        let mut own = Table::new();
        for (secret, source) in tag["secrets"].as_object().into_iter().flatten() {
            let variable = source["env"].as_str().expect("a variable").to_ascii_lowercase();
            own.insert(format!("secret_{}", secret.to_ascii_lowercase()), format!("{{{{ {variable} }}}}").into());
            variables.insert(variable, table(json!({"required": true, "secret": true})).into());
        }
        let mut hosts = hosts(tag);
        if let Some(divert) = divert {
            own.insert("divert".to_owned(), divert.into());
            hosts = vec![divert.to_owned()];
        }
        components_table.insert(
            id,
            table(json!({
                "source": file("tagyard_adapter.wasm"),
                "allowed_outbound_hosts": hosts,
                "variables": own,
                "dependencies": {"tagyard:tag/handler@0.1.0": {"path": component.wasm}},
            }))
            .into(),
        );
    }
    let mut own = table(json!({"drain_token": "{{ drain_token }}"}));
    for secret in webhook_secrets(&container) {
        own.insert(format!("secret_{secret}"), format!("{{{{ {secret} }}}}").into());
        variables.insert(secret, table(json!({"required": true, "secret": true})).into());
    }
    let deployment = serde_json::to_string_pretty(&json!({"container": container, "tags": places})).expect("JSON");
    // Two braces would begin a template.
    own.insert("container".to_owned(), deployment.replace("{{", "{\\u007b").into());
    components_table.insert(
        "collector".to_owned(),
        table(json!({
            "source": file("tagyard_collector.wasm"),
            "allowed_outbound_hosts": siblings,
            "key_value_stores": ["default"],
            "variables": own,
        }))
        .into(),
    );
    manifest.insert("spin_manifest_version".to_owned(), 2.into());
    manifest.insert("application".to_owned(), table(json!({"name": name, "version": "0.1.0"})).into());
    manifest.insert("variables".to_owned(), variables.into());
    manifest.insert("trigger".to_owned(), table(json!({"http": triggers})).into());
    manifest.insert("component".to_owned(), components_table.into());
    let path = folder.join("spin.toml");
    std::fs::write(&path, toml::to_string(&manifest).expect("TOML")).expect("a file");
    path
}

/// The variables that webhooks' senders' secrets are in.
fn webhook_secrets(container: &Value) -> Vec<String> {
    let webhooks = container["collect"]["webhook"].as_array().into_iter().flatten();
    let secrets = webhooks.flat_map(|webhook| [&webhook["key"]["env"], &webhook["signature"]["env"]]);
    secrets.filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
}

/// A time is a text.
fn of_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(of_toml).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, of_toml(value))).collect(),
        value => serde_json::to_value(value).expect("JSON"),
    }
}

/// A tag's component, and its manifest.
struct Component {
    wasm: PathBuf,
    manifest: Value,
}

impl Component {
    fn of(uses: &str) -> Self {
        let (wasm, folder) = match uses.strip_prefix("./") {
            Some(guest) => (guests::folder().join(guest), top().join("tests/guests/misbehaving")),
            None => {
                (components().join(format!("tag_{}.wasm", uses.replace('-', "_"))), top().join("guest-tags").join(uses))
            }
        };
        let manifest = std::fs::read_to_string(folder.join("tag.toml")).expect("a manifest");
        let manifest = of_toml(toml::from_str::<Table>(&manifest).expect("TOML").into());
        Component { wasm, manifest }
    }

    fn max_batch(&self) -> u64 {
        self.manifest["max_batch"].as_u64().unwrap_or(1)
    }

    /// Fills in what a tag's manifest says where the container says nothing.
    fn fill(&self, tag: &mut Value) {
        let properties = self.manifest["settings"]["properties"].as_object().cloned().unwrap_or_default();
        let settings = tag.as_object_mut().expect("a table").entry("settings").or_insert_with(|| json!({}));
        for (name, property) in properties {
            if let Some(default) = property.get("default") {
                settings.as_object_mut().expect("a table").entry(name).or_insert(default.clone());
            }
        }
        let allow = tag.as_object_mut().expect("a table").entry("allow").or_insert_with(|| json!({}));
        let allow = allow.as_object_mut().expect("a table");
        allow.entry("hosts").or_insert_with(|| self.manifest["hosts"].clone());
        let fields = |key: &str| self.manifest[key].as_array().cloned().unwrap_or_default();
        allow.entry("fields").or_insert_with(|| [fields("fields"), fields("optional_fields")].concat().into());
    }
}

/// What a tag's manifest entry lets it reach.
fn hosts(tag: &Value) -> Vec<String> {
    let plain = tag["allow"]["plain_http"] == json!(true);
    let hosts = tag["allow"]["hosts"].as_array().expect("hosts").iter().map(|host| host.as_str().expect("a host"));
    hosts
        .flat_map(|host| {
            let mut urls = vec![format!("https://{host}")];
            urls.extend(plain.then(|| format!("http://{host}")));
            urls
        })
        .collect()
}

fn trigger(component: &str, private: Option<bool>) -> Value {
    let route = private.map_or(json!("/..."), |private| json!({"private": private}));
    json!({"route": route, "component": component})
}

fn file(name: &str) -> PathBuf {
    components().join(name)
}

fn table(value: Value) -> Table {
    Table::try_from(value).expect("a table")
}
