//! Documents as other tools write them; the shapes are theirs, the packages are made up.

use plimsoll_oci::Digest;
use plimsoll_sbom::{Document, DocumentFormat, Ignored, PackageType, ReadDocument, SourcePackage, Subject};
use serde_json::{Value, json};

fn read(document: &Value) -> ReadDocument {
    Document::read(document.to_string().as_bytes()).unwrap()
}

#[test]
fn a_cyclonedx_document_of_syft_gives_components_and_distribution() {
    let read = read(&json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": "2026-11-22T17:15:19Z",
            "tools": { "components": [{ "type": "application", "author": "anchore", "name": "syft", "version": "1.42.0" }] },
            "component": { "bom-ref": "0", "type": "container", "name": "app:1", "version": format!("sha256:{}", "a".repeat(64)) },
        },
        "components": [
            {
                "bom-ref": "1", "type": "library", "publisher": "A Team <team@example.org>", "name": "login",
                "version": "1:4.13+dfsg1-1", "cpe": "cpe:2.3:a:login:login:4.13:*:*:*:*:*:*:*",
                "purl": "pkg:deb/debian/login@1%3A4.13%2Bdfsg1-1?arch=amd64&distro=debian-12&upstream=shadow",
                "properties": [
                    { "name": "syft:package:foundBy", "value": "dpkg-db-cataloger" },
                    { "name": "syft:location:0:layerID", "value": format!("sha256:{}", "b".repeat(64)) },
                    { "name": "syft:location:0:path", "value": "/var/lib/dpkg/status" },
                ],
            },
            { "type": "library", "name": "github.com/BurntSushi/toml", "version": "v1.4.0",
              "licenses": [{ "license": { "id": "MIT" } }], "purl": "pkg:golang/github.com/BurntSushi/toml@v1.4.0" },
            { "type": "library", "name": "@babel/core", "purl": "pkg:npm/%40babel/core@7.0.0" },
            { "type": "operating-system", "name": "debian", "version": "12",
              "properties": [{ "name": "syft:distro:versionCodename", "value": "bookworm" }] },
            { "type": "file", "name": "/var/lib/dpkg/status" },
            { "type": "application", "name": "unknown" },
            { "type": "library", "name": "actions/checkout", "purl": "pkg:github/actions/checkout@v4" },
            { "type": "library", "name": "x", "purl": "purl of x" },
            { "type": "library", "name": 7 },
        ],
    }));
    let document = read.document;
    let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
    assert_eq!(document.subject, Subject::Image { name: "app:1".into(), digest });
    assert_eq!((document.tool.name.as_str(), document.tool.version.as_str()), ("syft", "1.42.0"));
    let distribution = document.distribution.unwrap();
    assert_eq!((distribution.id.as_str(), distribution.version_id.as_str()), ("debian", "12"));
    assert_eq!(distribution.codename.as_deref(), Some("bookworm"));

    let [login, toml, babel] = document.components.as_slice() else { panic!("{:?}", document.components) };
    assert_eq!(login.component.version, "1:4.13+dfsg1-1");
    let source = SourcePackage { name: "shadow".into(), version: "1:4.13+dfsg1-1".into() };
    assert_eq!(login.component.source, Some(source));
    assert_eq!((login.path.as_str(), login.found_by.as_str()), ("var/lib/dpkg/status", "dpkg-db-cataloger"));
    assert!(login.layer.is_some());
    assert_eq!(toml.component.full_name(), "github.com/BurntSushi/toml");
    assert_eq!(toml.component.namespace.as_deref(), Some("github.com/BurntSushi"));
    assert_eq!(toml.component.licenses, ["MIT"]);
    assert_eq!(babel.component.namespace.as_deref(), Some("@babel"));
    assert_eq!(read.ignored, Ignored { without_purl: 1, other_types: 1, malformed: 2 });
}

#[test]
fn nested_components_and_old_forms_are_read() {
    let read = read(&json!({
        "bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1,
        "metadata": { "tools": [{ "vendor": "aquasecurity", "name": "trivy", "version": "0.30.0" }] },
        "components": [{
            "type": "library", "group": "org.example", "name": "fat", "version": "1", "purl": "pkg:maven/org.example/fat@1",
            "hashes": null,
            "components": [{ "type": "library", "group": "org.example", "name": "thin", "version": "2",
                "purl": "pkg:maven/org.example/thin@2", "licenses": [{ "expression": "MIT OR ISC" }],
                "evidence": { "occurrences": [{ "location": "/app/fat.jar" }] } }],
        }],
    }));
    let names: Vec<_> =
        read.document.components.iter().map(|located| located.component.full_name()).collect();
    assert_eq!(names, ["org.example:fat", "org.example:thin"]);
    assert_eq!(read.document.components[1].component.licenses, ["MIT OR ISC"]);
    assert_eq!(read.document.components[1].path, "app/fat.jar");
    assert_eq!(read.document.components[1].found_by, "sbom");
    assert_eq!(read.document.tool.name, "trivy");
    assert_eq!(read.document.distribution, None);
}

#[test]
fn an_spdx_document_of_others_gives_components_and_distribution() {
    let package = |id: &str, name: &str, purl: &str| {
        json!({
            "SPDXID": id, "name": name, "versionInfo": "1", "downloadLocation": "NOASSERTION",
            "licenseDeclared": "LicenseRef-house",
            "externalRefs": [
                { "referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:x:x:1:*:*:*:*:*:*:*" },
                { "referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": purl },
            ],
            "annotations": [{ "annotator": "Tool: other-1", "annotationDate": "2026-01-01T00:00:00Z", "annotationType": "OTHER", "comment": "prose" }],
        })
    };
    let document = json!({
        "spdxVersion": "SPDX-2.2", "SPDXID": "SPDXRef-DOCUMENT", "name": "root",
        "creationInfo": { "created": "2026-11-22T17:15:19Z", "creators": ["Organization: Example", "Tool: trivy-0.60.0"] },
        "hasExtractedLicensingInfos": [{ "licenseId": "LicenseRef-house", "name": "a house licence", "extractedText": "x" }],
        "packages": [
            { "SPDXID": "SPDXRef-root", "name": "/srv/root", "primaryPackagePurpose": "FILE" },
            package("SPDXRef-1", "bash", "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&distro=rhel-9.4&epoch=0&upstream=bash-5.1.8-9.el9.src.rpm"),
            package("SPDXRef-2", "x", "pkg:github/a/b@1"),
        ],
        "relationships": [
            { "spdxElementId": "SPDXRef-root", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-1" },
            { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-root" },
        ],
    });
    let mut bytes = b"\xEF\xBB\xBF".to_vec();
    bytes.extend(document.to_string().bytes());
    let read = Document::read(&bytes).unwrap();
    assert_eq!(read.format, DocumentFormat::Spdx);
    assert_eq!(read.document.subject, Subject::Directory { path: "/srv/root".into() });
    assert_eq!(read.document.created.to_string(), "2026-11-22T17:15:19Z");
    assert_eq!(read.document.tool.version, "0.60.0");
    let distribution = read.document.distribution.unwrap();
    assert_eq!((distribution.id.as_str(), distribution.version_id.as_str()), ("rhel", "9.4"));
    let [bash] = read.document.components.as_slice() else { panic!("{:?}", read.document.components) };
    assert_eq!(bash.component.package_type, PackageType::Rpm);
    assert_eq!(bash.component.version, "0:5.1.8-9.el9");
    assert_eq!(bash.component.licenses, ["a house licence"]);
    assert_eq!(read.ignored, Ignored { other_types: 1, ..Ignored::default() });
}
