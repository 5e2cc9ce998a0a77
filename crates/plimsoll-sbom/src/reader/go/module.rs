//! The modules that a Go program is built from, as its build information lists them (`runtime/debug.BuildInfo`).

use std::borrow::Cow;

use super::super::ReadFault;
use super::build_info::BuildInfo;
use super::toolchain;
use crate::{Component, Kinship, PackageType};

/// The version of what was built from a working tree.
pub(super) const DEVEL: &str = "(devel)";

/// The name under which advisories know the standard library, which has no module path.
pub(super) const STANDARD_LIBRARY: &str = "stdlib";

/// The name under which advisories know the commands of a Go release: the packages below `cmd/`.
const TOOLCHAIN: &str = "toolchain";

/// How many modules a program may list.
const MODULES_MAX: usize = 20_000;

/// What a Go program is built from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Modules {
    /// The import path of the package `main`.
    pub(super) main_package: String,
    /// The modules; each gives one component, in this order.
    pub(super) all: Vec<Module>,
}

/// Packages that share a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Where its packages are imported from.
    pub(super) prefix: Prefix,
    /// Its path, or that of the module that was put in its place.
    path: String,
    is_replaced: bool,
    version: String,
    kinship: Kinship,
}

/// Which packages are a module's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Those at this import path and below it.
    Path(String),
    /// Those of a Go release that no module has.
    StandardLibrary,
}

/// Reads the list: lines of a word and its values, separated by tabs.
pub(super) fn parse(info: &BuildInfo) -> Result<Modules, ReadFault> {
    let mut main_package = String::new();
    let mut all: Vec<Module> = Vec::new();
    for line in info.modules.lines() {
        let mut fields = line.split('\t');
        let (word, path, version) = (fields.next(), fields.next().unwrap_or_default(), fields.next());
        match word {
            Some("path") => path.clone_into(&mut main_package),
            Some("mod") => all.push(Module::new(path, version, Kinship::Installed)),
            Some("dep") => all.push(Module::new(path, version, Kinship::Embedded)),
            Some("=>") => all.last_mut().into_iter().for_each(|module| module.replace(path, version)),
            _ => {}
        }
        if all.len() > MODULES_MAX {
            return Err(ReadFault::Limit(format!("more than {MODULES_MAX} Go modules")));
        }
    }
    all.extend(of_the_release(&main_package, &toolchain::version(&info.toolchain)));
    Ok(Modules { main_package, all })
}

/// What the Go release itself brings. Its own commands are built without a module.
fn of_the_release(main_package: &str, version: &str) -> Vec<Module> {
    let part = |prefix, path: &str, kinship| Module { prefix, ..Module::new(path, Some(version), kinship) };
    let library = part(Prefix::StandardLibrary, STANDARD_LIBRARY, Kinship::Embedded);
    if !main_package.starts_with("cmd/") {
        return vec![library];
    }
    vec![part(Prefix::Path("cmd".to_owned()), TOOLCHAIN, Kinship::Installed), library]
}

impl Modules {
    /// A component for each module.
    pub(super) fn components(&self) -> Vec<Component> {
        self.all.iter().map(Module::component).collect()
    }
}

impl Module {
    fn new(path: &str, version: Option<&str>, kinship: Kinship) -> Self {
        Self {
            prefix: Prefix::Path(path.to_owned()),
            path: path.to_owned(),
            is_replaced: false,
            version: version.unwrap_or_default().to_owned(),
            kinship,
        }
    }

    /// Another module was built in its place, under its import paths: what is in the program is the other.
    ///
    /// A directory has neither a path that others know nor a version; the module keeps its name, and is what was in
    /// somebody's working tree.
    fn replace(&mut self, path: &str, version: Option<&str>) {
        match version.filter(|version| !version.is_empty()) {
            Some(version) if !is_directory(path) => {
                path.clone_into(&mut self.path);
                self.is_replaced = true;
                version.clone_into(&mut self.version);
            }
            _ => DEVEL.clone_into(&mut self.version),
        }
    }

