//! The `[[package]]` tables of `Cargo.lock`, `poetry.lock` and `uv.lock`: written by tools, one plain assignment a line.

/// A package as its table says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::reader) struct Package<'a> {
    pub(in crate::reader) name: Option<&'a str>,
    pub(in crate::reader) version: Option<&'a str>,
    /// The value as written, with its quotes or braces.
    pub(in crate::reader) source: Option<&'a str>,
}

/// Every package of the file.
pub(in crate::reader) fn packages(text: &str) -> impl Iterator<Item = Package<'_>> {
    text.split("\n[[package]]").skip(usize::from(!text.starts_with("[[package]]"))).map(package)
}

/// The assignments before the next table.
fn package(table: &str) -> Package<'_> {
    let mut package = Package::default();
    for line in table.lines().take_while(|line| !line.starts_with('[') || line.starts_with("[[package]]")) {
        let Some((key, value)) = line.split_once('=') else { continue };
        match key.trim() {
            "name" => package.name = quoted(value),
            "version" => package.version = quoted(value),
            "source" => package.source = Some(value.trim()),
            _ => {}
        }
    }
    package
}

fn quoted(value: &str) -> Option<&str> {
    value.trim().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_a_package() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\n\n[package.dependencies]\nname = \
                    \"no\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0\"\nsource = { editable = \".\" }\n";
        let packages: Vec<Package<'_>> = packages(text).collect();
        assert_eq!(packages.len(), 2);
        assert_eq!((packages[0].name, packages[0].version), (Some("a"), Some("1.0")));
        assert_eq!(packages[1].source, Some("{ editable = \".\" }"));
    }

    #[test]
    fn a_file_may_begin_with_a_table() {
        assert_eq!(packages("[[package]]\nname = \"a\"\n").next().unwrap().name, Some("a"));
        assert_eq!(packages("").count(), 0);
    }
}
