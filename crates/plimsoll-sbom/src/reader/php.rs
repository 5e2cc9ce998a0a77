//! PHP: what Composer installed, as it writes it to `vendor/composer/installed.json`, and `composer.lock`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::lock::{Locked, is_text};
use super::{File, ReadFault, Reader, relative};
use crate::{Component, Facts, Note, Owned, OwnedFiles, PackageType};

/// Applications have some hundred packages, each with a kilobyte or two.
const JSON_BYTES_MAX: u64 = 4 << 20;
/// Packages of one list that are kept.
const PACKAGES_MAX: usize = 10_000;

pub(super) const READER: Reader = Reader {
    name: "composer-installed",
    wants: |file| file.name == "installed.json" && vendor_of(file.path).is_some(),
    bytes_max: JSON_BYTES_MAX,
    read: read_installed,
};

pub(super) const LOCK: Reader = Reader {
    name: "composer-lock",
    wants: |file| file.name == "composer.lock",
    bytes_max: JSON_BYTES_MAX,
    read: read_lock,
};

#[derive(Deserialize)]
struct Installed {
    packages: Packages,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Packages,
    #[serde(default, rename = "packages-dev")]
    packages_dev: Packages,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default, rename = "type")]
    package_type: Option<String>,
    #[serde(default)]
    license: Value,
    /// Relative to the file's directory. Composer 1 does not write it.
    #[serde(default, rename = "install-path")]
    install_path: Option<String>,
}

/// A list of packages, as far as it is kept.
#[derive(Default)]
struct Packages {
    kept: Vec<Package>,
    is_cut_short: bool,
}

impl<'de> Deserialize<'de> for Packages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self::default())
    }
}

impl<'de> Visitor<'de> for Packages {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of packages")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        while self.kept.len() < PACKAGES_MAX {
            let Some(package) = list.next_element()? else { return Ok(self) };
            self.kept.push(package);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.is_cut_short = true;
        }
        Ok(self)
    }
}

impl Packages {
    fn note(&self) -> Option<Note> {
        let text =
            || Note::unread(format!("it names more than {PACKAGES_MAX} packages; the rest is left out"));
        self.is_cut_short.then(text)
    }
}

/// The directory that the packages lie in, usually called `vendor`.
fn vendor_of(path: &str) -> Option<&str> {
    path.strip_suffix("/composer/installed.json")
}

fn read_installed(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let bytes = file.bytes()?;
    let packages = installed(&bytes).map_err(|error| ReadFault::malformed(error.to_string()))?;
    let mut facts = Facts::default();
    facts.notes.extend(packages.note());
    for package in packages.kept {
        let Some(component) = package.component() else { continue };
        if let Some(directory) = package.directory(file.path) {
            let files = Owned::Beneath(directory);
            facts.owned.push(OwnedFiles { package: component.full_name(), files });
        }
        facts.components.push(component);
    }
    Ok(facts)
}

/// Composer 1 wrote the list alone, Composer 2 an object around it.
fn installed(json: &[u8]) -> serde_json::Result<Packages> {
    match json.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(json),
        _ => serde_json::from_slice(json).map(|installed: Installed| installed.packages),
    }
}

fn read_lock(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let lock: Lock =
        serde_json::from_slice(&file.bytes()?).map_err(|error| ReadFault::malformed(error.to_string()))?;
    let mut locked = Locked::default();
    let packages = lock.packages.kept.iter().chain(&lock.packages_dev.kept);
    locked.extend(packages.filter_map(Package::component));
    let mut facts = locked.finish();
    facts.notes.extend(lock.packages.note().or_else(|| lock.packages_dev.note()));
    Ok(facts)
}

impl Package {
    /// The package with its vendor apart. Names are in lower case, whatever the file says.
    fn component(&self) -> Option<Component> {
        let name = self.name.to_lowercase();
        let (vendor, own) = name.split_once('/')?;
        if !is_text(vendor) || !is_text(own) || !is_text(&self.version) {
            return None;
        }
        let mut component = Component::new(PackageType::Composer, own, self.version.as_str());
        component.namespace = Some(vendor.to_owned());
        component.licenses = licenses(&self.license);
        Some(component)
    }

