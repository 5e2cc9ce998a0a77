//! Which files fix the versions of which packages.

use plimsoll_sbom::PackageType;

/// File names, and the type of the packages whose versions they fix.
const LOCK_FILES: &[(&str, PackageType)] = &[
    ("package-lock.json", PackageType::Npm),
    ("npm-shrinkwrap.json", PackageType::Npm),
    ("yarn.lock", PackageType::Npm),
    ("pnpm-lock.yaml", PackageType::Npm),
    ("Cargo.lock", PackageType::Cargo),
    ("go.mod", PackageType::Golang),
    ("go.sum", PackageType::Golang),
    ("poetry.lock", PackageType::Pypi),
    ("Pipfile.lock", PackageType::Pypi),
    ("uv.lock", PackageType::Pypi),
    ("pdm.lock", PackageType::Pypi),
    ("requirements.txt", PackageType::Pypi),
    ("Gemfile.lock", PackageType::Gem),
    ("composer.lock", PackageType::Composer),
    ("packages.lock.json", PackageType::Nuget),
    ("gradle.lockfile", PackageType::Maven),
    ("pom.xml", PackageType::Maven),
];

/// Whether a path is that of a file that fixes the versions of packages of some type.
pub fn is_lock_file(path: &str) -> bool {
    LOCK_FILES.iter().any(|(name, _)| file_name(path) == *name)
}

/// Whether it fixes those of this type.
pub(super) fn locks(path: &str, package_type: PackageType) -> bool {
    LOCK_FILES.contains(&(file_name(path), package_type))
}

/// The lock file for packages of a type that an instruction copies into the image.
pub(super) fn copied_by(instruction: &str, package_type: PackageType) -> Option<&str> {
    let words = || instruction.split([' ', '\t', '\'', '"', '[', ']', ',']).filter(|word| !word.is_empty());
    let is_copy = words().any(|word| matches!(word, "COPY" | "ADD"));
    is_copy.then(|| words().find(|word| locks(word, package_type))).flatten()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_copies_the_lock_file_that_it_names() {
        let copied = |text| copied_by(text, PackageType::Npm);
        assert_eq!(
            copied("COPY package.json web/package-lock.json ./ # buildkit"),
            Some("web/package-lock.json")
        );
        assert_eq!(copied("COPY [\"yarn.lock\", \"/app/\"]"), Some("yarn.lock"));
        assert_eq!(copied("COPY Cargo.lock /src/"), None, "another ecosystem's");
        assert_eq!(copied("RUN npm ci --lock package-lock.json"), None, "it runs, and copies nothing");
    }
}
