//! Extended headers: what they say about the member that follows them.

/// What extended headers say about the next member, instead of its own header.
#[derive(Default)]
pub(super) struct Extension {
    path: Option<Vec<u8>>,
    /// The true path of a sparse file; `path` is then a name for readers that know no sparse files.
    sparse_path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Bytes of data in the archive.
    pub(super) stored_size: Option<u64>,
    /// Bytes of the file with its holes.
    pub(super) sparse_size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// What the file may do although its user may not, as Linux keeps it (`capabilities(7)`).
    pub(super) capabilities: Vec<u8>,
    /// GNU's long names come in members of their own, and win over pax records as in Go's reader, which the
    /// container runtimes use.
    pub(super) gnu_path: Option<Vec<u8>>,
    pub(super) gnu_link: Option<Vec<u8>>,
}

impl Extension {
    /// The member's path.
    pub(super) fn path(&self) -> Option<&[u8]> {
        self.gnu_path.as_deref().or(self.sparse_path.as_deref()).or(self.path.as_deref())
    }

    /// The member's link target.
    pub(super) fn link(&self) -> Option<&[u8]> {
        self.gnu_link.as_deref().or(self.link.as_deref())
    }

    /// Takes the records of a pax extended header: each `length key=value\n`.
    pub(super) fn read_pax(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        while !records.is_empty() && records[0] != 0 {
            let (key, value, rest) = split_record(records).ok_or("a pax record is malformed")?;
            self.take_record(key, value).ok_or("a pax record is not a number")?;
            records = rest;
        }
        Ok(())
    }

    /// Takes the text of a GNU long name or long link.
    pub(super) fn gnu_text(text: &[u8]) -> Vec<u8> {
        text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
    }

    fn take_record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let text = || Some(value.to_vec());
        match key {
            // An empty value takes a record back.
            _ if value.is_empty() => {}
            b"path" => self.path = text(),
            b"GNU.sparse.name" => self.sparse_path = text(),
            b"linkpath" => self.link = text(),
            b"size" => self.stored_size = Some(decimal(value)?),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.sparse_size = Some(decimal(value)?),
            b"uid" => self.uid = Some(decimal(value)?.try_into().ok()?),
            b"SCHILY.xattr.security.capability" => self.capabilities = value.to_vec(),
            b"gid" => self.gid = Some(decimal(value)?.try_into().ok()?),
            _ => {}
        }
        Some(())
    }
}

type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Splits `length key=value\n` off the front; the length counts itself and the line feed.
fn split_record(records: &[u8]) -> Option<Record<'_>> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&records[..space])?).ok()?;
    let body = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &records[length..]))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
