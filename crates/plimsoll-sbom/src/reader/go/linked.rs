//! Which functions of which module are in a program.

use std::collections::HashMap;

use super::super::ReadFault;
use super::super::elf::Elf;
use super::function_name::{self, FunctionName};
use super::function_table;
use super::module::{Modules, Prefix};
use crate::Component;
use crate::symbol::{NOTHING_LINKED, package_hash, symbol_hash};

/// How many hashes are kept for one program: sixteen megabytes of them.
const HASHES_MAX: usize = 4 << 20;

/// The functions in a program, as hashes, for each of its modules.
pub(super) struct Linked {
    hashes: Vec<Vec<u32>>,
}

impl Linked {
    /// Reads the names of all functions; none if they cannot all be known.
    pub(super) fn read(elf: &mut Elf<'_>, modules: &Modules) -> Result<Option<Self>, ReadFault> {
        let Some(names) = function_table::names(elf)? else {
            return Ok(None);
        };
        let mut collector = Collector::new(modules);
        let is_all = function_table::for_each_name(elf.stream(names)?, |name| collector.add(name))?;
        Ok(if is_all { collector.finish() } else { None })
    }

    /// Gives each module's component its functions.
    pub(super) fn fill(self, components: &mut [Component]) {
        for (component, hashes) in components.iter_mut().zip(self.hashes) {
            component.symbols = hashes;
        }
    }
}

/// Gathers functions while their names go by.
struct Collector<'a> {
    modules: &'a Modules,
    by_prefix: HashMap<&'a str, usize>,
    standard_library: Option<usize>,
    hashes: Vec<Vec<u32>>,
    count: usize,
    /// Names of a package mostly follow each other, and its own hash is wanted once.
    last_package: u32,
    has_runtime: bool,
}

impl<'a> Collector<'a> {
    fn new(modules: &'a Modules) -> Self {
        let mut by_prefix = HashMap::new();
        let mut standard_library = None;
        for (index, module) in modules.all.iter().enumerate() {
            match &module.prefix {
                Prefix::Path(path) => drop(by_prefix.insert(path.as_str(), index)),
                Prefix::StandardLibrary => standard_library = Some(index),
            }
        }
        let hashes = vec![Vec::new(); modules.all.len()];
        Self { modules, by_prefix, standard_library, hashes, count: 0, last_package: 0, has_runtime: false }
    }

    fn add(&mut self, name: &str) {
        let Some(FunctionName { package, symbols }) = function_name::parse(name) else {
            return;
        };
        self.has_runtime |= package == "runtime";
        let package = if package == "main" { self.modules.main_package.as_str() } else { &package };
        let Some(module) = self.module_of(package) else {
            return;
        };
        let (Some(owner), Some(hashes)) = (self.modules.all.get(module), self.hashes.get_mut(module)) else {
            return;
        };
        self.count += 1 + symbols.len();
        if self.count > HASHES_MAX {
            return;
        }
        let package = owner.advised_path(package);
        let own = package_hash(&package);
        if own != self.last_package {
            hashes.push(own);
            self.last_package = own;
        }
        hashes.extend(symbols.iter().map(|symbol| symbol_hash(&package, symbol)));
    }

    /// The module with the longest path that leads to a package. Import paths of the standard library have no dot in
    /// their first element; those of other modules that are fetched from somewhere have one.
    fn module_of(&self, package: &str) -> Option<usize> {
        let mut prefix = package;
        loop {
            if let Some(index) = self.by_prefix.get(prefix) {
                return Some(*index);
            }
            match prefix.rsplit_once('/') {
                Some((shorter, _)) => prefix = shorter,
                None if prefix.contains('.') => return None,
                None => return self.standard_library,
            }
        }
    }

    /// Sorts what was gathered. Every Go program has a runtime: where none was seen, the names are not what they seem.
    fn finish(mut self) -> Option<Linked> {
        if self.count > HASHES_MAX || !self.has_runtime {
            return None;
        }
        for hashes in &mut self.hashes {
            hashes.sort_unstable();
            hashes.dedup();
            if hashes.is_empty() {
                hashes.push(NOTHING_LINKED);
            }
            hashes.shrink_to_fit();
        }
        Some(Linked { hashes: self.hashes })
    }
}
