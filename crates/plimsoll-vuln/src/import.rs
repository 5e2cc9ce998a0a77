//! Sources of advisories: from the bytes of a file to the records of an index.
//!
//! What a file holds is seen from its bytes, not from its name. Whatever the format, advisories become OSV records;
//! KEV, EPSS and scores become enrichments. One bad record never ends an import: it is counted, with the reason.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use jiff::Timestamp;

use crate::index::{Builder, SourceId};
use format::{Format, Packing};

mod archive;
mod debian_tracker;
mod epss;
mod format;
mod kev;
mod lines;
mod scores;
mod secdb;
mod unpacked;

/// The largest record that is read. The largest that is published has about 5 MB: a kernel's, with all its versions.
pub const RECORD_BYTES_MAX: u64 = 16 << 20;
/// The largest file that can only be read as a whole: Debian's security tracker has about 80 MB.
pub const DOCUMENT_BYTES_MAX: u64 = 512 << 20;
/// What one source may unpack to.
pub const UNPACKED_BYTES_MAX: u64 = 16 << 30;
/// How many times its size a source may unpack to; records in JSON shrink thirtyfold at best.
pub const RATIO_MAX: u64 = 250;
/// How many files an archive may list. The largest ecosystem has about 300,000.
pub const ARCHIVE_ENTRIES_MAX: usize = 2_000_000;

/// Where records come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// What it is called in reports and in the catalogue.
    pub name: &'s str,
    /// Under which terms its data may be passed on.
    pub licence: Option<&'s str>,
    /// How new it is as a whole, where that is known: what it says nothing new of is as fresh.
    pub time: Option<Timestamp>,
}

/// Why a source could not be read to its end. What was read of it stays in the builder, which is best dropped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes cannot be had, or are not packed as they claim.
    #[error("cannot read `{name}`")]
    Read {
        /// The source.
        name: String,
        /// What happened.
        source: io::Error,
    },
    /// A zip archive that is none.
    #[error("cannot read the archive `{name}`")]
    Archive {
        /// The source.
        name: String,
        /// What is wrong.
        source: zip::result::ZipError,
    },
    /// Nothing that is known.
    #[error(
        "`{0}` is of no known format: give OSV (JSON, JSON lines, zip), Alpine secdb, Debian's tracker, KEV or EPSS, \
         plain or packed with gzip or zstd"
    )]
    UnknownFormat(String),
    /// A document that is not of the form that it seemed to be.
    #[error("`{name}` is no {format}")]
    Document {
        /// The source.
        name: String,
        /// What it seemed to be.
        format: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// More than is read.
    #[error("`{name}` has more than {limit}")]
    TooLarge {
        /// The source.
        name: String,
        /// What there is too much of.
        limit: String,
    },
}

/// Reads a source into `builder`. What became of its records, the builder's tally of the source tells.
pub fn import(
    builder: &mut Builder,
    source: &Source<'_>,
    mut input: impl Read + Seek,
) -> Result<SourceId, ImportError> {
    let id = builder.source(source.name, source.licence, source.time);
    let reading = Reading { builder, source, id };
    let mut magic = Vec::new();
    (&mut input).take(4).read_to_end(&mut magic).map_err(|error| reading.failed(error))?;
    input.seek(SeekFrom::Start(0)).map_err(|error| reading.failed(error))?;
    match Packing::of(&magic) {
        Packing::Zip => archive::import(reading, input)?,
        packing => {
            let mut unpacked = unpacked::open(input, packing).map_err(|error| reading.failed(error))?;
            reading.import(&mut unpacked)?;
        }
    }
    Ok(id)
}

/// A source that is being read.
struct Reading<'r> {
    builder: &'r mut Builder,
    source: &'r Source<'r>,
    id: SourceId,
}

impl Reading<'_> {
    fn import(self, input: &mut impl BufRead) -> Result<(), ImportError> {
        let mut head = Vec::new();
        input.take(format::HEAD_BYTES).read_to_end(&mut head).map_err(|error| self.failed(error))?;
        let format = Format::of(&head);
        let mut whole = head.as_slice().chain(input);
        match format {
            Some(Format::OsvLines) => lines::each(self, &mut whole, lines::osv),
            Some(Format::Osv) => self.document(&mut whole, lines::osv_document),
            Some(Format::KevLines) => lines::each(self, &mut whole, kev::line),
            Some(Format::ScoreLines) => lines::each(self, &mut whole, scores::line),
            Some(Format::Epss) => epss::import(self, &mut whole),
            Some(Format::Kev) => self.document(&mut whole, kev::import),
            Some(Format::Secdb) => self.document(&mut whole, secdb::import),
            Some(Format::DebianTracker) => self.document(&mut whole, debian_tracker::import),
            None => Err(ImportError::UnknownFormat(self.source.name.to_owned())),
        }
    }

    /// Reads a file that can only be read as a whole.
    fn document(
        mut self,
        input: &mut impl Read,
        import: impl FnOnce(&mut Self, &[u8]) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut json = Vec::new();
        let count =
            input.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut json).map_err(|error| self.failed(error))?;
        if count as u64 > DOCUMENT_BYTES_MAX {
            return Err(self.too_large(format!("{DOCUMENT_BYTES_MAX} bytes, the limit for one document")));
        }
        import(&mut self, &json)
    }

    fn failed(&self, error: io::Error) -> ImportError {
        match error.downcast::<unpacked::Excess>() {
            Ok(excess) => self.too_large(excess.to_string()),
            Err(source) => ImportError::Read { name: self.source.name.to_owned(), source },
        }
    }

    fn is_no(&self, format: &'static str, source: serde_json::Error) -> ImportError {
        ImportError::Document { name: self.source.name.to_owned(), format, source }
    }

    fn too_large(&self, limit: String) -> ImportError {
        ImportError::TooLarge { name: self.source.name.to_owned(), limit }
    }
}
