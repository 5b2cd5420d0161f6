//! What a function's body costs, and where that is charged.

use wasmparser::Operator;

use super::MeterError;

/// How many bytes that one instruction copies or fills count as one more.
pub(super) const BYTES_SHIFT: i32 = 3;

/// How many elements of a table count as one more instruction: one.
const ELEMENTS_SHIFT: i32 = 0;

/// A page that memory grows by is 64 KiB, which have to be zeroed: 8,192 as bytes are counted.
const PAGE_SHIFT: i32 = -13;

/// Of a body: what is charged where it is entered, and at the head of each of its loops, in their order.
///
/// Nothing runs for ever but by a loop's head or a call. What lies between two charges is counted in full, whichever branch is
/// taken, so never more is executed than was charged.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Costs {
    pub(super) entry: u64,
    pub(super) loops: Vec<u64>,
}

impl Costs {
    pub(super) fn of(operators: &[Operator<'_>]) -> Self {
        let mut costs = Costs { entry: 1, loops: Vec::new() };
        // For each block that is open, the loop around its inside, if there is one.
        let mut open: Vec<Option<usize>> = vec![None];
        for operator in operators {
            let around = open.last().copied().flatten();
            match around {
                Some(place) => costs.loops[place] += 1,
                None => costs.entry += 1,
            }
            match operator {
                Operator::Loop { .. } => {
                    open.push(Some(costs.loops.len()));
                    costs.loops.push(1);
                }
                Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } | Operator::Try { .. } => {
                    open.push(around)
                }
                Operator::End | Operator::Delegate { .. } => drop(open.pop()),
                _ => {}
            }
        }
        costs
    }
}

/// For an instruction whose work goes by its last operand: how many places that is shifted to the right for what it costs.
pub(super) fn by_length(operator: &Operator<'_>) -> Option<i32> {
    Some(match operator {
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => BYTES_SHIFT,
        Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::TableInit { .. }
        | Operator::TableGrow { .. } => ELEMENTS_SHIFT,
        Operator::MemoryGrow { .. } => PAGE_SHIFT,
        _ => return None,
    })
}

/// What takes time in proportion to something that is not counted.
pub(super) fn refuse(operator: &Operator<'_>) -> Result<(), MeterError> {
    match operator {
        Operator::ArrayNew { .. }
        | Operator::ArrayNewDefault { .. }
        | Operator::ArrayNewData { .. }
        | Operator::ArrayNewElem { .. }
        | Operator::ArrayCopy { .. }
        | Operator::ArrayFill { .. }
        | Operator::ArrayInitData { .. }
        | Operator::ArrayInitElem { .. } => Err(MeterError::Unknown("arrays of the garbage collector")),
        Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => {
            Err(MeterError::Unknown("an instruction that waits"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{BlockType, Operator as O};

    use super::*;

    #[test]
    fn what_lies_in_a_loop_is_charged_at_its_head() {
        let empty = BlockType::Empty;
        let body = [
            O::Nop,
            O::Loop { blockty: empty },
            O::Nop,
            O::Block { blockty: empty },
            O::Nop,
            O::Loop { blockty: empty },
            O::Nop,
            O::Nop,
            O::End,
            O::End,
            O::End,
            O::Nop,
            O::End,
        ];
        // Each head counts for itself, once where it is entered and once a turn.
        assert_eq!(Costs::of(&body), Costs { entry: 5, loops: vec![7, 4] });
    }
}
