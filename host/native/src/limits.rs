//! The host's own bounds, each with whom it protects. A container's bounds are keys of its file.

use std::time::Duration;

/// How often the epoch of the engine advances. A guest is stopped at most this long after its deadline; each tick costs
/// every running guest a check that it makes anyway.
pub const EPOCH_TICK: Duration = Duration::from_millis(5);

/// The stack that a guest may use before its call traps. Protects the worker thread, whose own stack is
/// [`WORKER_STACK_BYTES`].
pub const GUEST_STACK_BYTES: usize = 512 * 1024;

/// The stack of a worker thread: the guest's, and what the host needs around it.
pub const WORKER_STACK_BYTES: usize = 4 * 1024 * 1024;

/// What one call may make the host copy out of the guest, in bytes of host memory. Protects the host from results whose lists
/// all point at the same guest memory: a million requests, or a gigabyte of body. Twice the longest permitted body, and room for JSON around it.
pub const LIFTED_BYTES: usize = 32 * 1024 * 1024;

/// The most resource handles of one call; a tag needs none but those that its language's runtime takes to start.
pub const GUEST_HANDLES: usize = 256;

/// The most elements in a guest's tables, which bounds what a `table.grow` costs the host. A JavaScript engine has some 20,000 functions.
pub const TABLE_ELEMENTS: usize = 100_000;

/// The most bytes of a guest's standard error that are kept as log lines.
pub const STDERR_BYTES: usize = 16 * 1024;

/// How much of a guest's memory stays mapped between calls, and is overwritten instead. As much as the bundled tags start with
/// (`.cargo/config.toml`), so that their pages are never faulted in anew.
pub const RESIDENT_BYTES: usize = 192 * 1024;

/// The largest memory that `limits.memory_mib` can ask for; the pool reserves address space for it, not memory.
pub const GUEST_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// The longest a vendor may take to accept a connection. A host that does not answer at all is told from a slow one.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests of one tag that are on the wire at once. Bounds what a slow vendor makes the host keep open.
pub const TAG_DELIVERIES: usize = 32;

/// Idle connections kept for each vendor's host.
pub const IDLE_CONNECTIONS: usize = 32;

/// Events of one tag between the journal and their outcome, and their bytes. What waits for a retry is among them, so a vendor
/// that is down holds back its own tag at this point, and the rest stays in the journal.
pub const TAG_EVENTS: usize = 4_096;
pub const TAG_BYTES: usize = 16 * 1024 * 1024;

/// How long an event waits for others of its batch, while none of the tag's calls is running.
pub const BATCH_LINGER: Duration = Duration::from_millis(20);

/// A tag's worker that finds so many new events at once rests for a moment before it looks for more: a busy journal would wake it
/// thousands of times a second, for a few events each.
pub const BUSY_EVENTS: usize = 8;
pub const BUSY_REST: Duration = Duration::from_millis(4);

/// Calls of one tag, with their deliveries, that go on at once.
pub const TAG_BATCHES: usize = 256;

/// The most bytes of requests that one tag's calls have returned and that have not ended. A guest that returns bodies of 10 MiB to
/// a vendor that is down is held back here. While a request is on the wire there is a second copy of it, with its secrets.
pub const TAG_OUTPUT_BYTES: usize = 128 * 1024 * 1024;

/// How often the cursors are written down. What a crash makes the host look at again is what ended since, and the outcomes log
/// tells it that those have ended.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// Outcomes that wait to be recorded; beyond it tags wait with their next event.
pub const WAITING_OUTCOMES: usize = 8_192;

/// How long a client may take to send its request, headers and body each. Protects the collector from clients that trickle.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may rest between two requests. Longer than the minute after which load balancers let go of theirs: whoever
/// closes first may do so just as the other one sends.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Requests that are in work at once. With bodies of 500 KB that may unfold to some ten MB each, this bounds the collector's memory.
pub const COLLECTING_REQUESTS: usize = 512;

/// The most bytes of a body that are worked on where they were read. Protects those whose connections are on
/// the same thread from who sends large batches.
pub const COLLECTED_IN_PLACE_BYTES: usize = 32 * 1024;

/// Connections that are open at once.
pub const CONNECTIONS: usize = 8_192;

/// How long a stopping host waits for what is in flight. The rest stays in the journal.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stopping host waits for a disk to take the last outcomes: one that takes nothing must not keep the process, nor who
/// waits for it, for ever.
pub const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reload waits for the old container's requests on the wire. No tag delivers meanwhile; what is not answered by then
/// is cut off, and sent again by the new one.
pub const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often records that are too old are looked for. They go by whole segments of the log, so more often frees nothing more.
pub const KEEP_CHECK_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked whether the journal has grown beyond what its history may take. At its limit events are refused, so
/// they wait for this; a look costs a few loads from memory.
pub const ROOM_CHECK_EVERY: Duration = Duration::from_secs(1);

/// Requests to one vendor's host that are on the wire at once, over all tags.
pub const HOST_DELIVERIES: usize = 64;

/// Failures in a row after which a host counts as down, and the first and the longest pause between two probes of it.
pub const BREAKER_FAILURES: u32 = 5;
pub const BREAKER_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Hosts that are remembered at once.
pub const DESTINATIONS: usize = 1_024;

/// Containers of one host. Each that is at work has five open logs with a thread each; one that rests is a few KB of its file.
pub const CONTAINERS: usize = 1_000;

/// Containers that are put to work at once: reading a day's keys and compiling tags take a processor each.
pub const WAKING_CONTAINERS: usize = 4;

/// How long a request waits for its container to be put to work. What takes longer goes on, and the sender comes again.
pub const WAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a container that could not be put to work is left alone: what is wrong with it costs a compilation each time.
pub const WAKE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often a container that rests is put to work for what of its records has become too old. `keep_days` is in days.
pub const VISIT_EVERY: Duration = Duration::from_secs(12 * 3_600);
