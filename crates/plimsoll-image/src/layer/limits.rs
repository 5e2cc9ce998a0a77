/// What one layer may cost its reader. An image is hostile input: each figure is checked while the layer streams by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed archive, and the sum of the files' sizes with the holes of sparse files.
    pub unpacked_bytes_max: u64,
    /// Uncompressed bytes per compressed byte, checked once `ratio_free_bytes` have come out.
    pub ratio_max: u64,
    /// Uncompressed bytes that may come out at any ratio: a small layer of zeros is no bomb.
    pub ratio_free_bytes: u64,
    /// Members of the archive.
    pub entries_max: u32,
    /// Bytes of one path or link target.
    pub path_bytes_max: u16,
    /// Components of one path.
    pub depth_max: usize,
    /// Bytes of all paths and link targets together; they stay in memory.
    pub names_bytes_max: u32,
    /// Bytes of one extended header (pax records or a GNU long name).
    pub extension_bytes_max: u64,
    /// The base-2 logarithm of the window that Zstandard may ask memory for.
    pub zstd_window_log_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked_bytes_max: 64 << 30,
            ratio_max: 200,
            ratio_free_bytes: 1 << 30,
            entries_max: 10_000_000,
            path_bytes_max: 4096,
            depth_max: 256,
            names_bytes_max: 1 << 30,
            extension_bytes_max: 1 << 20,
            zstd_window_log_max: 27,
        }
    }
}
