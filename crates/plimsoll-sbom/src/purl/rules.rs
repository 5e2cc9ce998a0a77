//! What each type makes of its parts (purl-spec, `types/*-definition.json`).

use super::{ParsePurlError, Purl};

/// One type's rules.
struct Rule {
    package_type: &'static str,
    namespace: Namespace,
    folds: Fold,
    required_qualifier: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Namespace {
    Optional,
    Required,
    Prohibited,
}

/// The parts in which the type ignores case.
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
    Rule { required_qualifier: Some("uuid"), ..rule("julia", Prohibited, Nothing) },
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
    Rule { package_type, namespace, folds, required_qualifier: None }
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

/// Refuses what the type refuses.
pub(super) fn check(purl: &Purl) -> Result<(), ParsePurlError> {
    let refused = |rule| Err(ParsePurlError::Rule { package_type: purl.package_type.clone(), rule });
    let Some(rule) = of(&purl.package_type) else { return Ok(()) };
    match (rule.namespace, &purl.namespace) {
        (Required, None) => return refused("has a namespace before its name"),
        (Prohibited, Some(_)) => return refused("has no namespace before its name"),
        _ => {}
    }
    if rule.required_qualifier.is_some_and(|key| purl.qualifier(key).is_none()) {
        return refused("has the qualifier `uuid`");
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
