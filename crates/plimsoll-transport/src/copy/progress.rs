/// Hears how far a copy is.
pub trait Progress: Send + Sync {
    /// The blobs to move have so many bytes in all.
    fn started(&self, total_bytes: u64);
    /// So many more bytes are at the sink.
    fn advanced(&self, bytes: u64);
    /// The copy is complete.
    fn finished(&self);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _total_bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn finished(&self) {}
}
