//! A component and its files, out of a header.

use super::header::{Header, Tag};
use crate::reader::ReadFault;
use crate::reader::inventory::Inventory;
use crate::{Component, Kinship, PackageType, SourcePackage};

/// How many directories the files of a package may lie in.
const DIRECTORIES_MAX: usize = 100_000;
/// The bits of a mode that tell the kind of file, and the kind that is a directory.
const KIND_MASK: u16 = 0o170_000;
const DIRECTORY: u16 = 0o040_000;
/// rpm's states of a file: replaced by another package's, not installed, on the network, of another word size.
const NOT_THERE: std::ops::RangeInclusive<u8> = 1..=4;

/// Adds the package that a header describes, and its files.
pub(super) fn take(header: &Header<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    let Some(name) = header.text(Tag::Name) else {
        return inventory.damage("a package's header names no package");
    };
    // A key that packages are signed with: rpm keeps it as if it were one.
    if name == "gpg-pubkey" {
        return Ok(());
    }
    let (Some(version), Some(release)) = (header.text(Tag::Version), header.text(Tag::Release)) else {
        return inventory.damage(format!("the package `{name}` has no version or no release"));
    };
    own_files(header, &name, inventory);
    inventory.add(component(header, name, &format!("{version}-{release}")))
}

fn component(header: &Header<'_>, name: String, version_release: &str) -> Component {
    let epoch = header.number(Tag::Epoch);
    let mut component = Component::new(PackageType::Rpm, name, with_epoch(epoch, version_release));
    component.kinship = kinship(&component.name);
    component.architecture = header.text(Tag::Arch);
    component.source = source(header, epoch, version_release);
    component.licenses = header.text(Tag::License).into_iter().collect();
    for (name, tag) in [(Component::VENDOR, Tag::Vendor), (Component::MODULE_STREAM, Tag::ModularityLabel)] {
        component.properties.extend(header.text(tag).map(|value| (name.to_owned(), value)));
    }
    component
}

/// `1:2.3-4`. An epoch of 0 is the same as none.
pub(super) fn with_epoch(epoch: Option<u32>, version_release: &str) -> String {
    match epoch {
        None | Some(0) => version_release.to_owned(),
        Some(epoch) => format!("{epoch}:{version_release}"),
    }
}

/// The source package. Format 6 writes its epoch, which the file name that older ones have leaves out.
fn source(header: &Header<'_>, epoch: Option<u32>, version_release: &str) -> Option<SourcePackage> {
    if let Some((name, version)) = header.text(Tag::SourceNevr).as_deref().and_then(split_name) {
        let version = version.strip_prefix("0:").unwrap_or(version).to_owned();
        return Some(SourcePackage { name: name.to_owned(), version });
    }
    source_of_file(&header.text(Tag::SourceRpm)?, epoch, version_release)
}

/// The source package by its file's name. A package of the same version and release has its source's epoch, because
/// that is where it inherits it from; of any other, whose version was set by itself, nothing is known, and none is
/// written.
pub(super) fn source_of_file(
    file_name: &str,
    epoch: Option<u32>,
    version_release: &str,
) -> Option<SourcePackage> {
    let stem = file_name.strip_suffix(".src.rpm").or_else(|| file_name.strip_suffix(".nosrc.rpm"))?;
    let (name, version) = split_name(stem)?;
    let epoch = epoch.filter(|_| version == version_release);
    Some(SourcePackage { name: name.to_owned(), version: with_epoch(epoch, version) })
}

/// Splits `name-version-release` into name and the rest: neither version nor release holds a hyphen.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let (release_hyphen, _) = text.rmatch_indices('-').nth(1)?;
    let (name, rest) = text.split_at_checked(release_hyphen)?;
    Some((name, rest.strip_prefix('-')?)).filter(|(name, _)| !name.is_empty())
}

/// Packages of headers are named after the kernel whose flaws they do not bring.
pub(super) fn kinship(name: &str) -> Kinship {
    let of_kernel = name.strip_prefix("kernel-");
    let is_headers = of_kernel.is_some_and(|rest| {
        ["headers", "devel", "macros"].contains(&rest)
            || rest.ends_with("-devel")
            || rest.ends_with("-headers")
    });
    if is_headers { Kinship::HeadersOnly } else { Kinship::Installed }
}

/// Adds the files that are there: containers often leave out documentation, and rpm remembers what it left out.
fn own_files(header: &Header<'_>, package: &str, inventory: &mut Inventory) {
    let directories: Vec<&[u8]> = header.texts(Tag::DirNames).take(DIRECTORIES_MAX).collect();
    let mut modes = header.shorts(Tag::FileModes);
    let mut states = header.bytes(Tag::FileStates);
    for (name, directory) in header.texts(Tag::BaseNames).zip(header.numbers(Tag::DirIndexes)) {
        let is_directory = modes.next().is_some_and(|mode| mode & KIND_MASK == DIRECTORY);
        let is_there = states.next().is_none_or(|state| !NOT_THERE.contains(&state));
        let directory = usize::try_from(directory).ok().and_then(|index| directories.get(index));
        let (Some(directory), false, true) = (directory, is_directory, is_there) else { continue };
        if !own(package, directory, name, inventory) {
            return;
        }
    }
}

