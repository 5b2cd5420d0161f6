//! The links on disk: one file, `identity/links.redb` in the data directory. What was committed is there after a crash.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use tagyard_pipeline::container::identity::Links as Limits;
use tagyard_pipeline::identity::links::{Link, Who};

/// Of each anonymous id its user, and when the two were last seen together, in milliseconds since 1970.
const LINKS: TableDefinition<'_, &str, (&str, u64)> = TableDefinition::new("links");

/// Of each user the anonymous ids, by when they were last seen.
const BY_USER: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("by-user");

/// All anonymous ids by when they were last seen.
const BY_AGE: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("by-age");

/// Memory for pages of the file: the upper levels of three trees of a million entries, and what is in use.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// A link that is seen again is written again only once it is this old: else each event of a visitor would be a write.
const FRESH_MS: u64 = 24 * 3_600_000;

/// How many links one commit lets go of, so that none takes long.
const MOST_AT_ONCE: u64 = 10_000;

const MS_OF_A_DAY: u64 = 86_400_000;

/// The links of one container.
pub struct Store {
    path: PathBuf,
    database: Database,
}

/// A link that is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptLink {
    pub anonymous_id: String,
    pub user_id: String,
    /// When an event had both.
    pub seen_at: Timestamp,
}

/// Why links cannot be read or written. It names no id.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {error}", path = path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{path}: {error}; its links are known from events to come, too: remove it to begin anew", path = path.display())]
    Open { path: PathBuf, error: Box<redb::DatabaseError> },
    #[error("{0}")]
    Database(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        StoreError::Database(Box::new(error.into()))
    }
}

impl Store {
    /// Whether links were ever kept in a data directory.
    pub fn exists(data_dir: &Path) -> bool {
        path(data_dir).exists()
    }

