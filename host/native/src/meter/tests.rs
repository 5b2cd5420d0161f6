use wasm_encoder::reencode::Reencode;
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction as I, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wasmparser::Parser;
use wasmtime::{Engine, Instance, Store};

use super::*;

/// A module whose `run` does something so many times.
fn repeating(body: &[I<'_>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 2, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 0);
    let mut function = Function::new([]);
    function.instruction(&I::Loop(BlockType::Empty));
    let turn = [I::LocalGet(0), I::I32Const(1), I::I32Sub, I::LocalTee(0), I::BrIf(0), I::End, I::End];
    for instruction in body.iter().chain(&turn) {
        function.instruction(instruction);
    }
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code);
    module.finish()
}

/// Whether it comes to its end.
fn ends(module: &[u8], turns: i32) -> bool {
    let engine = Engine::default();
    let module = wasmtime::Module::new(&engine, module).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    instance.get_typed_func::<i32, ()>(&mut store, "run").unwrap().call(&mut store, turns).is_ok()
}

fn metered(module: &[u8], budget: Budget) -> Result<Vec<u8>, MeterError> {
    let mut metered = Metered::new(&Parser::new(0), module, budget)?;
    let mut out = Module::new();
    metered.parse_core_module(&mut out, Parser::new(0), module).map_err(error)?;
    Ok(out.finish())
}

#[test]
fn what_is_done_too_often_traps() {
    let fill = [I::I32Const(0), I::I32Const(7), I::I32Const(65_536), I::MemoryFill(0)];
    let copy = [I::I32Const(0), I::I32Const(9), I::I32Const(65_536), I::MemoryCopy { src_mem: 0, dst_mem: 0 }];
    // Pages that cannot be had cost as much as those that can.
    let grow = [I::I32Const(1), I::MemoryGrow(0), I::Drop];
    let check = |body: &[I<'_>], most: i32| {
        let module = repeating(body);
        let bounded = metered(&module, Budget { instructions: 1_000_000, memory_mib: 1 }).unwrap();
        assert!(ends(&module, 2 * most), "{body:?}");
        assert!(ends(&bounded, most), "{body:?}");
        assert!(!ends(&bounded, 2 * most), "{body:?}");
    };
    check(&[], 120_000);
    check(&fill, 120);
    check(&copy, 120);
    check(&grow, 120);
}

#[test]
fn a_module_grows_no_further_than_it_may() {
    let module = repeating(&[]);
    let bounded = metered(&module, Budget { instructions: 1, memory_mib: 3 }).unwrap();
    let engine = Engine::default();
    let module = wasmtime::Module::new(&engine, &bounded).unwrap();
    assert_eq!(module.resources_required().max_initial_memory_size, Some(2));
    let of_memories = Parser::new(0).parse_all(&bounded).find_map(|payload| match payload.unwrap() {
        wasmparser::Payload::MemorySection(section) => section.into_iter().next(),
        _ => None,
    });
    assert_eq!(of_memories.unwrap().unwrap().maximum, Some(48));
}

#[test]
fn a_budget_reads_as_it_was_written() {
    let budget = Budget { instructions: 500_000_000, memory_mib: 64 };
    assert_eq!(Budget::read(budget.written().as_bytes()), Some(budget));
    assert_eq!(Budget::read(b"unmetered"), None);
}
