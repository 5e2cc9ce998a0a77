//! A package's header: an index of tags, and the store that they point into (rpm's "package format", header section).
//!
//! In the database it begins with the two lengths; the magic number of package files is left out.

/// How many tags a header may have; real ones have about a hundred.
const TAGS_MAX: usize = 65_536;
const ENTRY_BYTES: usize = 16;

/// What a header says, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Tag {
    Name = 1000,
    Version = 1001,
    Release = 1002,
    Epoch = 1003,
    Vendor = 1011,
    License = 1014,
    Arch = 1022,
    FileStates = 1029,
    FileModes = 1030,
    SourceRpm = 1044,
    DirIndexes = 1116,
    BaseNames = 1117,
    DirNames = 1118,
    ModularityLabel = 5096,
    /// `name-[epoch:]version-release` of the source, which only packages in format 6 have.
    SourceNevr = 5120,
}

/// The types of values. Texts that are translated stand in the first language.
const CHAR: u32 = 1;
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header as a view of its bytes.
pub(super) struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

/// Where a tag's values begin.
struct Entry<'a> {
    kind: u32,
    count: usize,
    values: &'a [u8],
}

impl<'a> Header<'a> {
    /// Finds index and store; nothing where they are longer than the header.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let tag_count =
            usize::try_from(u32_at(bytes, 0)?).ok().filter(|count| (1..=TAGS_MAX).contains(count))?;
        let store_bytes = usize::try_from(u32_at(bytes, 4)?).ok()?;
        let (index, rest) = bytes.get(8..)?.split_at_checked(tag_count * ENTRY_BYTES)?;
        Some(Self { index, store: rest.get(..store_bytes)? })
    }

    /// A text, if there is one and it is not empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let entry = self.entry(tag, &[STRING, I18N_STRING, STRING_ARRAY])?;
        let text = entry.values.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// The texts of an array.
    pub(super) fn texts(&self, tag: Tag) -> impl Iterator<Item = &'a [u8]> {
        let entry = self.entry(tag, &[STRING_ARRAY]);
        entry.into_iter().flat_map(|entry| entry.values.split(|byte| *byte == 0).take(entry.count))
    }

    /// The first number of four bytes.
    pub(super) fn number(&self, tag: Tag) -> Option<u32> {
        self.numbers(tag).next()
    }

    /// Numbers of four bytes.
    pub(super) fn numbers(&self, tag: Tag) -> impl Iterator<Item = u32> {
        self.arrays(tag, INT32).map(u32::from_be_bytes)
    }

    /// Numbers of two bytes.
    pub(super) fn shorts(&self, tag: Tag) -> impl Iterator<Item = u16> {
        self.arrays(tag, INT16).map(u16::from_be_bytes)
    }

    /// Numbers of one byte.
    pub(super) fn bytes(&self, tag: Tag) -> impl Iterator<Item = u8> {
        self.arrays(tag, CHAR).map(|[byte]| byte)
    }

    fn arrays<const N: usize>(&self, tag: Tag, kind: u32) -> impl Iterator<Item = [u8; N]> + use<'a, N> {
        let entry = self.entry(tag, &[kind]);
        entry.into_iter().flat_map(|entry| entry.values.as_chunks().0.iter().take(entry.count).copied())
    }

    fn entry(&self, tag: Tag, kinds: &[u32]) -> Option<Entry<'a>> {
        let wanted = (tag as u32).to_be_bytes();
        let entry =
            self.index.as_chunks::<ENTRY_BYTES>().0.iter().find(|entry| entry.starts_with(&wanted))?;
        let kind = u32_at(entry, 4).filter(|kind| kinds.contains(kind))?;
        let offset = usize::try_from(u32_at(entry, 8)?).ok()?;
        let count = usize::try_from(u32_at(entry, 12)?).ok()?;
        Some(Entry { kind, count, values: self.store.get(offset..)? }).filter(|entry| entry.kind != 0)
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header that is written from tags, types and values.
    pub(in crate::reader::rpm) fn write(tags: &[(Tag, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, kind, count, value) in tags {
            let offset = u32::try_from(store.len()).unwrap();
            for number in [*tag as u32, *kind, offset, *count] {
                index.extend_from_slice(&number.to_be_bytes());
            }
            store.extend_from_slice(value);
        }
        let lengths = [tags.len(), store.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
        [lengths.concat(), index, store].concat()
    }

    #[test]
    fn tags_are_read_by_their_type() {
        let bytes = write(&[
            (Tag::Name, STRING, 1, b"bash\0"),
            (Tag::Epoch, INT32, 1, &[0, 0, 1, 2]),
            (Tag::BaseNames, STRING_ARRAY, 2, b"a\0bc\0"),
            (Tag::FileModes, INT16, 2, &[1, 0, 2, 1]),
            (Tag::FileStates, CHAR, 2, &[0, 2]),
        ]);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(Tag::Name).as_deref(), Some("bash"));
        assert_eq!(header.number(Tag::Epoch), Some(258));
        assert_eq!(header.texts(Tag::BaseNames).collect::<Vec<_>>(), [b"a".as_slice(), b"bc"]);
        assert_eq!(header.shorts(Tag::FileModes).collect::<Vec<_>>(), [256, 513]);
        assert_eq!(header.bytes(Tag::FileStates).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((header.text(Tag::Vendor), header.text(Tag::Epoch)), (None, None));
    }

    #[test]
    fn a_header_that_is_longer_than_its_bytes_is_none() {
        let bytes = write(&[(Tag::Name, STRING, 1, b"bash\0")]);
        assert!((0..bytes.len()).all(|length| Header::parse(&bytes[..length]).is_none()));
        assert!(Header::parse(&[0xff; 64]).is_none());
    }

    #[test]
    fn a_tag_that_points_beyond_the_store_is_none() {
        let mut bytes =
            write(&[(Tag::Name, STRING, 1, b"bash\0"), (Tag::BaseNames, STRING_ARRAY, u32::MAX, b"a\0")]);
        let header = Header::parse(&bytes).unwrap();
        assert!(header.texts(Tag::BaseNames).count() <= 2);
        bytes[16..20].copy_from_slice(&[0, 0, 0, 99]);
        assert_eq!(Header::parse(&bytes).unwrap().text(Tag::Name), None);
    }
}
