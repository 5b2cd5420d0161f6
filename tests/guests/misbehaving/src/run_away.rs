//! Not coming back.

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

/// True if the deed was one of these and did come back.
pub fn does(deed: &str) -> bool {
    match deed {
        "loop" => endless(),
        "recurse" => _ = black_box(recurse()),
        "recurse with a large frame" => _ = black_box(recurse_with_memory(black_box(1))),
        "trap" => trap(),
        "panic" => panic!("nobody reads this"),
        _ => return false,
    }
    true
}

#[inline(never)]
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[inline(never)]
pub fn endless() {
    let mut turns = 0u64;
    while black_box(turns) != u64::MAX {
        turns = turns.wrapping_add(2) & !1;
    }
}

static DEPTH: AtomicU32 = AtomicU32::new(1);

/// Uses only the engine's own stack: no frame of it lies in the guest's memory.
#[inline(never)]
fn recurse() -> u32 {
    match DEPTH.fetch_add(1, Ordering::Relaxed) {
        0 => 0,
        depth => depth ^ recurse().wrapping_mul(DEPTH.load(Ordering::Relaxed)),
    }
}

/// Uses the stack in the guest's memory, which ends long before the engine's.
#[inline(never)]
fn recurse_with_memory(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    match depth {
        0 => 0,
        _ => recurse_with_memory(depth.wrapping_add(1)).wrapping_add(frame[(depth % 64) as usize]),
    }
}