/// Adds a file, and says whether there is room for more.
fn own(package: &str, directory: &[u8], name: &[u8], inventory: &mut Inventory) -> bool {
    let path = [directory, name].concat();
    inventory.own(package, &String::from_utf8_lossy(&path))
}

#[cfg(test)]
mod tests {
    use super::super::header::tests::write;
    use super::*;
    use crate::{Facts, Owned};

    const TEXT: u32 = 6;
    const TEXTS: u32 = 8;

    fn facts(more: &[(Tag, u32, u32, &[u8])]) -> Facts {
        let mut tags: Vec<(Tag, u32, u32, &[u8])> = vec![
            (Tag::Name, TEXT, 1, b"tool\0"),
            (Tag::Version, TEXT, 1, b"1.2\0"),
            (Tag::Release, TEXT, 1, b"3.el9\0"),
        ];
        tags.retain(|(tag, ..)| more.iter().all(|(other, ..)| tag != other));
        tags.extend_from_slice(more);
        let bytes = write(&tags);
        let mut inventory = Inventory::default();
        let outcome = take(&Header::parse(&bytes).unwrap(), &mut inventory);
        inventory.finish(outcome).unwrap()
    }

    fn one(more: &[(Tag, u32, u32, &[u8])]) -> Component {
        facts(more).components.remove(0)
    }

    #[test]
    fn the_epoch_stands_before_the_version() {
        assert_eq!(one(&[]).version, "1.2-3.el9");
        assert_eq!(one(&[(Tag::Epoch, 4, 1, &[0, 0, 0, 0])]).version, "1.2-3.el9");
        assert_eq!(one(&[(Tag::Epoch, 4, 1, &[0, 0, 0, 2])]).version, "2:1.2-3.el9");
    }

    #[test]
    fn the_source_has_the_epoch_of_a_package_of_its_version_only() {
        let epoch = (Tag::Epoch, 4, 1, &[0, 0, 0, 2][..]);
        let source = |tag: Tag, value: &[u8]| one(&[epoch, (tag, TEXT, 1, value)]).source.unwrap();
        let own = source(Tag::SourceRpm, b"tool-suite-1.2-3.el9.src.rpm\0");
        assert_eq!((own.name.as_str(), own.version.as_str()), ("tool-suite", "2:1.2-3.el9"));
        let other = source(Tag::SourceRpm, b"tool-suite-5.6-3.el9.nosrc.rpm\0");
        assert_eq!(other.version, "5.6-3.el9");
        let written = source(Tag::SourceNevr, b"tool-suite-4:5.6-3.el9\0");
        assert_eq!((written.name.as_str(), written.version.as_str()), ("tool-suite", "4:5.6-3.el9"));
        assert_eq!(source(Tag::SourceNevr, b"tool-0:5.6-3\0").version, "5.6-3");
        assert_eq!(one(&[(Tag::SourceRpm, TEXT, 1, b"(none)\0")]).source, None);
    }

    #[test]
    fn vendor_license_and_module_stream_are_told() {
        let component = one(&[
            (Tag::Vendor, TEXT, 1, b"Example Inc.\0"),
            (Tag::License, TEXT, 1, b"MIT and GPLv2+\0"),
            (Tag::ModularityLabel, TEXT, 1, b"nodejs:18:8060020230306170237:ad008a3a\0"),
        ]);
        assert_eq!(component.properties[Component::VENDOR], "Example Inc.");
        assert_eq!(component.properties[Component::MODULE_STREAM], "nodejs:18:8060020230306170237:ad008a3a");
        assert_eq!(component.licenses, ["MIT and GPLv2+"]);
    }

    #[test]
    fn files_that_are_directories_or_were_left_out_are_not_owned() {
        let modes = [0o040_755, 0o100_755, 0o100_644, 0o100_644].map(u16::to_be_bytes).concat();
        let facts = facts(&[
            (Tag::BaseNames, TEXTS, 4, b"bin\0tool\0tool.1\0lost\0"),
            (Tag::DirNames, TEXTS, 3, b"/usr/\0/usr/bin/\0/usr/share/man/\0"),
            (Tag::DirIndexes, 4, 4, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9]),
            (Tag::FileModes, 3, 4, &modes),
            (Tag::FileStates, 1, 4, &[0, 0, 2, 0]),
        ]);
        assert_eq!(facts.owned[0].package, "tool");
        assert_eq!(facts.owned[0].files, Owned::Paths(vec!["usr/bin/tool".to_owned()]));
    }

    #[test]
    fn a_key_is_no_package_and_headers_are_no_kernel() {
        assert!(facts(&[(Tag::Name, TEXT, 1, b"gpg-pubkey\0")]).is_empty());
        for (name, kinship) in [
            ("kernel-headers", Kinship::HeadersOnly),
            ("kernel-uek-devel", Kinship::HeadersOnly),
            ("kernel-core", Kinship::Installed),
            ("openssl-devel", Kinship::Installed),
        ] {
            assert_eq!(super::kinship(name), kinship, "{name}");
        }
    }
}
