use std::io::{self, Read as _};

use super::extension::Extension;
use super::header::{BLOCK_BYTES, Header, sparse_map_goes_on};
use super::unpack::Unpacked;
use super::walk::LayerMeasures;
use super::{Kind, Limits, ReadLayerError};

/// Bytes of file content that are hashed and dropped at a time.
const SKIP_BYTES: usize = 256 * 1024;

/// Walks the members of a tar as it streams by, keeping one member at a time.
///
/// It reads what Go's `archive/tar` reads, because the container runtimes unpack with it: pax and GNU long names,
/// sparse files in both forms, and no data behind members that are only a header.
pub(super) struct Archive<'a> {
    unpacked: Unpacked<'a>,
    limits: &'a Limits,
    /// Data and padding of the last member that were not read yet.
    pending_bytes: u64,
    /// How many of those are data.
    data_bytes: u64,
    scratch: Box<[u8]>,
}

/// A member as it stands in the archive.
#[derive(Default)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size_bytes: u64,
    pub(super) is_sparse: bool,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified_unix: u64,
    pub(super) capabilities: Vec<u8>,
}

impl<'a> Archive<'a> {
    pub(super) fn new(unpacked: Unpacked<'a>, limits: &'a Limits) -> Self {
        let scratch = vec![0; SKIP_BYTES].into_boxed_slice();
        Self { unpacked, limits, pending_bytes: 0, data_bytes: 0, scratch }
    }

    /// Moves to the next member; `None` at the end of the archive.
    pub(super) fn next(&mut self) -> Result<Option<Member>, ReadLayerError> {
        let mut extension = Extension::default();
        loop {
            self.skip_pending()?;
            let Some(block) = self.next_header()? else { return Ok(None) };
            let header = Header::parse(&block).map_err(|what| self.not_tar(what))?;
            let size = header.size().map_err(|what| self.not_tar(what))?;
            match header.flag() {
                b'x' => {
                    let records = self.read_extension(size)?;
                    extension.read_pax(&records).map_err(|what| self.not_tar(what))?;
                }
                // Global records describe the archive (git writes its commit there); runtimes ignore them.
                b'g' => drop(self.read_extension(size)?),
                b'L' => extension.gnu_path = Some(Extension::gnu_text(&self.read_extension(size)?)),
                b'K' => extension.gnu_link = Some(Extension::gnu_text(&self.read_extension(size)?)),
                _ => return self.member(&header, size, &extension).map(Some),
            }
        }
    }

