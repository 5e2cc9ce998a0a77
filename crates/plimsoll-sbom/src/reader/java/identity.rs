//! Which artifact an archive is, and which were shaded into it.

use std::collections::HashSet;

use super::artifact::{Artifact, is_coordinate};
use super::file_name::FileName;
use super::groups;
use super::manifest::Manifest;

/// A `pom.properties` that was found.
#[derive(Clone, Debug)]
pub(super) struct Pom {
    /// Its path in the archive.
    pub(super) path: String,
    pub(super) artifact: Artifact,
}

/// What an archive holds about itself.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) poms: Vec<Pom>,
    /// Group and artifact of each `META-INF/maven/GROUP/ARTIFACT/pom.xml`.
    pub(super) pom_paths: Vec<(String, String)>,
    pub(super) manifest: Manifest,
}

/// What an archive turned out to be.
#[derive(Debug)]
pub(super) struct Identity {
    /// The archive itself, where it can be told.
    pub(super) main: Option<Artifact>,
    /// What else was built into it.
    pub(super) shaded: Vec<Pom>,
}

/// Tells the archive's own coordinates from those of what was shaded into it.
pub(super) fn identify(mut evidence: Evidence, file: FileName<'_>) -> Identity {
    let main = match main_pom(&evidence.poms, file) {
        Some(at) => Some(evidence.poms.remove(at).artifact),
        None => from_manifest(&evidence, file),
    };
    let mut known: HashSet<Artifact> = main.iter().cloned().collect();
    let mut shaded = evidence.poms;
    shaded.retain(|pom| known.insert(pom.artifact.clone()));
    Identity { main, shaded }
}

/// The pom that is the archive's own: the one of the file's name or, if it is the only one, unless the file's name tells
/// of another artifact in another version.
fn main_pom(poms: &[Pom], file: FileName<'_>) -> Option<usize> {
    let of_name = |pom: &Pom| pom.artifact.name == file.name() || pom.artifact.name == file.stem;
    if let Some(at) = poms.iter().position(of_name) {
        return Some(at);
    }
    let [only] = poms else { return None };
    file.parts.is_none_or(|(_, version)| version == only.artifact.version).then_some(0)
}

/// What manifest and file name say together. Without a version in the file's name the manifest must name the artifact
/// or its group: titles such as `Java Runtime Environment` name none.
fn from_manifest(evidence: &Evidence, file: FileName<'_>) -> Option<Artifact> {
    let manifest = &evidence.manifest;
    if let Some((name, version)) = file.parts {
        return Artifact::new(group(evidence, name, version).as_deref(), name, version);
    }
    if let Some(plugin) = jenkins_plugin(manifest) {
        return Some(plugin);
    }
    let version =
        [&manifest.implementation_version, &manifest.bundle_version].into_iter().flatten().next()?;
    if let Some(name) = groups::tomcat_artifact(file.stem, manifest.implementation_title.as_deref()) {
        return Artifact::new(Some("org.apache.tomcat"), name, version);
    }
    let title = manifest.implementation_title.as_deref().filter(|title| is_coordinate(title));
    let name = title.unwrap_or(file.stem);
    let group = group(evidence, name, version);
    (title.is_some() || group.is_some()).then(|| Artifact::new(group.as_deref(), name, version)).flatten()
}

/// Jenkins plug-ins carry their coordinates in attributes of their own.
fn jenkins_plugin(manifest: &Manifest) -> Option<Artifact> {
    let (name, version) = (manifest.short_name.as_deref()?, manifest.plugin_version.as_deref()?);
    Artifact::new(manifest.group_id.as_deref(), name, version)
}

/// The group, where something says it: the path of a `pom.xml`, the table, the vendor's id, or a bundle or module name
/// that is the artifact's behind a group.
fn group(evidence: &Evidence, name: &str, version: &str) -> Option<String> {
    let of_path = evidence.pom_paths.iter().find(|(_, artifact)| artifact == name);
    if let Some((group, _)) = of_path {
        return Some(group.clone());
    }
    if let Some(group) = groups::known_group(name, version) {
        return Some(group.to_owned());
    }
    let manifest = &evidence.manifest;
    // A shaded jar may carry the manifest of something within it.
    let is_own = manifest.implementation_version.as_deref().is_none_or(|other| agree(other, version));
    let vendor = manifest.implementation_vendor_id.as_deref().filter(|vendor| is_own && is_group(vendor));
    let names = [manifest.bundle(), manifest.automatic_module_name.as_deref()];
    vendor
        .or_else(|| names.into_iter().flatten().find_map(|long| group_before(long, name)))
        .map(str::to_owned)
}