    /// Opens the links of a data directory. After a crash it is looked through first, which takes a while.
    ///
    /// # Errors
    /// When they are in use, or cannot be read or made.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = path(data_dir);
        let folder = path.parent().unwrap_or(data_dir);
        let failed = |error| StoreError::File { path: path.clone(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        // Of a rewrite that a crash cut off.
        match fs::remove_file(rewritten(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let database = create(&path)?;
        Ok(Store { path, database })
    }

    /// Of an anonymous id its user; of a user the anonymous id that was seen last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn other(&self, who: &Who) -> Result<Option<String>, StoreError> {
        let read = self.database.begin_read()?;
        match who {
            Who::Anonymous(id) => {
                let found = read.open_table(LINKS)?.get(id.as_str())?;
                Ok(found.map(|link| link.value().0.to_owned()))
            }
            Who::User(id) => {
                let by_user = read.open_table(BY_USER)?;
                let last = by_user.range((id.as_str(), 0, "")..(id.as_str(), u64::MAX, ""))?.next_back().transpose()?;
                Ok(last.map(|(key, _)| key.value().2.to_owned()))
            }
        }
    }

    /// Keeps links. Of two users of one anonymous id the last one counts.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is kept.
    pub fn keep(&self, links: &[Link], at: Timestamp, limits: Limits) -> Result<(), StoreError> {
        let now = milliseconds(at);
        let fresh: Vec<&Link> = links
            .iter()
            .map(|link| Ok((link, self.is_fresh(link, now)?)))
            .filter_map(|link| match link {
                Ok((_, true)) => None,
                Ok((link, false)) => Some(Ok(link)),
                Err(error) => Some(Err::<_, StoreError>(error)),
            })
            .collect::<Result<_, _>>()?;
        if fresh.is_empty() {
            return Ok(());
        }
        let write = self.database.begin_write()?;
        for link in fresh {
            remove(&write, &link.anonymous_id)?;
            insert(&write, &link.anonymous_id, &link.user_id, now)?;
        }
        let room = MOST_AT_ONCE.min(write.open_table(LINKS)?.len()?.saturating_sub(limits.max));
        for _ in 0..room {
            remove_oldest(&write, u64::MAX)?;
        }
        write.commit()?;
        Ok(())
    }

    /// Lets go of links that were not seen for long; whether there are more of them.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn expire(&self, now: Timestamp, limits: Limits) -> Result<bool, StoreError> {
        let before = milliseconds(now).saturating_sub(u64::from(limits.days) * MS_OF_A_DAY);
        let is_due = {
            let by_age = self.database.begin_read()?.open_table(BY_AGE)?;
            let first = by_age.first()?;
            first.is_some_and(|(key, _)| key.value().0 < before)
        };
        if !is_due {
            return Ok(false);
        }
        let write = self.database.begin_write()?;
        let mut gone = 0;
        while gone < MOST_AT_ONCE && remove_oldest(&write, before)? {
            gone += 1;
        }
        write.commit()?;
        Ok(gone == MOST_AT_ONCE)
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self) -> Result<u64, StoreError> {
        Ok(self.database.begin_read()?.open_table(LINKS)?.len()?)
    }

    /// The links of these ids, each once.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&self, ids: &[Who]) -> Result<Vec<KeptLink>, StoreError> {
        let read = self.database.begin_read()?;
        let (links, by_user) = (read.open_table(LINKS)?, read.open_table(BY_USER)?);
        let mut found: Vec<KeptLink> = Vec::new();
        let mut put = |anonymous_id: &str, user_id: &str, seen: u64| {
            let seen_at = i64::try_from(seen).ok().and_then(|seen| Timestamp::from_millisecond(seen).ok());
            let link = KeptLink {
                anonymous_id: anonymous_id.to_owned(),
                user_id: user_id.to_owned(),
                seen_at: seen_at.unwrap_or_default(),
            };
            if !found.contains(&link) {
                found.push(link);
            }
        };
        for who in ids {
            match who {
                Who::Anonymous(id) => {
                    if let Some(link) = links.get(id.as_str())? {
                        let (user, seen) = link.value();
                        put(id, user, seen);
                    }
                }
                Who::User(id) => {
                    for link in by_user.range((id.as_str(), 0, "")..(id.as_str(), u64::MAX, ""))? {
                        let (key, _) = link?;
                        let (user, seen, anonymous) = key.value();
                        put(anonymous, user, seen);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Removes the links of these ids, and returns them. The file is written anew without them, so that nothing of them is left in it.
    ///
    /// # Errors
    /// When it cannot be written; then they are there as before, or removed and not yet overwritten.
    pub fn forget(&mut self, ids: &[Who]) -> Result<Vec<KeptLink>, StoreError> {
        let links = self.of(ids)?;
        if !links.is_empty() {
            let write = self.database.begin_write()?;
            links.iter().try_for_each(|link| remove(&write, &link.anonymous_id))?;
            write.commit()?;
        }
        // Also where there is nothing to remove: a link that went before leaves its bytes in free pages.
        self.rewrite()?;
        Ok(links)
    }

    fn rewrite(&mut self) -> Result<(), StoreError> {
        let beside = rewritten(&self.path);
        let failed = |error| StoreError::File { path: beside.clone(), error };
        let _ = fs::remove_file(&beside);
        let copy = create(&beside)?;
        let write = copy.begin_write()?;
        let read = self.database.begin_read()?;
        for link in read.open_table(LINKS)?.iter()? {
            let (anonymous, link) = link?;
            let (user, seen) = link.value();
            insert(&write, anonymous.value(), user, seen)?;
        }
        write.commit()?;
        drop(read);
        fs::rename(&beside, &self.path).map_err(failed)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        self.database = copy;
        Ok(())
    }

    /// Whether a link is as it would be written: so that it was seen lately, and last of its user's.
    fn is_fresh(&self, link: &Link, now: u64) -> Result<bool, StoreError> {
        let read = self.database.begin_read()?;
        let known = read.open_table(LINKS)?.get(link.anonymous_id.as_str())?;
        let is_known = known.is_some_and(|known| {
            let (user, seen) = known.value();
            user == link.user_id && now.saturating_sub(seen) < FRESH_MS
        });
        Ok(is_known && self.other(&Who::User(link.user_id.clone()))?.as_deref() == Some(&link.anonymous_id))
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("identity").join("links.redb")
}

fn rewritten(path: &Path) -> PathBuf {
    path.with_extension("redb.new")
}

fn create(path: &Path) -> Result<Database, StoreError> {
    let failed = |error| StoreError::Open { path: path.to_owned(), error: Box::new(error) };
    let database = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(failed)?;
    // Whoever reads finds the tables there.
    let write = database.begin_write()?;
    write.open_table(LINKS)?;
    write.open_table(BY_USER)?;
    write.open_table(BY_AGE)?;
    write.commit()?;
    Ok(database)
}

fn insert(write: &WriteTransaction, anonymous: &str, user: &str, seen: u64) -> Result<(), StoreError> {
    write.open_table(LINKS)?.insert(anonymous, (user, seen))?;
    write.open_table(BY_USER)?.insert((user, seen, anonymous), ())?;
    write.open_table(BY_AGE)?.insert((seen, anonymous), ())?;
    Ok(())
}

fn remove(write: &WriteTransaction, anonymous: &str) -> Result<(), StoreError> {
    let mut links = write.open_table(LINKS)?;
    let Some(link) = links.remove(anonymous)? else { return Ok(()) };
    let (user, seen) = link.value();
    write.open_table(BY_USER)?.remove((user, seen, anonymous))?;
    write.open_table(BY_AGE)?.remove((seen, anonymous))?;
    Ok(())
}

/// Whether there was one that was last seen before then.
fn remove_oldest(write: &WriteTransaction, before: u64) -> Result<bool, StoreError> {
    let oldest = {
        let by_age = write.open_table(BY_AGE)?;
        let first = by_age.first()?;
        first.map(|(key, _)| (key.value().0, key.value().1.to_owned()))
    };
    let Some((_, anonymous)) = oldest.filter(|(seen, _)| *seen < before) else { return Ok(false) };
    remove(write, &anonymous)?;
    Ok(true)
}

fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default()
}
