//! apk's database of installed packages (apk-package(5), apk-v2(5)): paragraphs of `letter:value` lines.

use super::inventory::Inventory;
use super::{File, ReadFault, Reader};
use crate::{Component, Facts, Kinship, PackageType, SourcePackage};

pub(super) const READER: Reader = Reader {
    name: "apk",
    wants: |file| matches!(file.path, "lib/apk/db/installed" | "usr/lib/apk/db/installed"),
    bytes_max: 128 << 20,
    read,
};

/// What is known of a package before its paragraph ends.
#[derive(Default)]
struct Package {
    name: String,
    version: String,
    architecture: String,
    origin: String,
    license: String,
    maintainer: String,
    repository: String,
    /// The directory of the files that follow.
    directory: String,
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut inventory = Inventory::default();
    let outcome = read_packages(file, &mut inventory);
    inventory.finish(outcome)
}

fn read_packages(file: &mut File<'_>, inventory: &mut Inventory) -> Result<(), ReadFault> {
    if file.size_bytes == 0 {
        inventory.note_loss("it is empty, so packages may be missing");
    }
    let mut lines = file.lines()?;
    let mut package = Package::default();
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            std::mem::take(&mut package).finish(inventory)?;
        } else {
            package.take_line(&line, inventory)?;
        }
    }
    package.finish(inventory)?;
    if lines.is_cut() {
        inventory.damage("it stops within a line, so packages may be missing")?;
    }
    Ok(())
}

impl Package {
    fn take_line(&mut self, line: &str, inventory: &mut Inventory) -> Result<(), ReadFault> {
        let Some((letter, value)) = line.split_once(':').filter(|(letter, _)| letter.len() == 1) else {
            return inventory.damage("a line is no letter and value");
        };
        let field = match letter {
            "P" => &mut self.name,
            "V" => &mut self.version,
            "A" => &mut self.architecture,
            "o" => &mut self.origin,
            "L" => &mut self.license,
            "m" => &mut self.maintainer,
            "s" => &mut self.repository,
            "F" => &mut self.directory,
            "R" => {
                self.own(value, inventory);
                return Ok(());
            }
            _ => return Ok(()),
        };
        value.clone_into(field);
        Ok(())
    }

    fn own(&self, file: &str, inventory: &mut Inventory) {
        if !self.name.is_empty() {
            inventory.own(&self.name, &format!("{}/{file}", self.directory));
        }
    }

    fn finish(self, inventory: &mut Inventory) -> Result<(), ReadFault> {
        if self.name.is_empty() && self.version.is_empty() {
            return Ok(());
        }
        // What `apk add --virtual .build` makes is a list of dependencies and no software.
        if self.name.starts_with('.') {
            return Ok(());
        }
        if self.name.is_empty() || self.version.is_empty() {
            return inventory.damage(format!("the package `{}` has no name or no version", self.name));
        }
        inventory.add(self.into_component())
    }

    fn into_component(self) -> Component {
        let origin = if self.origin.is_empty() { self.name.clone() } else { self.origin };
        let source = SourcePackage { name: origin, version: self.version.clone() };
        let mut component = Component::new(PackageType::Apk, self.name, self.version);
        component.source = Some(source);
        component.architecture = Some(self.architecture).filter(|value| !value.is_empty());
        component.licenses = Some(self.license).filter(|value| !value.is_empty()).into_iter().collect();
        if component.name == "linux-headers" {
            component.kinship = Kinship::HeadersOnly;
        }
        for (name, value) in [(Component::VENDOR, self.maintainer), (Component::ORIGIN, self.repository)] {
            if !value.is_empty() {
                component.properties.insert(name.to_owned(), value);
            }
        }
        component
    }
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::read;
    use crate::{Component, Kinship, Owned, SourcePackage};

    const PATH: &str = "lib/apk/db/installed";
    const TWO: &str = "C:Q1p78yvTLG094tHE1+dToJGbmYzQE=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nS:1\nI:2\nT:Crypto\n\
        U:https://openssl.org/\nL:Apache-2.0\no:openssl\nm:Ariadne <a@example.org>\nt:1\nc:abc\nD:so:libc.musl\n\
        p:so:libcrypto.so.3=3\nF:\nF:etc\nF:etc/ssl\nR:openssl.cnf\nZ:Q1w=\nF:lib\nR:libcrypto.so.3\na:0:0:755\n\n\
        P:linux-headers\nV:6.3-r0\nA:noarch\ns:edge\nF:\nR:version\n\n";

    #[test]
    fn packages_are_told_with_their_origin_and_their_files() {
        for path in [PATH, "usr/lib/apk/db/installed"] {
            let facts = read(path, TWO.as_bytes()).unwrap();
            assert_eq!(facts.notes, []);
            let [crypto, headers] = facts.components.as_slice() else { panic!("{facts:?}") };
            assert_eq!((crypto.name.as_str(), crypto.version.as_str()), ("libcrypto3", "3.1.4-r5"));
            assert_eq!(
                crypto.source,
                Some(SourcePackage { name: "openssl".into(), version: "3.1.4-r5".into() })
            );
            assert_eq!(crypto.licenses, ["Apache-2.0"]);
            assert_eq!(crypto.properties[Component::VENDOR], "Ariadne <a@example.org>");
            assert_eq!(headers.source.as_ref().unwrap().name, "linux-headers");
            assert_eq!(headers.kinship, Kinship::HeadersOnly);
            assert_eq!(headers.properties[Component::ORIGIN], "edge");
            let paths = ["etc/ssl/openssl.cnf", "lib/libcrypto.so.3"].map(str::to_owned);
            assert_eq!(facts.owned[0].files, Owned::Paths(paths.into()));
            assert_eq!(facts.owned[1].files, Owned::Paths(vec!["version".to_owned()]));
        }
    }

    #[test]
    fn a_list_of_dependencies_is_no_software() {
        let facts = read(PATH, b"P:.build-deps\nV:20240101.000000\nA:noarch\nD:gcc\n\n").unwrap();
        assert!(facts.is_empty());
    }

    #[test]
    fn a_database_that_was_cut_says_so() {
        let facts = read(PATH, &TWO.as_bytes()[..TWO.len() - 5]).unwrap();
        assert_eq!(facts.components.len(), 2);
        assert!(facts.notes[0].text.ends_with("packages may be missing"), "{:?}", facts.notes);
    }

    #[test]
    fn a_file_that_is_no_database_is_malformed() {
        assert!(read(PATH, b"{\"not\": \"apk\"}\n").is_err());
        assert!(read(PATH, b"P:a\n\n").is_err());
    }
}
