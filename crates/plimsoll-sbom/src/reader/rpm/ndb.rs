//! rpm's own database, `Packages.db`: pages of slots that name blobs, and the blobs in blocks of 16 bytes.
//!
//! All numbers are little-endian.

use super::Packages;
use super::disk::{Disk, array};
use crate::reader::ReadFault;

/// How the file begins.
pub(super) const MAGIC: &[u8; 4] = b"RpmP";

const VERSION: u32 = 0;
const SLOT_MAGIC: &[u8; 4] = b"Slot";
const BLOB_MAGIC: &[u8; 4] = b"BlbS";
const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: u64 = 16;
/// The file's header takes the place of the first two slots.
const HEADER_BYTES: usize = 32;
const BLOB_HEAD_BYTES: usize = 16;
const BLOB_TAIL_BYTES: u64 = 12;

/// Where a package's blob lies.
struct Slot {
    package: u32,
    block: u32,
    block_count: u32,
}

/// Reads all slots, and the blobs of those that are in use.
pub(super) fn read(disk: &mut Disk<'_>, packages: &mut Packages) -> Result<(), ReadFault> {
    let header = disk.read_vec(0, HEADER_BYTES)?;
    let version = u32::from_le_bytes(array(&header, 4)?);
    if version != VERSION {
        return Err(ReadFault::Malformed(format!("its version is {version}, and {VERSION} is known")));
    }
    for page in 0..u64::from(u32::from_le_bytes(array(&header, 12)?)) {
        let slots = disk.read_vec(page * PAGE_BYTES as u64, PAGE_BYTES)?;
        let first = if page == 0 { HEADER_BYTES / SLOT_BYTES } else { 0 };
        for slot in slots.chunks_exact(SLOT_BYTES).skip(first) {
            if let Some(slot) = Slot::parse(slot)? {
                read_blob(disk, &slot, packages)?;
            }
        }
    }
    Ok(())
}

impl Slot {
    /// Reads a slot; one without a package is free.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, ReadFault> {
        if !bytes.starts_with(SLOT_MAGIC) {
            return Err(ReadFault::malformed("a slot is damaged"));
        }
        let number = |offset| array(bytes, offset).map(u32::from_le_bytes);
        let slot = Self { package: number(4)?, block: number(8)?, block_count: number(12)? };
        Ok((slot.package != 0).then_some(slot))
    }
}

fn read_blob(disk: &mut Disk<'_>, slot: &Slot, packages: &mut Packages) -> Result<(), ReadFault> {
    let offset = u64::from(slot.block) * BLOCK_BYTES;
    let mut head = [0; BLOB_HEAD_BYTES];
    disk.read(offset, &mut head)?;
    let is_its_own = head.starts_with(BLOB_MAGIC) && u32::from_le_bytes(array(&head, 4)?) == slot.package;
    let size_bytes = u64::from(u32::from_le_bytes(array(&head, 12)?));
    let block_count = (BLOB_HEAD_BYTES as u64 + size_bytes + BLOB_TAIL_BYTES).div_ceil(BLOCK_BYTES);
    if !is_its_own || block_count != u64::from(slot.block_count) {
        return packages.0.damage(format!("the package in slot {} is damaged", slot.package));
    }
    if packages.passes_over(size_bytes)? {
        return Ok(());
    }
    let size = usize::try_from(size_bytes).map_err(|_| ReadFault::malformed("a package has no end"))?;
    packages.take(&disk.read_vec(offset + BLOB_HEAD_BYTES as u64, size)?)
}
