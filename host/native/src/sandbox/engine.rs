//! The engine's configuration, and the thread that advances its epoch.

use std::thread;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::workers;
use crate::limits::{EPOCH_TICK, GUEST_MEMORY_BYTES, GUEST_STACK_BYTES, RESIDENT_BYTES, TABLE_ELEMENTS};

/// Memories, tables and core instances of one component; a JavaScript engine with its adapters has three or four of each.
const PARTS_OF_A_COMPONENT: u32 = 8;

/// An engine whose epoch advances.
pub(super) struct Ticking {
    pub(super) engine: Engine,
}

impl Ticking {
    pub(super) fn start(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let weak = engine.weak();
        // One thread for all guests; it ends with the engine.
        thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(EPOCH_TICK);
            }
        })?;
        Ok(Ticking { engine })
    }
}

/// As tags run in.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Epochs cost a guest far less than fuel does.
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    config
}

/// The same, and it counts instructions, which takes two to three times as long.
pub(super) fn counting() -> Config {
    let mut config = config();
    config.consume_fuel(true);
    config
}

fn pool() -> PoolingAllocationConfig {
    // A call occupies its worker thread until it ends, so there are never more instances than threads.
    let components = u32::try_from(workers::count()).unwrap_or(u32::MAX).saturating_add(2);
    let parts = components.saturating_mul(PARTS_OF_A_COMPONENT);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(components)
        .total_core_instances(parts)
        .total_memories(parts)
        .total_tables(parts)
        .max_memories_per_component(PARTS_OF_A_COMPONENT)
        .max_tables_per_component(PARTS_OF_A_COMPONENT)
        .max_core_instances_per_component(PARTS_OF_A_COMPONENT)
        .max_memory_size(GUEST_MEMORY_BYTES)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(parts)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(RESIDENT_BYTES)
        // All of a guest's memory is reset. To ask the kernel which pages were touched leaves out those that are swapped out or being
        // moved at that moment, and the next instance would find what is in them, functions of the one before in its tables too.
        .pagemap_scan(Enabled::No);
    pool
}
