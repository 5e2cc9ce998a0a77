use super::{HAS_CAPABILITIES, LayerListing, MODE_BITS, Mark, Record, Span, text};
use crate::layer::{Found, LayerMeasures, Limits, OwnedEntry, ReadLayerError, path};

/// Collects the steps of a walk into a listing, within the limits.
pub struct ListingBuilder<'a> {
    limits: &'a Limits,
    names: Vec<u8>,
    records: Vec<Record>,
    whiteouts: Vec<Mark>,
}

impl<'a> ListingBuilder<'a> {
    /// Begins with nothing.
    pub fn new(limits: &'a Limits) -> Self {
        Self { limits, names: Vec::new(), records: Vec::new(), whiteouts: Vec::new() }
    }

    /// Takes one step of a walk.
    pub fn add(&mut self, found: &Found) -> Result<(), ReadLayerError> {
        match found {
            Found::Entry(entry) => self.push_record(entry),
            Found::Whiteout { path, is_opaque } => {
                let path = self.push_text(path)?;
                self.whiteouts.push(Mark { path, is_opaque: *is_opaque });
                Ok(())
            }
        }
    }

    /// Sorts what was collected. Of several entries at one path the last is what an unpacked image has.
    pub fn build(mut self, measures: LayerMeasures) -> LayerListing {
        let names = std::mem::take(&mut self.names);
        let by_path = |a: Span, b: Span| path::compare(text(&names, a), text(&names, b));
        self.records.sort_by(|a, b| by_path(a.path(), b.path()));
        let before = self.records.len();
        // `dedup_by` keeps the first of a run, so the last is copied there; the sort kept their order.
        self.records.dedup_by(|later, kept| {
            let is_same = by_path(later.path(), kept.path()).is_eq();
            if is_same {
                *kept = *later;
            }
            is_same
        });
        self.records.shrink_to_fit();
        self.whiteouts.sort_by(|a, b| by_path(a.path, b.path).then(a.is_opaque.cmp(&b.is_opaque)));
        LayerListing {
            measures,
            shadowed_entries: u32::try_from(before - self.records.len()).unwrap_or(u32::MAX),
            names,
            records: self.records,
            whiteouts: self.whiteouts,
        }
    }

    fn push_record(&mut self, entry: &OwnedEntry) -> Result<(), ReadLayerError> {
        let path = self.push_text(&entry.path)?;
        let link = self.push_text(&entry.link)?;
        self.records.push(Record {
            size_bytes: entry.size_bytes,
            uid: entry.uid,
            gid: entry.gid,
            path: path.start,
            link: link.start,
            path_length: path.length,
            link_length: link.length,
            mode: (entry.mode & MODE_BITS) | if entry.has_capabilities { HAS_CAPABILITIES } else { 0 },
            kind: entry.kind,
        });
        Ok(())
    }

    fn push_text(&mut self, text: &[u8]) -> Result<Span, ReadLayerError> {
        let start = self.names.len();
        self.names.extend_from_slice(text);
        self.span_from(start)
    }

    fn span_from(&self, start: usize) -> Result<Span, ReadLayerError> {
        let within = self.names.len() <= self.limits.names_bytes_max as usize;
        match u32::try_from(start) {
            Ok(offset) if within => {
                Ok(Span { start: offset, length: short_length(self.names.len() - start) })
            }
            _ => Err(ReadLayerError::Names(self.limits.names_bytes_max)),
        }
    }
}

/// Lengths of paths fit 16 bits, because a path is held to its limit first.
fn short_length(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
