//! Taking memory, and looking for what others left in it.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::arch::wasm32;
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};

use tagyard_tag::Request;

use crate::run_away;

const MIB: usize = 1 << 20;
const PAGE: usize = 64 * 1024;
const MARK: u64 = 0xA5A5_A5A5_A5A5_A5A5;

static MARKED: AtomicUsize = AtomicUsize::new(0);

/// The request, with what was found in a header; unchanged as an error if the deed is another.
pub fn changed(deed: &str, request: Request) -> Result<Request, Request> {
    Ok(match deed {
        "take 60 MiB" => {
            take(60 * MIB);
            request
        }
        "take everything" => loop {
            take(MIB);
        },
        "ask for too much and cope" => {
            let refused = wasm32::memory_grow(0, 60_000) == usize::MAX;
            request.header("x-refused", format!("{refused}"))
        }
        "look for marks and leave some" => request.header("x-found", format!("{}", look_and_mark())),
        "leave marks and loop" => {
            look_and_mark();
            run_away::endless();
            request
        }
        "leave marks and trap" => {
            look_and_mark();
            wasm32::unreachable();
        }
        _ => return Err(request),
    })
}

fn take(bytes: usize) {
    let mut block: Vec<u8> = Vec::with_capacity(bytes);
    block.resize(bytes, 1);
    black_box(block.leak());
}

/// Counts what is not fresh: a static that was set before, and every word of unused memory, old and new, that is not zero.
/// Then sets them all.
fn look_and_mark() -> usize {
    let dirty_static = MARKED.swap(1, Ordering::Relaxed);
    // The allocator only goes up, so nothing of this call lies above its newest block.
    let start = (&raw const *black_box(Box::new(0u64)) as usize + size_of::<u64>()).next_multiple_of(8);
    let grown = wasm32::memory_grow(0, 4 * MIB / PAGE) * PAGE;
    // SAFETY: the instance's own memory, from its newest block to the end of what it had, and what it has got now.
    let (old, new) = unsafe { (words(start, grown), words(grown, wasm32::memory_size(0) * PAGE)) };
    let dirty = old.iter().chain(new.iter()).filter(|word| **word != 0).count();
    // The old part is still the allocator's, which expects nothing of it.
    old.fill(MARK);
    new.fill(MARK);
    dirty + dirty_static
}

unsafe fn words(start: usize, end: usize) -> &'static mut [u64] {
    // SAFETY: as the caller says.
    unsafe { core::slice::from_raw_parts_mut(start as *mut u64, (end - start) / 8) }
}
