//! Contents that come out of layers in an order of their own, and rest in a nameless file until they are needed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use plimsoll_image::{Found, Kind, LayerAlgorithms, LayerWalk, Limits, OwnedEntry};

use super::{Content, Item};
use crate::BuildError;
use crate::layer::Layer;
use crate::store::Store;

/// How much is collected before it is written.
const BUFFER_BYTES: usize = 1 << 20;

/// Contents in a file, one behind the other.
pub(crate) struct Spool(Arc<File>);

impl Spool {
    /// Reads a content.
    pub(crate) fn read(&self, offset: u64, size_bytes: u64) -> SpoolReader {
        SpoolReader { file: Arc::clone(&self.0), offset, left: size_bytes }
    }
}

/// Reads one content of a spool.
pub(crate) struct SpoolReader {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(out.len()).min(out.len());
        let count = self.file.read_at(out.get_mut(..wanted).unwrap_or_default(), self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Puts contents into a spool.
pub(crate) struct SpoolWriter {
    out: BufWriter<File>,
    offset: u64,
}

impl SpoolWriter {
    pub(crate) fn new(store: &Store) -> Result<Self, BuildError> {
        let out = BufWriter::with_capacity(BUFFER_BYTES, store.nameless_file()?);
        Ok(Self { out, offset: 0 })
    }

    /// Takes a content to its end, and tells where it is and how long.
    pub(crate) fn take(&mut self, mut content: impl Read) -> io::Result<(u64, u64)> {
        let start = self.offset;
        let bytes = io::copy(&mut content, &mut self.out)?;
        self.offset += bytes;
        Ok((start, bytes))
    }

    pub(crate) fn finish(mut self) -> io::Result<Spool> {
        self.out.flush()?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Spool(Arc::new(file)))
    }
}

/// Where a content of a layer came to lie, with what only the layer says of its file.
struct Taken {
    offset: u64,
    size_bytes: u64,
    capabilities: Vec<u8>,
}

/// Fetches the contents of all items that are in layers. Each layer is read once.
pub(crate) fn fetch(
    items: &mut [Item],
    layers: &[Layer],
    store: &Store,
) -> Result<Option<Spool>, BuildError> {
    let mut wanted: BTreeMap<usize, BTreeMap<Vec<u8>, Option<Taken>>> = BTreeMap::new();
    for item in items.iter() {
        if let Content::Layer { layer, path } = &item.content {
            wanted.entry(*layer).or_default().insert(path.clone(), None);
        }
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut spool = SpoolWriter::new(store)?;
    for (layer, paths) in &mut wanted {
        let layer = layers.get(*layer).ok_or_else(|| BuildError::wrong("a layer is missing"))?;
        fetch_layer(layer, paths, &mut spool, store)?;
    }
    for item in items {
        let Content::Layer { layer, path } = &item.content else { continue };
        let taken = wanted.get(layer).and_then(|paths| paths.get(path)).and_then(Option::as_ref);
        let shown = || String::from_utf8_lossy(path).into_owned();
        let taken = taken.ok_or_else(|| BuildError::wrong(format!("`{}` is not in its layer", shown())))?;
        item.size_bytes = taken.size_bytes;
        item.capabilities.clone_from(&taken.capabilities);
        item.content = Content::Spooled(taken.offset);
    }
    spool.finish().map(Some).map_err(|source| BuildError::Content { path: "the spool".to_owned(), source })
}

fn fetch_layer(
    layer: &Layer,
    paths: &mut BTreeMap<Vec<u8>, Option<Taken>>,
    spool: &mut SpoolWriter,
    store: &Store,
) -> Result<(), BuildError> {
    let digest = layer.descriptor.digest;
    let unreadable = |source| BuildError::Layer { digest, source: Box::new(source) };
    let limits = Limits::default();
    let mut walk =
        LayerWalk::new(store.open_blob(&digest)?, LayerAlgorithms::default(), &limits).map_err(unreadable)?;
    while let Some(found) = walk.next().map_err(unreadable)? {
        let Found::Entry(entry) = found else { continue };
        let Some(place) = paths.get_mut(&entry.path).filter(|_| entry.kind == Kind::File) else { continue };
        *place = Some(take(&entry, &mut walk, spool)?);
    }
    Ok(())
}

fn take(entry: &OwnedEntry, walk: &mut LayerWalk<'_>, spool: &mut SpoolWriter) -> Result<Taken, BuildError> {
    let shown = || String::from_utf8_lossy(&entry.path).into_owned();
    if entry.is_sparse {
        return Err(BuildError::wrong(format!("`{}` is kept as a sparse file in its layer", shown()))
            .help("make it without holes, such as with `cp --sparse=never`"));
    }
    let taken = spool.take(walk.content());
    let (offset, size_bytes) = taken.map_err(|source| BuildError::Content { path: shown(), source })?;
    Ok(Taken { offset, size_bytes, capabilities: entry.capabilities.clone() })
}
