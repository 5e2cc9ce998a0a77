//! What is known of sources besides their bytes: under which terms they may be passed on, and how new they are.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};

use crate::advisories::{AdvisoryDirectory, cannot, read_bounded, replace};
use crate::failure::Failure;

/// The file beside the catalogue that keeps what was said when sources were imported.
const FILE: &str = "sources.json";
/// A larger file was not written by this program: a source takes some hundred bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What is known of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// Under which terms its data may be passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) licence: Option<String>,
    /// When it was taken from its publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<Timestamp>,
}

/// The flags that say it of the files that are named.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AboutArguments {
    /// Terms under which the files may be passed on, such as CC-BY-4.0; the index says them
    #[arg(long, value_name = "TERMS")]
    licence: Option<String>,
    /// Day or time at which the files were taken from their publisher: what did not change since is as fresh
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
}

impl AboutArguments {
    /// What was said, which is not of a time that is to come.
    pub(super) fn about(&self, now: Timestamp) -> Result<About, Failure> {
        match self.as_of {
            Some(time) if time > now => Err(Failure::usage(format!("`--as-of {time}` is to come"))
                .help("the time at which the files were taken from their publisher")),
            time => Ok(About { licence: self.licence.clone(), time }),
        }
    }
}

/// What is known of each source that is kept, by its name.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Abouts(BTreeMap<String, About>);

impl Abouts {
    /// Reads what is kept with an index.
    pub(super) fn read(directory: &AdvisoryDirectory) -> Result<Self, Failure> {
        let path = path(directory);
        let json = match read_bounded(&path, FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(|error| cannot("read", &path, &error))?,
        };
        serde_json::from_slice(&json).map_err(|error| cannot("read", &path, &error.into()))
    }

    /// What is known of a source.
    pub(super) fn of(&self, name: &str) -> About {
        self.0.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn insert(&mut self, name: &str, about: About) {
        self.0.insert(name.to_owned(), about);
    }

    /// Keeps it with an index.
    pub(super) fn write(&self, directory: &AdvisoryDirectory) -> Result<(), Failure> {
        let path = path(directory);
        let json = serde_json::to_vec_pretty(self).map_err(|error| cannot("write", &path, &error.into()))?;
        replace(&path, &json)
    }
}

fn path(directory: &AdvisoryDirectory) -> PathBuf {
    directory.path().join(FILE)
}

/// A time, or a day that stands for its beginning.
fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let read = text.parse().ok().or_else(|| midnight(text.parse().ok()?));
    read.ok_or_else(|| {
        "expected a day or a time in UTC, such as 2026-11-22 or 2026-11-22T14:05:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning() {
        assert_eq!(time("2026-11-22").unwrap().to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(time("2026-11-22T14:05:00+01:00").unwrap().to_string(), "2026-11-22T13:05:00Z");
        for wrong in ["", "yesterday", "2026-02-30", "2026-11-22 at noon"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
