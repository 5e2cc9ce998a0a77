//! The version of the Go toolchain, written as Go's vulnerability database orders it.

/// The version of a toolchain that calls itself `go1.22.1`, as SemVer: `1.22.1`, and `1.23.0-rc.2` for `go1.23rc2`.
///
/// What builders append (` X:boringcrypto`, `-fips`, ` (Red Hat 1.22.1-1.el9)`, `b7`) is not part of it, because no
/// advisory knows it. A toolchain built from a working tree is `(devel)`, as Go calls every module of that kind.
pub(in crate::reader) fn version(toolchain: &str) -> String {
    released(toolchain).unwrap_or_else(|| super::module::DEVEL.to_owned())
}

fn released(toolchain: &str) -> Option<String> {
    let mut rest = toolchain.strip_prefix("go")?;
    let mut numbers = vec![leading_number(&mut rest)?];
    while numbers.len() < 3
        && let Some(mut more) = rest.strip_prefix('.')
        && let Some(number) = leading_number(&mut more)
    {
        numbers.push(number);
        rest = more;
    }
    numbers.resize(3, "0");
    Some(format!("{}{}", numbers.join("."), pre_release(rest)))
}

/// `rc2` becomes `-rc.2`, and what is none becomes nothing.
fn pre_release(rest: &str) -> String {
    for word in ["rc", "beta"] {
        if let Some(mut number) = rest.strip_prefix(word)
            && let Some(number) = leading_number(&mut number)
        {
            return format!("-{word}.{number}");
        }
    }
    String::new()
}

fn leading_number<'a>(text: &mut &'a str) -> Option<&'a str> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    Some(number).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_are_versions_of_the_standard_library() {
        for (toolchain, expected) in [
            ("go1.22.1", "1.22.1"),
            ("go1.20", "1.20.0"),
            ("go1.21rc2", "1.21.0-rc.2"),
            ("go1.10beta1", "1.10.0-beta.1"),
            ("go1.22.1 X:nocoverageredesign,boringcrypto", "1.22.1"),
            ("go1.19.8 (Red Hat 1.19.8-1.el9)", "1.19.8"),
            ("go1.18.2b7", "1.18.2"),
            ("go1.24.4-asan", "1.24.4"),
            ("devel go1.24-a1b2c3 Mon Jan 1 00:00:00 2024 +0000", "(devel)"),
            ("devel +a1b2c3", "(devel)"),
            ("unknown", "(devel)"),
            ("go", "(devel)"),
            ("", "(devel)"),
        ] {
            assert_eq!(version(toolchain), expected, "{toolchain}");
        }
    }
}
