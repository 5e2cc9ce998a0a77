use super::{Certificate, CertificateError, oid};
use crate::der::{Der, Value, tag};

/// The names by which Fulcio calls somebody (RFC 5280, section 4.2.1.6).
mod name {
    use crate::der::tag;

    pub(super) const OTHER: u8 = tag::numbered(0);
    pub(super) const EMAIL: u8 = tag::numbered_bytes(1);
    pub(super) const URI: u8 = tag::numbered_bytes(6);
}

/// A name of Fulcio's own kind: 1.3.6.1.4.1.57264.1.7.
const USER_NAME: u8 = 7;

/// The one subject that a certificate names: an address of mail, a URI, or a user's name.
pub(crate) fn subject_of(certificate: &Certificate<'_>) -> Result<String, CertificateError> {
    let names =
        certificate.extension(oid::SUBJECT_ALTERNATIVE_NAME).and_then(|extension| read(extension.value));
    let [subject] = <[Option<String>; 1]>::try_from(names.unwrap_or_default())
        .map_err(|names| CertificateError::Subjects(names.len()))?;
    subject.ok_or(CertificateError::Subjects(0))
}

fn read(value: &[u8]) -> Option<Vec<Option<String>>> {
    let mut outer = Der::new(value);
    let mut list = outer.enter(tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(told(list.take_any()?));
    }
    outer.is_empty().then_some(names)
}

fn told(value: Value<'_>) -> Option<String> {
    match value.tag {
        name::EMAIL | name::URI => printable(value.content),
        name::OTHER => user_name(Der::new(value.content)),
        _ => None,
    }
}

fn user_name(mut fields: Der<'_>) -> Option<String> {
    let kind = fields.take(tag::OID)?;
    if kind.strip_prefix(oid::FULCIO) != Some(&[USER_NAME]) {
        return None;
    }
    printable(fields.enter(tag::numbered(0))?.take(tag::UTF8_STRING)?)
}

/// A text that a terminal may show and a policy can name.
pub(super) fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = !text.is_empty() && !text.chars().any(char::is_control);
    is_plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::write;

    fn names(values: &[Vec<u8>]) -> Option<Vec<Option<String>>> {
        read(&write(tag::SEQUENCE, &values.concat()))
    }

    #[test]
    fn mail_uri_and_user_names_are_told_and_others_are_not() {
        let user = [
            write(tag::OID, &[oid::FULCIO, &[USER_NAME]].concat()),
            write(tag::numbered(0), &write(tag::UTF8_STRING, "zoë!x".as_bytes())),
        ];
        let values = [
            write(name::EMAIL, b"ana@example.org"),
            write(name::URI, b"https://example.org/a"),
            write(name::OTHER, &user.concat()),
            write(tag::numbered_bytes(2), b"example.org"),
            write(name::URI, b"https://example.org/\x1b[2J"),
        ];
        let expected = [Some("ana@example.org"), Some("https://example.org/a"), Some("zoë!x"), None, None];
        assert_eq!(names(&values), Some(expected.map(|name| name.map(str::to_owned)).to_vec()));
    }
}
