//! `META-INF/MANIFEST.MF`: its main section (JAR File Specification, "Manifest Specification").

/// The attributes that say who a jar is.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) implementation_title: Option<String>,
    pub(super) implementation_version: Option<String>,
    pub(super) implementation_vendor_id: Option<String>,
    pub(super) bundle_symbolic_name: Option<String>,
    pub(super) bundle_version: Option<String>,
    pub(super) bundle_license: Option<String>,
    pub(super) automatic_module_name: Option<String>,
    /// `Short-Name` of a Jenkins plug-in.
    pub(super) short_name: Option<String>,
    pub(super) plugin_version: Option<String>,
    pub(super) group_id: Option<String>,
}

impl Manifest {
    /// Reads the main section; lines that are none are passed over, as the JVM's own reader would not.
    pub(super) fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        for line in unfolded(text) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            if let Some(field) = manifest.field(name.trim())
                && !value.is_empty()
            {
                *field = Some(value.to_owned());
            }
        }
        manifest
    }

    fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "implementation-title" => &mut self.implementation_title,
            "implementation-version" => &mut self.implementation_version,
            "implementation-vendor-id" => &mut self.implementation_vendor_id,
            "bundle-symbolicname" => &mut self.bundle_symbolic_name,
            "bundle-version" => &mut self.bundle_version,
            "bundle-license" => &mut self.bundle_license,
            "automatic-module-name" => &mut self.automatic_module_name,
            "short-name" => &mut self.short_name,
            "plugin-version" => &mut self.plugin_version,
            "group-id" => &mut self.group_id,
            _ => return None,
        })
    }

    /// The bundle's name without its directives: `org.example.x;singleton:=true`.
    pub(super) fn bundle(&self) -> Option<&str> {
        self.bundle_symbolic_name.as_deref().and_then(|name| name.split(';').next()).map(str::trim)
    }
}

/// The main section's lines, those that go on after 72 bytes joined again. It ends at the first empty line.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_joined_and_later_sections_left_alone() {
        let text = "Manifest-Version: 1.0\r\nBundle-SymbolicName: com.example.a-very-lo\r\n ng-name;singleton:=tr\r\n \
                    ue\r\nImplementation-Version: 1.2\r\n\r\nName: x/\r\nImplementation-Version: 9\r\n";
        let manifest = Manifest::parse(text);
        assert_eq!(manifest.bundle(), Some("com.example.a-very-long-name"));
        assert_eq!(manifest.implementation_version.as_deref(), Some("1.2"));
        assert_eq!(manifest.implementation_title, None);
    }
}
