//! The allocator and the panic handler of a `no_std` tag.
//!
//! A tag's instance lives for one call, so memory is handed out upwards and never taken back: no free lists, no
//! bookkeeping, and an instance touches only the pages it fills. `linear_memory_keep_resident` and the initial memory
//! in `.cargo/config.toml` are chosen so that an ordinary event needs no growth.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;

const PAGE: usize = 64 * 1024;

/// Grown by at least this much at once, since each `memory.grow` leaves the guest.
const GROWTH: usize = 4 * PAGE;

struct Bump {
    next: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: a tag's module has no shared memory and so exactly one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

// For `memcmp` and its like, which the compiler calls and this target leaves to its C library; nothing else is taken from it.
#[link(name = "c")]
unsafe extern "C" {
    /// Where the linker's static data ends; only its address has a meaning.
    static __heap_base: u8;
}

// SAFETY: each block is handed out once, aligned, inside the memory that the instance owns.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.end.get() == 0 {
            self.next.set(&raw const __heap_base as usize);
            self.end.set(wasm32::memory_size(0) * PAGE);
        }
        let Some(start) = self.next.get().checked_next_multiple_of(layout.align()) else {
            return core::ptr::null_mut();
        };
        let Some(end) = start.checked_add(layout.size()) else {
            return core::ptr::null_mut();
        };
        if end > self.end.get() && !self.grow(end) {
            return core::ptr::null_mut();
        }
        self.next.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // The newest block can be given back; a formatting buffer often is just that.
        if block as usize + layout.size() == self.next.get() {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block as usize + layout.size() == self.next.get() {
            let Some(end) = (block as usize).checked_add(size) else {
                return core::ptr::null_mut();
            };
            if end > self.end.get() && !self.grow(end) {
                return core::ptr::null_mut();
            }
            self.next.set(end);
            return block;
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the size is not zero, as the caller of `realloc` promises; both blocks hold `layout.size()` bytes.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(block, new, layout.size());
            }
            new
        }
    }
}

impl Bump {
    #[cold]
    fn grow(&self, end: usize) -> bool {
        let missing = (end - self.end.get()).max(GROWTH);
        if wasm32::memory_grow(0, missing.div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.end.set(wasm32::memory_size(0) * PAGE);
        true
    }
}

/// How the host asks for room for what it passes in: the canonical ABI's `realloc`. The C library's own would keep a second
/// heap over ours.
#[unsafe(no_mangle)]
extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    if size == 0 {
        return align as *mut u8;
    }
    // SAFETY: the canonical ABI gives an alignment that is a power of two and passes back only what came from here.
    let block = unsafe {
        if old_size == 0 {
            ALLOCATOR.alloc(Layout::from_size_align_unchecked(size, align))
        } else {
            ALLOCATOR.realloc(old, Layout::from_size_align_unchecked(old_size, align), size)
        }
    };
    if block.is_null() {
        wasm32::unreachable();
    }
    block
}

/// Compares as C's `memcmp` does, eight bytes at a time: keys of JSON objects are compared all the time, and the C library's
/// goes byte by byte.
///
/// # Safety
/// Both blocks are readable for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut at = 0;
    // SAFETY: `at` stays below `length` by the bytes that are read; WebAssembly reads unaligned words as they are.
    unsafe {
        while length - at >= 8 {
            let a = left.add(at).cast::<u64>().read_unaligned();
            let b = right.add(at).cast::<u64>().read_unaligned();
            if a != b {
                return if a.swap_bytes() < b.swap_bytes() { -1 } else { 1 };
            }
            at += 8;
        }
        while at < length {
            let (a, b) = (*left.add(at), *right.add(at));
            if a != b {
                return i32::from(a) - i32::from(b);
            }
            at += 1;
        }
    }
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    wasm32::unreachable()
}
