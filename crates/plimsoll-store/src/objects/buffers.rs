use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// How much is read at once. Small reads cost a system call and a hop each; past this size nothing more is gained.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// Idle buffers kept for the next reader; 16 MiB in all.
const IDLE_MAX: usize = 64;

/// Read buffers that are handed out as [`Bytes`] and come back when the last reader drops them.
///
/// A fresh buffer for each read would cost a page fault for every 4 KiB of it.
#[derive(Clone, Debug, Default)]
pub(super) struct BufferPool(Arc<Mutex<Vec<Box<[u8]>>>>);

impl BufferPool {
    pub(super) fn take(&self) -> Buffer {
        let idle = self.0.lock().expect("no panic while the lock is held").pop();
        let bytes = idle.unwrap_or_else(|| vec![0; READ_BYTES].into_boxed_slice());
        Buffer { bytes, filled: 0, pool: self.clone() }
    }
}

/// A buffer on loan from a [`BufferPool`].
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    pool: BufferPool,
}

impl Buffer {
    /// The whole buffer, to read into.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `filled` bytes, without a copy.
    pub(super) fn filled(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = self.pool.0.lock().expect("no panic while the lock is held");
        if idle.len() < IDLE_MAX {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}
