/// Licences of one gem.
const LICENSES_MAX: usize = 10;

/// The assignments of a specification that are plain strings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Specification {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) licenses: Vec<String>,
}

impl Specification {
    /// Reads the assignments, and the stub line that RubyGems writes above them for itself.
    pub(super) fn parse(text: &str) -> Self {
        let mut specification = Self::default();
        for line in text.lines() {
            if let Some((attribute, value)) = assignment(line) {
                specification.assign(attribute, value);
            }
        }
        let stub = text.lines().find_map(|line| line.strip_prefix("# stub: "));
        if let Some([name, version, platform]) = stub.and_then(first_words) {
            specification.name.get_or_insert_with(|| name.to_owned());
            specification.version.get_or_insert_with(|| version.to_owned());
            specification.platform.get_or_insert_with(|| platform.to_owned());
        }
        specification
    }

    /// The first assignment holds: what follows in the file is for older versions of RubyGems.
    fn assign(&mut self, attribute: &str, value: &str) {
        let place = match attribute {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "platform" => &mut self.platform,
            "license" | "licenses" => {
                if self.licenses.is_empty() {
                    self.licenses = strings(value).take(LICENSES_MAX).collect();
                }
                return;
            }
            _ => return,
        };
        if place.is_none() {
            *place = strings(value).next();
        }
    }
}

/// `name` and `"x".freeze` of `  s.name = "x".freeze`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (left, value) = line.split_once('=')?;
    let (object, attribute) = left.trim().split_once('.')?;
    let is_variable =
        !object.is_empty() && object.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_variable.then(|| (attribute.trim(), value.trim())).filter(|(_, value)| is_plain(value))
}

/// Whether a value is written out: a string, a list of them, or a version made of one.
fn is_plain(value: &str) -> bool {
    let value = value.strip_prefix("Gem::Version.new(").unwrap_or(value);
    value.starts_with(['"', '\'', '[']) && !value.contains("#{")
}

/// The strings that stand in quotes; those that RubyGems writes here need no escapes.
fn strings(value: &str) -> impl Iterator<Item = String> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let start = rest.find(['"', '\''])?;
        let quote = rest.get(start..)?.chars().next()?;
        let (text, after) = rest.get(start + 1..)?.split_once(quote)?;
        rest = after;
        Some(text.to_owned())
    })
}

fn first_words<const N: usize>(text: &str) -> Option<[&str; N]> {
    let words: Vec<&str> = text.split_whitespace().take(N).collect();
    words.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rubygems_writes_is_read() {
        let text = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.15.4 x86_64-linux lib\n\nGem::Specification.new do \
                    |s|\n  s.name = \"nokogiri\".freeze\n  s.version = \"1.15.4\"\n  s.platform = \
                    \"x86_64-linux\".freeze\n  s.licenses = [\"MIT\".freeze, 'Ruby']\n  s.name = \"later\"\n";
        let specification = Specification::parse(text);
        assert_eq!(specification.name.as_deref(), Some("nokogiri"));
        assert_eq!(specification.version.as_deref(), Some("1.15.4"));
        assert_eq!(specification.platform.as_deref(), Some("x86_64-linux"));
        assert_eq!(specification.licenses, ["MIT", "Ruby"]);
    }

    #[test]
    fn what_a_specification_computes_is_not_known() {
        let text = "spec.name = \"x\"\nspec.version = X::VERSION\nspec.platform = \"#{P}\"\nif a == \"b\"\n";
        let specification = Specification::parse(text);
        assert_eq!(specification.name.as_deref(), Some("x"));
        assert_eq!((specification.version, specification.platform), (None, None));
        let old = Specification::parse("s.version = Gem::Version.new(\"1.0\")\n");
        assert_eq!(old.version.as_deref(), Some("1.0"));
    }
}
