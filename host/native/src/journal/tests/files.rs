//! A directory as the system sees it and as the disk has it: what a crash leaves after each step.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::disk::Step;

/// Files by their number, so that a rename moves one whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    contents: Vec<File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
}

/// What is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Crash {
    /// The process was killed: the system has all that it did.
    Kill,
    /// Power was lost: nothing that was not synced is there.
    PowerLost,
    /// Power was lost: names have reached the disk, and of what was not synced as much as this part of 255.
    PowerLostHalfway(u8),
    /// Power was lost: the later part of what was not synced has reached the disk, the earlier one has not.
    PowerLostOutOfOrder(u8),
    /// Power was lost: the files have their length, with nothing in what was not synced.
    PowerLostWithZeros,
}

impl Files {
    /// A directory in which everything is durable.
    pub(super) fn read(dir: &Path) -> Self {
        let mut files = Files::default();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.extension().is_some() {
                let content = fs::read(&path).unwrap();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                files.names.insert(name, files.contents.len());
                files.contents.push(File { now: content.clone(), durable: content });
            }
        }
        files.durable_names = files.names.clone();
        files
    }

    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::Make(name) => match self.names.get(name) {
                Some(number) => self.contents[*number].now.clear(),
                None => {
                    self.names.insert(name.clone(), self.contents.len());
                    self.contents.push(File::default());
                }
            },
            Step::Write(name, offset, bytes) => {
                let (from, file) = (*offset as usize, self.file(name));
                let length = file.now.len().max(from + bytes.len());
                file.now.resize(length, 0);
                file.now[from..from + bytes.len()].copy_from_slice(bytes);
            }
            Step::Truncate(name, length) => self.file(name).now.resize(*length as usize, 0),
            Step::Sync(name) => {
                let file = self.file(name);
                file.durable = file.now.clone();
            }
            Step::Rename(from, to) => {
                let number = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), number);
            }
            Step::SyncNames => self.durable_names = self.names.clone(),
            Step::Answered { .. } => {}
        }
    }

    pub(super) fn write(&self, dir: &Path, crash: Crash) {
        let names = if crash == Crash::PowerLost { &self.durable_names } else { &self.names };
        for (name, number) in names {
            let File { now, durable } = &self.contents[*number];
            let content = match crash {
                Crash::Kill => now.clone(),
                Crash::PowerLost => durable.clone(),
                Crash::PowerLostHalfway(part) => {
                    let more = now.len().saturating_sub(durable.len()) * usize::from(part) / 255;
                    match now.starts_with(durable) {
                        true => now[..durable.len() + more].to_vec(),
                        false if now.len() >= durable.len() => over(durable, now, part, false),
                        // It was cut: that may or may not have reached the disk.
                        false if part < 128 => durable.clone(),
                        false => now.clone(),
                    }
                }
                Crash::PowerLostOutOfOrder(part) if now.len() >= durable.len() => over(durable, now, part, true),
                Crash::PowerLostOutOfOrder(_) => now.clone(),
                Crash::PowerLostWithZeros => {
                    let mut content = durable.clone();
                    content.resize(durable.len().max(now.len()), 0);
                    content
                }
            };
            fs::write(dir.join(name), content).unwrap();
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        &mut self.contents[self.names[name]]
    }
}

/// What is durable, lengthened with zeros, with a part of what was written over it: the earlier one, or the later.
fn over(durable: &[u8], now: &[u8], part: u8, later: bool) -> Vec<u8> {
    let mut content = [durable, &vec![0; now.len() - durable.len()]].concat();
    let changed: Vec<_> = (0..now.len()).filter(|at| content[*at] != now[*at]).collect();
    let (earlier_part, later_part) = changed.split_at(changed.len() * usize::from(part) / 255);
    for at in if later { later_part } else { earlier_part } {
        content[*at] = now[*at];
    }
    content
}

/// The beginning of a write, as a crash in its midst leaves it.
pub(super) fn torn(step: &Step, part: u8) -> Option<Step> {
    let Step::Write(name, offset, bytes) = step else { return None };
    let length = bytes.len() * usize::from(part) / 255;
    Some(Step::Write(name.clone(), *offset, bytes[..length].to_vec()))
}
