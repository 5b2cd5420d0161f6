//! Nothing of one call is readable in the next either where its memory was swapped out meanwhile.

use std::thread;
use std::time::Duration;

use tagyard::sandbox::{CallError, Sandbox};
use tagyard_tests::real::was_not_real;

use crate::data;
use crate::fresh::{call, found, load};
use crate::swap::{Group, Swap};

/// How long the guest has to leave its marks, and how long it keeps them in use.
const LEAVES: Duration = Duration::from_millis(500);
const LOOPS_MS: u32 = 3_000;

#[test]
fn an_instance_finds_nothing_of_one_that_was_swapped_out() {
    const CASE: &str = "a guest whose memory is swapped out";
    let (data, space) = (data(), tempfile::tempdir().expect("a folder"));
    let Some(_swap) = Swap::on(space.path()) else {
        return was_not_real(
            CASE,
            "not run, since there is no swap here: it needs root, and a disk that can have some",
        );
    };
    let sandbox = Sandbox::start(Some(data.path().join("compiled"))).expect("a sandbox");
    let looks = load(&sandbox, "look for marks and leave some", 5_000);
    let loops = load(&sandbox, "leave marks and loop", LOOPS_MS);
    assert_eq!(found(&looks), "0");
    let Some(group) = Group::enter() else {
        return was_not_real(CASE, "not run, since memory cannot be reclaimed here: it needs root and memory groups");
    };
    let swapped = thread::scope(|scope| {
        let swapped = scope.spawn(|| {
            thread::sleep(LEAVES);
            group.swap_out()
        });
        assert!(matches!(call(&loops), Err(CallError::Deadline(_))));
        swapped.join().expect("it ends")
    });
    assert_eq!(found(&looks), "0");
    if !swapped {
        was_not_real(CASE, "run, but the kernel swapped nothing out");
    }
}
