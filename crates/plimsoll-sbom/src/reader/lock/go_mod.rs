//! `go.mod`: what a module wants to be built with.

use super::Locked;
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts, PackageType};

pub(in crate::reader) const READER: Reader =
    Reader { name: "go-mod", wants: |file| file.name == "go.mod", bytes_max: 1 << 20, read };

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut locked = Locked::default();
    locked.extend(required(&file.text()?));
    Ok(locked.finish())
}

/// The modules of `require` lines and blocks.
fn required(text: &str) -> Vec<Component> {
    let mut modules = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        let (line, _) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        match words.as_slice() {
            ["require", "("] => in_block = true,
            [")", ..] => in_block = false,
            ["require", path, version] => modules.push(module(path, version)),
            [path, version] if in_block => modules.push(module(path, version)),
            _ => {}
        }
    }
    modules
}

/// The module, its path parted at the last slash as package URLs want it.
fn module(path: &str, version: &str) -> Component {
    let path = path.trim_matches('"');
    let (namespace, name) = path.rsplit_once('/').map_or((None, path), |(space, name)| (Some(space), name));
    let mut component = Component::new(PackageType::Golang, name, version);
    component.namespace = namespace.map(str::to_owned);
    component
}

#[cfg(test)]
mod tests {
    use crate::reader::tests::read;

    #[test]
    fn required_modules_are_locked_and_replaced_ones_are_not_added() {
        let text = "module example.com/app\n\ngo 1.22\n\nrequire golang.org/x/net v0.7.0 // indirect\nrequire (\n\t\
                    github.com/a/b/v2 v2.0.1\n)\nreplace (\n\tx.org/c v1.0.0 => ../c\n)\n";
        let facts = read("src/go.mod", text.as_bytes()).unwrap();
        let names: Vec<String> = facts.components.iter().map(|component| component.full_name()).collect();
        assert_eq!(names, ["github.com/a/b/v2", "golang.org/x/net"]);
    }
}
