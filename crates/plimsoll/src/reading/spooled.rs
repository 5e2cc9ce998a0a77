//! The content of an image's files, laid down where programs can be looked into.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use plimsoll_image::{FileTree, Found, Kind, LayerAlgorithms, LayerWalk, Limits, ReadLayerError};
use plimsoll_sbom::Content;
use plimsoll_slim::closure::Contents;
use plimsoll_transport::BlobVerifier;

use super::{BlockingBlob, ImageReader, find_image};
use crate::failure::Failure;

/// Where in the spool a file's content is.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    length: u64,
    modified_unix: u64,
}

/// The regular files of all layers, end to end in one nameless file.
pub(crate) struct Spooled {
    file: File,
    /// By layer and the path there.
    places: HashMap<(usize, Vec<u8>), Place>,
    /// By the path in the tree.
    shown: HashMap<Vec<u8>, Place>,
}

impl ImageReader<'_> {
    /// Lays down the content of an image's files.
    pub(crate) async fn spool(&self, name: &plimsoll_transport::ImageName) -> Result<Spooled, Failure> {
        let open = self.places.open_source(name).await?;
        let image = find_image(&open, self.platform).await?;
        let scratch = &self.places.scratch_directory;
        let file = tempfile::tempfile_in(scratch).map_err(|error| {
            Failure::not_evaluated("cannot make a scratch file")
                .at(scratch.display().to_string())
                .because(&error)
        })?;
        let mut spooled = Spooled { file, places: HashMap::new(), shown: HashMap::new() };
        for (number, layer) in image.manifest.layers.iter().enumerate() {
            let bytes = open.source.blob(BlobVerifier::start(layer)).await?;
            let blob = BlockingBlob::new(bytes, self.step.clone());
            let reading = tokio::task::spawn_blocking(move || spooled.add(number, blob).map(|()| spooled));
            let read = reading.await;
            let read =
                read.map_err(|error| Failure::not_evaluated("reading a layer ended early").because(&error))?;
            spooled = read.map_err(|error| {
                Failure::not_evaluated(format!("cannot read layer {}", layer.digest.short())).because(&error)
            })?;
        }
        Ok(spooled)
    }
}

impl Spooled {
    fn add(&mut self, layer: usize, blob: BlockingBlob) -> Result<(), ReadLayerError> {
        let limits = Limits::default();
        let mut walk = LayerWalk::new(blob, LayerAlgorithms::default(), &limits)?;
        let mut offset = self.file.seek(SeekFrom::End(0))?;
        let mut out = BufWriter::new(&self.file);
        while let Some(found) = walk.next()? {
            let Found::Entry(entry) = found else { continue };
            if entry.kind == Kind::File && !entry.is_sparse {
                let length = io::copy(&mut walk.content(), &mut out)?;
                let place = Place { offset, length, modified_unix: entry.modified_unix };
                self.places.insert((layer, entry.path), place);
                offset += length;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Finds where the content is of what a tree shows.
    pub(crate) fn show(&mut self, tree: &FileTree<'_>) {
        for node in tree.nodes() {
            let own = tree.entry(node.content).path.to_vec();
            if let Some(place) = self.places.get(&(node.content.layer as usize, own)) {
                self.shown.insert(node.path.to_vec(), *place);
            }
        }
    }
}

impl Contents for Spooled {
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        let place = self.shown.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Slice { file: &self.file, place, position: 0 }))
    }

    fn modified_unix(&mut self, path: &[u8]) -> io::Result<u64> {
        self.shown.get(path).map(|place| place.modified_unix).ok_or(io::ErrorKind::NotFound.into())
    }
}

/// One file within the spool.
struct Slice<'f> {
    file: &'f File,
    place: Place,
    position: u64,
}

impl Read for Slice<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.place.length.saturating_sub(self.position);
        let wanted = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut out[..wanted], self.place.offset + self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Slice<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.place.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