    /// The import path by which advisories for this module name one of its packages.
    pub(super) fn advised_path<'a>(&self, package: &'a str) -> Cow<'a, str> {
        match &self.prefix {
            Prefix::Path(prefix) if self.is_replaced => Cow::Owned(format!(
                "{}{}",
                self.path,
                package.strip_prefix(prefix.as_str()).unwrap_or_default()
            )),
            _ => Cow::Borrowed(package),
        }
    }

    fn component(&self) -> Component {
        let (namespace, name) = match self.path.rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, self.path.as_str()),
        };
        let mut component = Component::new(PackageType::Golang, name, self.version.as_str());
        component.namespace = namespace;
        component.kinship = self.kinship;
        component
    }
}

fn is_directory(path: &str) -> bool {
    path.starts_with(['.', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(modules: &str) -> Vec<(String, String, Kinship)> {
        let info = BuildInfo { toolchain: "go1.22.1".to_owned(), modules: modules.to_owned() };
        let components = parse(&info).unwrap().components();
        components
            .iter()
            .map(|component| (component.full_name(), component.version.clone(), component.kinship))
            .collect()
    }

    fn module(name: &str, version: &str, kinship: Kinship) -> (String, String, Kinship) {
        (name.to_owned(), version.to_owned(), kinship)
    }

    #[test]
    fn the_program_is_installed_and_what_it_is_built_from_is_embedded() {
        let list = "path\texample.com/app/cmd/app\nmod\texample.com/app\t(devel)\t\n\
                    dep\tgolang.org/x/crypto\tv0.21.0\th1:abc=\nbuild\tGOOS=linux\n";
        assert_eq!(
            listed(list),
            [
                module("example.com/app", "(devel)", Kinship::Installed),
                module("golang.org/x/crypto", "v0.21.0", Kinship::Embedded),
                module("stdlib", "1.22.1", Kinship::Embedded),
            ]
        );
    }

    #[test]
    fn a_module_is_what_was_put_in_its_place() {
        let list = "dep\tgithub.com/gogo/protobuf\tv1.3.2\n=>\tgithub.com/regen/protobuf\tv1.3.3\th1:abc=\n\
                    dep\tk8s.io/api\tv0.0.0\n=>\t./staging/src/k8s.io/api\t(devel)\t\n\
                    dep\texample.com/b\tv1.0.0\n=>\t../b\t\t\n";
        assert_eq!(
            listed(list)[..3],
            [
                module("github.com/regen/protobuf", "v1.3.3", Kinship::Embedded),
                module("k8s.io/api", "(devel)", Kinship::Embedded),
                module("example.com/b", "(devel)", Kinship::Embedded),
            ]
        );
    }

    #[test]
    fn advisories_name_packages_by_the_path_of_the_module_in_place() {
        let list = "dep\texample.com/a\tv1.0.0\n=>\texample.com/fork/a\tv1.0.1\ndep\texample.com/b\tv1.0.0\n";
        let info = BuildInfo { toolchain: "go1.22.1".to_owned(), modules: list.to_owned() };
        let modules = parse(&info).unwrap().all;
        assert_eq!(modules[0].advised_path("example.com/a/inner"), "example.com/fork/a/inner");
        assert_eq!(modules[1].advised_path("example.com/b/inner"), "example.com/b/inner");
    }

    #[test]
    fn a_program_without_modules_has_the_standard_library() {
        assert_eq!(listed(""), [module("stdlib", "1.22.1", Kinship::Embedded)]);
    }

    #[test]
    fn a_command_of_the_release_is_the_toolchain() {
        assert_eq!(listed("path\tcmd/go\n")[0], module("toolchain", "1.22.1", Kinship::Installed));
    }

    #[test]
    fn lines_that_say_nothing_known_are_passed_over() {
        assert_eq!(listed("=>\tnowhere\tv1\nfuture\tword\n\n\t\t\n").len(), 1);
    }

    #[test]
    fn a_list_without_end_is_refused() {
        let info =
            BuildInfo { toolchain: "go1.22.1".to_owned(), modules: "dep\ta\tv1\n".repeat(MODULES_MAX + 1) };
        assert!(matches!(parse(&info), Err(ReadFault::Limit(_))));
    }
}