    /// The directory that holds its files. One that holds the list itself is the project's, not the package's.
    fn directory(&self, list: &str) -> Option<String> {
        if self.package_type.as_deref() == Some("metapackage") {
            return None;
        }
        let vendor = vendor_of(list)?;
        let directory = match &self.install_path {
            Some(path) => relative::joined(&format!("{vendor}/composer"), path)?,
            None => format!("{vendor}/{}", self.name),
        };
        let holds_list = list.strip_prefix(&directory).is_some_and(|rest| rest.starts_with('/'));
        (!directory.is_empty() && !holds_list).then_some(directory)
    }
}

/// A name, or a list of them.
fn licenses(value: &Value) -> Vec<String> {
    let listed = value.as_array().into_iter().flatten().chain(Some(value)).filter_map(Value::as_str);
    listed.filter(|name| name.len() <= 200).take(10).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::{read, wanted};
    use crate::{Component, Kinship, Owned};

    const LIST: &str = r#"[{"name":"Symfony/HTTP-Kernel","version":"v4.4.1","license":["MIT"],
        "install-path":"../symfony/http-kernel","autoload":{"files":[]}},
        {"name":"x/meta","version":"1.0","type":"metapackage","install-path":null},
        {"name":"x/root","version":"1.0","install-path":"../../"}]"#;

    fn lines(components: &[Component]) -> Vec<String> {
        components
            .iter()
            .map(|component| format!("{} {}", component.full_name(), component.version))
            .collect()
    }

    #[test]
    fn both_forms_of_the_list_are_read() {
        for text in [LIST.to_owned(), format!("{{\"packages\":{LIST},\"dev\":true}}")] {
            let facts = read("app/vendor/composer/installed.json", text.as_bytes()).unwrap();
            assert_eq!(lines(&facts.components), ["symfony/http-kernel v4.4.1", "x/meta 1.0", "x/root 1.0"]);
            assert_eq!(facts.components[0].licenses, ["MIT"]);
            assert_eq!(facts.owned.len(), 1);
            assert_eq!(facts.owned[0].files, Owned::Beneath("app/vendor/symfony/http-kernel".to_owned()));
        }
    }

    #[test]
    fn a_first_list_tells_no_paths() {
        let text = br#"[{"name":"a/b","version":"dev-master"}]"#;
        let facts = read("vendor/composer/installed.json", text).unwrap();
        assert_eq!(facts.owned[0].files, Owned::Beneath("vendor/a/b".to_owned()));
    }

    #[test]
    fn a_list_without_end_is_kept_in_part() {
        let text = format!("[{}{{}}]", r#"{"name":"a/b","version":"1"},"#.repeat(20_000));
        let facts = read("vendor/composer/installed.json", text.as_bytes()).unwrap();
        assert_eq!(facts.components.len(), 10_000);
        assert_eq!(facts.notes.len(), 1);
    }

    #[test]
    fn a_lock_file_is_intent() {
        let text =
            format!("{{\"packages\":{LIST},\"packages-dev\":[{{\"name\":\"a/b\",\"version\":\"1\"}}]}}");
        let facts = read("app/composer.lock", text.as_bytes()).unwrap();
        assert_eq!(facts.components.len(), 4);
        assert!(facts.components.iter().all(|component| component.kinship == Kinship::Locked));
    }

    #[test]
    fn other_lists_are_nobodys_and_broken_ones_are_malformed() {
        assert!(wanted("app/installed.json", b"[]").is_empty());
        assert!(read("vendor/composer/installed.json", b"").is_err());
        assert!(read("vendor/composer/installed.json", b"[{\"name\":1}]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_list_never_panics(at in 0usize..400, byte: u8) {
            let mut bytes = LIST.as_bytes().to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            let _outcome = read("vendor/composer/installed.json", &bytes);
            let _outcome = read("composer.lock", &bytes);
        }
    }
}
