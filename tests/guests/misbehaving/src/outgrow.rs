//! Results beyond all bounds.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use tagyard_tag::{Event, Header, Level, LogLine, Note, Output, Request};

const MIB: usize = 1 << 20;
const MILLION: usize = 1_000_000;

/// The request, outgrown; unchanged as an error if the deed is another.
pub fn changed(deed: &str, mut request: Request) -> Result<Request, Request> {
    match deed {
        "a body of 10 MiB" => request.body = vec![b'x'; 10 * MIB],
        "a body of 20 MiB" => request.body = vec![b'x'; 20 * MIB],
        "a body as large as memory" => request.body = vec![b'x'; 48 * MIB],
        "a body that claims a gigabyte" => request.body = claimed(1 << 30),
        "a million headers" => {
            request.headers = (0..MILLION).map(|_| Header { name: String::new(), value: String::new() }).collect();
        }
        "a million event positions" => request.events = vec![0; MILLION],
        "a long URL" => request.url.extend(core::iter::repeat_n('x', MIB)),
        _ => return Err(request),
    }
    Ok(request)
}

/// Does what concerns the whole output. True if it did.
pub fn does(deed: &str, event: &Event<'_>, out: &mut Output) -> bool {
    let empty = || Request::post(String::new());
    let note = || Note { event: event.index, reason: String::new() };
    match deed {
        // Sixty-four bodies in the same sixteen MiB.
        "a gigabyte in one place" => {
            let block = vec![b'x'; 16 * MIB].leak();
            out.requests = (0..64).map(|_| Request { body: aliased(block), ..empty() }).collect();
        }
        "five thousand requests" => out.requests = (0..5_000).map(|_| empty().carrying(event)).collect(),
        "a million requests" => out.requests = (0..MILLION).map(|_| empty()).collect(),
        "a million notes" => out.rejected = (0..MILLION).map(|_| note()).collect(),
        "a million log lines" => {
            out.log = (0..MILLION).map(|_| LogLine { level: Level::Info, message: String::new() }).collect();
            out.send(Request::post("https://vendor.example/in").carrying(event));
        }
        "a note on an event that does not exist" => {
            out.rejected.push(Note { event: u32::MAX, reason: "it does not exist".into() });
        }
        _ => return false,
    }
    true
}

/// A list that reaches beyond the end of memory.
fn claimed(length: usize) -> Vec<u8> {
    // SAFETY: not sound, and meant so: the list is only handed to the host, which has to see through it.
    unsafe { Vec::from_raw_parts(MIB as *mut u8, length, length) }
}

/// A second list over the same bytes.
fn aliased(block: &mut [u8]) -> Vec<u8> {
    // SAFETY: as above; nothing is ever freed in a guest that lives for one call.
    unsafe { Vec::from_raw_parts(block.as_mut_ptr(), block.len(), block.len()) }
}
