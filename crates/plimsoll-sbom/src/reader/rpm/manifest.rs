//! The manifest that distroless images of Azure Linux carry in place of a database: what `rpm -qa` answered when the
//! image was made, a package a line.

use super::package::{kinship, source_of_file, with_epoch};
use crate::reader::inventory::Inventory;
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts, PackageType};

pub(in crate::reader) const READER: Reader = Reader {
    name: "rpm-manifest",
    wants: |file| file.path == "var/lib/rpmmanifest/container-manifest-2",
    bytes_max: 16 << 20,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut inventory = Inventory::default();
    let outcome = read_lines(file, &mut inventory);
    inventory.finish(outcome)
}

fn read_lines(file: &mut File<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    let mut lines = file.lines()?;
    while let Some(line) = lines.next()? {
        match component(&line) {
            Some(component) => inventory.add(component)?,
            None if line.is_empty() => {}
            None => inventory.damage("a line does not have the ten fields of a package")?,
        }
    }
    Ok(())
}

/// Reads name, version with release, times of installation and build, vendor, epoch, size, architecture, the epoch as a
/// number, and the source's file. What is unknown is `(none)`.
fn component(line: &str) -> Option<Component> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version_release, _, _, vendor, epoch, _, architecture, _, source] = fields[..] else {
        return None;
    };
    if name.is_empty() || version_release.is_empty() {
        return None;
    }
    let epoch = epoch.parse().ok();
    let mut component = Component::new(PackageType::Rpm, name, with_epoch(epoch, version_release));
    component.kinship = kinship(name);
    component.architecture = known(architecture);
    component.source = source_of_file(source, epoch, version_release);
    component.properties.extend(known(vendor).map(|vendor| (Component::VENDOR.to_owned(), vendor)));
    Some(component)
}

fn known(field: &str) -> Option<String> {
    (!matches!(field, "" | "(none)")).then(|| field.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::Component;
    use crate::reader::tests::read;

    const PATH: &str = "var/lib/rpmmanifest/container-manifest-2";

    #[test]
    fn each_line_is_a_package() {
        let manifest = b"openssl-libs\t3.3.3-2.azl3\t1\t2\tExample\t(none)\t9\tx86_64\t0\topenssl-3.3.3-2.azl3.src.rpm\n\
            bind\t9.20-1\t1\t2\t(none)\t32\t9\tx86_64\t32\tbind-9.20-1.src.rpm\n";
        let facts = read(PATH, manifest).unwrap();
        let [openssl, bind] = facts.components.as_slice() else { panic!("{facts:?}") };
        assert_eq!((openssl.name.as_str(), openssl.version.as_str()), ("openssl-libs", "3.3.3-2.azl3"));
        assert_eq!(openssl.source.as_ref().unwrap().name, "openssl");
        assert_eq!(openssl.properties[Component::VENDOR], "Example");
        assert_eq!(bind.version, "32:9.20-1");
        assert_eq!(bind.source.as_ref().unwrap().version, "32:9.20-1");
        assert!(bind.properties.is_empty());
    }

    #[test]
    fn a_file_of_other_lines_is_malformed() {
        assert!(read(PATH, b"openssl 3.3.3\n").is_err());
        assert!(read(PATH, b"").unwrap().is_empty());
    }
}
