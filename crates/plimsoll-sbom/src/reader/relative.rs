//! Paths that files write relative to where they lie.

/// A path from a directory in normal form; `None` if it leads out of the image.
pub(super) fn joined(base: &str, path: &str) -> Option<String> {
    let base = if path.starts_with('/') { "" } else { base };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_out_of_site_packages_but_not_out_of_the_image() {
        let base = "usr/lib/python3/site-packages";
        assert_eq!(joined(base, "x/__init__.py").unwrap(), "usr/lib/python3/site-packages/x/__init__.py");
        assert_eq!(joined(base, "../../../bin/x").unwrap(), "usr/bin/x");
        assert_eq!(joined(base, "/opt/x").unwrap(), "opt/x");
        assert_eq!(joined("", "./x//y").unwrap(), "x/y");
        assert_eq!(joined(base, "../../../../../x"), None);
    }
}
