//! What each type makes of its parts (purl-spec, `types/*-definition.json`).

use super::{ParsePurlError, Purl};

/// One type's rules.
struct Rule {
    package_type: &'static str,
    namespace: Namespace,
    folds: Fold,
}

#[derive(Clone, Copy, PartialEq)]
enum Namespace {
    Optional,
    Required,
    Prohibited,
}

/// The parts in which the type ignores the case of letters of ASCII, of which the names in registries are made.
#[derive(Clone, Copy, PartialEq)]
enum Fold {
    Nothing,
    Namespace,
    Name,
    Both,
    Version,
}

use Fold::{Both, Name, Nothing, Version};
use Namespace::{Optional, Prohibited, Required};

/// The types that have rules; all others keep what is written.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule("alpm", Optional, Both),
    rule("apk", Optional, Fold::Namespace),
    rule("bitbucket", Optional, Both),
    rule("bitnami", Prohibited, Nothing),
    rule("cargo", Prohibited, Nothing),
    rule("chrome-extension", Prohibited, Nothing),
    rule("cocoapods", Prohibited, Nothing),
    rule("composer", Required, Both),
    rule("conda", Prohibited, Nothing),
    rule("cpan", Required, Nothing),
    rule("cran", Prohibited, Nothing),
    rule("deb", Optional, Both),
    rule("gem", Prohibited, Nothing),
    rule("github", Optional, Both),
    rule("gitlab", Optional, Both),
    rule("golang", Optional, Fold::Namespace),
    rule("hackage", Prohibited, Nothing),
    rule("hex", Optional, Both),
    rule("huggingface", Required, Version),
    rule("julia", Prohibited, Nothing),
    rule("luarocks", Optional, Both),
    rule("mlflow", Prohibited, Nothing),
    rule("npm", Optional, Name),
    rule("nuget", Prohibited, Nothing),
    rule("oci", Prohibited, Name),
    rule("otp", Prohibited, Nothing),
    rule("pub", Prohibited, Name),
    rule("pypi", Prohibited, Name),
    rule("qpkg", Optional, Fold::Namespace),
    rule("rpm", Optional, Fold::Namespace),
    rule("swift", Required, Nothing),
    rule("vcpkg", Prohibited, Nothing),
    rule("vscode-extension", Required, Nothing),
];

const fn rule(package_type: &'static str, namespace: Namespace, folds: Fold) -> Rule {
    Rule { package_type, namespace, folds }
}

fn of(package_type: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.package_type == package_type)
}

/// Brings the parts into the type's canonical spelling.
pub(super) fn normalize(purl: &mut Purl) {
    let folds = of(&purl.package_type).map_or(Nothing, |rule| rule.folds);
    if matches!(folds, Fold::Namespace | Both)
        && let Some(namespace) = &mut purl.namespace
    {
        namespace.make_ascii_lowercase();
    }
    if matches!(folds, Name | Both) || is_databricks(purl) {
        purl.name.make_ascii_lowercase();
    }
    if folds == Version
        && let Some(version) = &mut purl.version
    {
        version.make_ascii_lowercase();
    }
    match purl.package_type.as_str() {
        "pypi" => purl.name = purl.name.replace('_', "-"),
        "pub" => purl.name = purl.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
        _ => {}
    }
}

/// Models on Databricks have names without case; elsewhere MLflow keeps case.
fn is_databricks(purl: &Purl) -> bool {
    purl.package_type == "mlflow"
        && purl.qualifier("repository_url").is_some_and(|url| url.contains("databricks"))
}

/// Refuses a package URL that lacks a qualifier without which its type names nothing. One that is still being built is
/// not asked.
pub(super) fn check_qualifiers(purl: &Purl) -> Result<(), ParsePurlError> {
    if purl.package_type == "julia" && purl.qualifier("uuid").is_none() {
        let rule = "has the qualifier `uuid`";
        return Err(ParsePurlError::Rule { package_type: purl.package_type.clone(), rule });
    }
    Ok(())
}

/// Refuses what the type refuses.
pub(super) fn check(purl: &Purl) -> Result<(), ParsePurlError> {
    let refused = |rule| Err(ParsePurlError::Rule { package_type: purl.package_type.clone(), rule });
    let Some(rule) = of(&purl.package_type) else { return Ok(()) };
    match (rule.namespace, &purl.namespace) {
        (Required, None) => return refused("has a namespace before its name"),
        (Prohibited, Some(_)) => return refused("has no namespace before its name"),
        _ => {}
    }
    match purl.package_type.as_str() {
        "cpan" if purl.name.contains("::") => {
            refused("names a distribution, `URI-PackageURL`, and not a module")
        }
        "chrome-extension" if !is_extension_id(&purl.name) => refused("has a name of 32 lower-case letters"),
        _ => Ok(()),
    }
}

fn is_extension_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_lowercase())
}
