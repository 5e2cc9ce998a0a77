//! `package-lock.json` in its three versions, `npm-shrinkwrap.json`, and the one that npm leaves in `node_modules`.
//!
//! The components are gathered as the document streams by; it is never held as a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{LOCK_BYTES_MAX, component_from};
use crate::Facts;
use crate::reader::lock::Locked;
use crate::reader::{File, ReadFault, Reader};

pub(in crate::reader) const READER: Reader = Reader {
    name: "npm-lock",
    wants: |file| matches!(file.name, "package-lock.json" | ".package-lock.json" | "npm-shrinkwrap.json"),
    bytes_max: LOCK_BYTES_MAX,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let bytes = file.bytes()?;
    let mut document = Document::default();
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    json.deserialize_map(&mut document).map_err(|error| ReadFault::malformed(error.to_string()))?;
    // Version 2 has both, and says the same twice.
    Ok(document.packages.or(document.dependencies).unwrap_or_default().finish())
}

#[derive(Default)]
struct Document {
    /// Since version 2: by path, the project itself under the empty one.
    packages: Option<Locked>,
    /// Until version 2: by name, each with those beneath it.
    dependencies: Option<Locked>,
}

/// An object whose members are packages.
struct Packages<'a> {
    keys: Keys,
    locked: &'a mut Locked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Paths,
    Names,
}

/// One package's object.
struct Entry<'a> {
    key: &'a str,
    keys: Keys,
    locked: &'a mut Locked,
}

impl<'de> Visitor<'de> for &mut Document {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a lock file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let (keys, place) = match key.as_str() {
                "packages" => (Keys::Paths, &mut self.packages),
                "dependencies" => (Keys::Names, &mut self.dependencies),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            map.next_value_seed(Packages { keys, locked: place.get_or_insert_default() })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Packages<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Entry { key: &key, keys: self.keys, locked: self.locked })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a package")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut own_name, mut version, mut link) = (None, None, false);
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "name" => own_name = Some(map.next_value::<String>()?),
                "version" => version = Some(map.next_value::<String>()?),
                "link" => link = map.next_value::<bool>()?,
                "dependencies" if self.keys == Keys::Names => {
                    map.next_value_seed(Packages { keys: self.keys, locked: &mut *self.locked })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if link {
            return Ok(());
        }
        let Some(placed) = self.keys.name(self.key) else { return Ok(()) };
        let name = own_name.as_deref().unwrap_or(placed);
        self.locked.extend(component_from(name, version.as_deref().unwrap_or_default()));
        Ok(())
    }
}

impl Keys {
    /// The name that a key says; a path outside `node_modules` is the project's own.
    fn name(self, key: &str) -> Option<&str> {
        match self {
            Self::Paths => key.rsplit_once("node_modules/").map(|(_, name)| name),
            Self::Names => Some(key),
        }
    }
}
