#![allow(clippy::panic)]

use super::*;
use crate::registry::bundled_names;
use crate::registry::sample::Sample;

const MANIFEST: &str = "name = \"sample\"\nversion = \"1.0.0\"\ndescription = \"A sample.\"\n";

fn read(bytes: impl Into<Vec<u8>>) -> Result<TagComponent, ComponentError> {
    TagComponent::read(Cow::Owned(bytes.into()))
}

#[test]
fn a_tag_says_what_it_is_without_being_run() -> Result<(), ComponentError> {
    let tag = read(Sample::tag(MANIFEST).importing("wasi:clocks/wall-clock@0.2.6").bytes())?;
    assert_eq!(tag.manifest.name, "sample");
    assert_eq!(tag.imports, ["wasi:clocks/wall-clock@0.2.6"]);
    assert_eq!(tag.exports, ["tagyard:tag/handler@0.1.0"]);
    assert_eq!(tag.sha256.len(), 64);
    Ok(())
}

#[test]
fn the_manifest_may_lie_in_the_component_itself() -> Result<(), ComponentError> {
    let tag = read(Sample::empty().exporting("tagyard:tag/handler@0.1.7").with(MANIFEST).bytes())?;
    assert_eq!(tag.manifest.name, "sample");
    Ok(())
}

#[test]
fn what_is_no_tag_says_why() {
    let check = |bytes: Vec<u8>, expected: &str| match read(bytes) {
        Ok(_) => panic!("taken, instead of: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    };
    let importing = |interface: &str| Sample::tag(MANIFEST).importing(interface).bytes();
    check(b"PK\x03\x04".to_vec(), "this is no WebAssembly");
    check(Vec::new(), "this is no WebAssembly");
    check(b"\0asm\x01\0\0\0".to_vec(), "this is a core module, not a component");
    check(Sample::empty().exporting("tagyard:tag/handler@0.1.0").bytes(), "it has no manifest");
    check(Sample::tag(MANIFEST).with(MANIFEST).bytes(), "it has 2 manifests");
    check(Sample::empty().with(MANIFEST).bytes(), "it does not export `tagyard:tag/handler@0.1.0`");
    check(
        Sample::empty().with(MANIFEST).exporting("tagyard:tag/handler@0.2.0").bytes(),
        "it does not export `tagyard:tag/handler@0.1.0`",
    );
    check(
        // What a component inside exports is not what the component exports.
        Sample::tag(MANIFEST).nested().bytes(),
        "it does not export `tagyard:tag/handler@0.1.0`",
    );
    check(
        importing("wasi:sockets/tcp@0.2.6"),
        "it imports `wasi:sockets/tcp@0.2.6`, but a tag opens no connections: the host sends what it returns",
    );
    check(
        importing("wasi:http/outgoing-handler@0.2.6"),
        "it imports `wasi:http/outgoing-handler@0.2.6`, but a tag sends nothing by itself: the host sends the requests it returns",
    );
    check(importing("acme:db/query"), "it imports `acme:db/query`, which the host does not give to tags");
    check(
        importing("wasi:clip/board@0.2.0"),
        "it imports `wasi:clip/board@0.2.0`, which the host does not give to tags",
    );
    check(
        importing("wasi:clocks/wall-clock@0.3.0"),
        "it imports `wasi:clocks/wall-clock@0.3.0`, in a version that the host does not have: it has WASI 0.2",
    );
    check(importing("wasi:io/\x1b[2J@0.2.6"), "it imports or exports something by an impossible name");
    let deep = (0..=MAX_NESTING).fold(Sample::empty(), |sample, _| sample.nested());
    check(deep.bytes(), "components are nested deeper than 16 levels in it");
}

#[test]
fn a_wrong_manifest_says_where() {
    let check = |manifest: &str, expected: &str| match read(Sample::tag(manifest).bytes()) {
        Ok(_) => panic!("taken, instead of: {expected}"),
        Err(error) => assert_eq!(error.to_string(), format!("its manifest, tag.toml, {expected}")),
    };
    let with = |line: &str| format!("{MANIFEST}{line}");
    check("name = ", "is wrong at 1:8: string values must be quoted, expected literal string");
    check("name = \"sample\"", "is wrong at 1:1: missing field `version`");
    check(
        &with("hots = []"),
        "is wrong at 4:1: unknown field `hots`, expected one of `name`, `version`, `description`, `max_batch`, `hosts`, \
         `fields`, `optional_fields`, `secrets`, `required_secrets`, `settings`",
    );
    check(
        &MANIFEST.replace("sample", "a/b"),
        "says `name` wrongly: a name has 1 to 64 letters, digits, `-`, `_` and `.`",
    );
    check(&MANIFEST.replace("A sample.", "\\u001b[2J"), "holds control characters");
    check(&with("max_batch = 0"), "says `max_batch` wrongly: it is from 1 to 2000");
    check(
        &with("hosts = [\"https://a.example\"]"),
        "says `hosts` wrongly: `https://a.example`: a host stands without scheme and path: write `a.example`",
    );
    check(
        &with("optional_fields = [\"*.a\"]"),
        "says `optional_fields` wrongly: `*.a`: `*` stands only at the end of a field path, as in `properties.*`",
    );
    check(&with("required_secrets = [\"key\"]"), "says `required_secrets` wrongly: `key` is not among its `secrets`");
    check(
        &with("[settings.properties.region]\nenum = [\"eu\", \"us\"]\ndefault = \"asia\""),
        "says `settings` wrongly: the default of `/region`: \"asia\" is not one of \"eu\" or \"us\"",
    );
    check(
        &with("[settings]\ntype = \"objekt\""),
        "says `settings` wrongly: \"objekt\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    );
}

#[test]
fn every_bundled_tag_is_one() {
    assert!(bundled_names().count() > 0);
    for name in bundled_names() {
        match super::super::resolve(name, std::path::Path::new("")) {
            Ok(tag) => assert_eq!(tag.manifest.name, name),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A component is a stranger's: whatever its bytes are, reading it ends, with an answer or an error.
#[test]
fn no_damage_to_the_bytes_does_harm() {
    let whole = Sample::tag(MANIFEST).importing("wasi:io/streams@0.2.6").bytes();
    for at in 0..whole.len() {
        let _ = read(&whole[..at]);
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _ = read(damaged);
        }
    }
}
