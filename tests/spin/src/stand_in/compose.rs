//! A component with its dependencies, as Spin makes one of them: `crates/compose` there, by the same `wac-graph`.

use std::path::Path;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};
use wasmtime::Result;
use wasmtime::error::{Context, bail, format_err};

use crate::manifest::Component;

/// An interface without functions.
const TYPES: &str = "tagyard:tag/types@";

/// The bytes of a component that needs nothing but what Spin gives it.
pub(crate) fn compose(id: &str, component: &Component) -> Result<Vec<u8>> {
    let source = read(&component.source)?;
    if component.dependencies.is_empty() {
        return Ok(source);
    }
    let mut graph = CompositionGraph::new();
    let wrong = |error: &dyn std::fmt::Display| format_err!("composing `{id}`: {error}");
    let package = Package::from_bytes(id, None, source, graph.types_mut()).map_err(|error| wrong(&error))?;
    let world = package.ty();
    let package = graph.register_package(package).map_err(|error| wrong(&error))?;
    let instance = graph.instantiate(package);
    for (import, path) in &component.dependencies {
        if !graph.types()[world].imports.contains_key(import) {
            bail!("dependency '{import}' doesn't match any imports of component '{id}'");
        }
        let dependency =
            Package::from_bytes(import, None, read(path)?, graph.types_mut()).map_err(|error| wrong(&error))?;
        // Nothing is inherited. What a dependency takes from its host Spin answers with a component that denies it; what the tests compose
        // takes nothing but the types it is written in.
        let imports: Vec<String> = graph.types()[dependency.ty()].imports.keys().cloned().collect();
        if let Some(denied) = imports.iter().find(|import| !import.starts_with(TYPES)) {
            bail!("the stand-in composes pure dependencies only, and {} imports {denied}", path.display());
        }
        let dependency = graph.register_package(dependency).map_err(|error| wrong(&error))?;
        let dependency = graph.instantiate(dependency);
        let export = graph.alias_instance_export(dependency, import).map_err(|error| wrong(&error))?;
        graph.set_instantiation_argument(instance, import, export).map_err(|error| wrong(&error))?;
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for name in exports {
        let export = graph.alias_instance_export(instance, &name).map_err(|error| wrong(&error))?;
        graph.export(export, &name).map_err(|error| wrong(&error))?;
    }
    graph.encode(EncodeOptions::default()).map_err(|error| wrong(&error))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} is missing: build it as tests/spin/run does", path.display()))
}
