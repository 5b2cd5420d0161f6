//! What is held about one person: found, for `tagyard export`, and removed, by `tagyard forget`.
//!
//! A person is told by ids: the events' `userId`, `anonymousId` and `previousId`. What else is held is found by the events' positions
//! in the journal: the requests that carried them, the dead letters and the outcomes.

mod export;
mod find;
mod forget;
mod held;
mod ids;

pub use export::{ExportError, Exported, export};
pub use find::{FindError, Person};
pub use forget::{Asked, ForgetError, Forgotten, forget};
pub use held::{Count, Found, Held};
pub use ids::{Ids, Who};

/// Why a tag did not run for an event that was removed, and what stands in the place of other reasons about such events.
pub const FORGOTTEN: &str = "forgotten";
