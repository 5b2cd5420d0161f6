//! The bound on what a guest may allocate: the sum over its memories, not each by itself.

use wasmtime::ResourceLimiter;

use crate::limits::TABLE_ELEMENTS;

#[derive(Debug)]
pub(super) struct Limiter {
    bytes: usize,
    left: usize,
    /// Whether the guest asked for more than it may have. Many guests answer that with a trap that says nothing.
    pub(super) denied: bool,
}

impl Limiter {
    pub(super) fn new(bytes: usize) -> Self {
        Limiter { bytes, left: bytes, denied: false }
    }

    /// What the guest has of it; memory is never given back.
    pub(super) fn used(&self) -> usize {
        self.bytes - self.left
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, own: Option<usize>) -> wasmtime::Result<bool> {
        // It will not have what its own maximum leaves out.
        if own.is_some_and(|most| desired > most) {
            return Ok(false);
        }
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
