/// The headers of core metadata: an e-mail's (RFC 822), one field a line, ended by an empty one.
pub(super) struct Headers<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Headers<'a> {
    /// Reads the headers; of a value that goes on over several lines the first is kept.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.lines().take_while(|line| !line.trim().is_empty());
        let fields =
            lines.filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split_once(':'));
        Self { fields: fields.map(|(name, value)| (name.trim(), value.trim())).collect() }
    }

    /// The first value of a field that has one; `UNKNOWN` is what old tools write for none.
    pub(super) fn first(&self, name: &str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty() && *value != "UNKNOWN")
    }

    /// Every value of a field.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_no_header() {
        let headers =
            Headers::parse("\u{feff}Name: a\r\nLicense: MIT\r\n        and more: x\r\n\r\nVersion: 9\r\n");
        assert_eq!(headers.first("name"), Some("a"));
        assert_eq!(headers.first("License"), Some("MIT"));
        assert_eq!(headers.first("Version"), None);
        assert_eq!(headers.first("and more"), None);
    }

    #[test]
    fn unknown_is_no_value() {
        assert_eq!(Headers::parse("License: UNKNOWN\nLicense: BSD\n").first("License"), Some("BSD"));
    }
}