    /// Reads on in the data of the last member.
    pub(super) fn read_data(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.data_bytes).map_or(out.len(), |bytes| bytes.min(out.len()));
        if wanted == 0 {
            // A decoder that is asked for nothing seems to have ended.
            return Ok(0);
        }
        let count = self.unpacked.read(&mut out[..wanted])?;
        if count == 0 {
            return Err(self.not_tar("it ends within a file").into_io());
        }
        self.data_bytes -= count as u64;
        self.pending_bytes -= count as u64;
        Ok(count)
    }

    /// Reads what follows the end-of-archive mark, and returns what is known of the layer's bytes then.
    pub(super) fn finish(mut self) -> Result<LayerMeasures, ReadLayerError> {
        let mut hides_bytes = false;
        loop {
            let count = self.unpacked.read(&mut self.scratch)?;
            if count == 0 {
                break;
            }
            hides_bytes |= self.scratch[..count].iter().any(|byte| *byte != 0);
        }
        let cut_short = self.not_tar("the compressed stream did not end");
        self.unpacked.finish(hides_bytes).ok_or(cut_short)
    }

    fn member(
        &mut self,
        header: &Header<'_>,
        size: u64,
        extension: &Extension,
    ) -> Result<Member, ReadLayerError> {
        let mut member = describe(header, extension).map_err(|what| self.not_tar(what))?;
        member.kind = kind_of(header.flag(), &member.path).ok_or_else(|| ReadLayerError::UnknownKind {
            path: String::from_utf8_lossy(&member.path).into_owned(),
            flag: header.flag().into(),
        })?;
        if member.kind == Kind::File {
            let stored_size = extension.stored_size.unwrap_or(size);
            self.begin_data(stored_size)?;
            member.size_bytes = extension.sparse_size.unwrap_or(stored_size);
            member.is_sparse = extension.sparse_size.is_some();
        }
        if header.flag() == b'S' {
            member.is_sparse = true;
            member.size_bytes = self.skip_sparse_map(header)?;
        }
        Ok(member)
    }

    /// Passes over the map of a GNU sparse file, and returns the file's size with its holes.
    fn skip_sparse_map(&mut self, header: &Header<'_>) -> Result<u64, ReadLayerError> {
        let (real_size, mut goes_on) = header.gnu_sparse().map_err(|what| self.not_tar(what))?;
        while goes_on {
            goes_on = sparse_map_goes_on(&self.read_block()?);
        }
        Ok(real_size)
    }

    fn begin_data(&mut self, size: u64) -> Result<(), ReadLayerError> {
        let padded = size.checked_next_multiple_of(BLOCK_BYTES as u64);
        self.pending_bytes = padded.ok_or_else(|| self.not_tar("the size is out of range"))?;
        self.data_bytes = size;
        Ok(())
    }

    /// The data of an extended header, whole: it is held to a limit.
    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>, ReadLayerError> {
        if size > self.limits.extension_bytes_max {
            return Err(self.not_tar("an extended header is larger than the limit"));
        }
        self.begin_data(size)?;
        let mut data = Vec::new();
        (&mut self.unpacked).take(self.pending_bytes).read_to_end(&mut data)?;
        if (data.len() as u64) < self.pending_bytes {
            return Err(self.not_tar("it ends within an extended header"));
        }
        self.pending_bytes = 0;
        data.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(data)
    }

    /// The next header block; `None` at the mark of two zero blocks, or where the stream ends without one.
    fn next_header(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>, ReadLayerError> {
        let mut block = [0; BLOCK_BYTES];
        let count = self.fill(&mut block)?;
        if count == 0 {
            return Ok(None);
        }
        if count < BLOCK_BYTES {
            return Err(self.not_tar("it ends within a header"));
        }
        if block != [0; BLOCK_BYTES] {
            return Ok(Some(block));
        }
        let after = self.fill(&mut block)?;
        let is_end = block[..after].iter().all(|byte| *byte == 0);
        if is_end { Ok(None) } else { Err(self.not_tar("a lone zero block stands between two entries")) }
    }

    fn read_block(&mut self) -> Result<[u8; BLOCK_BYTES], ReadLayerError> {
        let mut block = [0; BLOCK_BYTES];
        let is_whole = self.fill(&mut block)? == BLOCK_BYTES;
        if is_whole { Ok(block) } else { Err(self.not_tar("it ends within a sparse map")) }
    }

    /// Fills `block`, or as much of it as there is.
    fn fill(&mut self, block: &mut [u8]) -> Result<usize, ReadLayerError> {
        let mut filled = 0;
        while filled < block.len() {
            match self.unpacked.read(&mut block[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn skip_pending(&mut self) -> Result<(), ReadLayerError> {
        while self.pending_bytes > 0 {
            let wanted =
                usize::try_from(self.pending_bytes).map_or(SKIP_BYTES, |bytes| bytes.min(SKIP_BYTES));
            match self.unpacked.read(&mut self.scratch[..wanted])? {
                0 => return Err(self.not_tar("it ends within a file")),
                count => self.pending_bytes -= count as u64,
            }
        }
        Ok(())
    }

    fn not_tar(&self, what: &'static str) -> ReadLayerError {
        ReadLayerError::NotTar { offset: self.unpacked.offset(), what }
    }
}

/// A member's names and rights, as its extended headers or else its own header say.
fn describe(header: &Header<'_>, extension: &Extension) -> Result<Member, &'static str> {
    let mut member = Member {
        mode: header.mode()?,
        uid: extension.uid.map_or_else(|| header.uid(), Ok)?,
        gid: extension.gid.map_or_else(|| header.gid(), Ok)?,
        modified_unix: header.modified_unix(),
        link: extension.link().unwrap_or_else(|| header.link()).to_vec(),
        capabilities: extension.capabilities.clone(),
        ..Member::default()
    };
    match extension.path() {
        Some(path) => member.path.extend_from_slice(path),
        None => header.write_path(&mut member.path),
    }
    Ok(member)
}

/// The kind that a type flag stands for. Before POSIX a directory was a file whose name ends in a slash.
fn kind_of(flag: u8, path: &[u8]) -> Option<Kind> {
    Some(match flag {
        0 if path.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::CharDevice,
        b'4' => Kind::BlockDevice,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return None,
    })
}
