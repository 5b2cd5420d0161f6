//! Components made by hand, for tests: the shell of a tag, without code.

/// The binary format's ids of a component's sections.
const CUSTOM: u8 = 0;
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const INSTANCE: u8 = 5;
const TYPE: u8 = 7;
const IMPORT: u8 = 10;
const EXPORT: u8 = 11;

/// A component, to be put together.
pub(crate) struct Sample(Vec<u8>);

impl Sample {
    pub(crate) fn empty() -> Self {
        Sample(b"\0asm\x0d\0\x01\0".to_vec())
    }

    /// What a build of a tag makes: the handler exported, and the manifest in a module inside.
    pub(crate) fn tag(manifest: &str) -> Self {
        Sample::empty().module_with(manifest).exporting("tagyard:tag/handler@0.1.0")
    }

    pub(crate) fn importing(self, interface: &str) -> Self {
        // An instance type without members, and an import of that type.
        self.section(TYPE, &[1, 0x42, 0]).section(IMPORT, &[&[1, 0], named(interface).as_slice(), &[5, 0]].concat())
    }

    pub(crate) fn exporting(self, interface: &str) -> Self {
        // An instance without members, and an export of it.
        self.section(INSTANCE, &[1, 1, 0]).section(EXPORT, &[&[1, 0], named(interface).as_slice(), &[5, 0, 0]].concat())
    }

    pub(crate) fn with(self, manifest: &str) -> Self {
        self.section(CUSTOM, &custom(manifest))
    }

    pub(crate) fn module_with(self, manifest: &str) -> Self {
        let module = Sample(b"\0asm\x01\0\0\0".to_vec()).section(CUSTOM, &custom(manifest));
        self.section(MODULE, &module.0)
    }

    /// Itself inside another component.
    pub(crate) fn nested(self) -> Self {
        Sample::empty().section(COMPONENT, &self.0)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }

    fn section(mut self, id: u8, contents: &[u8]) -> Self {
        self.0.push(id);
        self.0.extend(length(contents.len()));
        self.0.extend(contents);
        self
    }
}

fn custom(manifest: &str) -> Vec<u8> {
    [named("tagyard:manifest").as_slice(), manifest.as_bytes()].concat()
}

fn named(name: &str) -> Vec<u8> {
    [length(name.len()).as_slice(), name.as_bytes()].concat()
}

/// LEB128.
fn length(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            return bytes;
        }
    }
}
