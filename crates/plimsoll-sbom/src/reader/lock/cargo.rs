//! `Cargo.lock`.

use super::{Locked, toml};
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts, PackageType};

pub(in crate::reader) const READER: Reader =
    Reader { name: "cargo-lock", wants: |file| file.name == "Cargo.lock", bytes_max: 8 << 20, read };

/// Packages without a source are the workspace's own.
fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let foreign = toml::packages(&text).filter(|package| package.source.is_some());
    let mut locked = Locked::default();
    locked.extend(
        foreign
            .filter_map(|package| Some(Component::new(PackageType::Cargo, package.name?, package.version?))),
    );
    Ok(locked.finish())
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::read;

    #[test]
    fn the_workspaces_own_packages_are_left_out() {
        let text = "[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\nversion = \
                    \"1.0.1\"\nsource = \"registry+https://example.com/index\"\n";
        let facts = read("src/Cargo.lock", text.as_bytes()).unwrap();
        assert_eq!(facts.components.len(), 1);
        assert_eq!(
            (facts.components[0].name.as_str(), facts.components[0].version.as_str()),
            ("serde", "1.0.1")
        );
    }
}
