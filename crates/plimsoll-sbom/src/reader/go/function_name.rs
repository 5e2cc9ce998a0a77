//! The names of functions as Go's linker writes them, taken apart.
//!
//! `golang.org/x/crypto/ssh.(*Client).Dial.func1` is the first closure within the method `Client.Dial` of the package
//! `golang.org/x/crypto/ssh`.

use std::borrow::Cow;

/// A function and where it belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FunctionName<'a> {
    /// The import path of its package; `main` for the program's own.
    pub(super) package: Cow<'a, str>,
    /// What advisories may call it.
    ///
    /// `a.b` is either the method `b` of the type `a` or something within the function `a`. Both are told, since no
    /// type and function of a package share a name, and a name too many hides no finding.
    pub(super) symbols: Vec<String>,
}

/// Takes a name apart; none if it is not that of a function somebody wrote.
pub(super) fn parse(name: &str) -> Option<FunctionName<'_>> {
    let is_generated = ["go:", "type:", "type.."].iter().any(|prefix| name.starts_with(prefix));
    if is_generated {
        return None;
    }
    // Type arguments and receivers may hold import paths of their own.
    let path_end = name.find(['[', '(']).unwrap_or(name.len());
    let last_element = name.get(..path_end)?.rfind('/').map_or(0, |slash| slash + 1);
    let dot = last_element + name.get(last_element..)?.find('.')?;
    let symbols = symbols(&without_type_arguments(name.get(dot + 1..)?));
    let package = unescaped(name.get(..dot)?);
    (!symbols.is_empty() && !package.is_empty()).then_some(FunctionName { package, symbols })
}

fn symbols(name: &str) -> Vec<String> {
    if let Some((receiver, method)) = name.strip_prefix("(*").and_then(|rest| rest.split_once(").")) {
        return vec![format!("{receiver}.{}", first_part(method))];
    }
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let first = first_part(first);
    let second = first_part(rest);
    let mut symbols = vec![first.to_owned()];
    if !second.is_empty() && !is_numbered(second) {
        symbols.push(format!("{first}.{second}"));
    }
    symbols.retain(|symbol| !symbol.is_empty());
    symbols
}

/// An identifier without what the compiler appends: `-fm` for method values, `-range1` for loop bodies, `·dwrap·1`.
fn first_part(name: &str) -> &str {
    name.split(['.', '-', '·']).next().unwrap_or_default()
}

/// Whether the compiler made a part of a name up: `func1`, `gowrap2`, `deferwrap1`, `0`.
fn is_numbered(part: &str) -> bool {
    let word = part.trim_end_matches(|character: char| character.is_ascii_digit());
    word.len() < part.len() && matches!(word, "" | "func" | "gowrap" | "deferwrap" | "dwrap")
}

/// A name without its brackets and all that stands in them.
fn without_type_arguments(name: &str) -> Cow<'_, str> {
    if !name.contains('[') {
        return Cow::Borrowed(name);
    }
    let mut depth = 0_usize;
    let outside = name.chars().filter(|character| {
        match character {
            '[' => depth += 1,
            ']' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    Cow::Owned(outside.collect())
}

/// An import path as it was written. The linker escapes dots of the last element, so that the first dot ends it.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = escaped.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, package, symbols) in [
            ("main.main", "main", &["main"][..]),
            ("net/http.(*Client).Do", "net/http", &["Client.Do"]),
            ("golang.org/x/crypto/ssh.(*Client).Dial.func1", "golang.org/x/crypto/ssh", &["Client.Dial"]),
            ("golang.org/x/crypto/ssh.Dial.func1.2", "golang.org/x/crypto/ssh", &["Dial"]),
            ("net/netip.Addr.Unmap", "net/netip", &["Addr", "Addr.Unmap"]),
            ("net/http.(*Server).Serve-fm", "net/http", &["Server.Serve"]),
            ("net/http.(*conn).serve.deferwrap1", "net/http", &["conn.serve"]),
            ("example.com/a.Each-range1", "example.com/a", &["Each"]),
            ("gopkg.in/yaml%2ev3.(*Decoder).Decode", "gopkg.in/yaml.v3", &["Decoder.Decode"]),
            ("slices.SortFunc[...]", "slices", &["SortFunc"]),
            ("sync/atomic.(*Pointer[...]).Load", "sync/atomic", &["Pointer.Load"]),
            ("a.F[go.shape.[]example.com/b/c.T_0].func1", "a", &["F"]),
            ("example.com/a.(*T[go.shape.struct { example.com/b.x int }]).M", "example.com/a", &["T.M"]),
            ("net.init.0", "net", &["init"]),
            ("net.glob..func1", "net", &["glob"]),
            ("go.uber.org/zap.New", "go.uber.org/zap", &["New"]),
            (
                "vendor/golang.org/x/net/http2/hpack.NewDecoder",
                "vendor/golang.org/x/net/http2/hpack",
                &["NewDecoder"],
            ),
        ] {
            let parsed = parse(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                (&*parsed.package, &parsed.symbols[..]),
                (package, &symbols.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
            );
        }
    }

    #[test]
    fn what_nobody_wrote_has_no_name() {
        for name in
            ["go:buildid", "type:.eq.main.T", "type..hash.main.T", "_cgo_init", "", ".", "a.", "/.x.", "%zz"]
        {
            assert!(parse(name).is_none_or(|parsed| !parsed.package.is_empty()), "{name}");
        }
        assert_eq!(parse("go:buildid"), None);
        assert_eq!(parse("type:.eq.main.T"), None);
        assert_eq!(parse("_cgo_init"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_none(name in "\\PC{0,40}|[a-z./%\\[\\]()*·-]{0,40}") {
            let _ = parse(&name);
        }
    }
}
