//! The key-value store: a file for each key, so that a process that is killed leaves what it had written.
//!
//! As in Spin, one thing is done at a time, and a list of keys that somebody reads as a stream is one thing until its end.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};
use tokio::task::{block_in_place, spawn_blocking};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasData, Resource, StreamProducer, StreamReader, StreamResult,
};

use crate::guest::Guest;
use crate::guest::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::guest::bindings::wasi::keyvalue::{atomics, batch, store};

/// Keys of a stream that are read before somebody takes them, as in Spin.
const READ_AHEAD: usize = 4;

/// An open store.
#[expect(unreachable_pub, reason = "the bindings name it")]
#[derive(Clone)]
pub struct Store {
    folder: PathBuf,
    lock: Arc<Mutex<()>>,
}

/// All stores of the application.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    folder: PathBuf,
    /// The labels that the component may open.
    labels: Vec<String>,
    lock: Arc<Mutex<()>>,
}

impl Stores {
    pub(crate) fn new(state: &Path, labels: &[String]) -> Self {
        Stores { folder: state.join("key-value"), labels: labels.to_vec(), lock: Arc::default() }
    }

    fn open(&self, label: &str) -> Result<Store, Error> {
        if !self.labels.iter().any(|known| known == label) {
            return Err(Error::AccessDenied);
        }
        let folder = self.folder.join(label);
        std::fs::create_dir_all(&folder).map_err(other)?;
        Ok(Store { folder, lock: self.lock.clone() })
    }
}

impl Store {
    /// Does something while nobody else does anything.
    fn alone<R>(&self, act: impl FnOnce() -> R) -> R {
        block_in_place(|| {
            let _alone = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            act()
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(hex::encode(key))
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        match std::fs::read(self.path(key)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(other(error)),
        }
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        // Nobody finds half of a value.
        let new = tempfile::NamedTempFile::new_in(self.folder.join("..")).map_err(other)?;
        std::fs::write(new.path(), value).map_err(other)?;
        new.persist(self.path(key)).map_err(other)?;
        die_if_told();
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        match std::fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(other(error)),
            _ => Ok(()),
        }
    }

    /// As Spin's own store has it: eight bytes, little end first.
    fn add(&self, key: &str, delta: i64) -> Result<i64, Error> {
        let before = match self.get(key)? {
            Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| other("it is no number"))?),
            None => 0,
        };
        self.set(key, &(before + delta).to_le_bytes())?;
        Ok(before + delta)
    }

    fn keys(&self) -> Result<Vec<String>, Error> {
        let entries = std::fs::read_dir(&self.folder).map_err(other)?;
        let key = |name: String| String::from_utf8(hex::decode(name).ok()?).ok();
        Ok(entries.flatten().filter_map(|entry| key(entry.file_name().into_string().ok()?)).collect())
    }
}

/// A test may have the process killed at the worst moment: when a value is there and its guest does not know yet.
fn die_if_told() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SETS: AtomicU64 = AtomicU64::new(1);
    let told = std::env::var("STAND_IN_DIES_AFTER_SET").ok().and_then(|number| number.parse().ok());
    if told == Some(SETS.fetch_add(1, Ordering::Relaxed)) {
        std::process::abort();
    }
}

/// Marks the guest as what has the stores.
pub(crate) struct HasStores;

impl HasData for HasStores {
    type Data<'a> = &'a mut Guest;
}

impl Host for &mut Guest {}

impl HostStore for &mut Guest {
    fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

/// Does something with an open store. It blocks the thread meanwhile, as Spin's own does.
fn with<T, R>(
    accessor: &Accessor<T, HasStores>,
    store: &Resource<Store>,
    act: impl FnOnce(&Store) -> Result<R, Error>,
) -> wasmtime::Result<Result<R, Error>> {
    let store = accessor.with(|mut access| access.get().table.get(store).cloned())?;
    Ok(store.alone(|| act(&store)))
}

impl<T: 'static> HostStoreWithStore<T> for HasStores {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let guest = access.get();
            match guest.stores.open(&label) {
                Ok(store) => Ok(Ok(guest.table.push(store)?)),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        with(accessor, &store, |store| store.get(&key))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        with(accessor, &store, |store| store.set(&key, &value))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        with(accessor, &store, |store| store.delete(&key))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        with(accessor, &store, |store| Ok(store.get(&key)?.is_some()))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let store = accessor.with(|mut access| access.get().table.get(&store).cloned())?;
        let ((give, keys), (end, ended)) = (mpsc::channel(READ_AHEAD), oneshot::channel());
        spawn_blocking(move || {
            let result = store.alone(|| {
                // Whoever does not want the rest of them goes away.
                store.keys()?.into_iter().try_for_each(|key| give.blocking_send(key)).map_err(other)
            });
            let _ = end.send(result);
        });
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, Keys(keys))?;
            let ended = async move { ended.await.map_err(wasmtime::Error::from) };
            Ok((keys, FutureReader::new(&mut access, ended)?))
        })
    }
}

/// Keys, one by one.
struct Keys(mpsc::Receiver<String>);

impl<D> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = Option<String>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.get_mut().0.poll_recv(context) {
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            received => Poll::Ready(Ok(match ready!(received) {
                Some(key) => {
                    destination.set_buffer(Some(key));
                    StreamResult::Completed
                }
                None => StreamResult::Dropped,
            })),
        }
    }
}

impl store::Host for &mut Guest {
    fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Store>, store::Error>> {
        match self.stores.open(&label) {
            Ok(store) => Ok(Ok(self.table.push(store)?)),
            Err(error) => Ok(Err(of_wasi(error))),
        }
    }
}

impl store::HostBucket for &mut Guest {
    fn list_keys(
        &mut self,
        bucket: Resource<Store>,
        _: Option<String>,
    ) -> wasmtime::Result<Result<store::KeyResponse, store::Error>> {
        let bucket = self.table.get(&bucket)?;
        let keys = bucket.alone(|| bucket.keys());
        Ok(keys.map(|keys| store::KeyResponse { keys, cursor: None }).map_err(of_wasi))
    }

    fn drop(&mut self, bucket: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for &mut Guest {
    fn increment(
        &mut self,
        bucket: Resource<Store>,
        key: String,
        delta: i64,
    ) -> wasmtime::Result<Result<i64, store::Error>> {
        let bucket = self.table.get(&bucket)?;
        Ok(bucket.alone(|| bucket.add(&key, delta)).map_err(of_wasi))
    }
}

impl batch::Host for &mut Guest {
    fn set_many(
        &mut self,
        bucket: Resource<Store>,
        values: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?;
        let set = || values.iter().try_for_each(|(key, value)| bucket.set(key, value));
        Ok(bucket.alone(set).map_err(of_wasi))
    }

    fn delete_many(
        &mut self,
        bucket: Resource<Store>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?;
        Ok(bucket.alone(|| keys.iter().try_for_each(|key| bucket.delete(key))).map_err(of_wasi))
    }
}

fn of_wasi(error: Error) -> store::Error {
    match error {
        Error::NoSuchStore => store::Error::NoSuchStore,
        Error::AccessDenied => store::Error::AccessDenied,
        error => store::Error::Other(error.to_string()),
    }
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}
