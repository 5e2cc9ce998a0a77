//! `os-release`: which distribution the image is (os-release(5)).

use super::{File, ReadFault, Reader};
use crate::{Distribution, Facts};

pub(super) const READER: Reader = Reader {
    name: "os-release",
    wants: |file| matches!(file.path, "etc/os-release" | "usr/lib/os-release"),
    bytes_max: 64 * 1024,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let distribution =
        Distribution::parse(&file.text()?).ok_or_else(|| ReadFault::malformed("it has no `ID`"))?;
    Ok(Facts { distribution: Some(distribution), ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::read;

    #[test]
    fn the_distribution_is_read_from_both_places() {
        for path in ["etc/os-release", "usr/lib/os-release"] {
            let facts = read(path, b"ID=alpine\nVERSION_ID=3.19.1\n").unwrap();
            assert_eq!(facts.distribution.unwrap().version_id, "3.19.1");
        }
    }

    #[test]
    fn a_file_without_an_id_is_malformed() {
        assert!(read("etc/os-release", b"NAME=x").is_err());
    }
}
