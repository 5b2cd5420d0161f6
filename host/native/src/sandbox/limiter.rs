//! The bound on what a guest may allocate: the sum over its memories, not each by itself.

use wasmtime::ResourceLimiter;

use crate::limits::TABLE_ELEMENTS;

#[derive(Debug)]
pub(super) struct Limiter {
    left: usize,
    /// Whether the guest asked for more than it may have. Many guests answer that with a trap that says nothing.
    pub(super) denied: bool,
}

impl Limiter {
    pub(super) fn new(bytes: usize) -> Self {
        Limiter { left: bytes, denied: false }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        match self.left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.left = left;
                Ok(true)
            }
            None => {
                self.denied = true;
                Ok(false)
            }
        }
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}