/// `com.fasterxml.jackson.core` of `com.fasterxml.jackson.core.jackson-databind`.
fn group_before<'a>(long: &'a str, name: &str) -> Option<&'a str> {
    long.strip_suffix(name)?.strip_suffix('.').filter(|group| is_group(group))
}

/// Whether two versions are one, the longer with zeros or a build behind it.
fn agree(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn is_group(text: &str) -> bool {
    text.contains('.') && is_coordinate(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pom(group: &str, name: &str, version: &str) -> Pom {
        let path = format!("META-INF/maven/{group}/{name}/pom.properties");
        Pom { path, artifact: Artifact::new(Some(group), name, version).unwrap() }
    }

    fn of_manifest(file: &str, manifest: &str) -> Option<(Option<String>, String, String)> {
        let evidence = Evidence { manifest: Manifest::parse(manifest), ..Evidence::default() };
        let main = identify(evidence, FileName::parse(file)).main?;
        Some((main.group, main.name, main.version))
    }

    #[test]
    fn the_pom_of_the_files_name_is_the_archive_and_the_others_are_shaded() {
        let poms = vec![pom("g", "inner", "1.0"), pom("g", "outer", "2.0"), pom("g", "inner", "1.0")];
        let identity =
            identify(Evidence { poms, ..Evidence::default() }, FileName::parse("lib/outer-2.0.jar"));
        assert_eq!(identity.main.unwrap().name, "outer");
        assert_eq!(identity.shaded.len(), 1);
    }

    #[test]
    fn a_lone_pom_is_the_archive_unless_the_file_is_called_otherwise() {
        let evidence = || Evidence { poms: vec![pom("g", "service", "1.0")], ..Evidence::default() };
        let identity = identify(evidence(), FileName::parse("app.jar"));
        assert_eq!(identity.main.unwrap().name, "service");
        let identity = identify(evidence(), FileName::parse("other-3.0.jar"));
        assert_eq!(identity.main.unwrap().name, "other");
        assert_eq!(identity.shaded[0].artifact.name, "service");
    }

    #[test]
    fn a_group_is_taken_from_the_manifest_only_where_it_says_one() {
        let own = |group: Option<&str>, name: &str, version: &str| {
            Some((group.map(str::to_owned), name.to_owned(), version.to_owned()))
        };
        let jackson = "Bundle-SymbolicName: com.fasterxml.jackson.core.jackson-databind\n";
        assert_eq!(
            of_manifest("jackson-databind-2.9.8.jar", jackson),
            own(Some("com.fasterxml.jackson.core"), "jackson-databind", "2.9.8")
        );
        assert_eq!(of_manifest("x-1.0.jar", "Implementation-Vendor-Id: ACME Inc\n"), own(None, "x", "1.0"));
        let other = "Implementation-Vendor-Id: org.example\nImplementation-Version: 9\n";
        assert_eq!(of_manifest("x-1.0.jar", other), own(None, "x", "1.0"));
        assert_eq!(of_manifest("x-9.0.jar", other), own(Some("org.example"), "x", "9.0"));
        let spring = "Implementation-Title: spring-core\nImplementation-Version: 5.3.1\n";
        assert_eq!(
            of_manifest("renamed.jar", spring),
            own(Some("org.springframework"), "spring-core", "5.3.1")
        );
        let tomcat = "Implementation-Title: Apache Tomcat\nImplementation-Version: 9.0.1\n";
        assert_eq!(
            of_manifest("catalina.jar", tomcat),
            own(Some("org.apache.tomcat"), "tomcat-catalina", "9.0.1")
        );
        let jre = "Implementation-Title: Java Runtime Environment\nImplementation-Version: 17.0.9\n";
        assert_eq!(of_manifest("jrt-fs.jar", jre), None);
    }
}
