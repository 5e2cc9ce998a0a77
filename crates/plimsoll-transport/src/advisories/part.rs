use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::checksum::Checksum;
use super::with_ending;
use crate::TransportError;
use crate::file_stream::blocking;

/// How much is written at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// A longer entity tag is not kept.
const TAG_BYTES_MAX: usize = 1024;

/// What was fetched of a file, with the entity tag of the file that it is a part of.
pub(super) struct Part {
    path: PathBuf,
    tag_path: PathBuf,
    file: Option<File>,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
}

impl Part {
    /// The part of what will stand at `to`.
    pub(super) fn beside(to: &Path) -> Self {
        let (path, tag_path) = (with_ending(to, ".part"), with_ending(to, ".part-tag"));
        Self { path, tag_path, file: None, waiting: Vec::new(), waiting_bytes: 0 }
    }

    /// How much there is.
    pub(super) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// How much there is and of which file, if one can go on from there: a weak tag does not tell apart what differs
    /// in its bytes.
    pub(super) fn resumable(&self) -> Option<(u64, String)> {
        let tag = fs::read_to_string(&self.tag_path).ok()?;
        let is_strong = tag.starts_with('"') && tag.len() <= TAG_BYTES_MAX;
        Some((self.length(), tag)).filter(|(length, _)| *length > 0 && is_strong)
    }

    /// Forgets it.
    pub(super) fn remove(&self) -> Result<(), TransportError> {
        for path in [&self.path, &self.tag_path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(TransportError::io("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gets ready to append bytes of the file with this tag.
    pub(super) fn open(&mut self, tag: Option<&str>) -> Result<(), TransportError> {
        if let Some(tag) = tag {
            fs::write(&self.tag_path, tag).map_err(TransportError::io("write", &self.tag_path))?;
        }
        let opened = OpenOptions::new().create(true).append(true).open(&self.path);
        self.file = Some(opened.map_err(TransportError::io("write", &self.path))?);
        Ok(())
    }

    /// Appends bytes, in large pieces.
    pub(super) async fn append(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_bytes >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<(), TransportError> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let (pieces, path) = (std::mem::take(&mut self.waiting), self.path.clone());
        self.waiting_bytes = 0;
        let written = blocking(move || {
            for piece in pieces {
                file.write_all(&piece).map_err(TransportError::io("write", &path))?;
            }
            Ok(file)
        });
        self.file = Some(written.await?);
        Ok(())
    }

    /// Checks the whole, makes it durable, and gives it its name. What has another check sum is removed.
    pub(super) async fn complete(self, checksum: Checksum, to: &Path) -> Result<(), TransportError> {
        let to = to.to_owned();
        blocking(move || {
            let mut file = File::open(&self.path).map_err(TransportError::io("read", &self.path))?;
            let problem = checksum.problem(&mut file).map_err(TransportError::io("read", &self.path))?;
            if let Some(problem) = problem {
                self.remove()?;
                return Err(TransportError::damaged(to.display().to_string(), problem));
            }
            file.sync_all().map_err(TransportError::io("sync", &self.path))?;
            fs::rename(&self.path, &to).map_err(TransportError::io("replace", &to))?;
            self.remove()
        })
        .await
    }
}
