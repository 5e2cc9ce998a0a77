//! .NET: the `*.deps.json` that stands beside an application and in each shared framework.
//!
//! `libraries` names what it was built of; `targets` says which files of each are to be loaded.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::lock::is_text;
use super::{File, ReadFault, Reader};
use crate::{Component, Facts, Kinship, Note, PackageType};

/// Libraries of one application.
const LIBRARIES_MAX: usize = 20_000;

pub(super) const READER: Reader = Reader {
    name: "dotnet-deps",
    wants: |file| file.name.ends_with(".deps.json"),
    // The largest of real applications have a megabyte, and it is held as a tree.
    bytes_max: 3 << 20,
    read,
};

#[derive(Deserialize)]
struct Deps {
    #[serde(default, rename = "runtimeTarget")]
    runtime_target: Value,
    #[serde(default)]
    targets: BTreeMap<String, BTreeMap<String, Assets>>,
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(default, rename = "type")]
    library_type: String,
}

/// What is loaded of a library.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Assets {
    runtime: Files,
    runtime_targets: Files,
    native: Files,
    resources: Files,
}

/// Whether an object of files has any.
#[derive(Clone, Copy, Default)]
struct Files(bool);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Files {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("files")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut files: A) -> Result<Self, A::Error> {
        while files.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0 = true;
        }
        Ok(self)
    }
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let bytes = file.bytes()?;
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let deps: Deps = serde_json::from_slice(json).map_err(|error| ReadFault::malformed(error.to_string()))?;
    let mut facts = Facts::default();
    let named = deps.libraries.iter().filter_map(|(key, library)| Some((key, component(key, library)?)));
    let mut named = named.map(|(key, component)| Component { kinship: deps.kinship(key), ..component });
    facts.components = named.by_ref().take(LIBRARIES_MAX).collect();
    if named.next().is_some() {
        facts.notes.push(Note::unread(format!(
            "it names more than {LIBRARIES_MAX} libraries; the rest is left out"
        )));
    }
    Ok(facts)
}

impl Deps {
    /// A library of which nothing is loaded was only compiled against. Without targets nothing is known of that.
    fn kinship(&self, key: &str) -> Kinship {
        let target = self.target().and_then(|target| target.get(key));
        match target {
            Some(assets) if !assets.any() => Kinship::Locked,
            _ => Kinship::Installed,
        }
    }

    /// The target that the application runs with; the name is an object's, or a string in old files.
    fn target(&self) -> Option<&BTreeMap<String, Assets>> {
        let name = self.runtime_target.get("name").unwrap_or(&self.runtime_target).as_str()?;
        self.targets.get(name)
    }
}

impl Assets {
    fn any(&self) -> bool {
        [self.runtime, self.runtime_targets, self.native, self.resources].iter().any(|files| files.0)
    }
}

/// The package of `Name/1.0.0`. Runtime packs are packages under another name; projects are the application's own.
fn component(key: &str, library: &Library) -> Option<Component> {
    let (name, version) = key.split_once('/')?;
    let name = match library.library_type.as_str() {
        "package" => name,
        "runtimepack" => name.strip_prefix("runtimepack.").unwrap_or(name),
        _ => return None,
    };
    (is_text(name) && is_text(version)).then(|| Component::new(PackageType::Nuget, name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::tests::read;

    const DEPS: &str = r#"{
        "runtimeTarget": {"name": ".NETCoreApp,Version=v6.0/linux-x64", "signature": ""},
        "targets": {
            ".NETCoreApp,Version=v6.0": {},
            ".NETCoreApp,Version=v6.0/linux-x64": {
                "app/1.0.0": {"dependencies": {"Newtonsoft.Json": "12.0.1"}, "runtime": {"app.dll": {}}},
                "Newtonsoft.Json/12.0.1": {"runtime": {"lib/Newtonsoft.Json.dll": {"fileVersion": "12"}}},
                "NETStandard.Library/2.0.3": {"dependencies": {}},
                "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"runtime": {"a.dll": {}}}
            }
        },
        "libraries": {
            "app/1.0.0": {"type": "project", "serviceable": false, "sha512": ""},
            "Newtonsoft.Json/12.0.1": {"type": "package", "path": "newtonsoft.json/12.0.1"},
            "NETStandard.Library/2.0.3": {"type": "package"},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"type": "runtimepack"}
        }
    }"#;

    #[test]
    fn packages_are_installed_if_something_of_them_is_loaded() {
        let facts = read("app/app.deps.json", DEPS.as_bytes()).unwrap();
        let found: Vec<(&str, &str, Kinship)> = facts
            .components
            .iter()
            .map(|component| (component.name.as_str(), component.version.as_str(), component.kinship))
            .collect();
        let expected = [
            ("NETStandard.Library", "2.0.3", Kinship::Locked),
            ("Newtonsoft.Json", "12.0.1", Kinship::Installed),
            ("Microsoft.NETCore.App.Runtime.linux-x64", "6.0.1", Kinship::Installed),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn without_targets_packages_count_as_installed() {
        let text = r#"{"runtimeTarget":"x","libraries":{"A/1.0":{"type":"package"}}}"#;
        assert_eq!(read("a.deps.json", text.as_bytes()).unwrap().components[0].kinship, Kinship::Installed);
        assert!(read("a.deps.json", b"{\"libraries\":[").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_file_never_panics(at in 0usize..1000, byte: u8) {
            let mut bytes = DEPS.as_bytes().to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            let _outcome = read("a.deps.json", &bytes);
        }
    }
}
