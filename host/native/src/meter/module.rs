//! A core module whose functions charge a budget.

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, GlobalSection, GlobalType, Instruction, MemoryType, Module, SectionId,
    ValType,
};
use wasmparser::{Operator, Parser, Payload, TypeRef};

use super::cost::{self, Costs};
use super::{Budget, MeterError};

const PAGE_BYTES: u64 = 64 * 1024;

/// A module that is being rewritten.
pub(super) struct Metered {
    budget: Budget,
    /// The global with what is left: the first after its own. The one after it keeps an operand while it is looked at.
    left: u32,
    has_globals: bool,
}

impl Metered {
    pub(super) fn new(parser: &Parser, module: &[u8], budget: Budget) -> Result<Self, MeterError> {
        let mut metered = Metered { budget, left: 0, has_globals: false };
        for payload in parser.clone().parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if let TypeRef::Global(_) = import?.ty {
                            metered.left += 1;
                        }
                    }
                }
                Payload::GlobalSection(globals) => {
                    metered.left += globals.count();
                    metered.has_globals = globals.count() > 0;
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        metered.check_memory(memory?)?;
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        if table?.ty.table64 {
                            return Err(MeterError::Unknown("a table of 64 bits"));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(metered)
    }

    fn check_memory(&self, memory: wasmparser::MemoryType) -> Result<(), MeterError> {
        if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
            return Err(MeterError::Unknown("a memory of 64 bits, one that is shared, or one with pages of its own"));
        }
        let mib = (memory.initial * PAGE_BYTES).div_ceil(1 << 20);
        if mib > self.budget.memory_mib.into() {
            return Err(MeterError::Memory(mib, self.budget.memory_mib));
        }
        Ok(())
    }

    fn add_globals(&self, globals: &mut GlobalSection) {
        let global = |val_type| GlobalType { val_type, mutable: true, shared: false };
        let budget = i64::try_from(self.budget.instructions).unwrap_or(i64::MAX);
        globals.global(global(ValType::I64), &ConstExpr::i64_const(budget));
        globals.global(global(ValType::I32), &ConstExpr::i32_const(0));
    }

    /// Takes from what is left what `cost` leaves on the stack, and traps where that is not enough.
    fn charge(&self, function: &mut Function, cost: &[Instruction<'_>]) {
        function.instruction(&Instruction::GlobalGet(self.left));
        for instruction in cost {
            function.instruction(instruction);
        }
        function
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::GlobalSet(self.left))
            .instruction(&Instruction::GlobalGet(self.left))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
    }

    fn charge_count(&self, function: &mut Function, count: u64) {
        self.charge(function, &[Instruction::I64Const(i64::try_from(count).unwrap_or(i64::MAX))]);
    }

    /// Charges by the operand on top of the stack, which stays there.
    fn charge_operand(&self, function: &mut Function, shift: i32) {
        let operand = self.left + 1;
        function.instruction(&Instruction::GlobalSet(operand));
        let places = Instruction::I64Const(shift.unsigned_abs().into());
        let shifted = if shift < 0 { Instruction::I64Shl } else { Instruction::I64ShrU };
        self.charge(function, &[Instruction::GlobalGet(operand), Instruction::I64ExtendI32U, places, shifted]);
        function.instruction(&Instruction::GlobalGet(operand));
    }
}

impl Reencode for Metered {
    type Error = MeterError;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), reencode::Error<MeterError>> {
        utils::parse_global_section(self, globals, section)?;
        if self.has_globals {
            self.add_globals(globals);
        }
        Ok(())
    }

    /// Where the module has no globals, theirs is the place after memories and tags.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), reencode::Error<MeterError>> {
        let is_before =
            |section: Option<SectionId>| section.is_none_or(|section| order(section) < order(SectionId::Global));
        let is_after = before.is_some_and(|section| order(section) > order(SectionId::Global));
        if !self.has_globals && is_before(after) && is_after {
            let mut globals = GlobalSection::new();
            self.add_globals(&mut globals);
            module.section(&globals);
            self.has_globals = true;
        }
        Ok(())
    }

    fn memory_type(&mut self, memory: wasmparser::MemoryType) -> Result<MemoryType, reencode::Error<MeterError>> {
        let most = u64::from(self.budget.memory_mib) * ((1 << 20) / PAGE_BYTES);
        let memory = utils::memory_type(self, memory);
        Ok(MemoryType { maximum: Some(memory.maximum.map_or(most, |own| own.min(most))), ..memory })
    }

    /// An import keeps the type that the exporting module gives it.
    fn entity_type(&mut self, ty: TypeRef) -> Result<wasm_encoder::EntityType, reencode::Error<MeterError>> {
        match ty {
            TypeRef::Memory(memory) => Ok(wasm_encoder::EntityType::Memory(utils::memory_type(self, memory))),
            ty => utils::entity_type(self, ty),
        }
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), reencode::Error<MeterError>> {
        let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<Operator<'_>>, _>>()?;
        let costs = Costs::of(&operators);
        let mut function = self.new_function_with_parsed_locals(&body)?;
        self.charge_count(&mut function, costs.entry);
        let mut loops = costs.loops.iter();
        for operator in operators {
            cost::refuse(&operator).map_err(reencode::Error::UserError)?;
            if let Some(shift) = cost::by_length(&operator) {
                self.charge_operand(&mut function, shift);
            }
            let head = matches!(operator, Operator::Loop { .. }).then(|| loops.next()).flatten();
            function.instruction(&self.instruction(operator)?);
            if let Some(cost) = head {
                self.charge_count(&mut function, *cost);
            }
        }
        code.function(&function);
        Ok(())
    }
}

/// A section's place in a module, which is not its number's: tags stand before globals.
fn order(section: SectionId) -> u8 {
    match section {
        SectionId::Custom => 0,
        SectionId::Type => 1,
        SectionId::Import => 2,
        SectionId::Function => 3,
        SectionId::Table => 4,
        SectionId::Memory => 5,
        SectionId::Tag => 6,
        SectionId::Global => 7,
        SectionId::Export => 8,
        SectionId::Start => 9,
        SectionId::Element => 10,
        SectionId::DataCount => 11,
        SectionId::Code => 12,
        SectionId::Data => 13,
    }
}
